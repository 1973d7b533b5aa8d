"""What a score may be made of besides the language: corpora that lack it, or its order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lib.evaluation.intervals import percentiles
from lib.language.features import SpeechFeatures
from lib.language.scores import Scored, evaluate, summary
from lib.language.training import train


def averaged(speech: SpeechFeatures) -> SpeechFeatures:
    """Every frame replaced by the mean of its clip: the long-term spectrum, nothing else."""
    frames = [
        np.broadcast_to(f[loud].mean(axis=0), f.shape).astype(np.float32)
        for f, loud in zip(speech.frames, speech.speech, strict=True)
    ]
    return replace(speech, frames=frames, phones=None)


def pauses(speech: SpeechFeatures, shortest: int = 20) -> SpeechFeatures:
    """Only the frames that are no speech, one after another: room, microphone and codec.

    Clips with fewer than `shortest` such frames are left out.

    Raises
    ------
    ValueError
        If no clip has enough.
    """
    quiet = [f[~loud] for f, loud in zip(speech.frames, speech.speech, strict=True)]
    enough = [i for i, frames in enumerate(quiet) if len(frames) >= shortest]
    if not enough:
        raise ValueError(f"No clip of {speech.name} has {shortest} frames without speech.")
    kept = speech.select(np.array(enough))
    frames = [quiet[i] for i in enough]
    # All that is left counts, or no fragment would pass as speech.
    return replace(kept, frames=frames, speech=[np.ones(len(f), bool) for f in frames], phones=None)


def shuffled(speech: SpeechFeatures, seed: int = 0) -> SpeechFeatures:
    """The speech frames of each clip in random order: the same sounds, no sequence.

    Phones move with their frames, so that a network that learns them still can.
    """
    rng = np.random.default_rng(seed)
    loud = [np.flatnonzero(mask) for mask in speech.speech]
    orders = [places[np.argsort(rng.random(len(places)), kind="stable")] for places in loud]
    frames = [f[order] for f, order in zip(speech.frames, orders, strict=True)]
    phones = speech.phones
    if phones is not None:
        phones = [told[order] for told, order in zip(phones, orders, strict=True)]
    masks = [np.ones(len(f), bool) for f in frames]
    return replace(speech, frames=frames, speech=masks, phones=phones)


CONTROLS = {"spectrum only": averaged, "pauses only": pauses, "shuffled": shuffled}


def leak_controls(
    speech: SpeechFeatures, model: str = "lstm", seed: int = 0, epochs: int | None = None
) -> dict[str, dict[str, Scored]]:
    """Train and score the same classifier on the speech and on each control corpus.

    A control that scores above chance is an explanation of the score that needs no language.

    Returns
    -------
    dict
        Name of the corpus ("whole", "spectrum only", "pauses only", "shuffled") -> what
        `evaluate` gives. A control that the corpus cannot make (no pauses) is left out.

    Notes
    -----
    Used by notebook 06.
    """
    scored = {}
    for name, change in {"whole": lambda same: same, **CONTROLS}.items():
        try:
            corpus = change(speech)
            classifier = train(corpus, model, epochs=epochs, seed=seed)
        except ValueError:
            if name != "pauses only":
                raise
            continue
        scored[name] = evaluate(classifier, corpus, seconds=())
    return scored


def shares_explained(
    scored: dict[str, dict[str, Scored]], unit: str = "fragment", n: int = 1000
) -> pd.DataFrame:
    """Accuracy of each control, and its share of the whole corpus's gain over chance.

    Parameters
    ----------
    scored : dict
        As `leak_controls` gives it, with a "whole".
    n : int
        Replicates of the intervals, each over the same speakers for control and whole corpus.

    Returns
    -------
    DataFrame[control, accuracy, low, high, share, share_low, share_high]
        A share of 1 is all of the gain; below chance it is negative. NaN where the whole corpus
        itself is not above chance.
    """
    rows = []
    for name, answers in scored.items():
        share = _share(scored["whole"][unit], answers[unit], n)
        rows.append((name, *answers[unit].accuracy(), *share))
    columns = ["control", "accuracy", "low", "high", "share", "share_low", "share_high"]
    return pd.DataFrame(rows, columns=columns)


def leak_table(scored: dict[str, dict[str, Scored]]) -> pd.DataFrame:
    """`summary` of each control, with the share of the whole corpus's gain that it explains."""
    tables = []
    for unit in scored["whole"]:
        shares = shares_explained(scored, unit)[["control", "share", "share_low", "share_high"]]
        rows = [summary({unit: s[unit]}).assign(control=control) for control, s in scored.items()]
        tables.append(pd.concat(rows).merge(shares, on="control"))
    return pd.concat(tables, ignore_index=True)


def _share(whole: Scored, control: Scored, n: int) -> tuple[float, float, float]:
    """Gain of a control over chance by that of the whole corpus, groups drawn together."""
    names = np.union1d(whole.groups, control.groups)
    tables = np.array([_counts(s, names) for s in (control, whole)])
    draws = np.random.default_rng(0).integers(len(names), size=(n, len(names)))
    chance = 1 / len(whole.classes)

    def ratio(counts):
        right, total = counts[:, 0], counts[:, 1]
        gains = right / np.where(total > 0, total, np.nan) - chance
        return np.where(gains[1] > 0, gains[0] / gains[1], np.nan)

    value = float(ratio(tables.sum(axis=-1)[..., None])[0])
    if np.isnan(value):
        return np.nan, np.nan, np.nan
    return (value, *percentiles(ratio(tables[:, :, draws].sum(axis=-1))))


def _counts(scored: Scored, names: np.ndarray) -> np.ndarray:
    """Right answers and all answers of each group, (2, groups)."""
    place = np.searchsorted(names, scored.groups)
    right = np.bincount(place, scored.predicted == scored.truth, minlength=len(names))
    return np.stack([right, np.bincount(place, minlength=len(names))])
