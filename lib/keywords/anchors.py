"""Our representation: positions among many anchors, at every moment, deaf to shift and speaker.

The paper tells a network one number about each clip, its distance to the mean clip. Here the same
idea is taken further. (1) Anchors are learnt by k-means from short pieces of sound (0.12 s), so
there are hundreds, and a clip has a position among them at every moment (Coates and Ng 2011 did so
with pictures). (2) Each unlabelled clip is heard again shifted, stretched, with another vocal
tract, another channel and more noise; directions in which the two hearings differ are noise, the
others are words: a generalised eigenvalue problem tells them apart (the closed form of contrastive
learning with a linear map). No network, no epochs.
"""

from __future__ import annotations

import numpy as np

WIDTH, STRIDE = 12, 2
WHITE, ANCHORS, SEGMENTS = 80, 512, 8
# Values kept of a segment's positions, and of the whole clip.
REDUCED, VALUES = 100, 256
# Hearings of each clip for the comparison, and most clips that are heard again.
HEARINGS, MOST_HEARD = 2, 4000
# Decibels below the clip's maximum that count; the rest is its background.
RANGE_DB = 50.0
BLOCK = 128


def fit_anchors(log_mel: np.ndarray, rows: np.ndarray, seed: int = 0, values: int = VALUES):
    """Learn anchors and the invariant directions from unlabelled clips.

    Parameters
    ----------
    log_mel : array (n, 101 frames, 40 bands)
        dB, as `lib.keywords.Features.log_mel`.
    rows : int array
        The unlabelled clips.
    seed, values : int
        Size of the representation: 256, or as many as the clips allow.

    Returns
    -------
    callable Features -> float32 array (n, values)

    Notes
    -----
    Used by notebook 07.
    """
    rng = np.random.default_rng(seed)
    places = Places(log_mel[rows[: 2 * MOST_HEARD]], rng)
    heard = rng.permutation(rows)[:MOST_HEARD]
    plain = places(log_mel[heard])
    again = [places(hear_again(log_mel[heard], rng)) for _ in range(HEARINGS)]
    mean, directions = invariant_directions(plain, again, min(values, len(heard) - 1))
    return lambda clips: ((places(clips.log_mel) - mean) @ directions).astype(np.float32)


class Places:
    """Positions of a clip among the anchors, moment by moment, pooled in eight parts of the clip.

    Parameters
    ----------
    log_mel : array (n, frames, bands)
        Unlabelled clips.
    rng : numpy Generator
    """

    def __init__(self, log_mel: np.ndarray, rng: np.random.Generator):
        from sklearn.cluster import MiniBatchKMeans
        from sklearn.decomposition import PCA

        some = rng.permutation(len(log_mel))[:1500]
        pieces = _pieces(levelled(centred(log_mel[some])))
        pieces = pieces.reshape(-1, pieces.shape[2])
        pieces = pieces[rng.permutation(len(pieces))[:40_000]]
        pca = PCA(WHITE, svd_solver="covariance_eigh").fit(pieces)
        # A tenth of the mean variance keeps the weakest directions from being blown up to noise.
        spread = np.sqrt(pca.explained_variance_ + 0.1 * pca.explained_variance_.mean())
        self.mean = pca.mean_.astype(np.float32)
        self.whitening = (pca.components_.T / spread).astype(np.float32)
        kmeans = MiniBatchKMeans(
            min(ANCHORS, len(pieces) // 4), n_init=1, batch_size=4096, max_iter=8, random_state=0
        )
        kmeans.fit((pieces - self.mean) @ self.whitening)
        self.anchors = kmeans.cluster_centers_.astype(np.float32)
        self.reduction = np.eye(len(self.anchors), dtype=np.float32)
        # One reduction for all segments: what varies among anchors varies alike at every moment.
        near = self(log_mel[some]).reshape(-1, len(self.anchors))
        size = min(REDUCED, *near.shape)
        self.reduction = PCA(size, svd_solver="covariance_eigh").fit(near).components_.T

    def __call__(self, log_mel: np.ndarray) -> np.ndarray:
        """float32 (n, 8 * 100): how much nearer than the average each anchor is, reduced."""
        blocks = range(0, len(log_mel), BLOCK)
        return np.concatenate([self._place(log_mel[start : start + BLOCK]) for start in blocks])

    def _place(self, log_mel: np.ndarray) -> np.ndarray:
        pieces = _pieces(levelled(centred(log_mel)))
        n, moments, size = pieces.shape
        white = (pieces.reshape(-1, size) - self.mean) @ self.whitening
        squares = (white**2).sum(axis=1)[:, None] + (self.anchors**2).sum(axis=1)
        squares -= 2 * white @ self.anchors.T
        distance = np.sqrt(np.maximum(squares, 0, out=squares), out=squares)
        near = np.maximum(distance.mean(axis=1, keepdims=True) - distance, 0)
        edges = np.linspace(0, moments, SEGMENTS + 1).round().astype(int)
        counts = np.diff(edges)[:, None]
        pooled = np.add.reduceat(near.reshape(n, moments, -1), edges[:-1], axis=1) / counts
        return (pooled @ self.reduction).reshape(n, -1).astype(np.float32)


def hear_again(log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The clips as they might sound another time: float32 (n, frames, bands).

    Shifted by up to 0.1 s, 15 % faster or slower, bands moved by up to 12 % (a longer or shorter
    vocal tract), through another channel, over another noise.
    """
    n, frames, bands = log_mel.shape
    time = np.arange(frames) - frames / 2
    at = time * rng.uniform(0.85, 1.15, (n, 1)) + rng.uniform(-10, 10, (n, 1)) + frames / 2
    moved = _interpolated(log_mel.astype(np.float32), at, axis=1)
    band = np.arange(bands) * rng.uniform(0.88, 1.12, (n, 1))
    warped = _interpolated(moved, band, axis=2)
    knots = rng.normal(0, 3, (n, 3))
    tilt = np.stack([np.interp(np.arange(bands), [0, bands / 2, bands - 1], k) for k in knots])
    warped += tilt[:, None].astype(np.float32)
    floor = warped.max(axis=(1, 2)) - rng.uniform(25, 60, n).astype(np.float32)
    noise = rng.standard_exponential(warped.shape, np.float32)
    power = 10 ** (warped / 10) + 10 ** (floor / 10)[:, None, None] * noise
    return 10 * np.log10(power)


def invariant_directions(plain: np.ndarray, again: list[np.ndarray], values: int):
    """Mean (d,) and directions (d, values) in which clips differ more than their hearings do."""
    import scipy.linalg

    within = sum(np.cov((plain - other).T) for other in again) / (2 * len(again))
    everything = np.concatenate([plain, *again])
    # A tenth of the mean keeps directions that hardly vary from being taken for invariant ones.
    size = len(within)
    within += 0.1 * np.trace(within) / size * np.eye(size)
    wanted = [size - min(values, size), size - 1]
    _, vectors = scipy.linalg.eigh(np.cov(everything.T), within, subset_by_index=wanted)
    return everything.mean(axis=0), vectors[:, ::-1].astype(np.float32)


def centred(log_mel: np.ndarray) -> np.ndarray:
    """Clips moved so that the middle of their energy is the middle of the clip; ends are held."""
    power = (10 ** (np.asarray(log_mel, np.float32) / 10)).sum(axis=2)
    return np.take_along_axis(np.asarray(log_mel), centring_rows(power)[:, :, None], axis=1)


def centring_rows(power: np.ndarray) -> np.ndarray:
    """Frames to take, int (n, frames), so that the power (n, frames) has its middle in the middle."""
    # What is there most of the time is background.
    power = np.maximum(power - np.percentile(power, 30, axis=1, keepdims=True), 0) + 1e-20
    frames = np.arange(power.shape[1])
    middle = (power * frames).sum(axis=1) / power.sum(axis=1)
    shift = np.round(middle - frames[-1] / 2).astype(int)
    return np.clip(frames + shift[:, None], 0, frames[-1])


def levelled(log_mel: np.ndarray) -> np.ndarray:
    """Clips without the colour of their channel (each band's mean), in units of 10 dB."""
    level = np.asarray(log_mel, np.float32)
    level = np.maximum(level, level.max(axis=(1, 2), keepdims=True) - RANGE_DB)
    return (level - level.mean(axis=1, keepdims=True)) / 10


def _pieces(log_mel: np.ndarray) -> np.ndarray:
    """All pieces of 0.12 s, (n, moments, 12 * bands)."""
    windows = np.lib.stride_tricks.sliding_window_view(log_mel, WIDTH, axis=1)[:, ::STRIDE]
    return windows.reshape(len(log_mel), windows.shape[1], -1)


def _interpolated(values: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    """Values (n, frames, bands) at fractional places (n, m) along one axis; ends are held."""
    at = np.clip(at, 0, values.shape[axis] - 1)
    low = np.minimum(at.astype(int), values.shape[axis] - 2)
    share = (at - low).astype(np.float32)
    expand = (slice(None), slice(None), None) if axis == 1 else (slice(None), None, slice(None))
    lower = np.take_along_axis(values, low[expand], axis)
    upper = np.take_along_axis(values, low[expand] + 1, axis)
    return lower + share[expand] * (upper - lower)
