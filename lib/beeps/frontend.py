"""From sound to contrast: how far each moment and pitch stands out of what is around it.

Works on a stream: state is carried from call to call, so chunks of any size give what the whole
gives. Nothing here needs TensorFlow.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal

SAMPLE_RATE = 16_000
FRAME_LENGTH = 1024
HOP_LENGTH = 320
HOP_SECONDS = HOP_LENGTH / SAMPLE_RATE
# Two bins of 15.6 Hz make one channel: 0.4 to 6 kHz, so that the fundamental of a low tone is heard
# whose harmonics lie where beeps do.
FIRST_BIN, N_CHANNELS = 24, 180
CHANNEL_HZ = 2 * SAMPLE_RATE / FRAME_LENGTH
# Channels to each side whose mean is the level around a channel.
SIDE_CHANNELS = 10
# The level before: a mean that forgets with this time constant.
FORGET_SECONDS = 2.0
# Power of half a step of 16-bit sound in one bin; digital silence has no lower level.
SILENCE = 1e-9
# Frames worked on at once, so that their spectra stay in the processor's cache.
BLOCK_FRAMES = 256


def channel_frequencies() -> np.ndarray:
    """Centre of each channel in Hz, (180,)."""
    return (FIRST_BIN + 0.5 + 2 * np.arange(N_CHANNELS)) * SAMPLE_RATE / FRAME_LENGTH


class FrontEnd:
    """Contrast of a stream of 16 kHz sound.

    Notes
    -----
    Frame ``t`` covers samples ``320 t`` to ``320 t + 1024``: its centre lies at 20 t + 32 ms.
    """

    def __init__(self):
        self._samples = np.empty(0, np.float32)
        self._memory = None
        #: Levels in dB of the frames of the last call, (frames, 181); see `frame_levels`.
        self.levels = np.empty((0, N_CHANNELS + 1), np.float32)

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Contrast of the frames that `samples` completes.

        Parameters
        ----------
        samples : float array (n,), 16 kHz, in -1..1

        Returns
        -------
        float32 array (frames, 180, 2)
            Level above the channels around, level above the last seconds; see `compressed`.
        """
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.float32)])
        n_frames = max(0, 1 + (len(self._samples) - FRAME_LENGTH) // HOP_LENGTH)
        contrast = np.empty((n_frames, N_CHANNELS, 2), np.float32)
        self.levels = np.empty((n_frames, N_CHANNELS + 1), np.float32)
        if not n_frames:
            return contrast
        frames = frames_of(self._samples)
        for start in range(0, n_frames, BLOCK_FRAMES):
            levels = frame_levels(frames[start : start + BLOCK_FRAMES])
            self.levels[start : start + len(levels)] = levels
            contrast[start : start + len(levels)] = self._contrast(levels[:, :N_CHANNELS])
        self._samples = self._samples[n_frames * HOP_LENGTH :].copy()
        return contrast

    def _contrast(self, levels: np.ndarray) -> np.ndarray:
        around = _mean_around(levels)
        forget = np.float32(np.exp(-HOP_SECONDS / FORGET_SECONDS))
        if self._memory is None:
            # Before the first frame nothing is known but the level around.
            self._memory = forget * around[:1]
        before, self._memory = scipy.signal.lfilter(
            [1 - forget], [1, -forget], levels, axis=0, zi=self._memory
        )
        return compressed(np.stack([levels - around, levels - before], axis=-1) / 10)


def compressed(contrast: np.ndarray) -> np.ndarray:
    """Units of 10 dB as they are up to 1, beyond that by their logarithm: a beep near by may stand
    out by 60 dB, which is no more of a beep than 30."""
    return np.where(contrast > 1, 1 + np.log(np.maximum(contrast, 1)), np.maximum(contrast, -2))


def frames_of(samples: np.ndarray) -> np.ndarray:
    """View of all whole frames, contiguous (samples,) -> (n, 1024)."""
    # A stream asks ten times a second: `sliding_window_view` takes over ten times as long.
    n_frames = max(0, 1 + (len(samples) - FRAME_LENGTH) // HOP_LENGTH)
    strides = (HOP_LENGTH * samples.itemsize, samples.itemsize)
    return np.ndarray((n_frames, FRAME_LENGTH), samples.dtype, samples, strides=strides)


def frame_levels(frames: np.ndarray) -> np.ndarray:
    """Level in dB, (n, 1024) -> (n, 181): the louder of a channel's two bins; above 6 kHz the
    loudest of all, which no beep is looked for in, but which tells where an overtone came from."""
    spectrum = scipy.fft.rfft(frames * _window(), axis=1)[:, FIRST_BIN:]
    power = spectrum.real**2 + spectrum.imag**2
    inside, above = power[:, : 2 * N_CHANNELS], power[:, 2 * N_CHANNELS :]
    loudest = np.empty((len(power), N_CHANNELS + 1), np.float32)
    np.maximum(inside[:, ::2], inside[:, 1::2], out=loudest[:, :N_CHANNELS])
    loudest[:, N_CHANNELS] = above.max(axis=1)
    return 10 * np.log10(loudest * np.float32(1 / FRAME_LENGTH) + np.float32(SILENCE))


def _mean_around(levels: np.ndarray) -> np.ndarray:
    """Mean over the channels up to 10 away on both sides, fewer at the edges of the band."""
    return levels @ _sides()


@lru_cache(maxsize=1)
def _sides() -> np.ndarray:
    """Weights of all channels (rows) in the mean around each (columns)."""
    channels = np.arange(N_CHANNELS)
    near = np.abs(channels[:, None] - channels[None]) <= SIDE_CHANNELS
    return (near / near.sum(axis=0)).astype(np.float32)


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    return np.hanning(FRAME_LENGTH).astype(np.float32)


def as_mono(chunk: np.ndarray) -> np.ndarray:
    """Samples of a chunk as mono float32 in -1..1; ValueError that says what is wrong with it."""
    chunk = np.asarray(chunk)
    if chunk.dtype.kind == "i" and chunk.dtype.itemsize in (2, 4):
        chunk = chunk / np.float32(2 ** (8 * chunk.dtype.itemsize - 1))
    elif chunk.dtype.kind != "f":
        raise ValueError(
            f"Samples of type {chunk.dtype} are no sound: give floats in -1..1, int16 or int32."
        )
    if chunk.ndim not in (1, 2):
        raise ValueError(f"Expected (samples,) or (samples, channels), got shape {chunk.shape}.")
    if chunk.ndim == 2:
        chunk = chunk.mean(axis=1, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(chunk))
    if len(bad):
        raise ValueError(
            f"{len(bad)} samples are NaN or infinite, the first is number {bad[0]}: cut them out "
            "or record again."
        )
    return chunk.astype(np.float32, copy=False)
