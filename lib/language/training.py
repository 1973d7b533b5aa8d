"""Train one of the three networks on a corpus of speech."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from lib.corpora import Corpus
from lib.evaluation import check_disjoint, group_split
from lib.language.classifier import LanguageClassifier
from lib.language.features import SpeechFeatures, speech_features
from lib.language.models import BUILDERS, compile_model
from lib.language.places import FRAGMENT, fragments
from lib.training import fit

EPOCHS = {"ann": 20, "lstm": 15, "pooled": 20}
BATCH = {"ann": 500, "lstm": 100}
# The network of clips sees batches of about so many frames, in excerpts of one of these lengths.
CROP_FRAMES, CROPS = 2_400, (FRAGMENT, 60, 150)
PATIENCE = 6
# Sounds that fewer frames of the training part hold are not told apart.
RAREST_PHONE = 100


def train(
    corpus: Corpus | SpeechFeatures,
    model: str = "lstm",
    epochs: int | None = None,
    seed: int = 0,
    deltas: bool = False,
    cmn: bool = False,
    classes: Sequence[str] | None = None,
    start: LanguageClassifier | None = None,
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
    if start is None:
        classifier = _fresh(model, learn, classes, deltas, cmn)
    else:
        classifier = _continued(start, model, classes)
    batches = _Crops if model == "pooled" else _Pieces
    data, validation = batches(classifier, learn, seed), batches(classifier, check, seed + 1)
    # With phones to learn as well, the language is what has to stop in time.
    watched = "val_language_loss" if classifier.phones else "val_loss"
    stop = keras.callbacks.EarlyStopping(
        watched, patience=PATIENCE, mode="min", restore_best_weights=True
    )
    fit(
        classifier.model,
        data,
        epochs or EPOCHS[model],
        validation_data=validation,
        callbacks=[stop],
        verbose=verbose,
    )
    return classifier


def _fresh(model: str, learn: SpeechFeatures, classes, deltas, cmn) -> LanguageClassifier:
    mean, sd = _scaling(learn)
    phones, options = [], {"n_features": len(mean)}
    if model == "pooled" and learn.phones is not None:
        names, counts = np.unique(np.concatenate(learn.phones), return_counts=True)
        # The first stands for every rare sound.
        phones = ["?", *names[counts >= RAREST_PHONE].tolist()]
        options["n_phones"] = len(phones)
    network = BUILDERS[model](len(classes), **options)
    return LanguageClassifier(model, network, classes, mean, sd, deltas, cmn, phones)


def _continued(start: LanguageClassifier, model: str, classes: list[str]) -> LanguageClassifier:
    if start.kind != model or start.classes != classes:
        raise ValueError(
            f"A {start.kind} for {start.classes} cannot go on as a {model} for {classes}."
        )
    network = keras.models.clone_model(start.model)
    network.set_weights(start.model.get_weights())
    compile_model(network, keras.optimizers.Adam(3e-4))
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


def _targets(classifier: LanguageClassifier, labels: np.ndarray) -> np.ndarray:
    """Number of each language; a language that the classifier does not know is refused."""
    number = {name: i for i, name in enumerate(classifier.classes)}
    strangers = set(labels.tolist()) - set(number)
    if strangers:
        known = ", ".join(classifier.classes)
        raise ValueError(f"Unknown language {', '.join(sorted(strangers))}: it knows {known}.")
    return np.array([number[name] for name in labels.tolist()])


class _Pieces(keras.utils.PyDataset):
    """Single frames for the ANN, fragments for the LSTM, in a new random order every epoch."""

    def __init__(self, classifier: LanguageClassifier, speech: SpeechFeatures, seed: int):
        super().__init__()
        length = 1 if classifier.kind == "ann" else FRAGMENT
        places = fragments(speech, length, max(1, length // 2))
        cut = classifier.scaled(places.cut(speech))
        self.pieces = cut[:, 0] if classifier.kind == "ann" else cut
        targets = _targets(classifier, speech.labels)[places.clip]
        self.targets = targets.astype(np.float32)[:, None]
        self.batch = BATCH[classifier.kind]
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self.pieces) / self.batch)

    def __getitem__(self, index: int):
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        return self.pieces[rows], self.targets[rows]

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.pieces))


class _Crops(keras.utils.PyDataset):
    """Excerpts from random places of random clips, a length a batch; new ones every epoch."""

    def __init__(self, classifier: LanguageClassifier, speech: SpeechFeatures, seed: int):
        super().__init__()
        self.frames = [classifier.scaled(frames) for frames in speech.frames]
        self.targets = _targets(classifier, speech.labels).astype(np.float32)
        self.phones = None
        if classifier.phones:
            number = {name: i for i, name in enumerate(classifier.phones)}
            names, codes = np.unique(np.concatenate(speech.phones), return_inverse=True)
            codes = np.array([number.get(name, 0) for name in names.tolist()])[codes]
            self.phones = np.split(codes, np.cumsum([len(f) for f in self.frames])[:-1])
        self.rng = np.random.default_rng(seed)
        self.steps = max(9, sum(map(len, self.frames)) // CROP_FRAMES)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int):
        length = CROPS[index % len(CROPS)]
        usable = np.flatnonzero([len(frames) >= length for frames in self.frames])
        # Languages in equal shares, whatever the corpus holds of each.
        targets = self.targets[usable].astype(int)
        share = 1 / np.bincount(targets)[targets]
        chosen = self.rng.choice(usable, CROP_FRAMES // length, p=share / share.sum())
        starts = [self.rng.integers(len(self.frames[i]) - length + 1) for i in chosen]
        crops = np.stack(
            [self.frames[i][a : a + length] for i, a in zip(chosen, starts, strict=True)]
        )
        answers = {"language": self.targets[chosen][:, None]}
        if self.phones:
            phones = [self.phones[i][a : a + length] for i, a in zip(chosen, starts, strict=True)]
            answers["phone"] = np.stack(phones)
        return crops, answers
