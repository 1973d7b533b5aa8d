"""Is a train of groups an end-of-cycle sequence? Its features, and the decision trees that judge."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lib.beeps.evidence import EVIDENCE, Memory, evidence
from lib.beeps.pulses import SAME_CHANNEL, Pulse, Train
from lib.beeps.tonenet import tone_frequencies

FEATURES = (
    "log groups",
    "log interval",
    "log duration",
    "unevenness",
    "missing groups",
    "log group length",
    "group length spread",
    "share of sound",
    "log beeps a group",
    "beeps a group spread",
    "probability",
    "weakest probability",
    "contrast",
    "weakest contrast",
    "contrast spread",
    "pitch spread",
    "tone",
    "other pulses a second",
    "groups with lower company",
    "groups with higher company",
    "strangers a group",
    "like strangers a group",
    "log pulses before",
    "log silence before",
    "place of the starts",
    "worst place of a start",
    "place of the stops",
    "shortest pause",
    "longest pause in a group",
    "spread of pulse lengths",
    "log pulse length",
    "groups with the usual number",
    "wait",
    *EVIDENCE,
)


def train_features(train: Train, recent: Iterable[Pulse], memory: Memory) -> np.ndarray:
    """What the trees see of a train, (64,) float32; names in `FEATURES`.

    Parameters
    ----------
    train : Train
    recent : iterable of Pulse
        All pulses of the last seconds, whatever their pitch.
    memory : Memory
        The map of the last seconds.
    """
    lengths = train.stops - train.starts
    intervals = np.diff(train.starts)
    steps = np.maximum(np.round(intervals / train.interval), 1)
    uneven = np.abs(intervals / steps - train.interval) / train.interval
    duration = train.stops[-1] - train.starts[0]
    probability = np.array([p.probability for p in train.pulses])
    contrast = np.array([p.contrast for p in train.pulses])
    channels = np.array([p.channel for p in train.pulses])
    tone = np.interp(channels.mean(), np.arange(len(tone_frequencies())), tone_frequencies())
    others, company = _company(train, channels.mean(), recent)
    quiet = train.starts[0] - train.before[-1].stop if train.before else 10.0
    return np.array(
        [
            np.log(len(train.starts)),
            np.log(train.interval),
            np.log(duration),
            np.sqrt(np.mean(uneven**2)),
            np.sum(steps - 1) / len(train.starts),
            np.log(np.median(lengths)),
            np.std(lengths) / np.mean(lengths),
            np.sum(lengths) / duration,
            np.log(np.mean(train.counts)),
            np.std(train.counts) / np.mean(train.counts),
            probability.mean(),
            probability.min(),
            contrast.mean(),
            contrast.min(),
            contrast.std(),
            channels.std(),
            tone / 1_000,
            others / duration,
            *company,
            train.strangers / len(train.starts),
            _like_strangers(train, channels.mean(), np.median(lengths), contrast.mean(), recent),
            np.log1p(len(train.before)),
            np.log(np.clip(quiet, 0.05, 10.0)),
            *_rhythm(train),
            *evidence(train, memory),
        ],
        np.float32,
    )


def _rhythm(train: Train) -> list[float]:
    """How well the groups keep their places, in s, and how they are made of pulses."""
    places = np.round((train.starts - train.starts[0]) / train.interval)
    misfit = [times - np.polyval(np.polyfit(places, times, 1), places)
              for times in (train.starts, train.stops)]  # fmt: skip
    starts = np.array([p.start for p in train.pulses])
    lengths = np.array([p.stop - p.start for p in train.pulses])
    inside = starts[1:] - starts[:-1] - lengths[:-1]
    first = np.cumsum(train.counts)[:-1] - 1
    inside = np.delete(inside, first)
    usual = np.bincount(train.counts).argmax()
    return [
        np.sqrt(np.mean(misfit[0] ** 2)),
        np.abs(misfit[0]).max(),
        np.sqrt(np.mean(misfit[1] ** 2)),
        np.min(train.starts[1:] - train.stops[:-1]),
        np.max(inside, initial=0.0),
        np.std(lengths) / np.mean(lengths),
        np.log(np.median(lengths)),
        np.mean(train.counts == usual),
        train.decided - train.stops[-1],
    ]


def _company(train: Train, channel: float, recent) -> tuple[int, tuple[float, float]]:
    """Pulses at other pitches during the train; share of groups that start with a lower, a higher.

    A tone with a fundamental below is a harmonic: music, a voice, a low beep that was clipped.
    """
    begin, end = train.starts[0] - 0.1, train.stops[-1]
    others = [
        (p.start, p.channel)
        for p in recent
        if p.stop > begin and p.start < end and abs(p.channel - channel) > 2 * SAME_CHANNEL
    ]
    shares = []
    for wanted in (-1, 1):
        starts = np.array([start for start, c in others if (c - channel) * wanted > 0])
        apart = np.abs(starts[:, None] - train.starts[None])
        shares.append(float(np.mean(apart.min(axis=0, initial=9.0) < 0.05)))
    return len(others), tuple(shares)


def _like_strangers(train: Train, channel: float, length: float, contrast: float, recent) -> float:
    """Pulses of the same pitch, length and level that do not keep the pace, a group."""
    own = {p.start for p in train.pulses}
    begin, end = train.starts[0] - 2 * train.interval, train.stops[-1]
    alike = [
        p
        for p in recent
        if begin < p.start < end
        and p.start not in own
        and abs(p.channel - channel) <= SAME_CHANNEL
        and abs(np.log((p.stop - p.start) / length)) < 0.4
        and abs(p.contrast - contrast) < 0.35
    ]
    return len(alike) / len(train.starts)


class Verifier:
    """Boosted decision trees as plain arrays, whatever version of scikit-learn has grown them.

    Parameters
    ----------
    weights : list of six arrays
        The nodes of all trees, one tree after the other: the number of the feature that a node
        asks for, its threshold, the node for values up to it, the node for greater ones (a leaf has
        itself as both), the value of a leaf; and the root of each tree, with the logit that the
        values are added to as the last value.
    """

    def __init__(self, weights: list[np.ndarray]):
        self._feature, self._threshold, self._low, self._high, values, self._roots = weights
        self._values, self._logit = values[:-1], values[-1]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Probabilities of rows of features, (n, 64) -> (n,)."""
        rows = np.arange(len(features))[:, None]
        node, before = np.tile(self._roots, (len(features), 1)), None
        while before is None or (node != before).any():
            low = features[rows, self._feature[node]] <= self._threshold[node]
            node, before = np.where(low, self._low[node], self._high[node]), node
        return 1 / (1 + np.exp(-(self._logit + self._values[node].sum(axis=1))))
