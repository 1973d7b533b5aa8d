"""More like this: windows whose codes are near, and those that warping puts near."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Rows for which all distances are held at once.
BLOCK = 512


def nearest_codes(codes: np.ndarray, row: int, k: int = 8) -> np.ndarray:
    """Rows of the k codes nearest to that of ``row``, nearest first, without itself."""
    return nearest_of(codes, codes[row : row + 1], k + 1, own=np.array([row]))[0]


def all_nearest_codes(codes: np.ndarray, k: int = 8) -> np.ndarray:
    """`nearest_codes` of every row, (n, k); no more memory than some hundred rows at once."""
    starts = range(0, len(codes), BLOCK)
    parts = [
        nearest_of(codes, codes[s : s + BLOCK], k + 1, np.arange(s, min(s + BLOCK, len(codes))))
        for s in starts
    ]
    return np.concatenate(parts)


def nearest_of(codes: np.ndarray, asked: np.ndarray, k: int, own: np.ndarray) -> np.ndarray:
    """Rows (m, k - 1) of the codes nearest to each asked one, whose own row is left out."""
    k = min(k, len(codes))
    squares = np.einsum("ij,ij->i", codes, codes) - 2.0 * (asked @ codes.T)
    squares[np.arange(len(asked)), own] = -np.inf
    near = np.argpartition(squares, k - 1, axis=1)[:, :k]
    order = np.argsort(np.take_along_axis(squares, near, axis=1), axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1)[:, 1:]


def nearest_warped(
    distances: np.ndarray | Callable[[int], np.ndarray], row: int, k: int = 8
) -> np.ndarray:
    """Rows of the k least distances from ``row``, nearest first, without itself.

    Parameters
    ----------
    distances : array (n, n), or function from a row to its distances (n,)
        Such as those of `lib.discovery.distance_matrix`, which warps sequences of codes. A
        function does for tables whose matrix would not fit in memory.
    """
    own = np.array(distances(row) if callable(distances) else distances[row], float)
    own[row] = np.inf
    order = np.argsort(own, kind="stable")[:k]
    return order[np.isfinite(own[order])]
