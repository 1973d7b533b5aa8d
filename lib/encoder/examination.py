"""Examine reconstructions on windows that hold whistles: hit rate and explained variance."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lib.encoder.embedding import predict_codes
from lib.encoder.scores import contour_hits, frame_contours, window_contours
from lib.encoder.windows import sd_offset
from lib.evaluation import bootstrap
from lib.features import (
    HOP_LENGTH,
    N_BINS,
    N_FRAMES,
    noise_floor,
    slice_windows,
    spectrogram,
    whiten,
    window_samples,
)

BATCH = 32
LEAST_WHISTLE_FRAMES = N_FRAMES // 8


class WhistleWindows(NamedTuple):
    """Windows with whistles, what should be drawn of them, and where the whistles are.

    Parameters
    ----------
    inputs, targets : float32 arrays (n, 128, 256)
        The normalised window, and the clean one over the same standard deviation.
    contours : float32 array (n, 128, k)
        Bins of the fundamentals, NaN where none.
    groups : array (n,)
        Recording of each window.
    """

    inputs: np.ndarray
    targets: np.ndarray
    contours: np.ndarray
    groups: np.ndarray


def whistle_windows(
    corpus, version: str = "4.4", step: int = N_FRAMES, least_snr_db: float = -np.inf
) -> WhistleWindows:
    """Windows of a sea corpus that hold an eighth of whistle at or above a level.

    Parameters
    ----------
    corpus : SeaCorpus
        Or a part of it.
    version : {"4.1", "4.2", "4.4"}
        Whose input to make: 4.4 sees whitened log magnitudes, the others magnitudes. The windows
        are the same ones whatever the version.
    step : int
        Frames between windows.
    least_snr_db : float
        Whistles below do not count, neither for the choice nor in the contours.

    Raises
    ------
    ValueError
        If no window holds a whistle.

    Notes
    -----
    Used by notebooks 02 and 03.
    """
    parts = [
        _recording_windows(corpus.recording(i), version, step, least_snr_db)
        for i in range(len(corpus.table))
    ]
    inputs, targets, contours = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if not len(inputs):
        raise ValueError(f"{corpus!r} holds no whistle of {least_snr_db} dB or more.")
    groups = np.repeat(corpus.table["group"].to_numpy(), [len(part[0]) for part in parts])
    return WhistleWindows(inputs, targets, contours, groups)


def _recording_windows(recording, version: str, step: int, least_snr_db: float):
    magnitude = spectrogram(recording.signal)
    table = frame_contours(recording.contours, recording.events, len(magnitude), least_snr_db)
    contours = window_contours(table, step)
    kept = np.isfinite(contours).any(axis=2).sum(axis=1) >= LEAST_WHISTLE_FRAMES
    # Clean sound is needed under the kept windows only, the floor from the whole recording.
    starts = np.flatnonzero(kept) * step * HOP_LENGTH
    sounds = (recording.clean[start : start + window_samples()] for start in starts)
    clean = np.array([spectrogram(sound) for sound in sounds], np.float32)
    clean = clean.reshape(-1, N_FRAMES, magnitude.shape[1])
    noisy = slice_windows(magnitude, step)[kept]
    if version == "4.4":
        floor = noise_floor(magnitude)
        noisy, clean = whiten(noisy, floor), whiten(clean, floor)
    spread = noisy.std(axis=(1, 2), keepdims=True) + sd_offset(version)
    mean = noisy.mean(axis=(1, 2), keepdims=True)
    shape = (-1, N_FRAMES, N_BINS)
    return (noisy - mean) / spread, (clean.reshape(shape) / spread), contours[kept]


def reconstruct(windows: np.ndarray, encoder: keras.Model, decoder: keras.Model) -> np.ndarray:
    """Pictures (n, 128, 256) that a decoder draws from the codes' means of normalised windows."""
    codes = predict_codes(windows, encoder)
    return decode(codes, decoder)


def decode(codes: np.ndarray, decoder: keras.Model) -> np.ndarray:
    """Pictures (n, 128, 256) of codes (n, 128)."""
    draw = _drawn_as_graph(decoder)
    parts = [draw(tf.constant(codes[i : i + BATCH])) for i in range(0, len(codes), BATCH)]
    return np.concatenate(parts)[..., 0]


@lru_cache(maxsize=8)
def _drawn_as_graph(decoder: keras.Model):
    """Run eagerly, the steps of a recurrent layer cost ten times their arithmetic."""
    shape = tf.TensorSpec((None, decoder.input_shape[-1]))
    return tf.function(lambda codes: decoder(codes, training=False), input_signature=[shape])


def hit_rate(pictures: np.ndarray, contours: np.ndarray, groups: np.ndarray):
    """Contour hit rate with its interval over recordings: value, low, high."""
    frames = np.isfinite(contours).any(axis=2).sum(axis=1)
    return bootstrap(contour_hits(pictures, contours), groups=np.repeat(groups, frames))


def clean_variance(pictures: np.ndarray, targets: np.ndarray, groups: np.ndarray):
    """Share of the targets' variance that pictures explain, with its interval over recordings."""
    error = np.mean((targets - pictures) ** 2, axis=(1, 2))
    spread = np.mean((targets - targets.mean()) ** 2, axis=(1, 2))
    return bootstrap((error, spread), groups=groups, statistic=_share)


def _share(error: np.ndarray, spread: np.ndarray) -> float:
    return float(1.0 - error.sum() / spread.sum())
