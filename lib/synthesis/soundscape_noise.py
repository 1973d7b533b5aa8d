"""Noise of kitchens and laundries at 16 kHz: machines, water, voices, animals, clatter."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.signal

from lib.synthesis.noise import coloured
from lib.synthesis.soundscape_beeps import SOUNDSCAPE_RATE

WHOLE_BAND = (50.0, 7_500.0)
# The band in which beeps live; their SNR is counted against the noise in it.
BEEP_BAND = (1_500.0, 6_000.0)


def machine_noise(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Phases of a cycle, one after the other: rest, wash, water, spin; 15 to 90 s each."""
    sound, start = np.zeros(n_samples, np.float32), 0
    fade = SOUNDSCAPE_RATE
    while start < n_samples:
        length = round(rng.uniform(15, 90) * SOUNDSCAPE_RATE)
        phase = PHASES[rng.integers(len(PHASES))](length + fade, rng)
        phase *= 10 ** (rng.uniform(-20, 0) / 20)
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        phase[:fade] *= ramp
        phase[-fade:] *= ramp[::-1]
        stop = min(start + len(phase), n_samples)
        sound[start:stop] += phase[: stop - start]
        start += length
    # Rest is never silence: the room itself is there.
    return sound + 0.05 * _slope(n_samples, rng.uniform(0.5, 1.5), rng)


def _long(n_samples: int, gain, rng: np.random.Generator) -> np.ndarray:
    """Coloured noise of any length from two short loops, of unit RMS.

    A loop of 12 s would repeat itself; the sum of one with another of 13.2 s does so after
    minutes only, and costs a tenth of one long transform.
    """
    sound = np.zeros(n_samples, np.float32)
    for length in (192_000, 211_200):
        loop = coloured(length, SOUNDSCAPE_RATE, gain, WHOLE_BAND, rng) * np.float32(0.5**0.5)
        for start in range(0, n_samples, length):
            part = sound[start : start + length]
            part += loop[: len(part)]
    return sound


def _rest(n_samples, rng):
    return 0.3 * _slope(n_samples, rng.uniform(0.5, 2.0), rng)


def _wash(n_samples, rng):
    """Drum and motor: hum with harmonics, swelling at the pace of the drum."""
    sound = 0.5 * _slope(n_samples, rng.uniform(1.0, 2.0), rng)
    time = np.arange(n_samples, dtype=np.float32) / SOUNDSCAPE_RATE
    sound += _lines(time, rng.uniform(40, 120) * np.arange(1, 9), rng)
    swell = 1 + rng.uniform(0, 0.6) * np.sin(2 * np.pi * rng.uniform(0.4, 1.2) * time)
    return (sound * swell).astype(np.float32)


def _water(n_samples, rng):
    low, high = rng.uniform(300, 1_500), rng.uniform(3_000, 7_000)

    def gain(f):
        return (f / low) / (1 + (f / low) ** 2) / (1 + (f / high) ** 2)

    flutter = np.interp(
        np.arange(n_samples),
        np.linspace(0, n_samples, max(2, n_samples // 4_000)),
        rng.uniform(0.6, 1.2, max(2, n_samples // 4_000)),
    )
    return _long(n_samples, gain, rng) * flutter.astype(np.float32)


def _spin(n_samples, rng):
    """A whine that climbs or falls through the band of the beeps, with its harmonics."""
    first, last = rng.uniform(150, 900), rng.uniform(150, 900)
    knots = np.array([first, first + 0.8 * (last - first), last, last])
    pitch = np.interp(np.arange(n_samples), np.linspace(0, n_samples, 4), knots)
    # Single precision is many times faster, once the phase is kept small.
    turns = (np.cumsum(pitch / SOUNDSCAPE_RATE) % 1).astype(np.float32)
    sound = _slope(n_samples, rng.uniform(0.5, 1.5), rng)
    for number in rng.choice(np.arange(1, 8), 3, replace=False):
        level = np.float32(rng.uniform(0.02, 0.3) / number)
        sound += level * np.sin(np.float32(2 * np.pi * number) * turns)
    return sound


PHASES = (_rest, _wash, _water, _spin)


def disturbance(rng: np.random.Generator) -> np.ndarray:
    """One thing that happens in a home, with a peak of 1: 0.1 to 15 s."""
    sound = DISTURBANCES[rng.integers(len(DISTURBANCES))](rng)
    return (sound / max(np.abs(sound).max(), 1e-9)).astype(np.float32)


def _voice(rng):
    """Someone speaks: gliding harmonics through moving formants, syllable by syllable."""
    base, parts = rng.uniform(90, 260), []
    for _ in range(rng.integers(4, 20)):
        n = round(rng.uniform(0.08, 0.3) * SOUNDSCAPE_RATE)
        pitch = np.linspace(*(base * rng.uniform(0.8, 1.3, 2)), n)
        pulses = scipy.signal.sawtooth(np.cumsum(2 * np.pi * pitch / SOUNDSCAPE_RATE))
        pulses += 0.1 * rng.standard_normal(n)
        syllable = np.zeros(n)
        for low, high in ((300, 900), (900, 2_400), (2_400, 3_600)):
            b, a = scipy.signal.iirpeak(rng.uniform(low, high), 5, SOUNDSCAPE_RATE)
            syllable += scipy.signal.lfilter(b, a, pulses)
        parts += [syllable * np.hanning(n), np.zeros(round(rng.uniform(0, 0.15) * SOUNDSCAPE_RATE))]
        if rng.random() < 0.3:
            hiss = scipy.signal.lfilter([1, -0.9], 1, rng.standard_normal(n // 2))
            parts.append(0.15 * hiss * np.hanning(n // 2))
    return np.concatenate(parts)


def _cry(rng):
    """A baby, a dog, a cock, a siren far off: bowed tones with harmonics, again and again."""
    base, length = np.exp(rng.uniform(np.log(250), np.log(2_500))), rng.uniform(0.12, 1.0)
    pause, parts = rng.uniform(0.1, 1.0), []
    bend = rng.uniform(0.7, 1.6)
    for _ in range(rng.integers(1, 9)):
        n = round(length * rng.uniform(0.85, 1.15) * SOUNDSCAPE_RATE)
        arc = np.interp(np.linspace(0, 2, n), [0, 0.6, 2], [1, bend, rng.uniform(0.7, 1.1)])
        phase = np.cumsum(2 * np.pi * base * arc * rng.uniform(0.95, 1.05) / SOUNDSCAPE_RATE)
        partials = np.arange(1, max(2, int(7_000 / (base * arc.max()))))[:10]
        call = (partials ** -rng.uniform(0.3, 1.2)) @ np.sin(partials[:, None] * phase)
        call *= np.hanning(n) ** 0.3
        parts += [call, np.zeros(round(pause * rng.uniform(0.8, 1.2) * SOUNDSCAPE_RATE))]
    return np.concatenate(parts)


def _chirps(rng):
    """A bird at the window: short sweeps between 2 and 7 kHz, often evenly spaced."""
    low, high = np.sort(rng.uniform(2_000, 7_000, 2))
    n = round(rng.uniform(0.03, 0.25) * SOUNDSCAPE_RATE)
    high = max(high, low * 1.08)
    sweep = np.linspace(*rng.permutation([low, high]), n)
    chirp = np.sin(np.cumsum(2 * np.pi * sweep / SOUNDSCAPE_RATE)) * np.hanning(n)
    gap, parts = rng.uniform(0.05, 0.8), []
    for _ in range(rng.integers(2, 15)):
        pause = gap * np.exp(rng.uniform(0, 0.3) * rng.standard_normal())
        parts += [chirp * rng.uniform(0.6, 1), np.zeros(round(pause * SOUNDSCAPE_RATE))]
    return np.concatenate(parts)


def _clatter(rng):
    """Dishes and cutlery: struck modes that ring up to a fifth of a second."""
    time = np.arange(round(0.3 * SOUNDSCAPE_RATE)) / SOUNDSCAPE_RATE
    modes = np.exp(rng.uniform(np.log(600), np.log(7_000), rng.integers(2, 6)))
    sound = np.zeros(round(rng.uniform(0.5, 6) * SOUNDSCAPE_RATE) + len(time))
    for first in rng.integers(0, len(sound) - len(time), rng.integers(1, 15)):
        decay = np.exp(rng.uniform(np.log(15), np.log(150), len(modes)))[:, None]
        ring = (np.exp(-decay * time) * np.sin(2 * np.pi * modes[:, None] * time)).sum(axis=0)
        ring += rng.uniform(0, 1) * np.exp(-time / 0.003) * rng.standard_normal(len(time))
        sound[first : first + len(time)] += ring * rng.uniform(0.2, 1)
    return sound


def _ticks(rng):
    """A clock, a tap that drips, an indicator: one and the same click at a steady pace."""
    time = np.arange(round(0.04 * SOUNDSCAPE_RATE)) / SOUNDSCAPE_RATE
    ring = np.sin(2 * np.pi * rng.uniform(1_000, 6_500) * time)
    click = np.exp(-time / rng.uniform(0.001, 0.006)) * (
        ring + rng.uniform(0.2, 1) * rng.standard_normal(len(time))
    )
    sound = np.zeros(round(rng.uniform(3, 15) * SOUNDSCAPE_RATE))
    sound[:: round(rng.uniform(0.25, 1.1) * SOUNDSCAPE_RATE)] = 1
    return scipy.signal.fftconvolve(sound, click)


DISTURBANCES = (_voice, _voice, _cry, _chirps, _clatter, _clatter, _ticks)


def band_level(sound: np.ndarray, band: tuple[float, float] = BEEP_BAND) -> float:
    """RMS of a sound within a band, by Parseval's theorem."""
    length = scipy.fft.next_fast_len(len(sound), real=True)
    spectrum = scipy.fft.rfft(sound, length)
    frequencies = scipy.fft.rfftfreq(length, 1 / SOUNDSCAPE_RATE)
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    power = 2 * np.sum(np.abs(spectrum[inside]) ** 2, dtype=np.float64) / length
    return float(np.sqrt(power / len(sound)))


def _slope(n_samples, slope, rng):
    def gain(f):
        return np.maximum(f, 60.0) ** (-slope / 2)

    return _long(n_samples, gain, rng)


def _lines(time, frequencies, rng):
    sound = np.zeros(len(time), np.float32)
    for number, frequency in enumerate(frequencies, start=1):
        level = np.float32(rng.uniform(0.1, 0.6) / number)
        sound += level * np.sin(np.float32(2 * np.pi * frequency) * time)
    return sound
