"""The animals' sounds one by one, at unit RMS: whistle, click train, burst pulse."""

from __future__ import annotations

import numpy as np
import scipy.signal

from lib.synthesis.contours import Contour

SAMPLE_RATE = 48_000
# Whatever rises towards half the sample rate fades out there instead of folding back.
FADE_FROM, FADE_TO = 21_500.0, 23_500.0


def whistle(contour: Contour, harmonics: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A tone along ``contour`` with harmonics, each 6 to 15 dB below the one before.

    Parameters
    ----------
    contour : Contour
    harmonics : (fewest, most) above the fundamental; those over half the sample rate are left out.

    Returns
    -------
    float32 array (samples,) of unit RMS
    """
    n_samples = int(contour.time[-1] * SAMPLE_RATE)
    f0 = np.interp(np.arange(n_samples) / SAMPLE_RATE, contour.time, contour.frequency)
    phase = 2.0 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    sound, level = np.zeros(n_samples), 1.0
    for harmonic in range(1, 2 + rng.integers(harmonics[0], harmonics[1] + 1)):
        below_nyquist = np.clip((FADE_TO - harmonic * f0) / (FADE_TO - FADE_FROM), 0.0, 1.0)
        if not below_nyquist.any():
            break
        sound += level * below_nyquist * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
        level *= 10.0 ** (-rng.uniform(6.0, 15.0) / 20.0)
    return _unit(sound * _envelope(n_samples, rng))


def click_train(interval, length, rng: np.random.Generator) -> np.ndarray:
    """Clicks whose interval glides from one value in the range ``interval`` (s) to another."""
    first, last = np.exp(rng.uniform(*np.log(interval), 2))
    n = max(2, int(2.0 * rng.uniform(*length) / (first + last)))
    intervals = np.geomspace(first, last, n) * np.exp(0.03 * rng.standard_normal(n))
    return _pulses(np.cumsum(intervals), rng)


def burst_pulse(rate, length, rng: np.random.Generator) -> np.ndarray:
    """Clicks so dense (``rate``: range of clicks a second) that they are heard as a buzz."""
    rate = rng.uniform(*rate)
    n = max(2, int(rate * rng.uniform(*length)))
    return _pulses(np.arange(1, n + 1) / rate, rng)


def _envelope(n_samples: int, rng) -> np.ndarray:
    """Soft start and end around a slowly changing level."""
    knots = rng.uniform(0.5, 1.0, 6)
    level = np.interp(np.arange(n_samples), np.linspace(0, n_samples, len(knots)), knots)
    return level * scipy.signal.windows.tukey(n_samples, 0.2)


def _pulses(times: np.ndarray, rng) -> np.ndarray:
    """Short broadband clicks at ``times`` (s), their level swelling and fading."""
    t = np.arange(-24, 25) / SAMPLE_RATE
    width = rng.uniform(0.00002, 0.00005)
    click = np.cos(2 * np.pi * rng.uniform(9_000.0, 16_000.0) * t) * np.exp(-((t / width) ** 2) / 2)
    positions = ((times - times[0]) * SAMPLE_RATE).astype(int)
    train = np.zeros(positions[-1] + 1)
    train[positions] = np.hanning(len(times) + 2)[1:-1] ** 0.5 * rng.uniform(0.7, 1.0, len(times))
    return _unit(scipy.signal.convolve(train, click))


def _unit(sound: np.ndarray) -> np.ndarray:
    return (sound / np.sqrt(np.mean(sound**2))).astype(np.float32)
