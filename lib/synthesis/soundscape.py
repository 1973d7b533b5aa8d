"""Kitchens and laundries with appliances that are done, at known times.

The table of truth says what sounded when: the sequences that an alarm is for, and the decoys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.signal

from lib.synthesis.soundscape_beeps import (
    DECOYS,
    SOUNDSCAPE_RATE,
    Appliance,
    decoy,
    random_appliance,
    sequence,
)
from lib.synthesis.soundscape_noise import band_level, disturbance, machine_noise

TRUTH_COLUMNS = ["start", "stop", "appliance", "kind", "tone", "groups", "period", "snr_db"]
# Silence kept free before and after each event, so that truth has no doubtful cases.
MARGIN_SECONDS = 3.0


@dataclass(frozen=True)
class Soundscape:
    """A recording with its truth.

    Attributes
    ----------
    signal : float32 array (samples,), 16 kHz, within -1..1
    truth : DataFrame[start, stop, appliance, kind, tone, groups, period, snr_db]
        One row an event, in order of time; ``kind`` is ``sequence`` or a decoy's. ``start`` and
        ``stop`` (s) are those of the dry sound, ``tone`` is in Hz, ``period`` in s.
    beeps : float32 array (samples,)
        The dry beeps alone, decoys made of beeps included, chimes and music not: what a tone
        detector should hear. Levels are those before the recorder's gain.
    appliances : tuple of Appliance
    """

    signal: np.ndarray
    truth: pd.DataFrame
    beeps: np.ndarray
    appliances: tuple[Appliance, ...]

    @property
    def seconds(self) -> float:
        return len(self.signal) / SOUNDSCAPE_RATE

    @property
    def sequences(self) -> pd.DataFrame:
        """The rows that an alarm is for."""
        return self.truth[self.truth["kind"] == "sequence"].reset_index(drop=True)


def soundscape(
    seed: int,
    seconds: float = 600.0,
    appliances: Sequence[Appliance] | None = None,
    sequences_per_minute: float = 0.6,
    decoys_per_minute: float = 0.9,
    disturbances_per_minute: float = 4.0,
    snr: tuple[float, float] = (-10.0, 20.0),
) -> Soundscape:
    """Render one home.

    Parameters
    ----------
    seed : int
        Recordings of different seeds share nothing, not even their appliances.
    seconds : float
        Minutes to hours; an hour takes 230 MB.
    appliances : sequence of Appliance, optional
        By default two that are drawn from the seed.
    sequences_per_minute, decoys_per_minute, disturbances_per_minute : float
        Mean rates.
    snr : (low, high)
        Range in dB of the tone's RMS while it sounds over the RMS of all noise between 1.5 and
        6 kHz around it.

    Returns
    -------
    Soundscape

    Raises
    ------
    ValueError
        If `seconds` is too short for a single event.

    Notes
    -----
    Used by notebook 05.
    """
    if seconds < 10:
        raise ValueError(f"A soundscape of {seconds} s has no room for events; use 10 s or more.")
    rng = np.random.default_rng(seed)
    if appliances is None:
        appliances = [random_appliance(rng, f"appliance-{seed}-{k}") for k in range(2)]
    n_samples = round(seconds * SOUNDSCAPE_RATE)
    noise = machine_noise(n_samples, rng)
    _disturb(noise, rng.poisson(disturbances_per_minute * seconds / 60), rng)
    rates = sequences_per_minute, decoys_per_minute
    planned = [_planned(kind, appliances, rng) for kind in _kinds(rates, seconds, rng)]
    signal, beeps, rows = noise.copy(), np.zeros_like(noise), []
    for start, (kind, appliance, sound) in _laid_out(planned, seconds, rng):
        level = rng.uniform(*snr)
        rows.append(_add(signal, beeps, noise, start, kind, appliance, sound, level, rng))
    truth = pd.DataFrame(rows, columns=TRUTH_COLUMNS)
    return Soundscape(_recorded(signal, rng), truth, beeps, tuple(appliances))


def _kinds(rates, seconds, rng) -> list[str]:
    """Kinds of all events in random order; half of the decoys are the four nearest to a sequence."""
    sequences, decoys = (rng.poisson(rate * seconds / 60) for rate in rates)
    kinds = ["sequence"] * sequences + list(rng.choice(list(DECOYS), decoys))
    return list(rng.permutation(kinds))


def _planned(kind, appliances, rng):
    appliance = appliances[rng.integers(len(appliances))]
    sound = sequence(appliance, rng) if kind == "sequence" else decoy(kind, appliance, rng)
    return kind, appliance, sound


def _laid_out(planned, seconds, rng):
    """Events with their starts in s, in order and apart; what finds no room is left out."""
    lengths = np.array([len(sound) / SOUNDSCAPE_RATE + 2 * MARGIN_SECONDS for *_, sound in planned])
    fitting = np.flatnonzero(np.cumsum(lengths) <= seconds)
    spare = seconds - lengths[fitting].sum()
    gaps = np.diff(np.sort(rng.uniform(0, spare, len(fitting))), prepend=0.0)
    ends = np.cumsum(lengths[fitting] + gaps)
    return [(ends[k] - lengths[k] + MARGIN_SECONDS, planned[k]) for k in fitting]


def _add(signal, beeps, noise, start, kind, appliance, sound, snr, rng) -> tuple:
    """Put an event into the signal at its SNR; its row of the truth."""
    first, around = round(start * SOUNDSCAPE_RATE), SOUNDSCAPE_RATE // 2
    nearby = noise[max(0, first - around) : first + len(sound) + around]
    level = band_level(nearby) * 10 ** (snr / 20)
    wet = level * in_a_room(sound, rng)
    signal[first : first + len(wet)] += wet[: len(signal) - first]
    if kind not in ("chime", "music"):
        beeps[first : first + len(sound)] = level * sound
    stop = start + len(sound) / SOUNDSCAPE_RATE
    known = kind in ("sequence", "half", "single", "endless")
    facts = (appliance.tone, appliance.groups, appliance.period) if known else (np.nan,) * 3
    return (start, stop, appliance.name, kind, *facts, snr)


def in_a_room(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sound with the echo of a room, up to 0.3 s longer; the direct sound keeps its level."""
    decay = rng.uniform(0.1, 0.6)
    time = np.arange(round(min(0.3, decay / 2) * SOUNDSCAPE_RATE)) / SOUNDSCAPE_RATE
    echo = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay)
    echo *= rng.uniform(0.05, 0.7) / np.sqrt(np.sum(echo**2))
    echo[: round(0.002 * SOUNDSCAPE_RATE)] = 0
    echo[0] = 1
    return scipy.signal.oaconvolve(sound, echo).astype(np.float32)


def _disturb(noise: np.ndarray, count: int, rng) -> None:
    """Add things that happen in a home, up to 25 dB above the machine's mean level, in place."""
    level = np.sqrt(np.mean(noise**2))
    for first in rng.integers(0, len(noise), count):
        sound = in_a_room(disturbance(rng), rng) * level * 10 ** (rng.uniform(-10, 25) / 20)
        noise[first : first + len(sound)] += sound[: len(noise) - first]


def _recorded(signal: np.ndarray, rng) -> np.ndarray:
    """What a cheap recorder makes of it: any level, at times a DC offset, at times clipped."""
    peak = np.abs(signal).max()
    gain = 10 ** (rng.uniform(-30, -1) / 20) / peak
    if rng.random() < 0.15:
        gain *= rng.uniform(5, 40)
    offset = rng.uniform(-0.05, 0.05) if rng.random() < 0.2 else 0.0
    return np.clip(signal * np.float32(gain) + np.float32(offset), -1, 1)
