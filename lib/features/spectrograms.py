"""Spectrogram windows: the recipe of the V4 encoder, batched.

The source (LSTM V4, arXiv 2005.07623) slides a 562-sample Hann frame by 64 samples over 48 kHz
audio, keeps 256 magnitude bins and cuts windows of 128 frames (0.17 s). Its code slices the wrong
half of the two-sided spectrum; here the intention is computed: bins 25..280 of the one-sided
spectrum, ascending, 2.1 to 23.9 kHz.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np

from lib import audio

SAMPLE_RATE = 48_000
FRAME_LENGTH = 562
HOP_LENGTH = 64
LOW_BIN = 25
N_BINS = 256
N_FRAMES = 128
# Columns of the even and of the odd bins of the transform.
EVEN, ODD = slice(LOW_BIN % 2, None, 2), slice(1 - LOW_BIN % 2, None, 2)
# The source divides by sd + 1 on the 16-bit integer scale; signals here lie in -1..1.
SD_OFFSET = 1.0 / 32768.0
# Frames and windows worked on at once, so that what is in between stays in the processor's cache.
BLOCK_FRAMES = 1024
BLOCK_WINDOWS = 16
# Bins whose medians one thread takes at once.
FLOOR_BINS = 64


def bin_frequencies() -> np.ndarray:
    """Centre frequency of each kept bin in Hz, shape (256,)."""
    return (LOW_BIN + np.arange(N_BINS)) * SAMPLE_RATE / FRAME_LENGTH


def frequency_to_bin(frequency) -> np.ndarray:
    """Fractional bin (0..255 inside the recipe's band) of a frequency in Hz."""
    return np.asarray(frequency) * FRAME_LENGTH / SAMPLE_RATE - LOW_BIN


def frame_times(n_frames: int, hop_length: int = HOP_LENGTH) -> np.ndarray:
    """Time of each frame's centre in seconds, shape (n_frames,)."""
    return (np.arange(n_frames) * hop_length + FRAME_LENGTH / 2) / SAMPLE_RATE


def spectrogram(
    signal: np.ndarray, sample_rate: int = SAMPLE_RATE, hop_length: int = HOP_LENGTH
) -> np.ndarray:
    """Magnitude spectrogram of the V4 recipe.

    Parameters
    ----------
    signal : array (samples,)
        Mono sound at 48 kHz; frame t covers samples ``t * hop_length`` onwards, without padding.
    sample_rate : int
        Must be 48,000 Hz; resample with `lib.audio.resample` first.
    hop_length : int
        Samples between frames; 64 in the source.

    Returns
    -------
    float32 array (frames, 256)

    Raises
    ------
    ValueError
        For another rate, a signal of more than one axis, non-finite samples or fewer than 562.

    Notes
    -----
    Used by notebooks 01 to 04 and 09.
    """
    signal = audio.samples(signal, sample_rate, SAMPLE_RATE, FRAME_LENGTH)
    n_frames = 1 + (len(signal) - FRAME_LENGTH) // hop_length
    frames = np.lib.stride_tricks.sliding_window_view(signal, FRAME_LENGTH)[::hop_length]
    magnitude = np.empty((n_frames, N_BINS), np.float32)
    for start in range(0, n_frames, BLOCK_FRAMES):
        block = slice(start, start + BLOCK_FRAMES)
        magnitude[block] = _magnitude(frames[block])
    return magnitude


def _magnitude(frames: np.ndarray) -> np.ndarray:
    """Magnitude of the kept bins of each frame, (n, 562) -> (n, 256).

    562 is twice a prime, the worst length for a fast Fourier transform. Folding the frame twice
    about its middle, once for cosines and sines and once for even and odd bins, leaves matrix
    products of a quarter of the size, which are faster (numbers in notebook 01).
    """
    window, cosines, sines = _fourier_basis()
    half = FRAME_LENGTH // 2
    before, after = frames[:, :half], frames[:, : half - 1 : -1]
    symmetric, opposite = window * (before + after), window * (before - after)
    (same, differing), (same_opposite, differing_opposite) = _folded(symmetric), _folded(opposite)
    magnitude = np.empty((len(frames), N_BINS), np.float32)
    magnitude[:, EVEN] = _modulus(same @ cosines[EVEN].T, differing_opposite @ sines[EVEN].T)
    magnitude[:, ODD] = _modulus(differing @ cosines[ODD].T, same_opposite @ sines[ODD].T)
    return magnitude


def _folded(half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum and difference of each half frame and itself backwards, (n, 281) -> twice (n, 141)."""
    n = half.shape[1] // 2 + 1
    forwards, backwards = half[:, :n], half[:, : -n - 1 : -1]
    return forwards + backwards, forwards - backwards


def _modulus(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    real *= real
    imaginary *= imaginary
    return np.sqrt(real + imaginary)


@lru_cache(maxsize=1)
def _fourier_basis() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half a Hann window (281,); cosines and sines (256, 141) of the kept bins, float32."""
    half = FRAME_LENGTH // 2
    # Time runs from the frame's middle, which changes phases and no magnitude.
    from_middle = half - 0.5 - np.arange(half // 2 + 1)
    angles = 2 * np.pi * np.outer(LOW_BIN + np.arange(N_BINS), from_middle) / FRAME_LENGTH
    cosines, sines = np.cos(angles), np.sin(angles)
    # The last sample of the second fold meets itself.
    cosines[:, -1] /= 2
    sines[:, -1] /= 2
    window = np.hanning(FRAME_LENGTH)[:half]
    return window.astype(np.float32), cosines.astype(np.float32), sines.astype(np.float32)


def slice_windows(frames: np.ndarray, step: int = N_FRAMES // 2) -> np.ndarray:
    """View of all 128-frame windows, ``step`` frames apart: (frames, bins) -> (n, 128, bins)."""
    if step < 1:
        raise ValueError(f"step is {step} frames; it must be 1 or more.")
    if len(frames) < N_FRAMES:
        raise ValueError(
            f"{len(frames)} frames are shorter than one window of {N_FRAMES}: "
            f"the recipe needs {window_samples() / SAMPLE_RATE:.3f} s of sound; use a longer one."
        )
    windows = np.lib.stride_tricks.sliding_window_view(frames, N_FRAMES, axis=0)[::step]
    return windows.transpose(0, 2, 1)


def window_samples(hop_length: int = HOP_LENGTH) -> int:
    """Samples that one window of 128 frames spans."""
    return FRAME_LENGTH + (N_FRAMES - 1) * hop_length


def normalise(windows: np.ndarray, sd_offset: float = SD_OFFSET) -> np.ndarray:
    """Each window less its own mean, over its own standard deviation (plus ``sd_offset``)."""
    normalised = np.empty(windows.shape, np.float32)
    for start in range(0, len(windows), BLOCK_WINDOWS):
        block = windows[start : start + BLOCK_WINDOWS]
        centred = normalised[start : start + BLOCK_WINDOWS]
        mean = block.mean(axis=2).mean(axis=1, dtype=np.float64).astype(np.float32)
        np.subtract(block, mean[:, None, None], out=centred)
        power = np.einsum("wtf,wtf->wt", centred, centred).mean(axis=1, dtype=np.float64)
        sd = np.sqrt(power / windows.shape[2]) + sd_offset
        centred /= sd.astype(np.float32)[:, None, None]
    return normalised


def spectrogram_windows(
    signal: np.ndarray,
    sample_rate: int = SAMPLE_RATE,
    step: int = N_FRAMES // 2,
    hop_length: int = HOP_LENGTH,
) -> np.ndarray:
    """Normalised windows of the V4 recipe, float32 (n, 128 frames, 256 bins).

    Parameters
    ----------
    signal, sample_rate, hop_length
        As in `spectrogram`.
    step : int
        Frames between windows: 64 (half a window) for training, 12 (a tenth) for sequences.

    Raises
    ------
    ValueError
        As `spectrogram`, and if the signal is shorter than one window.

    Notes
    -----
    Source: LSTM V4. The window's own mean goes, and the rest is divided by sd + 1 on the 16-bit
    scale. Used by notebooks 01 to 04.
    """
    return normalise(slice_windows(spectrogram(signal, sample_rate, hop_length), step))


def whiten(magnitude: np.ndarray, floor: np.ndarray | None = None) -> np.ndarray:
    """Log magnitude above the noise floor of the whole recording, the input of encoder v4.4.

    Parameters
    ----------
    magnitude : array (frames, 256)
    floor : array (256,), optional
        Noise magnitude per bin; by default the median over the recording's frames.

    Returns
    -------
    float32 array (frames, 256), ``log(1 + magnitude / floor)``: 0.7 where there is only noise.
    """
    if floor is None:
        floor = noise_floor(magnitude)
    # Four times faster than log1p, and no less exact where there is at least some noise.
    return np.log(1 + magnitude / floor, dtype=np.float32)


def noise_floor(magnitude: np.ndarray) -> np.ndarray:
    """Median magnitude per bin, (256,); at least one step of a 16-bit file, so silence is finite."""
    # Bin by bin as rows: a median down the columns of a large array waits for memory.
    strips = (magnitude[:, k : k + FLOOR_BINS] for k in range(0, magnitude.shape[1], FLOOR_BINS))
    with ThreadPoolExecutor() as threads:
        medians = threads.map(lambda x: np.median(np.ascontiguousarray(x.T), axis=1), strips)
        return np.maximum(np.concatenate(list(medians)), SD_OFFSET).astype(np.float32)
