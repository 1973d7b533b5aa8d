"""What the networks see of a corpus, batch by batch."""

from __future__ import annotations

import math

import keras
import numpy as np

from lib.language.classifier import LanguageClassifier
from lib.language.features import SpeechFeatures
from lib.language.places import FRAGMENT, fragments
from lib.language.throats import throats

BATCH = {"ann": 500, "lstm": 100}
# The network of clips sees batches of about so many frames.
CROP_FRAMES = 2_400


def _targets(classifier: LanguageClassifier, labels: np.ndarray) -> np.ndarray:
    """Number of each language; a language that the classifier does not know is refused."""
    number = {name: i for i, name in enumerate(classifier.classes)}
    strangers = set(labels.tolist()) - set(number)
    if strangers:
        known = ", ".join(classifier.classes)
        raise ValueError(f"Unknown language {', '.join(sorted(strangers))}: it knows {known}.")
    return np.array([number[name] for name in labels.tolist()])


class Pieces(keras.utils.PyDataset):
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


class Crops(keras.utils.PyDataset):
    """Excerpts from random places of random clips, a length a batch; new ones every epoch.

    With a `spread`, each is heard from another throat (`lib.language.throats`).
    """

    def __init__(
        self,
        classifier: LanguageClassifier,
        speech: SpeechFeatures,
        seed: int,
        lengths: tuple[int, ...],
        spread: float = 0.0,
    ):
        super().__init__()
        self.lengths, self.spread = lengths, spread
        self.mean, self.sd = classifier.mean, classifier.sd
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
        length = self.lengths[index % len(self.lengths)]
        usable = np.flatnonzero([len(frames) >= length for frames in self.frames])
        # Languages in equal shares, whatever the corpus holds of each.
        targets = self.targets[usable].astype(int)
        share = 1 / np.bincount(targets)[targets]
        chosen = self.rng.choice(usable, CROP_FRAMES // length, p=share / share.sum())
        starts = [self.rng.integers(len(self.frames[i]) - length + 1) for i in chosen]
        crops = np.stack(
            [self.frames[i][a : a + length] for i, a in zip(chosen, starts, strict=True)]
        )
        if self.spread:
            other = throats(len(crops), self.rng, self.spread).transpose(0, 2, 1)
            crops = ((crops * self.sd + self.mean) @ other - self.mean) / self.sd
        answers = {"language": self.targets[chosen][:, None]}
        if self.phones:
            phones = [self.phones[i][a : a + length] for i, a in zip(chosen, starts, strict=True)]
            answers["phone"] = np.stack(phones)
        return crops, answers
