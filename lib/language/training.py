"""Train one of the three networks on a corpus of speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

from lib.corpora import Corpus
from lib.evaluation import check_disjoint, group_split
from lib.language.batches import Crops, Pieces
from lib.language.classifier import LanguageClassifier
from lib.language.features import SpeechFeatures, speech_features
from lib.language.models import BUILDERS, compile_model
from lib.language.places import FRAGMENT
from lib.training import fit

EPOCHS = {"ann": 20, "lstm": 15, "pooled": 20}
PATIENCE = 6
POOLED_RATE, CONTINUED_RATE = 2e-3, 3e-4
# Sounds that fewer frames of the training part hold are not told apart.
RAREST_PHONE = 100


@dataclass(frozen=True)
class Recipe:
    """How the network ``pooled`` is trained.

    Parameters
    ----------
    filters : int
        Of each of its convolutions.
    lengths : tuple of int
        Frames of the excerpts that it learns from, a length a batch.
    spread : float
        Of the throats (`lib.language.throats`) heard in place of the speakers' own; 0 leaves the
        voices as they are.
    decay : bool
        Let the learning rate fall to nothing along a cosine, so that the last epochs settle.
    weight : float
        Of the language beside the sounds, whose weight is 1.
    """

    filters: int = 80
    lengths: tuple[int, ...] = (FRAGMENT, 60, 150)
    spread: float = 0.0
    decay: bool = False
    weight: float = 0.5


# Chosen on the validation voices of voices-2, out of five. With few voices it has no time to learn.
MANY_VOICES = Recipe(112, (FRAGMENT, 100, FRAGMENT), 0.04, True, 1.0)


def train(
    corpus: Corpus | SpeechFeatures,
    model: str = "lstm",
    epochs: int | None = None,
    seed: int = 0,
    deltas: bool = False,
    cmn: bool = False,
    classes: Sequence[str] | None = None,
    start: LanguageClassifier | None = None,
    recipe: Recipe | None = None,
    verbose: int = 0,
) -> LanguageClassifier:
    """Train a language classifier on the training part of a corpus.

    The validation part (where there is none, a fifth of the training groups) says when to stop,
    and the weights of the best epoch are kept.

    Parameters
    ----------
    corpus : Corpus or SpeechFeatures
        ``label`` is the language, ``group`` the speaker or video.
    model : {"ann", "lstm", "pooled"}
        The source's network of frames, its network of fragments, or the one of whole clips.
    epochs : int, optional
        At most; by default 20, 15 and 20.
    seed : int
    deltas, cmn : bool
        As in `speech_features`; for `SpeechFeatures`, what they were made with.
    classes : sequence of str, optional
        Languages, by default those of the training part.
    start : LanguageClassifier, optional
        Go on from this one, of the same kind and languages, with its scaling.
    recipe : Recipe, optional
        Of the network ``pooled``.

    Returns
    -------
    LanguageClassifier

    Raises
    ------
    ValueError
        For an unknown model, one language only, a language with fewer than two groups, or a group
        in two splits.

    Notes
    -----
    Source: the language classifier. Used by notebook 06.
    """
    if model not in BUILDERS:
        raise ValueError(f"There is no model {model!r}; choose one of {', '.join(BUILDERS)}.")
    speech = corpus
    if not isinstance(corpus, SpeechFeatures):
        speech = speech_features(corpus, deltas, cmn)
    learn, check = _two_parts(speech, seed)
    classes = list(classes or learn.classes)
    _check_trainable(learn, classes)
    keras.utils.set_random_seed(seed)
    recipe, epochs = recipe or Recipe(), epochs or EPOCHS[model]
    if start is None:
        classifier = _fresh(model, learn, classes, deltas, cmn, recipe)
    else:
        classifier = _continued(start, model, classes)
    if model == "pooled":
        data = Crops(classifier, learn, seed, recipe.lengths, recipe.spread)
        validation = Crops(classifier, check, seed + 1, recipe.lengths)
        _compile_pooled(classifier, recipe, epochs * len(data), start is not None)
    else:
        data, validation = Pieces(classifier, learn, seed), Pieces(classifier, check, seed + 1)
    # With phones to learn as well, the language is what has to stop in time.
    watched = "val_language_loss" if classifier.phones else "val_loss"
    stop = keras.callbacks.EarlyStopping(
        watched, patience=PATIENCE, mode="min", restore_best_weights=True
    )
    fit(
        classifier.model,
        data,
        epochs,
        validation_data=validation,
        callbacks=[stop],
        verbose=verbose,
    )
    return classifier


def _fresh(model: str, learn, classes, deltas, cmn, recipe: Recipe) -> LanguageClassifier:
    mean, sd = _scaling(learn)
    phones, options = [], {"n_features": len(mean)}
    if model == "pooled":
        options["filters"] = recipe.filters
    if model == "pooled" and learn.phones is not None:
        names, counts = np.unique(np.concatenate(learn.phones), return_counts=True)
        # The first stands for every rare sound.
        phones = ["?", *names[counts >= RAREST_PHONE].tolist()]
        options["n_phones"] = len(phones)
    network = BUILDERS[model](len(classes), **options)
    return LanguageClassifier(model, network, classes, mean, sd, deltas, cmn, phones)


def _compile_pooled(classifier, recipe: Recipe, steps: int, continued: bool) -> None:
    rate = CONTINUED_RATE if continued else POOLED_RATE
    if recipe.decay:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    compile_model(classifier.model, keras.optimizers.Adam(rate), recipe.weight)


def _continued(start: LanguageClassifier, model: str, classes: list[str]) -> LanguageClassifier:
    if start.kind != model or start.classes != classes:
        raise ValueError(
            f"A {start.kind} for {start.classes} cannot go on as a {model} for {classes}."
        )
    network = keras.models.clone_model(start.model)
    network.set_weights(start.model.get_weights())
    compile_model(network, keras.optimizers.Adam(CONTINUED_RATE))
    return replace(start, model=network, _graph=None)


def _two_parts(speech: SpeechFeatures, seed: int) -> tuple[SpeechFeatures, SpeechFeatures]:
    """What is learnt from and what says when to stop, with no group in both."""
    check_disjoint(speech.groups, speech.split)
    learn = speech.part("train")
    if (speech.split == "validation").any():
        return learn, speech.part("validation")
    if len(set(learn.groups.tolist())) < 2:
        raise ValueError(f"{speech.name} has one speaker: what is learnt could be the voice alone.")
    role = group_split(learn.groups, {"learn": 0.8, "check": 0.2}, seed)
    return learn.select(role == "learn"), learn.select(role == "check")


def _check_trainable(learn: SpeechFeatures, classes: list[str]) -> None:
    """Two languages, and two groups of each: else the voice answers instead of the language."""
    if len(classes) < 2:
        raise ValueError(f"{learn.name} holds one language ({classes}): nothing to tell apart.")
    for language in classes:
        groups = set(learn.groups[learn.labels == language].tolist())
        if len(groups) < 2:
            raise ValueError(
                f"{learn.name} has {len(groups)} speaker or video of {language!r} to learn from: "
                "the classifier would learn the voice. Add recordings of others."
            )


def _scaling(learn: SpeechFeatures) -> tuple[np.ndarray, np.ndarray]:
    frames = np.concatenate(learn.frames)
    return frames.mean(axis=0), frames.std(axis=0) + 1e-3
