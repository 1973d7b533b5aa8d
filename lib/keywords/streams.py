"""Words in a longer recording: recordings whose words are known, and how many a spotter finds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib import evaluation
from lib.corpora import ClipCorpus
from lib.corpora.clips import RATE, SAMPLES
from lib.keywords.spotter import Spotter, spot

WORDS_A_RECORDING = 10
# Silence between two clips, s, and the fade that hides where a clip's own background begins.
PAUSES = 0.2, 1.0
FADE = RATE // 50
# A find counts when its middle is as near as this to the middle of the word, s.
COLLAR = 0.5


def recording(corpus: ClipCorpus, rows: np.ndarray, seed: int = 0):
    """Clips one after another, with pauses, over one noise.

    Parameters
    ----------
    corpus : ClipCorpus
    rows : int array
        The clips, as row numbers of its table.
    seed : int
        Of pauses and noise.

    Returns
    -------
    signal : float32 array (samples,)
        At 16 kHz, in -1..1.
    truth : DataFrame[time, word]
        The middle of each word's energy, in s.
    """
    rng = np.random.default_rng([13, seed])
    clips = corpus.clips()[rows] / np.float32(32768)
    starts = np.cumsum(rng.uniform(*PAUSES, len(rows)) * RATE + SAMPLES).astype(int) - SAMPLES
    length = starts[-1] + SAMPLES + int(PAUSES[1] * RATE)
    signal = rng.normal(0, 10 ** rng.uniform(-3.5, -2.2), length).astype(np.float32)
    fade = np.minimum(np.minimum(np.arange(SAMPLES), np.arange(SAMPLES)[::-1]) / FADE, 1)
    for start, clip in zip(starts, clips, strict=True):
        signal[start : start + SAMPLES] += clip * fade
    energy = np.cumsum(clips.astype(float) ** 2, axis=1)
    middle = (energy > energy[:, -1:] / 2).argmax(axis=1)
    words = corpus.table["label"].to_numpy()[rows]
    return np.clip(signal, -1, 1), pd.DataFrame({"time": (starts + middle) / RATE, "word": words})


def matches(found: pd.DataFrame, truth: pd.DataFrame) -> int:
    """How many finds have the right word at the right time; each word counts once."""
    middles = (found["start"] + found["stop"]).to_numpy() / 2
    near = np.abs(middles[:, None] - truth["time"].to_numpy()) <= COLLAR
    right = near & (found["word"].to_numpy()[:, None] == truth["word"].to_numpy())
    return int(right.any(axis=0).sum())


def counted(
    corpus: ClipCorpus, spotter: Spotter, n: int = 40, threshold: float = 0.6, seed: int = 0
) -> pd.DataFrame:
    """Search n recordings, each of one speaker, and count.

    Parameters
    ----------
    corpus : ClipCorpus
        One part of it: its speakers are dealt out in turn.
    spotter : Spotter
    n : int
        Recordings.
    threshold : float
        As `lib.keywords.spot`.
    seed : int
        Of the words and pauses.

    Returns
    -------
    DataFrame[speaker, words, found, right, seconds]
        A row for each recording.

    Notes
    -----
    Used by notebook 07.
    """
    rng, rows = np.random.default_rng([17, seed]), []
    speakers = corpus.table["group"].to_numpy()
    known = rng.permutation(np.unique(speakers))
    for i in range(n):
        speaker = known[i % len(known)]
        own = rng.permutation(np.flatnonzero(speakers == speaker))[:WORDS_A_RECORDING]
        signal, truth = recording(corpus, own, int(rng.integers(2**31)))
        found = spot(signal, RATE, spotter, threshold)
        right = matches(found, truth)
        rows.append((speaker, len(truth), len(found), right, len(signal) / RATE))
    return pd.DataFrame(rows, columns=["speaker", "words", "found", "right", "seconds"])


def scores(counts: pd.DataFrame) -> pd.DataFrame:
    """Precision, recall and F1 of `counted`, with 95 % intervals over speakers."""
    statistics = {
        "precision": lambda right, found, words: right.sum() / max(found.sum(), 1),
        "recall": lambda right, found, words: right.sum() / words.sum(),
        "F1": lambda right, found, words: 2 * right.sum() / (found.sum() + words.sum()),
    }
    values = tuple(counts[name].to_numpy() for name in ("right", "found", "words"))
    intervals = {
        name: evaluation.bootstrap(values, counts["speaker"].to_numpy(), statistic)
        for name, statistic in statistics.items()
    }
    return pd.DataFrame(intervals, index=["value", "low", "high"]).T
