"""Pairs of windows that differ in pitch alone: does a code know how high a whistle is?"""

from __future__ import annotations

import numpy as np

from lib.encoder.embedding import predict_codes
from lib.encoder.windows import frames_of, sd_offset
from lib.evaluation import bootstrap
from lib.features import HOP_LENGTH, N_FRAMES, SAMPLE_RATE, normalise
from lib.synthesis import Contour, noise, sounds, type_shapes

SECONDS_PER_WHISTLE = 1.5
BAND_HZ = (4_000.0, 17_000.0)
SNR_DB = 20.0


def pitch_pairs(
    n: int = 24, shift_hz: float = 3_000.0, version: str = "4.4", seed: int = 7
) -> tuple[np.ndarray, np.ndarray]:
    """Windows of ``n`` different whistles, and of the same ones ``shift_hz`` higher.

    The same contour, envelope and water twice; only the fundamental moves. No harmonics, and 20
    dB above the noise. Both arrays are float32 (n, 128, 256), normalised for a version's encoder.

    Notes
    -----
    Used by notebook 02.
    """
    shapes = type_shapes(seed, n, BAND_HZ)
    return tuple(_middles(shapes, shift, version, seed) for shift in (0.0, shift_hz))


def relative_distances(low: np.ndarray, high: np.ndarray, encoder) -> np.ndarray:
    """Distance of each pair's codes over the mean distance of two different whistles, (n,).

    0: the code does not notice the shift; 1: it changes like the code of another whistle.
    """
    low, high = predict_codes(low, encoder), predict_codes(high, encoder)
    others = np.linalg.norm(low[:, None] - low[None], axis=2)
    return np.linalg.norm(high - low, axis=1) / others[np.triu_indices(len(low), 1)].mean()


def mean_distance(distances: np.ndarray) -> tuple[float, float, float]:
    """Mean over whistles with its 95 % interval: value, low, high."""
    return bootstrap(distances)


def _middles(shapes, shift_hz: float, version: str, seed: int) -> np.ndarray:
    """The window in the middle of each whistle, all of them in one recording."""
    slot = int(SECONDS_PER_WHISTLE * SAMPLE_RATE)
    rng = np.random.default_rng(seed)
    signal = noise.ambient(len(shapes) * slot, SAMPLE_RATE, 1.0, (2_000.0, 24_000.0), rng)
    centres = (np.arange(len(shapes)) + 0.5) * slot
    for centre, shape in zip(centres, shapes, strict=True):
        moved = Contour(shape.time, shape.frequency + shift_hz)
        sound = 10.0 ** (SNR_DB / 20.0) * sounds.whistle(moved, (0, 0), np.random.default_rng(seed))
        start = int(centre) - len(sound) // 2
        signal[start : start + len(sound)] += sound
    frames = frames_of(1e-3 * signal, version)
    first = (centres / HOP_LENGTH).astype(int) - N_FRAMES // 2
    windows = np.stack([frames[t : t + N_FRAMES] for t in first])
    return normalise(windows, sd_offset(version))
