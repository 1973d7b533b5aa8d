"""How often the language is right, per fragment and per clip, with intervals over speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.corpora import Corpus
from lib.evaluation.intervals import bootstrap, group_codes, percentiles
from lib.language.classifier import LanguageClassifier
from lib.language.features import FRAMES_A_SECOND, SpeechFeatures, speech_features
from lib.language.places import Places, excerpts, fragments, whole_clips

SECONDS = (3.0, 5.0, 10.0)
N_BINS = 10


@dataclass(frozen=True)
class Scored:
    """Answers to a set of frames, fragments, excerpts or clips.

    Parameters
    ----------
    classes : list of str
    truth : int array (n,)
        True language, as a number in `classes`.
    log_posteriors : array (n, languages)
    groups : array (n,)
        Speaker or video of each.
    """

    classes: list[str]
    truth: np.ndarray
    log_posteriors: np.ndarray
    groups: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Number of the most likely language, (n,)."""
        return self.log_posteriors.argmax(axis=1)

    @property
    def chance(self) -> float:
        """Accuracy of always naming the most frequent language."""
        return float(np.bincount(self.truth).max() / len(self.truth))

    def accuracy(self, n: int = 1000, seed: int = 0) -> tuple[float, float, float]:
        """Share of right answers and its 95 % interval over groups: value, low, high."""
        return self._interval(_accuracy, n, seed)

    def macro_f1(self, n: int = 1000, seed: int = 0) -> tuple[float, float, float]:
        """Mean F1 of the languages and its interval over groups."""
        return self._interval(_macro_f1, n, seed)

    def _interval(self, statistic, n: int, seed: int) -> tuple[float, float, float]:
        """Resampled groups only change how often their answers count: confusions are summed."""
        codes, n_groups = group_codes(self.groups, len(self.truth))
        k = len(self.classes)
        cells = (codes * k + self.truth) * k + self.predicted
        tables = np.bincount(cells, minlength=n_groups * k * k).reshape(n_groups, k, k)
        draws = np.random.default_rng(seed).integers(n_groups, size=(n, n_groups))
        replicates = statistic(tables[draws].sum(axis=1))
        return (float(statistic(tables.sum(axis=0))), *percentiles(replicates))

    def calibration(self) -> pd.DataFrame:
        """Confidence against truth: ``confidence``, ``accuracy`` with its interval over groups
        (``low``, ``high``) and ``n`` of ten equal bins, the empty ones left out."""
        sure = np.exp(self.log_posteriors.max(axis=1))
        right = self.predicted == self.truth
        edges = np.linspace(1 / len(self.classes), 1, N_BINS + 1)
        place = np.clip(np.digitize(sure, edges) - 1, 0, N_BINS - 1)
        table = pd.DataFrame({"confidence": sure, "accuracy": right, "bin": place})
        grouped = table.groupby("bin")
        parts = {number: rows.index.to_numpy() for number, rows in grouped}
        intervals = {b: bootstrap(right[i], self.groups[i])[1:] for b, i in parts.items()}
        spread = pd.DataFrame.from_dict(intervals, "index", columns=["low", "high"])
        means = grouped[["confidence", "accuracy"]].mean().assign(n=grouped.size())
        return means.join(spread)

    def calibration_error(self) -> float:
        """Mean gap between confidence and accuracy, weighted by how many answers are in a bin."""
        table = self.calibration()
        gap = (table["confidence"] - table["accuracy"]).abs()
        return float((gap * table["n"]).sum() / table["n"].sum())


def evaluate(
    classifier: LanguageClassifier,
    corpus: Corpus | SpeechFeatures,
    split: str | None = "test",
    seconds: Sequence[float] = SECONDS,
    local: list[np.ndarray] | None = None,
) -> dict[str, Scored]:
    """Score a classifier on one part of a corpus.

    Parameters
    ----------
    classifier : LanguageClassifier
    corpus : Corpus or SpeechFeatures
        Languages that the classifier does not know are refused.
    split : str or None
        None takes every clip.
    seconds : sequence of float
        Lengths of excerpts; those longer than every clip are left out.
    local : list of arrays, optional
        The classifier's `local_scores` of that part, if you have them.

    Returns
    -------
    dict of `Scored`
        ``frame`` (ANN only), ``fragment`` (20 frames), ``3 s`` and so on, and ``clip``.

    Notes
    -----
    Used by notebook 06. `summary` makes a table of it.
    """
    speech = corpus
    if not isinstance(corpus, SpeechFeatures):
        speech = speech_features(corpus, classifier.deltas, classifier.cmn)
    speech = speech if split is None else speech.part(split)
    local = classifier.local_scores(speech) if local is None else local
    where = {"fragment": fragments(speech)}
    if classifier.kind == "ann":
        where = {"frame": fragments(speech, 1, 2), **where}
    longest = max(map(len, speech.frames)) / FRAMES_A_SECOND
    where |= {f"{s:g} s": excerpts(speech, s) for s in seconds if 0.9 * s <= longest}
    where["clip"] = whole_clips(speech)
    return {unit: scored_at(classifier, speech, places, local) for unit, places in where.items()}


def summary(scored: dict[str, Scored]) -> pd.DataFrame:
    """One row a unit: accuracy and macro F1 with intervals, chance, calibration error, counts."""
    rows = []
    for unit, answers in scored.items():
        f1, f1_low, f1_high = answers.macro_f1()
        accuracy, low, high = answers.accuracy()
        counts = len(answers.truth), len(set(answers.groups.tolist()))
        error = answers.calibration_error()
        rows.append(
            (unit, accuracy, low, high, answers.chance, f1, f1_low, f1_high, error, *counts)
        )
    columns = ["unit", "accuracy", "low", "high", "chance", "macro_f1", "f1_low", "f1_high"]
    return pd.DataFrame(rows, columns=[*columns, "calibration_error", "n", "groups"])


def scored_at(
    classifier: LanguageClassifier, speech: SpeechFeatures, places: Places, local=None
) -> Scored:
    """Answers of a classifier at some places; ValueError for a language that it does not know."""
    number = {name: i for i, name in enumerate(classifier.classes)}
    strangers = set(speech.labels.tolist()) - set(number)
    if strangers:
        known = ", ".join(classifier.classes)
        raise ValueError(f"Unknown language {', '.join(sorted(strangers))}: it knows {known}.")
    truth = np.array([number[name] for name in speech.labels.tolist()])[places.clip]
    scores = classifier.score(speech, places, local)
    return Scored(classifier.classes, truth, scores, speech.groups[places.clip])


def _accuracy(tables: np.ndarray) -> np.ndarray:
    return tables.trace(axis1=-2, axis2=-1) / tables.sum(axis=(-2, -1))


def _macro_f1(tables: np.ndarray) -> np.ndarray:
    hits = np.diagonal(tables, axis1=-2, axis2=-1)
    both = tables.sum(axis=-1) + tables.sum(axis=-2)
    return (2 * hits / np.maximum(both, 1)).mean(axis=-1)
