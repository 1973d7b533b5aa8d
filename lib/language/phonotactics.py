"""Which sounds follow which: a linear classifier on pairs of phones that a network hears.

The network learns its phones from synthetic voices, which tell them for nothing. On real speech it
is often wrong, but wrong in the same way in every language; how often one sound follows another
is then a portrait of the language that half an hour of recordings can be enough to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.audio import atomic
from lib.language.classifier import LanguageClassifier, load_classifier, normalised
from lib.language.features import SpeechFeatures
from lib.language.places import Places

# Frames between the two sounds of a pair: 60 and 100 ms, about one phone on.
LAGS = (3, 5)


@dataclass
class PhonotacticClassifier:
    """Logistic regression on how often one phone is heard some frames after another.

    Parameters
    ----------
    network : LanguageClassifier
        Of the kind ``pooled``, taught phones.
    classes : list of str
    mean, sd : arrays (statistics,)
        Of `phone_pairs` over the training clips.
    weights, bias : arrays (statistics, languages), (languages,)
    lags : sequence of int
        Frames between the sounds of a pair; none leaves the shares of single phones, and with
        them no order.
    """

    network: LanguageClassifier
    classes: list[str]
    mean: np.ndarray
    sd: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    lags: Sequence[int] = LAGS
    kind = "phonotactic"

    @property
    def deltas(self) -> bool:
        return self.network.deltas

    @property
    def cmn(self) -> bool:
        return self.network.cmn

    def local_scores(self, speech: SpeechFeatures) -> list[np.ndarray]:
        """Phone posteriors all along each clip."""
        return [self.network.phone_posteriors(frames) for frames in speech.frames]

    def score(self, speech: SpeechFeatures, places: Places, local=None) -> np.ndarray:
        """Log-posteriors of the speech at some places, (n, languages)."""
        local = self.local_scores(speech) if local is None else local
        logits = np.empty((len(places), len(self.classes)), np.float32)
        # A fragment at a time: ten thousand statistics of each would not fit into memory at once.
        for row, (clip, a, b) in enumerate(
            zip(places.clip, places.start, places.stop, strict=True)
        ):
            statistics = phone_pairs(local[clip][a:b], self.lags)
            logits[row] = (statistics - self.mean) / self.sd @ self.weights + self.bias
        return normalised(logits)

    def save(self, folder: str | Path) -> None:
        """Write the network and ``pairs.npz`` into a folder."""
        self.network.save(folder)
        arrays = {
            name: getattr(self, name).astype(np.float16) for name in ("mean", "sd", "weights")
        }
        with atomic(Path(folder) / "pairs.npz") as temporary:
            np.savez_compressed(
                temporary, **arrays, bias=self.bias, lags=self.lags, classes=self.classes
            )


def load_phonotactic(folder: str | Path) -> PhonotacticClassifier:
    """A classifier that `PhonotacticClassifier.save` wrote; FileNotFoundError with the cure."""
    network, path = load_classifier(folder), Path(folder) / "pairs.npz"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `save` a phonotactic classifier there.")
    with np.load(path) as stored:
        arrays = [stored[name].astype(np.float32) for name in ("mean", "sd", "weights", "bias")]
        classes, lags = stored["classes"].tolist(), tuple(stored["lags"].tolist())
    return PhonotacticClassifier(network, classes, *arrays, lags)


def phone_pairs(posteriors: np.ndarray, lags: Sequence[int] = LAGS) -> np.ndarray:
    """Root of the expected share of every pair of phones so many frames apart.

    Parameters
    ----------
    posteriors : array (frames, phones)
        Probability of each phone at each frame.
    lags : sequence of int
        None leaves the shares of single phones.

    Returns
    -------
    float32 array (lags * phones * phones,), or (phones,) without lags

    Notes
    -----
    The root makes the variance of a count about the same whether it is rare or frequent.
    """
    if not len(lags):
        return np.sqrt(posteriors.mean(axis=0))
    if len(posteriors) <= max(lags):
        raise ValueError(f"{len(posteriors)} frames hold no pair {max(lags)} frames apart.")
    pairs = [posteriors[:-lag].T @ posteriors[lag:] / (len(posteriors) - lag) for lag in lags]
    return np.sqrt(np.stack(pairs)).ravel()


def train_phonotactic(
    network: LanguageClassifier,
    speech: SpeechFeatures,
    lags: Sequence[int] = LAGS,
    strength: float = 0.01,
    posteriors: Sequence[np.ndarray] | None = None,
) -> PhonotacticClassifier:
    """Learn which pairs of phones belong to which language, from every clip given.

    Parameters
    ----------
    network : LanguageClassifier
        Of the kind ``pooled``, trained on voices with phones.
    speech : SpeechFeatures
        Made with the network's deltas and cmn.
    strength : float
        Inverse of the regularisation: ``C`` of `sklearn.linear_model.LogisticRegression`.
    posteriors : sequence of arrays (frames, phones), optional
        What the network says of each clip, if it was asked before.

    Raises
    ------
    ValueError
        For one language only.

    Notes
    -----
    Used by notebook 06.
    """
    if posteriors is None:
        posteriors = [network.phone_posteriors(frames) for frames in speech.frames]
    statistics = np.stack([phone_pairs(p, lags) for p in posteriors])
    fitted = fit_linear(statistics, speech.labels, strength)
    return PhonotacticClassifier(network, speech.classes, *fitted, tuple(lags))


def fit_linear(
    vectors: np.ndarray, labels: np.ndarray, strength: float = 0.01
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean, deviation, weights (statistics, languages) and bias of a logistic regression.

    Languages are in sorted order, and count the same however many clips each has.
    """
    from sklearn.linear_model import LogisticRegression

    classes = sorted(set(labels.tolist()))
    if len(classes) < 2:
        raise ValueError(f"There is one language ({classes}): nothing to tell apart.")
    mean, sd = vectors.mean(axis=0), vectors.std(axis=0) + 1e-4
    solver = LogisticRegression(C=strength, class_weight="balanced", max_iter=500)
    solver.fit((vectors - mean) / sd, labels)
    weights, bias = solver.coef_.T, solver.intercept_
    if len(classes) == 2:
        # One set of weights for the second language: the first one's are the opposite.
        weights, bias = np.c_[-weights, weights] / 2, np.r_[-bias, bias] / 2
    return mean, sd, weights.astype(np.float32), bias.astype(np.float32)
