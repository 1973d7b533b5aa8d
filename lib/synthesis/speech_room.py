"""What lies between a mouth and a microphone: background noise, a room, a cheap recorder."""

from __future__ import annotations

import numpy as np
import scipy.signal

from lib import audio
from lib.synthesis.noise import coloured
from lib.synthesis.speech import SAMPLE_RATE

# The source's levels: amplitude of the noise as a multiple of the speech's.
NOISE_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
BAND = (100.0, 7_000.0)
# What a telephone keeps: 8,000 samples a second, and on an old line only this band (Hz).
NARROW_RATE, LINE = 8_000, (300.0, 3_400.0)


def background(n_samples: int, rng: np.random.Generator, sample_rate=SAMPLE_RATE) -> np.ndarray:
    """Room noise, float32 (samples,), RMS 1: a random tilt between white and brown."""
    slope = rng.uniform(0.0, 2.0)
    # Nothing below the band, where a steep tilt would hide most of the power.
    return coloured(
        n_samples,
        sample_rate,
        lambda f: (f >= BAND[0]) * np.maximum(f, 50.0) ** (-slope / 2),
        BAND,
        rng,
    )


def mix(speech: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """Speech with background noise at `level` times its own RMS, peaks kept below 1.

    Level 1 is a signal-to-noise ratio of 0 dB, 0.25 is 12 dB, 1.25 is -2 dB.

    Raises
    ------
    ValueError
        For a negative level, or speech that is silent, so that it has no level.

    Notes
    -----
    Source: the language classifier's levels 0 to 1.25. Used by notebook 06.
    """
    if level < 0:
        raise ValueError(f"The noise level is {level}; choose 0 or more.")
    rms = np.sqrt(np.mean(np.square(speech, dtype=np.float64)))
    if rms == 0:
        raise ValueError("The speech is silent, so no noise level can be set against it.")
    noisy = speech + np.float32(level * rms) * background(len(speech), rng) if level else speech
    peak = np.abs(noisy).max()
    return (noisy / max(peak, 1.0)).astype(np.float32)


def recorder(speech: np.ndarray, rng: np.random.Generator, sample_rate=SAMPLE_RATE) -> np.ndarray:
    """The same speech through a random room, microphone, band limit and noise: for augmentation.

    A short exponential reverberation, a smooth equaliser of some dB, now and then an upper limit
    of 3.4 to 7 kHz as telephones and codecs have, and noise 5 to 40 dB below the speech.
    """
    heard = _equalise(_reverberate(speech, rng, sample_rate), rng, sample_rate)
    return mix(heard, 10 ** (-rng.uniform(5.0, 40.0) / 20), rng)


def telephone(speech: np.ndarray, line: bool = False, sample_rate=SAMPLE_RATE) -> np.ndarray:
    """The same speech at 8 kHz, that is without anything above 4 kHz, at its old rate again.

    Parameters
    ----------
    speech : array (samples,)
    line : bool
        As an old telephone line passes it on: 300 to 3,400 Hz only, each sample in the 8 bits of
        the mu-law (ITU-T G.711, here by its formula), full scale at the loudest sample.

    Notes
    -----
    Used by notebook 06.
    """
    narrow = audio.resample(speech, sample_rate, NARROW_RATE)
    if line:
        band = scipy.signal.butter(4, LINE, "bandpass", fs=NARROW_RATE, output="sos")
        narrow = _mu_law(scipy.signal.sosfilt(band, narrow))
    return audio.resample(narrow.astype(np.float32), NARROW_RATE, sample_rate)


def _mu_law(speech: np.ndarray, mu: float = 255.0) -> np.ndarray:
    """Sound in 256 steps, fine ones near zero and coarse ones far from it."""
    peak = max(np.abs(speech).max(), 1e-9)
    pressed = np.sign(speech) * np.log1p(mu * np.abs(speech) / peak) / np.log1p(mu)
    steps = np.round(pressed * 127) / 127
    return peak * np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(mu)) / mu


def _reverberate(speech, rng, sample_rate) -> np.ndarray:
    seconds = rng.uniform(0.05, 0.4)
    n_samples = int(seconds * sample_rate)
    tail = rng.standard_normal(n_samples) * 10 ** (-3 * np.arange(n_samples) / n_samples)
    # The direct sound, and behind it a tail of -20 to 0 dB.
    tail *= 10 ** (-rng.uniform(0.0, 20.0) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return scipy.signal.fftconvolve(speech, tail)[: len(speech)]


def _equalise(speech, rng, sample_rate) -> np.ndarray:
    knots = np.array([0, 200, 500, 1000, 2000, 4000, sample_rate / 2])
    gain_db = rng.normal(0.0, 4.0, len(knots)).cumsum() * 0.6
    gain_db[0] -= 10.0
    frequencies = np.fft.rfftfreq(512, 1 / sample_rate)
    gain = 10 ** (np.interp(frequencies, knots, gain_db) / 20)
    if rng.random() < 0.5:
        gain[frequencies > rng.uniform(3_400, 7_000)] *= 0.01
    kernel = np.roll(np.fft.irfft(gain), 256) * np.hanning(512)
    return scipy.signal.fftconvolve(speech, kernel, mode="same")
