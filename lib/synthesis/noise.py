"""Noise of the sea: pink-ish ambient, a passing ship, snapping shrimp."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.signal


def coloured(
    n_samples: int, sample_rate: int, gain, band: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Gaussian noise with a given amplitude spectrum and an RMS of exactly 1 within ``band``.

    Parameters
    ----------
    gain : function of frequencies in Hz (an array) -> amplitude per bin
    band : (low, high) in Hz over which the RMS is set

    Returns
    -------
    float32 array (n_samples,)
    """
    # A transform of an even length with small prime factors is many times faster.
    length = 2 * scipy.fft.next_fast_len((n_samples + 1) // 2)
    frequencies = scipy.fft.rfftfreq(length, 1.0 / sample_rate)
    parts = rng.standard_normal((len(frequencies), 2), dtype=np.float32)
    spectrum = parts.view(np.complex64)[:, 0] * gain(frequencies).astype(np.float32)
    spectrum[[0, -1]] = 0.0
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    # Parseval: the sum over both sides of the spectrum is the mean square times length squared.
    power = 2.0 * np.sum(np.abs(spectrum[inside]) ** 2, dtype=np.float64) / length**2
    return scipy.fft.irfft(spectrum / np.sqrt(power), length)[:n_samples].astype(np.float32)


def ambient(n_samples: int, sample_rate: int, slope: float, band, rng) -> np.ndarray:
    """Wind, waves and hydrophone: power falls as ``frequency ** -slope`` (1: pink)."""
    return coloured(
        n_samples, sample_rate, lambda f: np.maximum(f, 50.0) ** (-slope / 2.0), band, rng
    )


def ship(n_samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A ship: a broad hump at low frequencies, steady tonal lines, both swelling slowly.

    Its RMS is 1 between 100 Hz and 1 kHz before the swell.
    """
    corner = rng.uniform(200.0, 800.0)
    hump = coloured(
        n_samples, sample_rate, lambda f: 1.0 / (1.0 + (f / corner) ** 2), (100.0, 1_000.0), rng
    )
    time = np.arange(n_samples, dtype=np.float32) / sample_rate
    for frequency in np.exp(rng.uniform(np.log(80.0), np.log(4_000.0), rng.integers(3, 8))):
        level = rng.uniform(0.1, 0.4) * min(1.0, 600.0 / frequency)
        hump += np.float32(level) * np.sin(np.float32(2 * np.pi * frequency) * time)
    swell = np.interp(np.arange(n_samples), np.linspace(0, n_samples, 6), rng.uniform(0.3, 1, 6))
    return hump * swell.astype(np.float32)


def shrimp(n_samples: int, sample_rate: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Snapping shrimp: single broadband impulses at ``rate`` a second, a few loud, most faint.

    The peak of a median impulse is 1.
    """
    n_snaps = rng.poisson(rate * n_samples / sample_rate)
    impulses = np.zeros(n_samples, np.float32)
    peaks = rng.choice([-1.0, 1.0], n_snaps) * np.exp(0.6 * rng.standard_normal(n_snaps))
    np.add.at(impulses, rng.integers(0, n_samples, n_snaps), peaks.astype(np.float32))
    time = np.arange(int(0.001 * sample_rate)) / sample_rate
    snap = np.cos(2 * np.pi * rng.uniform(5_000.0, 10_000.0) * time) * np.exp(-time / 0.0001)
    return scipy.signal.convolve(impulses, snap.astype(np.float32), mode="full")[:n_samples]
