"""Classifiers: a linear one, the paper's dense one, the paper's CNN, a small supervised network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from lib.keywords.anchors import hear_again, levelled
from lib.keywords.fitting import Trainer, answers, copy_of
from lib.keywords.networks import (
    N_FRAMES,
    N_MFCC,
    build_cnn,
    build_dense_head,
    build_supervised,
)

# Strengths of the linear head's penalty that the early-stopping half chooses from.
PENALTIES = (1e-3, 1e-2, 1e-1)
EPOCHS = 500
# Labels beyond which a dense head's training is long enough to be compiled.
WORTH_XLA = 1000
# Hearings of all labelled clips together, and most epochs, of the supervised network.
HEARD, RESIDUAL_EPOCHS = 3000, 12
Head = Callable[[np.ndarray], np.ndarray]


def fit(
    kind: str,
    train: tuple[np.ndarray, np.ndarray],
    stop: tuple[np.ndarray, np.ndarray],
    n_words: int,
    seed: int = 0,
    epochs: int = EPOCHS,
) -> Head:
    """Fit a classifier.

    Parameters
    ----------
    kind : {"linear", "dense", "cnn", "residual"}
        Logistic regression; the paper's dense head; the paper's CNN, on MFCC of 640 values; our
        supervised network, on log-mel spectrograms (n, 101, 40).
    train, stop : (values (n, ...), word numbers (n,))
        `stop` chooses the penalty or the epoch.
    n_words, seed, epochs : int

    Returns
    -------
    callable values (n, d) -> probabilities (n, n_words)

    Raises
    ------
    ValueError
        For an unknown kind, a word without a label in `train`, or values that are not finite.
    """
    if kind not in HEADS:
        raise ValueError(f"No head {kind!r}; take one of {', '.join(HEADS)}.")
    empty = np.flatnonzero(np.bincount(train[1], minlength=n_words) == 0)
    if len(empty):
        raise ValueError(f"No label for word number {empty[0]}: each word needs at least one.")
    if kind == "residual":
        return _residual(train, stop, n_words, seed, epochs)
    scale = _scaler(train[0])
    train, stop = (scale(train[0]), train[1]), (scale(stop[0]), stop[1])
    head = HEADS[kind](train, stop, n_words, seed, epochs)
    return lambda values: head(scale(values))


def _scaler(values: np.ndarray):
    """Function that brings these values to mean 0 and deviation 1, column by column."""
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    # Values that hardly vary among few labels would be blown up by their own deviation.
    deviation = np.maximum(deviation, 0.05 * deviation.mean() + 1e-9)
    return lambda other: ((other - mean) / deviation).astype(np.float32)


def _linear(train, stop, n_words, seed, epochs) -> Head:
    from sklearn.linear_model import LogisticRegression

    best, kept, start = -1.0, None, LogisticRegression(max_iter=100, tol=1e-3, warm_start=True)
    with warnings.catch_warnings():
        # A hundred iterations are enough for the accuracy, if not for the last digit of the loss.
        warnings.simplefilter("ignore")
        for penalty in PENALTIES:
            start.set_params(C=penalty).fit(*train)
            score = start.score(*stop)
            if score > best:
                best, kept = score, (start.coef_.copy(), start.intercept_.copy())
    return lambda values: _softmax(values @ kept[0].T + kept[1])


def _softmax(scores: np.ndarray) -> np.ndarray:
    # Two words have one score, whose opposite is the other's.
    scores = np.concatenate([-scores, scores], axis=1) / 2 if scores.shape[1] == 1 else scores
    power = np.exp(scores - scores.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def _dense(train, stop, n_words, seed, epochs) -> Head:
    trainer = _trainer("dense", train[0].shape[1], n_words, len(train[0]) > WORTH_XLA)
    return _trained(trainer, train, stop, seed, epochs)


def _cnn(train, stop, n_words, seed, epochs) -> Head:
    def frames(values):
        return values.reshape(len(values), N_MFCC, N_FRAMES).transpose(0, 2, 1)

    train, stop = (frames(train[0]), train[1]), (frames(stop[0]), stop[1])
    head = _trained(_trainer("cnn", N_MFCC * N_FRAMES, n_words), train, stop, seed, epochs)
    return lambda values: head(frames(values))


def _residual(train, stop, n_words, seed, epochs) -> Head:
    """Each clip is heard several times, always a little different, so that few labels go far."""
    rng = np.random.default_rng([13, seed])
    times = int(np.clip(HEARD // len(train[0]), 2, 20))
    heard = [train[0], *(hear_again(train[0], rng) for _ in range(times))]
    heard = np.concatenate([levelled(block) for block in heard])
    words = np.tile(train[1], times + 1)
    trainer = _trainer("residual", train[0].shape[1], n_words)
    stop = (levelled(stop[0]), stop[1])
    head = _trained(trainer, (heard, words), stop, seed, min(epochs, RESIDUAL_EPOCHS))
    return lambda values: head(levelled(values))


def _trained(trainer: Trainer, train, stop, seed, epochs) -> Head:
    held_out = (stop[0], [stop[1].astype(np.int32)])
    model, _ = trainer.fit(train[0], [train[1].astype(np.int32)], epochs, 5, held_out, seed=seed)
    kept = copy_of(model)
    return lambda values: answers(kept, values)


@lru_cache(maxsize=16)
def _trainer(kind: str, n_inputs: int, n_words: int, xla: bool = False) -> Trainer:
    """One compiled trainer for each shape of head."""
    import keras

    if kind == "cnn":
        build, optimiser = (lambda: build_cnn(n_words)), keras.optimizers.Adamax
    elif kind == "residual":
        build, optimiser = (lambda: build_supervised(n_words)), keras.optimizers.Adam
    else:
        build, optimiser = (lambda: build_dense_head(n_inputs, n_words)), keras.optimizers.Nadam
    return Trainer(build, optimiser, [keras.losses.sparse_categorical_crossentropy], xla=xla)


HEADS = {"linear": _linear, "dense": _dense, "cnn": _cnn, "residual": _residual}
