"""Mel spectrograms and cepstral coefficients of many clips at once, as librosa computes one.

librosa works clip by clip; here blocks of clips share one Fourier transform, one product with the
mel filters and one cosine transform. The numbers are the same (tests/test_features_cepstra.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

SPEECH_RATE = 16_000
# Frames transformed at once, so that their spectra stay in the processor's cache.
BLOCK_FRAMES = 512
# Decibels below a clip's own maximum at which its spectrogram is cut off, as in librosa.
TOP_DB = 80.0


def mel_spectrogram(
    clips: np.ndarray,
    sample_rate: int = SPEECH_RATE,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
) -> np.ndarray:
    """Mel power spectrograms of clips of one length.

    Parameters
    ----------
    clips : array (n, samples) or (samples,)
        Floats in -1..1, or 16-bit integers, which are divided by 32,768.
    sample_rate, n_fft, hop_length, n_mels : int
        As in ``librosa.feature.melspectrogram``: Hann window, frames centred, zeros beyond the
        ends, Slaney's mel scale.

    Returns
    -------
    float32 array (n, n_mels, frames), frames = 1 + samples // hop_length

    Raises
    ------
    ValueError
        For other shapes, no samples, NaN, or more mel bands than the transform can fill.

    Notes
    -----
    The source takes 128 bands with n_fft = 1025 for 1 s at 16 kHz: 128 x 32. Used by notebook 07.
    """
    return _by_block(clips, sample_rate, n_fft, hop_length, n_mels, lambda power: power)


def log_mel(
    clips: np.ndarray,
    sample_rate: int = SPEECH_RATE,
    n_fft: int = 512,
    hop_length: int = 160,
    n_mels: int = 40,
) -> np.ndarray:
    """Mel spectrograms in dB, at most 80 dB below each clip's maximum: float32 (n, n_mels, frames).

    Parameters and errors as in `mel_spectrogram`; by default a frame each 10 ms.
    """
    return _by_block(clips, sample_rate, n_fft, hop_length, n_mels, _decibels)


def mfcc(
    clips: np.ndarray,
    sample_rate: int = SPEECH_RATE,
    n_mfcc: int = 20,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
) -> np.ndarray:
    """Mel-frequency cepstral coefficients with librosa's defaults, float32 (n, n_mfcc, frames).

    Parameters and errors as in `mel_spectrogram`. The source takes 20 x 32 a second.
    """
    if not 1 <= n_mfcc <= n_mels:
        raise ValueError(f"{n_mfcc} coefficients of {n_mels} bands: choose 1 to {n_mels}.")
    from scipy.fft import dct

    def cepstra(power):
        return dct(_decibels(power), axis=1, type=2, norm="ortho")[:, :n_mfcc]

    return _by_block(clips, sample_rate, n_fft, hop_length, n_mels, cepstra)


def _by_block(
    clips, sample_rate, n_fft, hop_length, n_mels, finish: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Mel powers of a few clips at a time, each block finished while it is in the cache."""
    clips = _checked(clips)
    filters = mel_filters(sample_rate, n_fft, n_mels)
    n_frames = 1 + clips.shape[1] // hop_length
    size = max(1, BLOCK_FRAMES // n_frames)
    done = None
    for start in range(0, len(clips), size):
        power = _mel_power(clips[start : start + size], filters, n_fft, hop_length)
        block = finish(power)
        if done is None:
            done = np.empty((len(clips), *block.shape[1:]), np.float32)
        done[start : start + size] = block
    return done


def _mel_power(clips: np.ndarray, filters: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    from scipy.fft import rfft
    from scipy.signal import get_window

    if clips.dtype == np.int16:
        clips = clips.astype(np.float32) / 32768.0
    padded = np.pad(clips.astype(np.float32, copy=False), [(0, 0), (n_fft // 2, n_fft // 2)])
    if not np.isfinite(padded).all():
        raise ValueError("A clip holds NaN or infinite samples; leave it out or repair it.")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)[:, ::hop_length]
    spectrum = rfft(frames * get_window("hann", n_fft).astype(np.float32), axis=2)
    power = spectrum.real**2 + spectrum.imag**2
    return (power @ filters.T).transpose(0, 2, 1)


@lru_cache(maxsize=8)
def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Slaney's mel filters, float32 (n_mels, 1 + n_fft // 2), as in librosa."""
    from librosa.filters import mel

    if not 1 <= n_mels <= n_fft // 2:
        raise ValueError(f"{n_mels} mel bands of {n_fft // 2} frequencies: take fewer bands.")
    return mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels).astype(np.float32)


def _decibels(power: np.ndarray) -> np.ndarray:
    """Powers (n, bands, frames) in dB, cut off `TOP_DB` below each clip's maximum."""
    level = 10.0 * np.log10(np.maximum(power, 1e-10))
    return np.maximum(level, level.max(axis=(1, 2), keepdims=True) - TOP_DB)


def _checked(clips: np.ndarray) -> np.ndarray:
    clips = np.atleast_2d(np.asarray(clips))
    if clips.ndim != 2 or clips.size == 0:
        raise ValueError(f"Expected clips of one length, (n, samples), not shape {clips.shape}.")
    if clips.dtype.kind not in "f" and clips.dtype != np.int16:
        raise ValueError(f"Clips of {clips.dtype}: convert them to float in -1..1 or to int16.")
    return clips
