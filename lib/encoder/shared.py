"""One convolution over a recording that serves every window of it.

Neighbouring windows a tenth of a window apart share nine tenths of their frames. A convolution
is linear before its ReLU, and a window is normalised by one mean and one deviation, so

    response to the normalised window = (response to the frames - mean * kernel sum) / sd + bias

and, as the deviation is positive, maxima may be taken over the frames' own responses first. Only
where ``same`` padding cuts a kernel is its sum another one: positions at the lowest and highest
frequencies are kept apart, and the outputs at a window's two ends are computed for each window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from math import gcd

import keras
import numpy as np

from lib.features import N_BINS, N_FRAMES, slice_windows
from lib.layers import ConvMax

# Responses held at once; more would fall out of the processor's cache.
CHUNK_RESPONSES = 2**19


@dataclass
class Piece:
    """A batch of windows that lie in one stretch of a recording.

    Parameters
    ----------
    frames : float32 array (frames, 256 + 7)
        The stretch, padded over frequency.
    candidates : float32 array (starts, cells + cut positions, filters)
        As `SharedConvolution.candidates` makes them.
    hop, every : int
        Frames between windows, and between the starts of ``candidates``.
    mean, sd : float32 arrays (windows,)
        Each window's own; the offset is already added to the deviation.
    """

    frames: np.ndarray
    candidates: np.ndarray
    hop: int
    every: int
    mean: np.ndarray
    sd: np.ndarray


class SharedConvolution:
    """First convolution, ReLU and pooling of an encoder, for all windows of a recording at once.

    Parameters
    ----------
    encoder : keras.Model
        From `build_encoder`, of any version, fused or stock. Its weights are read here, once.
    sd_offset : float
        Added to a window's standard deviation; see `lib.encoder.windows.sd_offset`.

    Notes
    -----
    A pooled cell is a range of frequencies whose maximum is taken: all of them in v4.1 and v4.2,
    four bins in v4.4. For each frame, `candidates` holds every cell's maximum over the positions
    where the kernel is whole, and beside them the few positions where it is cut.
    """

    def __init__(self, encoder: keras.Model, sd_offset: float):
        conv, _, strides, pool = front_of(encoder)
        kernel = keras.ops.convert_to_numpy(conv.kernel)[:, :, 0].transpose(2, 0, 1)
        self.kernel = np.ascontiguousarray(kernel)
        self.bias = keras.ops.convert_to_numpy(conv.bias)
        self.sd_offset, self.strides, self.pool = sd_offset, strides, pool
        self.frame_taps = _taps(N_FRAMES, kernel.shape[1], strides[0])
        self.bin_taps = _taps(N_BINS, kernel.shape[2], strides[1])
        whole = np.ptp(self.bin_taps[1:], axis=0) == kernel.shape[2]
        self.cut_positions = np.flatnonzero(~whole)
        self.n_cells = len(whole) // pool[1]
        self.cut_cells = self.cut_positions // pool[1]
        self.sums = self._kernel_sums(0, kernel.shape[1])
        # Pooled steps of a window in which no kernel reaches over either end.
        ends = np.ptp(self.frame_taps[1:], axis=0) != kernel.shape[1]
        inside = np.flatnonzero(~ends.reshape(-1, pool[0]).any(axis=1))
        self.steps, self.n_steps = (inside[0], inside[-1] + 1), len(ends) // pool[0]
        self.end_steps = (*range(self.steps[0]), *range(self.steps[1], self.n_steps))

    def pieces(self, blocks: Iterable[np.ndarray], hop: int, batch: int) -> Iterator[Piece]:
        """A recording as pieces of ``batch`` windows each, the last with fewer.

        Parameters
        ----------
        blocks : iterable of arrays (frames, 256)
            The recording's frames in order, not normalised, in blocks of any length.
        hop : int
            Frames between windows.
        batch : int
        """
        step = min(hop, N_FRAMES)
        every = gcd(step, self.strides[0])
        before = -self.bin_taps[0, 0]
        kept = np.empty((0, *self.sums.shape), np.float32)
        for segment in segments(blocks, hop, batch):
            if hop > N_FRAMES:
                # Windows that share nothing: leave out the frames between them.
                segment = slice_windows(segment, hop).reshape(-1, N_BINS)
            frames = np.pad(segment, ((0, 0), (before, self.kernel.shape[2] - 1 - before)))
            candidates = self.candidates(frames[len(kept) * every :], every)
            candidates = np.concatenate([kept, candidates])
            mean, sd = (x.astype(np.float32) for x in window_statistics(segment, step))
            yield Piece(frames, candidates, step, every, mean, sd + np.float32(self.sd_offset))
            kept = candidates[batch * step // every :]

    def candidates(self, frames: np.ndarray, every: int = 1) -> np.ndarray:
        """What each kernel start offers to a pooled step, (starts, cells + cut positions, filters).

        ``frames`` are padded over frequency. Of the starts, those count which some window reaches:
        of an even hop and a stride of two, every other one.
        """
        taps = self.kernel.shape[1]
        starts = slice(self._first_start() % every, len(frames) - taps + 1, every)
        found = self._responses(frames, starts, 0, taps)
        shifts = self.strides[0] // every * np.arange(self.pool[0])
        length = len(found) - shifts[-1]
        return reduce(np.maximum, (found[shift : shift + length] for shift in shifts))

    def _first_start(self) -> int:
        """Frame at which the kernel starts in a window's first pooled step that is no end."""
        return self.strides[0] * self.pool[0] * self.steps[0] + self.frame_taps[0, 0]

    def first_candidates(self, piece: Piece) -> np.ndarray:
        """Where in a piece's candidates each window's first step that is no end lies, (n,)."""
        return (self._first_start() + piece.hop * np.arange(len(piece.mean))) // piece.every

    def candidate_stride(self, piece: Piece) -> int:
        """Candidates from one pooled step of a window to its next."""
        return self.strides[0] * self.pool[0] // piece.every

    def steps_of(self, piece: Piece) -> np.ndarray:
        """Pooled responses of a piece's windows, each by its own mean and deviation.

        Returns
        -------
        float32 array (windows, steps, cells, filters), the encoder's input to what follows
        """
        mean, sd = piece.mean, piece.sd
        pooled = np.empty((len(mean), self.n_steps, self.n_cells, len(self.bias)), np.float32)
        first, last = self.steps
        stride = self.candidate_stride(piece)
        # One window at a time, so that all passes but the first find their numbers in the cache.
        for i, start in enumerate(self.first_candidates(piece)):
            part = piece.candidates[start : start + stride * (last - first) : stride]
            out = pooled[i, first:last]
            self.activations(part, self.sums, self.cut_cells, mean[i], sd[i], out)
        for k in self.end_steps:
            pooled[:, k] = self.end_step(piece, k)
        return pooled

    def end_step(self, piece: Piece, step: int) -> np.ndarray:
        """One pooled step near a window's end, of all windows: (windows, cells, filters)."""
        mean, sd = piece.mean[:, None, None], piece.sd[:, None, None]
        outputs = []
        for k in range(step * self.pool[0], (step + 1) * self.pool[0]):
            first, low, high = self.frame_taps[:, k]
            starts = slice(first + low, first + low + piece.hop * len(mean), piece.hop)
            found = self._responses(piece.frames, starts, low, high)
            out = np.empty((len(mean), self.n_cells, len(self.bias)), np.float32)
            sums = self._kernel_sums(low, high)
            outputs.append(self.activations(found, sums, self.cut_cells, mean, sd, out))
        return reduce(np.maximum, outputs)

    def activations(self, candidates, sums, cut_cells, mean, sd, out) -> np.ndarray:
        """Each cell's activation once its window is normalised, into ``out`` (n, cells, filters).

        ``candidates`` and ``sums`` hold the cells first, then the cut positions, which belong to
        ``cut_cells``.
        """
        n, shift = out.shape[-2], self.bias - mean / sd * sums
        np.multiply(candidates[..., :n, :], 1 / sd, out=out)
        out += shift[..., :n, :]
        cut = candidates[..., n:, :] / sd + shift[..., n:, :]
        for k, cell in enumerate(cut_cells):
            np.maximum(out[..., cell, :], cut[..., k, :], out=out[..., cell, :])
        return np.maximum(out, 0, out=out)

    def _responses(self, frames, starts: slice, low, high) -> np.ndarray:
        """Kernel taps low..high on the frames from each start on, reduced over frequency."""
        n_bins, width = self.bin_taps.shape[1], self.kernel.shape[2]
        matrix = self.kernel[:, low:high].reshape(len(self.kernel), -1)
        view = np.lib.stride_tricks.sliding_window_view(frames, width, axis=1)
        view = view[:, :: self.strides[1]].transpose(2, 0, 1)[:, :, :n_bins]
        n_starts = len(range(starts.start, starts.stop, starts.step))
        found = np.empty((n_starts, len(self.sums), len(self.kernel)), np.float32)
        rows = max(1, CHUNK_RESPONSES // (n_bins * len(self.kernel)))
        for i in range(0, n_starts, rows):
            part = found[i : i + rows]
            patches = np.empty((high - low, width, len(part), n_bins), np.float32)
            for tap in range(high - low):
                first = starts.start + starts.step * i + tap
                patches[tap] = view[:, first : first + starts.step * len(part) : starts.step]
            volume = matrix @ patches.reshape(matrix.shape[1], -1)
            self._reduce(volume.reshape(len(volume), -1, n_bins), part)
        return found

    def _reduce(self, volume, out) -> None:
        """Maxima of a volume (filters, starts, positions) in each cell, cut positions apart."""
        out[:, self.n_cells :] = volume[:, :, self.cut_positions].transpose(1, 2, 0)
        volume[:, :, self.cut_positions] = -np.inf
        if self.n_cells == 1:
            out[:, 0] = volume.max(axis=2).T
            return
        # A reduction over so few neighbours is far slower than a maximum of slices.
        slices = (volume[:, :, k :: self.pool[1]] for k in range(self.pool[1]))
        out[:, : self.n_cells] = reduce(np.maximum, slices).transpose(1, 2, 0)

    def _kernel_sums(self, low, high) -> np.ndarray:
        """Sums of kernel taps low..high, (cells + cut positions, filters)."""
        rows = self.kernel[:, low:high].sum(axis=1, dtype=np.float64)
        whole = np.tile(rows.sum(axis=1), (self.n_cells, 1))
        cut = [rows[:, a:b].sum(axis=1) for a, b in self.bin_taps[1:, self.cut_positions].T]
        return np.concatenate([whole, np.stack(cut)]).astype(np.float32)


def front_of(encoder: keras.Model):
    """Convolution layer, the layer that ends its pooling, strides and pool size of an encoder."""
    conv = next((x for x in encoder.layers if isinstance(x, ConvMax | keras.layers.Conv2D)), None)
    if isinstance(conv, ConvMax) and not conv.return_position:
        return conv, conv, (1, 1), (1, N_BINS)
    pools = [x for x in encoder.layers if isinstance(x, keras.layers.MaxPooling2D)]
    if not isinstance(conv, keras.layers.Conv2D) or not pools:
        raise ValueError(f"{encoder.name} does not begin as the encoders of build_encoder do.")
    return conv, pools[0], conv.strides, pools[0].pool_size


def segments(blocks: Iterable[np.ndarray], hop: int, batch: int) -> Iterator[np.ndarray]:
    """Cut frames that come in blocks so that each piece holds ``batch`` windows, the last fewer."""
    if hop < 1:
        raise ValueError(f"hop is {hop} frames; it must be 1 or more.")
    length, advance, any_yet = (batch - 1) * hop + N_FRAMES, batch * hop, False
    held, skip = np.empty((0, N_BINS), np.float32), 0
    for block in blocks:
        held = np.concatenate([held, block]) if len(held) else block
        while len(held) - skip >= length:
            yield held[skip : skip + length]
            skip, any_yet = skip + advance, True
        # With a wide hop the next window may begin beyond what has come.
        held, skip = held[skip:], max(0, skip - len(held))
    held = held[skip:]
    if len(held) >= N_FRAMES or not any_yet:
        n_windows = len(slice_windows(held, hop))
        yield held[: (n_windows - 1) * hop + N_FRAMES]


def window_statistics(frames: np.ndarray, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every window, float64 (n,) each.

    From each frame's own mean and variance, so that nothing is lost where a window is much
    quieter than the recording.
    """
    mean = frames.mean(axis=1, dtype=np.float64)
    centred = frames - mean[:, None].astype(np.float32)
    variance = np.einsum("tf,tf->t", centred, centred).astype(np.float64) / frames.shape[1]
    means, variances = (
        np.lib.stride_tricks.sliding_window_view(x, N_FRAMES)[::hop] for x in (mean, variance)
    )
    return means.mean(axis=1), np.sqrt(variances.mean(axis=1) + means.var(axis=1))


def _taps(length: int, size: int, stride: int) -> np.ndarray:
    """First place, first and last tap inside of a ``same`` convolution's outputs, (3, outputs)."""
    outputs = -(-length // stride)
    before = max((outputs - 1) * stride + size - length, 0) // 2
    first = stride * np.arange(outputs) - before
    return np.stack([first, np.maximum(-first, 0), np.minimum(length - first, size)])
