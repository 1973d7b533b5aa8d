"""Cross-validation with whole videos or speakers left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lib.language.classifier import LanguageClassifier, normalised
from lib.language.features import SpeechFeatures
from lib.language.phonotactics import LAGS, fit_linear, train_phonotactic
from lib.language.scores import Scored, evaluate
from lib.language.training import train


def folds(
    speech: SpeechFeatures, n_splits: int = 5, repeats: int = 1, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (train, test): no group on both sides, the languages in like shares.

    Raises
    ------
    ValueError
        If a language has fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    for language in speech.classes:
        n_groups = len(set(speech.groups[speech.labels == language].tolist()))
        if n_groups < n_splits:
            raise ValueError(
                f"{speech.name} has {n_groups} speakers or videos of {language!r}, fewer than "
                f"{n_splits} folds: take fewer folds."
            )
    for repeat in range(repeats):
        splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed + repeat)
        yield from splitter.split(np.zeros(len(speech)), speech.labels, speech.groups)


def cross_validate(
    speech: SpeechFeatures,
    model: str = "lstm",
    n_splits: int = 5,
    repeats: int = 1,
    seed: int = 0,
    start: LanguageClassifier | None = None,
    epochs: int | None = None,
    seconds=(3.0, 5.0, 10.0),
) -> dict[str, Scored]:
    """Answers to every clip by classifiers that never heard its group.

    With several repeats a clip has several answers; its group still counts as one in intervals.

    Returns
    -------
    dict of `Scored`, as `evaluate`

    Notes
    -----
    Used by notebook 06.
    """
    parts: dict[str, list[Scored]] = {}
    for number, (learn, test) in enumerate(folds(speech, n_splits, repeats, seed)):
        learnt = _as_training(speech.select(learn))
        # A fold may lack a language of the corpus only if it has too few groups, refused above.
        classifier = train(
            learnt, model, seed=seed + number, start=start, epochs=epochs, classes=speech.classes
        )
        for unit, scored in evaluate(classifier, speech.select(test), None, seconds).items():
            parts.setdefault(unit, []).append(scored)
    return {unit: together(answers) for unit, answers in parts.items()}


def cross_validate_phonotactic(
    network: LanguageClassifier,
    speech: SpeechFeatures,
    n_splits: int = 5,
    repeats: int = 5,
    seed: int = 0,
    lags: Sequence[int] = LAGS,
    strength: float = 0.01,
    seconds=(3.0, 5.0, 10.0),
    posteriors: Sequence[np.ndarray] | None = None,
) -> dict[str, Scored]:
    """As `cross_validate`, for the classifier on pairs of phones.

    The network is the same in every fold: it was trained on synthetic voices and never heard this
    corpus, so its phone posteriors are computed once (or given).
    """
    if posteriors is None:
        posteriors = [network.phone_posteriors(frames) for frames in speech.frames]
    parts: dict[str, list[Scored]] = {}
    for learn, test in folds(speech, n_splits, repeats, seed):
        known = [posteriors[i] for i in learn]
        classifier = train_phonotactic(network, speech.select(learn), lags, strength, known)
        local = [posteriors[i] for i in test]
        scored = evaluate(classifier, speech.select(test), None, seconds, local)
        for unit, answers in scored.items():
            parts.setdefault(unit, []).append(answers)
    return {unit: together(answers) for unit, answers in parts.items()}


def cross_validate_vectors(
    vectors: np.ndarray,
    speech: SpeechFeatures,
    n_splits: int = 5,
    repeats: int = 5,
    seed: int = 0,
    strength: float = 0.01,
) -> Scored:
    """Answers of a logistic regression on one vector a clip (clips, statistics)."""
    number = {name: i for i, name in enumerate(speech.classes)}
    truth = np.array([number[label] for label in speech.labels.tolist()])
    parts = []
    for learn, test in folds(speech, n_splits, repeats, seed):
        mean, sd, weights, bias = fit_linear(vectors[learn], speech.labels[learn], strength)
        scores = normalised((vectors[test] - mean) / sd @ weights + bias)
        parts.append(Scored(speech.classes, truth[test], scores, speech.groups[test]))
    return together(parts)


def together(parts: list[Scored]) -> Scored:
    """Answers of several folds as one set."""
    return Scored(
        parts[0].classes,
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.log_posteriors for part in parts]),
        np.concatenate([part.groups for part in parts]),
    )


def _as_training(speech: SpeechFeatures) -> SpeechFeatures:
    """All clips as training part; `train` sets some groups of them aside to know when to stop."""
    return replace(speech, split=np.full(len(speech), "train"))
