"""What an encoder has to beat: principal components with as many numbers as a code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.encoder.architecture import CODE_SIZE

# More whole windows than this (0.13 MB each, several copies) do not fit beside a notebook.
MOST_WINDOWS = 2_000


@dataclass(frozen=True)
class LinearCode:
    """A linear encoder and decoder: what the best straight-line code of a window can do.

    Parameters
    ----------
    mean : array (pixels,)
    components : array (size, pixels)
        Principal components of the inputs; a code is the projection on them.
    decoder : array (size + 1, pixels)
        From a code with a 1 behind it to the picture.
    """

    mean: np.ndarray
    components: np.ndarray
    decoder: np.ndarray

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Codes of windows (n, frames, bins[, 1]), float32 (n, size)."""
        return (windows.reshape(len(windows), -1) - self.mean) @ self.components.T

    def reconstruct(self, windows: np.ndarray) -> np.ndarray:
        """Pictures (n, frames, bins) drawn from the windows' codes."""
        pictures = _with_one(self.embed(windows)) @ self.decoder
        return pictures.reshape(windows.shape[:3])


def fit_pca(
    inputs: np.ndarray, targets: np.ndarray | None = None, size: int = CODE_SIZE, seed: int = 0
) -> LinearCode:
    """Principal components of windows, and the best linear decoder from their codes.

    Parameters
    ----------
    inputs : array (n, frames, bins[, 1])
        At most 2,000 are taken, drawn at random.
    targets : array of the same shape, optional
        What the decoder is to draw, by least squares; the inputs themselves without, which is
        plain PCA. Given the clean windows, the baseline has what the encoder has.
    size, seed : int

    Raises
    ------
    ValueError
        For fewer windows than numbers in a code, or targets of another shape.

    Notes
    -----
    Used by notebook 03.
    """
    from sklearn.decomposition import PCA

    targets = inputs if targets is None else targets
    if len(inputs) < size or targets.shape != inputs.shape:
        raise ValueError(
            f"{len(inputs)} windows {inputs.shape[1:]} with targets {targets.shape}: give at least "
            f"{size}, and as many targets of the same shape."
        )
    rng = np.random.default_rng(seed)
    kept = rng.permutation(len(inputs))[:MOST_WINDOWS]
    flat = inputs[kept].reshape(len(kept), -1)
    pca = PCA(size, svd_solver="randomized", iterated_power=3, random_state=seed, copy=True)
    codes = pca.fit_transform(flat)
    wanted = targets[kept].reshape(len(kept), -1)
    decoder = np.linalg.lstsq(_with_one(codes), wanted, rcond=None)[0]
    parts = (pca.mean_, pca.components_, decoder)
    return LinearCode(*(part.astype(np.float32) for part in parts))


def _with_one(codes: np.ndarray) -> np.ndarray:
    return np.concatenate([codes, np.ones((len(codes), 1), codes.dtype)], axis=1)
