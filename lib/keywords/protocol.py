"""Who learns from what: draws of clips, and the features of a corpus, computed once and kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lib import features
from lib.audio import atomic
from lib.corpora import ClipCorpus, cache_folder


@dataclass(frozen=True)
class Sizes:
    """Clips of a repeat; the defaults are the paper's.

    Parameters
    ----------
    unlabelled : int
        For the representation.
    labelled : int
        Half for the classifier, half for its early stopping.
    test : int
    """

    unlabelled: int = 12_000
    labelled: int = 6_000
    test: int = 6_000


@dataclass(frozen=True)
class Draw:
    """Row numbers of a corpus' table: what one repeat learns from, stops by and is tested on."""

    unlabelled: np.ndarray
    train: np.ndarray
    stop: np.ndarray
    test: np.ndarray


def draw(corpus: ClipCorpus, repeat: int = 0, sizes: Sizes | None = None) -> Draw:
    """A fresh draw of every part for each repeat; no speaker is in training and in test.

    Parameters
    ----------
    corpus : ClipCorpus
    repeat : int
        Seeds the draw.
    sizes : Sizes, optional
        Upper limits; where a part has fewer clips, all are taken.

    Returns
    -------
    Draw

    Raises
    ------
    ValueError
        If a word has fewer than two clips to learn from, or none to be tested on.

    Notes
    -----
    A large corpus follows the paper: unlabelled clips from the training part, labelled ones from
    the validation part. Where the validation part cannot give that many labels, training and
    validation speakers are pooled, and in each repeat a quarter of the speakers, drawn anew, is
    for early stopping; labelled clips are then among the unlabelled ones.
    """
    sizes, rng = sizes or Sizes(), np.random.default_rng([7, repeat])
    split, half = corpus.table["split"].to_numpy(), sizes.labelled // 2
    parts = {name: rng.permutation(np.flatnonzero(split == name)) for name in np.unique(split)}
    if missing := {"train", "test"} - set(parts):
        raise ValueError(f"{corpus.name} has no {' and no '.join(sorted(missing))} part.")
    labelled = parts.get("validation", np.empty(0, int))
    if len(labelled) >= sizes.labelled:
        train, stop = labelled[:half], labelled[half : 2 * half]
        unlabelled = parts["train"]
    else:
        train, stop = _by_speaker(corpus, np.concatenate([parts["train"], labelled]), rng)
        unlabelled, train, stop = train, train[:half], stop[:half]
    drawn = Draw(unlabelled[: sizes.unlabelled], train, stop, parts["test"][: sizes.test])
    _check_words(corpus, drawn)
    return drawn


def _by_speaker(corpus, rows: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """Rows of three quarters of the speakers, and of the others."""
    speakers = corpus.table["group"].to_numpy()[rows]
    names = rng.permutation(np.unique(speakers))
    if len(names) < 2:
        raise ValueError(f"{corpus.name} has one speaker to learn from: two are needed.")
    held_out = np.isin(speakers, names[: max(1, len(names) // 4)])
    return rows[~held_out], rows[held_out]


def _check_words(corpus: ClipCorpus, drawn: Draw) -> None:
    words = corpus.table["label"].to_numpy()
    known = words[drawn.train].tolist()
    few = [word for word in corpus.words if known.count(word) < 2]
    if few:
        raise ValueError(
            f"Too few labels in {corpus.name} for {', '.join(few)}: a word needs two clips to "
            "learn from; leave the word out or take more labels."
        )
    if not len(drawn.test):
        raise ValueError(f"{corpus.name} has no test clips.")


class Features:
    """MFCC, mel and log-mel features of clips, each computed when first asked for.

    Parameters
    ----------
    clips : int16 or float array (n, 16000)
    keep : bool
        Also keep them in the cache on disk, for the next run.
    """

    def __init__(self, clips: np.ndarray, keep: bool = False):
        self.clips, self.keep = clips, keep

    def __len__(self) -> int:
        return len(self.clips)

    def part(self, rows: np.ndarray) -> Features:
        """The features of some clips, taken from those of all where they have been computed."""
        part = Features(self.clips[rows])
        for kind in {"mfcc", "mel", "log_mel"} & set(self.__dict__):
            setattr(part, kind, getattr(self, kind)[rows])
        return part

    @cached_property
    def mfcc(self) -> np.ndarray:
        """float32 (n, 640): 20 coefficients x 32 frames, as in the paper."""
        return self._kept("mfcc", lambda c: features.mfcc(c).reshape(len(c), -1))

    @cached_property
    def mel(self) -> np.ndarray:
        """float32 (n, 4096): 128 bands x 32 frames of power, n_fft = 1025, as in the paper."""
        compute = lambda c: features.mel_spectrogram(c, n_fft=1025).reshape(len(c), -1)
        return self._kept("mel", compute)

    @cached_property
    def log_mel(self) -> np.ndarray:
        """float16 (n, 101 frames, 40 bands) in dB; every 10 ms."""
        compute = lambda c: features.log_mel(c).transpose(0, 2, 1).astype(np.float16)
        return self._kept("log_mel", compute)

    def _kept(self, kind: str, compute) -> np.ndarray:
        if not self.keep:
            return compute(self.clips)
        source = Path(features.__file__).with_name("cepstra.py").read_bytes()
        digest = hashlib.blake2b(source, digest_size=10)
        digest.update(np.ascontiguousarray(self.clips).data)
        path = cache_folder() / "features" / f"{kind}-{digest.hexdigest()}.npy"
        if not path.exists():
            with atomic(path) as temporary, open(temporary, "wb") as file:
                np.save(file, compute(self.clips))
        return np.load(path, mmap_mode="r")


def features_of(corpus: ClipCorpus) -> Features:
    """Features of all clips of a corpus in the table's order, kept in the cache."""
    return Features(corpus.clips(), keep=True)
