"""What a classifier is given: the proposed 75 values, and everything they must be compared with.

Each learns from unlabelled clips only. `fit` returns a function from features to values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from lib.keywords.anchors import centring_rows, fit_anchors
from lib.keywords.fitting import Trainer, answers, copy_of
from lib.keywords.networks import CODE, N_FRAMES, N_MFCC, build_autoencoder
from lib.keywords.protocol import Features

# Anchors of the control with several, and the paper's upper limit of epochs.
SEVERAL = 16
EPOCHS = 500
Transform = Callable[[Features], np.ndarray]


def fit(
    name: str, clips: Features, rows: np.ndarray, seed: int = 0, epochs: int = EPOCHS
) -> Transform:
    """Learn a representation from unlabelled clips.

    Parameters
    ----------
    name : str
        One of `REPRESENTATIONS`.
    clips : Features
    rows : int array
        The unlabelled clips.
    seed, epochs : int
        For those that are trained; training stops earlier when the loss no longer falls.

    Returns
    -------
    callable Features -> float32 array (n, values)

    Raises
    ------
    ValueError
        For an unknown name or too few clips.

    Notes
    -----
    Used by notebook 07.
    """
    if name not in REPRESENTATIONS:
        raise ValueError(f"No representation {name!r}; take one of {', '.join(REPRESENTATIONS)}.")
    if len(rows) <= CODE:
        raise ValueError(f"{len(rows)} unlabelled clips: {name} needs more than {CODE}.")
    return REPRESENTATIONS[name](clips, np.sort(rows), seed, epochs)


def positions(mel: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Cosine distance of each clip to each anchor: (n, 4096), (k, 4096) -> float32 (n, k)."""
    # Unlike np.linalg.norm, this makes no copy of the clips.
    lengths = np.sqrt(np.einsum("ij,ij->i", mel, mel))[:, None] * np.linalg.norm(anchors, axis=1)
    return (1.0 - mel @ anchors.T / np.maximum(lengths, 1e-20)).astype(np.float32)


def mean_anchor(mel: np.ndarray) -> np.ndarray:
    """The paper's one anchor, the mean of all clips: (n, 4096) -> (1, 4096)."""
    return mel.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)


def several_anchors(mel: np.ndarray, seed: int, k: int = SEVERAL) -> np.ndarray:
    """Means of k groups of clips that sound alike, (k, 4096)."""
    from sklearn.cluster import KMeans

    unit = mel / np.maximum(np.linalg.norm(mel, axis=1, keepdims=True), 1e-20)
    few = np.random.default_rng(seed).permutation(len(unit))[:3000]
    return KMeans(k, n_init=1, random_state=seed).fit(unit[few]).cluster_centers_


def _mfcc(clips, rows, seed, epochs) -> Transform:
    return lambda other: other.mfcc


def _centred_mfcc(clips, rows, seed, epochs) -> Transform:
    def transform(other: Features) -> np.ndarray:
        frames = other.mfcc.reshape(len(other), N_MFCC, N_FRAMES)
        power = other.mel.reshape(len(other), -1, N_FRAMES).sum(axis=1)
        rows = centring_rows(power)[:, None]
        return np.take_along_axis(frames, rows, axis=2).reshape(len(other), -1)

    return transform


def _pca(clips, rows, seed, epochs) -> Transform:
    from sklearn.decomposition import PCA

    pca = PCA(CODE, svd_solver="covariance_eigh").fit(clips.mfcc[rows])
    return lambda other: pca.transform(other.mfcc).astype(np.float32)


def _random(clips, rows, seed, epochs) -> Transform:
    scaled = _scaler(clips.mfcc[rows])
    matrix = np.random.default_rng(seed).normal(size=(clips.mfcc.shape[1], CODE)) / CODE**0.5
    return lambda other: (scaled(other.mfcc) @ matrix).astype(np.float32)


def _autoencoder(anchors=mean_anchor, position=1.0, shuffled=False, scaled=True):
    """A variant of the paper's autoencoder; ``position`` weighs that head's loss.

    Without weight the head teaches the code nothing: that is the network without it, from the very
    same first weights.
    """

    def fit_variant(clips, rows, seed, epochs) -> Transform:
        import keras

        mfcc, mel = clips.mfcc[rows], clips.mel[rows]
        scale = _scaler(mfcc) if scaled else np.asarray
        place = positions(mel, anchors(mel))
        place = _scaler(place)(place) if scaled else place
        place = np.random.default_rng(seed).permutation(place) if shuffled else place
        targets, weights = [scale(mfcc), place], [1.0, position]
        model, _ = _trainer(place.shape[1]).fit(targets[0], targets, epochs, 5, None, weights, seed)
        code = copy_of(keras.Model(model.input, model.get_layer("code").output))
        return lambda other: answers(code, scale(other.mfcc))

    return fit_variant


@lru_cache(maxsize=4)
def _trainer(n_positions: int) -> Trainer:
    """One compiled trainer for each number of positions."""
    import keras

    losses = [keras.losses.mean_squared_error] * 2
    return Trainer(lambda: build_autoencoder(n_positions), keras.optimizers.Adamax, losses)


def _scaler(values: np.ndarray):
    """Function that brings each column of these values to mean 0 and deviation 1."""
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    return lambda other: ((other - mean) / deviation).astype(np.float32)


REPRESENTATIONS: dict[str, Callable] = {
    "mfcc": _mfcc,
    "centred-mfcc": _centred_mfcc,
    "pca-75": _pca,
    "random-75": _random,
    "autoencoder": _autoencoder(position=0.0),
    "position-ae": _autoencoder(),
    "shuffled-position-ae": _autoencoder(shuffled=True),
    "several-anchors-ae": _autoencoder(anchors=lambda mel: several_anchors(mel, 0)),
    "unscaled-position-ae": _autoencoder(scaled=False),
    "log-mel": lambda clips, rows, seed, epochs: (
        lambda other: np.asarray(other.log_mel, np.float32)
    ),
    "ours": lambda clips, rows, seed, epochs: fit_anchors(clips.log_mel, rows, seed),
}
