"""A dense layer behind the shared convolution, once for all the windows that share a step.

With the hop of a tenth of a window, each pooled step of a recording lies in ten windows, and each
of them normalises it by its own mean and deviation before the ReLU:

    max(0, response / sd + bias - mean / sd * kernel sum)

Above zero this is linear in response, bias and kernel sum; and what lies above zero hardly changes
from one window to the next (about one number in a hundred). So the dense layer's kernel multiplies
these three once a step, masked by what is above zero at the middle of the windows' thresholds;
each window adds up the three products in its own proportion, and a sparse product puts right the
few numbers that fall on the other side for it. Where a kernel is cut by ``same`` padding, at the
ends of a window and at the lowest and highest cells, each window is multiplied on its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import lcm

import keras
import numpy as np
from scipy.sparse import csr_array

from lib.encoder.shared import Piece, SharedConvolution, front_of
from lib.features import N_FRAMES

# Three products a step pay when at least so many windows share it.
LEAST_SHARED = 4


class SharedDense:
    """Convolution, ReLU, pooling and the dense layer's product, for all windows of a recording.

    Parameters
    ----------
    encoder : keras.Model
        Of v4.4, whose pooled cells a dense layer reads. Its weights are read here, once.
    sd_offset : float
        Added to a window's standard deviation; see `lib.encoder.windows.sd_offset`.

    Raises
    ------
    ValueError
        If no dense layer follows the encoder's pooling.

    Notes
    -----
    The same numbers as the layers give on each window, but for the order of sums; used by
    `lib.encoder.embed_frames`. Notebook 09 shows what it saves.
    """

    def __init__(self, encoder: keras.Model, sd_offset: float):
        dense = dense_of(encoder)
        if dense is None:
            raise ValueError(f"{encoder.name} has no dense layer behind its pooling.")
        self.front = front = SharedConvolution(encoder, sd_offset)
        kernel = keras.ops.convert_to_numpy(dense.kernel)
        by_cell = kernel.reshape(front.n_cells, len(front.bias), -1)
        self.edges = np.unique(front.cut_cells)
        self.inner = np.setdiff1d(np.arange(front.n_cells), self.edges)
        self.kernel = kernel
        self.inner_kernel, self.edge_kernel = (
            np.ascontiguousarray(by_cell[cells]).reshape(-1, kernel.shape[1])
            for cells in (self.inner, self.edges)
        )

    def pieces(self, blocks: Iterable[np.ndarray], hop: int, batch: int) -> Iterator[Piece]:
        """As `SharedConvolution.pieces`."""
        return self.front.pieces(blocks, hop, batch)

    def steps_of(self, piece: Piece) -> np.ndarray:
        """Pooled cells times the dense kernel, without its bias: float32 (windows, steps, units)."""
        front, n = self.front, len(piece.mean)
        first, last = front.steps
        stride = front.candidate_stride(piece)
        place = front.first_candidates(piece)[:, None] + stride * np.arange(last - first)
        out = np.empty((n, front.n_steps, self.kernel.shape[1]), np.float32)
        out[:, first:last] = self._inner(piece, place) + self._edges(piece, place)
        for k in front.end_steps:
            out[:, k] = front.end_step(piece, k).reshape(n, -1) @ self.kernel
        return out

    def _inner(self, piece: Piece, place: np.ndarray) -> np.ndarray:
        """What whole cells add to each window's steps, whose candidates are at ``place``."""
        bias, sums = self.front.bias, self.front.sums[self.inner[0]]
        points, shared = np.unique(place, return_inverse=True)
        shared = shared.reshape(place.shape)
        users = _Users(shared, len(points))
        response = piece.candidates[points][:, self.inner]
        threshold = piece.mean[:, None] * sums - piece.sd[:, None] * bias
        low, high = (x[:, None] for x in users.bounds(threshold))
        above = response > (low + high) / 2
        by_response, by_bias, by_sums = self._masked_products(above, (response, bias, sums))
        mean, sd = piece.mean[:, None, None], piece.sd[:, None, None]
        out = (by_response[shared] - mean * by_sums[shared]) / sd + by_bias[shared]

        doubtful = np.flatnonzero((response > low) & (response <= high))
        point, column = np.divmod(doubtful, len(self.inner_kernel))
        origin, row = users.of(point)
        column, window = column[origin], row // place.shape[1]
        value = response.ravel()[doubtful][origin] - threshold[window, column % len(bias)]
        turned = (value > 0) != above.ravel()[doubtful][origin]
        # Above zero for this window only: add it. Below zero for this one only: take it away.
        amount = np.abs(value[turned]) / piece.sd[window[turned]]
        shape = (place.size, len(self.inner_kernel))
        correction = csr_array((amount, (row[turned], column[turned])), shape) @ self.inner_kernel
        return out + correction.reshape(out.shape)

    def _masked_products(self, above: np.ndarray, factors: tuple) -> np.ndarray:
        """Each factor where the mask (points, cells, filters) is true, times the inner kernel."""
        # Products of floats run several times faster than those of floats and truth values.
        mask = above.astype(np.float32)
        masked = np.empty((len(factors), *mask.shape), np.float32)
        for factor, out in zip(factors, masked, strict=True):
            np.multiply(factor, mask, out=out)
        products = masked.reshape(len(factors) * len(mask), -1) @ self.inner_kernel
        return products.reshape(len(factors), len(mask), -1)

    def _edges(self, piece: Piece, place: np.ndarray) -> np.ndarray:
        """What the cells with cut positions add: few, so each window is multiplied on its own."""
        front = self.front
        taken = np.append(self.edges, np.arange(front.n_cells, len(front.sums)))
        mean, sd = (x[:, None, None, None] for x in (piece.mean, piece.sd))
        out = np.empty((*place.shape, len(self.edges), len(front.bias)), np.float32)
        cells = np.searchsorted(self.edges, front.cut_cells)
        candidates = piece.candidates[:, taken][place]
        front.activations(candidates, front.sums[taken], cells, mean, sd, out)
        return out.reshape(*place.shape, -1) @ self.edge_kernel


class _Users:
    """Which windows' steps use each of a recording's points; ``shared`` (windows, steps)."""

    def __init__(self, shared: np.ndarray, n_points: int):
        self.rows = np.argsort(shared, axis=None, kind="stable")
        self.counts = np.bincount(shared.ravel(), minlength=n_points)
        self.starts = np.cumsum(self.counts) - self.counts
        self.windows = self.rows // shared.shape[1]

    def bounds(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and largest of the windows' values (windows, ...) at each point."""
        spread = values[self.windows]
        return tuple(f.reduceat(spread, self.starts) for f in (np.minimum, np.maximum))

    def of(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For given points, all their users: index into ``points``, row (window, step) flat."""
        counts = self.counts[points]
        origin = np.repeat(np.arange(len(points)), counts)
        number = np.arange(len(origin)) - np.repeat(np.cumsum(counts) - counts, counts)
        return origin, self.rows[self.starts[points][origin] + number]


def dense_of(encoder: keras.Model) -> keras.layers.Dense | None:
    """The dense layer that reads the pooled cells of each step, if the encoder has one."""
    entry = front_of(encoder)[1]
    following = encoder.layers[encoder.layers.index(entry) + 1 :]
    layer = next((x for x in following if not isinstance(x, keras.layers.Reshape)), None)
    return layer if isinstance(layer, keras.layers.Dense) else None


def shares_enough(encoder: keras.Model, hop: int) -> bool:
    """Whether `SharedDense` serves this encoder, and at this hop with less work than layers."""
    if dense_of(encoder) is None:
        return False
    _, _, strides, pool = front_of(encoder)
    return LEAST_SHARED * lcm(hop, strides[0] * pool[0]) <= N_FRAMES
