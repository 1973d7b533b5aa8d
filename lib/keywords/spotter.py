"""Train on a corpus, evaluate on a corpus, and spot keywords in clips and recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio, evaluation
from lib.corpora import ClipCorpus
from lib.corpora.clips import RATE, SAMPLES, one_second
from lib.corpora.corpus import ROOT
from lib.keywords import heads, representations
from lib.keywords.fitting import answers
from lib.keywords.protocol import Features, Sizes, draw, features_of

SHIPPED = ROOT / "data" / "keywords_supervised"
# The answer "no keyword" of the shipped model.
NOTHING = "(nothing)"
# Windows of one second start every tenth of one; a word is heard in several of them.
HOP = RATE // 10
LEAST_APART = 0.6


class Spotter:
    """Something that gives each clip of one second a probability for each word.

    Parameters
    ----------
    words : list of str
    predict : callable Features -> array (n, words)
    """

    def __init__(self, words: list[str], predict: Callable[[Features], np.ndarray]):
        self.words, self._predict = list(words), predict

    def probabilities(self, clips: np.ndarray | Features) -> np.ndarray:
        """float array (n, words) for clips (n, 16000) at 16 kHz.

        Raises
        ------
        ValueError
            For clips of another length; `spot` takes any.
        """
        if isinstance(clips, Features):
            return self._predict(clips)
        clips = np.atleast_2d(clips)
        if clips.shape[1] != SAMPLES:
            raise ValueError(
                f"Clips of {clips.shape[1]} samples: a clip has {SAMPLES} (1 s at {RATE} Hz); "
                "lib.keywords.spot takes any length."
            )
        return self._predict(Features(clips))


def train(
    corpus: ClipCorpus,
    representation: str = "ours",
    head: str = "linear",
    sizes: Sizes | None = None,
    repeat: int = 0,
    epochs: int = representations.EPOCHS,
) -> Spotter:
    """Learn a representation without labels and a classifier with few; no test clip is seen.

    Parameters
    ----------
    corpus : ClipCorpus
        "voices", "speech_commands", "fsdd", or your own.
    representation, head : str
        One of ``representations.REPRESENTATIONS`` and of ``heads.HEADS``; "cnn" goes with "mfcc",
        "residual" (the supervised network) with "log-mel".
    sizes : Sizes, optional
        Upper limits, by default the paper's.
    repeat, epochs : int
        Seed of the draw and the training; upper limit of epochs.

    Returns
    -------
    Spotter

    Raises
    ------
    ValueError
        For unknown names, pairs that do not fit, and corpora with too few clips of a word.

    Notes
    -----
    Used by notebook 07.
    """
    needs = {"cnn": "mfcc", "residual": "log-mel"}.get(head)
    if (needs or representation) != representation or (representation == "log-mel") != (
        head == "residual"
    ):
        raise ValueError(f"The head {head} does not go with {representation}.")
    clips, drawn = features_of(corpus), draw(corpus, repeat, sizes)
    transform = representations.fit(representation, clips, drawn.unlabelled, repeat, epochs)
    numbers = np.searchsorted(corpus.words, corpus.table["label"])
    train_on, stop_by = (
        (transform(clips.part(rows)), numbers[rows]) for rows in (drawn.train, drawn.stop)
    )
    answer = heads.fit(head, train_on, stop_by, len(corpus.words), repeat, epochs)
    return Spotter(corpus.words, lambda other: answer(transform(other)))


def evaluate(spotter: Spotter, corpus: ClipCorpus, part: str = "test") -> dict:
    """How well a spotter does on one part of a corpus.

    Returns
    -------
    dict
        ``accuracy`` (value, low, high), the interval over speakers; ``baseline``, the share of
        the most frequent word; ``answers``, a DataFrame[item, speaker, word, predicted, score].

    Raises
    ------
    ValueError
        If the corpus holds words that the spotter does not know, or the part is empty.
    """
    held = corpus.part(part)
    if unknown := sorted(set(held.words) - set(spotter.words)):
        raise ValueError(f"The spotter does not know {', '.join(unknown)}: train it with them.")
    scores = spotter.probabilities(features_of(held))
    best = scores.argmax(axis=1)
    answers = pd.DataFrame(
        {
            "item": held.table["item"],
            "speaker": held.table["group"],
            "word": held.table["label"],
            "predicted": np.asarray(spotter.words)[best],
            "score": scores[np.arange(len(best)), best],
        }
    )
    right = (answers["word"] == answers["predicted"]).to_numpy(float)
    return {
        "accuracy": evaluation.bootstrap(right, answers["speaker"].to_numpy()),
        "baseline": float(answers["word"].value_counts(normalize=True).iloc[0]),
        "answers": answers,
    }


def spot(
    signal: np.ndarray,
    sample_rate: int = RATE,
    spotter: Spotter | None = None,
    threshold: float = 0.6,
    name: str = "the signal",
) -> pd.DataFrame:
    """Keywords in a clip or in a longer recording.

    Parameters
    ----------
    signal : float array (samples,) in -1..1
        Up to one second is one clip and gets one answer, the best word whatever its score. A longer
        one is searched by windows of a second, ten a second.
    sample_rate : int
        16,000 Hz or more; it is resampled.
    spotter : Spotter, optional
        The shipped one by default.
    threshold : float
        Least score of a word in a longer recording, 0 to 1.
    name : str
        For messages.

    Returns
    -------
    DataFrame[start, stop, word, score]
        In s, in the order of time.

    Raises
    ------
    lib.audio.AudioError
        NaN, silence, more than one channel, shorter than 0.1 s, or a rate below 16 kHz.
    FileNotFoundError
        If there is no shipped spotter.

    Notes
    -----
    Used by notebook 07.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"The threshold is {threshold}; choose 0 to 1.")
    signal = _speech(signal, sample_rate, name)
    spotter = spotter or load_spotter()
    words = [i for i, word in enumerate(spotter.words) if word != NOTHING]
    windows, starts = _windows(signal)
    scores = spotter.probabilities(windows)[:, words]
    if len(signal) <= SAMPLES:
        peaks = [(0, int(scores[0].argmax()))]
    else:
        # Neighbours share nine tenths: their mean is steadier than either.
        padded = np.pad(scores, [(1, 1), (0, 0)], mode="edge")
        scores = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
        peaks = _peaks(scores, starts / RATE, threshold)
    rows = [
        (starts[i] / RATE, min(starts[i] + SAMPLES, len(signal)) / RATE, words[w], scores[i, w])
        for i, w in peaks
    ]
    found = pd.DataFrame(rows, columns=["start", "stop", "word", "score"])
    return found.assign(word=[spotter.words[w] for w in found["word"]])


def _speech(signal: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
    """The signal at 16 kHz, or an error that says what is wrong with it."""
    signal = np.asarray(signal, np.float32)
    if signal.ndim != 1:
        raise audio.AudioError(f"{name} has shape {signal.shape}: mix it down to one channel.")
    if sample_rate < RATE:
        raise audio.AudioError(
            f"{name} has {sample_rate} Hz; keywords need {RATE} Hz or more: record it anew."
        )
    signal = audio.check(signal, name, sample_rate, 0.1, allow_silence=False)
    return audio.resample(signal, sample_rate, RATE)


def _windows(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows of one second (n, 16000) and their first samples."""
    if len(signal) <= SAMPLES:
        return one_second(signal)[None], np.array([0])
    padded = np.pad(signal, (0, -(len(signal) - SAMPLES) % HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, SAMPLES)[::HOP]
    return windows, np.arange(len(windows)) * HOP


def _peaks(scores: np.ndarray, starts: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """(window, word) of the best scores, the best first taken, none near a better one."""
    best, score, taken = scores.argmax(axis=1), scores.max(axis=1), []
    for i in np.argsort(-score, kind="stable"):
        if score[i] < threshold:
            break
        if all(abs(starts[i] - starts[j]) >= LEAST_APART for j in taken):
            taken.append(int(i))
    return [(i, int(best[i])) for i in sorted(taken)]


def load_spotter(folder: str | Path = SHIPPED) -> Spotter:
    """The supervised network that comes with the project, or one trained by `ship`."""
    import keras

    folder = Path(folder)
    if not (folder / "model.keras").exists():
        raise FileNotFoundError(
            f"{folder} holds no model.keras: train one with `python -m lib.keywords.ship`."
        )
    model = keras.models.load_model(folder / "model.keras", safe_mode=True)
    words = json.loads((folder / "words.json").read_text())
    return Spotter(words, lambda clips: supervised_answer(model, clips))


def supervised_answer(model, clips: Features) -> np.ndarray:
    """Probabilities of the supervised network for clips."""
    return answers(model, heads.levelled(clips.log_mel))
