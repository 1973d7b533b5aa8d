"""Dynamic time warping between sequences of codes.

Convention, said here once: a warping path costs the *sum of the Euclidean distances* between the
frames it pairs, plus ``penalty`` for every step that is not diagonal, and the sum is divided by
n + m, the lengths of both sequences. librosa sums the same costs; dtaidistance by default takes the
root of the sum of squared costs (``root=True`` here), and the same sum as here with
``inner_dist="euclidean"``. The source (LSTM V4) uses a penalty of 10 within a band of (n + m) / 4:
``distance_matrix(sequences, **SOURCE)``.

Codes have 128 numbers a frame, so nearly all the work is frame distances. They come from one matrix
product a row, and only the recurrence is compiled: several times faster than dtaidistance on such
codes, and equal to it (``engine="dtaidistance"`` runs the library itself).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numba
import numpy as np
from threadpoolctl import threadpool_limits

SOURCE = {"penalty": 10.0, "band": 0.25}
ENGINES = ("products", "dtaidistance")


def distance_matrix(
    sequences: Sequence[np.ndarray],
    penalty: float = 0.0,
    band: float | None = None,
    root: bool = False,
    normalise: bool = True,
    engine: str = "products",
) -> np.ndarray:
    """Dynamic time warping distance of every pair.

    Parameters
    ----------
    sequences : list of arrays (n_i, d)
        Codes over time, one array a region.
    penalty : float
        Added for each insertion or deletion, in units of the frame distance; the source uses 10.
    band : float, optional
        Share of n + m by which a path may leave the diagonal (at least the difference of the
        lengths); the source uses 0.25. None leaves the path free.
    root : bool
        Root of the summed squares, dtaidistance's own convention, in place of the sum.
    normalise : bool
        Divide the sum by n + m (before the root, if there is one).
    engine : {"products", "dtaidistance"}
        Frame distances from matrix products, or the compiled library. That has one window for
        all pairs and squares the penalty even where it sums distances, so it runs without both.

    Returns
    -------
    float64 array (n, n), symmetric with a zero diagonal.

    Raises
    ------
    ValueError
        No sequence, an empty one, other dimensions, NaN; penalty or band with dtaidistance.

    Notes
    -----
    Used by notebooks 04 and 09.
    """
    sequences = check_sequences(sequences)
    if engine not in ENGINES:
        raise ValueError(f"Unknown engine {engine!r}; choose one of {', '.join(ENGINES)}.")
    if engine == "dtaidistance":
        if penalty or band is not None:
            raise ValueError("Penalty and band need engine='products'.")
        return _with_dtaidistance(sequences, root, normalise)
    warp = Warper(sequences, penalty, band, root, normalise)
    n = len(sequences)
    distances = np.zeros((n, n))
    with one_thread():
        for i in range(n - 1):
            distances[i, i + 1 :] = warp.to_later(i)
    return distances + distances.T


def check_sequences(sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The sequences as float64 arrays (n_i, d), or a ValueError that names the first bad one."""
    checked = [np.ascontiguousarray(sequence, np.float64) for sequence in sequences]
    if not checked:
        raise ValueError("No sequence to compare; lower the detector's threshold to get regions.")
    for i, sequence in enumerate(checked):
        if sequence.ndim != 2 or not sequence.size:
            raise ValueError(
                f"Sequence {i} has shape {sequence.shape}; expected (frames, code) with a frame."
            )
        if sequence.shape[1] != checked[0].shape[1]:
            raise ValueError(
                f"Sequence {i} has codes of {sequence.shape[1]} numbers, sequence 0 of "
                f"{checked[0].shape[1]}; embed all regions with the same encoder."
            )
        if not np.isfinite(sequence).all():
            raise ValueError(f"Sequence {i} holds NaN or infinite codes; check its recording.")
    return checked


def one_thread():
    """Context in which matrix products keep to one thread.

    These products are small; on a machine at work on something else, threads that wait for each
    other made them many times slower.
    """
    return threadpool_limits(1, user_api="blas")


class Warper:
    """Warps one sequence against many: frames side by side, one matrix product a call."""

    def __init__(self, sequences, penalty=0.0, band=None, root=False, normalise=True):
        self.frames = np.concatenate(sequences)
        # Distances do not change when all frames move; products lose fewer digits near the origin.
        self.frames -= self.frames.mean(axis=0)
        self.squares = np.einsum("ij,ij->i", self.frames, self.frames)
        self.lengths = np.array([len(sequence) for sequence in sequences])
        self.starts = np.append(0, np.cumsum(self.lengths))
        self.settings = (penalty**2 if root else penalty, -1.0 if band is None else band, root)
        self.root, self.normalise = root, normalise

    def to_later(self, i: int) -> np.ndarray:
        """Distances from sequence i to all after it."""
        others = np.arange(i + 1, len(self.lengths))
        return self._warp(i, others, slice(self.starts[i + 1], None))

    def to(self, i: int, others: np.ndarray) -> np.ndarray:
        """Distances from sequence i to the sequences with the numbers ``others``."""
        if not len(others):
            return np.empty(0)
        lengths = self.lengths[others]
        stops = np.cumsum(lengths)
        within = np.arange(stops[-1]) - np.repeat(stops - lengths, lengths)
        return self._warp(i, others, within + np.repeat(self.starts[others], lengths))

    def _warp(self, i, others, frames):
        own = slice(self.starts[i], self.starts[i + 1])
        products = self.frames[own] @ self.frames[frames].T
        squares, lengths = self.squares, self.lengths[others]
        sums = _warp_row(products, squares[own], squares[frames], lengths, *self.settings)
        if self.normalise:
            sums /= self.lengths[i] + lengths
        return np.sqrt(sums) if self.root else sums


@numba.njit(cache=True, nogil=True)
def _warp_row(products, own, other, lengths, penalty, band, squared):
    """Cheapest path's cost from one sequence (rows) to each of several (columns, end to end)."""
    n = len(own)
    sums = np.empty(len(lengths))
    above, here = np.empty(lengths.max() + 1), np.empty(lengths.max() + 1)
    first = 0
    for pair, m in enumerate(lengths):
        width = max(n, m) if band < 0 else max(int(band * (n + m)), abs(n - m))
        above[: m + 1] = np.inf
        above[0] = 0.0
        for i in range(n):
            here[: m + 1] = np.inf
            for j in range(max(0, i - width), min(m, i + width + 1)):
                cost = max(own[i] + other[first + j] - 2.0 * products[i, first + j], 0.0)
                if not squared:
                    cost = math.sqrt(cost)
                here[j + 1] = cost + min(above[j], min(above[j + 1], here[j]) + penalty)
            above, here = here, above
        sums[pair] = above[m]
        first += m
    return sums


def _with_dtaidistance(sequences, root, normalise):
    from dtaidistance import dtw_ndim

    inner = "squared euclidean" if root else "euclidean"
    n_frames = np.array([len(sequence) for sequence in sequences])
    distances = dtw_ndim.distance_matrix_fast(sequences, inner_dist=inner)
    if normalise:
        total = np.add.outer(n_frames, n_frames)
        distances /= np.sqrt(total) if root else total
    return distances
