"""Spoken keywords with known truth: one word, one voice, one second, one room, one noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.synthesis.speech import RATES, SAMPLE_RATE, Speaker, speak

# The words of Google Speech Commands v0.01, which the keyword-spotting paper uses.
WORDS = (
    *("bed", "bird", "cat", "dog", "down", "eight", "five", "four"),
    *("go", "happy", "house", "left", "marvin", "nine", "no", "off"),
    *("on", "one", "right", "seven", "sheila", "six", "stop", "three"),
    *("tree", "two", "up", "wow", "yes", "zero"),
)
ACCENTS = ("en", "en-US", "en-US-nyc", "en-GB-scotland", "en-GB-x-rp", "en-GB-x-gbclan")


@dataclass(frozen=True)
class Booth:
    """How keywords are recorded.

    Parameters
    ----------
    snr_db : (low, high)
        Speech power over noise power while the word lasts.
    level : (low, high)
        Peak of the clip.
    pace_jitter : float
        A speaker says a word this share faster or slower from time to time.
    echo : float
        Longest reverberation in s, to a sixtieth decibel.
    """

    snr_db: tuple[float, float] = (5.0, 35.0)
    level: tuple[float, float] = (0.1, 0.9)
    pace_jitter: float = 0.12
    echo: float = 0.3


def keyword_clip(
    word: str,
    speaker: Speaker,
    rng: np.random.Generator,
    accent: str = "en",
    booth: Booth | None = None,
) -> np.ndarray:
    """A word said once, float32 (16000,): one second at 16 kHz.

    Parameters
    ----------
    word : str
    speaker : Speaker
    rng : numpy Generator
        Draws pace, place in the second, echo, noise and level.
    accent : str
        An English of eSpeak NG, such as one of `ACCENTS`.
    booth : Booth, optional

    Raises
    ------
    ValueError
        As `lib.synthesis.speech.speak`.

    Notes
    -----
    Used by notebook 07 through ``corpora.load("voices")``.
    """
    booth = booth or Booth()
    pace = speaker.rate * (1 + booth.pace_jitter * rng.uniform(-1, 1))
    said = speak(word, accent, replace(speaker, rate=int(np.clip(pace, *RATES))))
    said = _trimmed(said)[:SAMPLE_RATE]
    clip = np.zeros(SAMPLE_RATE, np.float32)
    start = rng.integers(0, SAMPLE_RATE - len(said) + 1)
    clip[start : start + len(said)] = said
    clip = _in_a_room(clip, booth.echo * rng.random(), rng)
    power = np.mean(np.square(clip[start : start + len(said)]))
    noise = _coloured_noise(SAMPLE_RATE, rng.uniform(0, 2), rng)
    clip += noise * np.sqrt(power * 10 ** (-rng.uniform(*booth.snr_db) / 10))
    return (clip * rng.uniform(*booth.level) / np.abs(clip).max()).astype(np.float32)


def _trimmed(signal: np.ndarray) -> np.ndarray:
    """The part of an utterance between its first and last sample above a thousandth."""
    loud = np.flatnonzero(np.abs(signal) > 1e-3)
    return signal[loud[0] : loud[-1] + 1]


def _in_a_room(signal: np.ndarray, echo: float, rng: np.random.Generator) -> np.ndarray:
    """The signal with a decaying echo of ``echo`` seconds, and through a tilted channel."""
    from scipy.signal import fftconvolve, lfilter

    tilt = rng.uniform(-0.5, 0.5)
    signal = lfilter([1.0, tilt], [1.0], signal)
    n = int(echo * SAMPLE_RATE)
    if n < 100:
        return signal.astype(np.float32)
    response = rng.normal(0, 0.03, n) * 10 ** (-3 * np.arange(n) / n)
    response[0] = 1.0
    return fftconvolve(signal, response)[: len(signal)].astype(np.float32)


def _coloured_noise(n: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power that falls by ``3 * slope`` dB an octave above 60 Hz."""
    frequency = np.maximum(np.fft.rfftfreq(n, 1 / SAMPLE_RATE), 60.0)
    noise = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) * frequency ** (-slope / 2), n)
    return (noise / noise.std()).astype(np.float32)
