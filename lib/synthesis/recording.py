"""The synthetic sea: minutes of hydrophone sound with everything in it written down.

Dolphins whistle in bouts of one signature type, click and burst-pulse over ambient noise, ships
and snapping shrimp. Every recording comes with its events and the contour of every whistle, so
whatever is learnt from it can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.features import FRAME_LENGTH, HOP_LENGTH, bin_frequencies
from lib.synthesis import noise, sounds
from lib.synthesis.contours import Contour, jittered
from lib.synthesis.sea import Sea
from lib.synthesis.sounds import FADE_TO, SAMPLE_RATE

RECIPE_BAND = tuple(bin_frequencies()[[0, -1]])


@dataclass(frozen=True)
class SeaRecording:
    """One recording and its truth.

    Parameters
    ----------
    signal, clean : float32 arrays (samples,) at 48 kHz
        All together, and the animals alone, sample for sample aligned.
    events : DataFrame[start, stop, kind, type, snr_db]
        Times in s; kind is whistle, clicks or burst; type is the signature type, -1 for the rest.
    contours : DataFrame[event, time, frequency]
        Row number in ``events``; time in s on the recipe's frame centres; fundamental in Hz.
    """

    signal: np.ndarray
    clean: np.ndarray
    events: pd.DataFrame
    contours: pd.DataFrame


@dataclass(frozen=True)
class _Event:
    """A sound to be mixed: unit RMS, its place in samples, and the truth about it."""

    sound: np.ndarray
    kind: str
    snr_db: float
    type: int = -1
    contour: Contour | None = None
    start: int = 0

    @property
    def stop(self) -> int:
        return self.start + len(self.sound)

    def moved(self, samples: int) -> _Event:
        return replace(self, start=self.start + samples)


def sea_recording(sea: Sea, index: int) -> SeaRecording:
    """Make recording ``index`` of a sea; the same on every machine to float tolerance.

    Parameters
    ----------
    sea : Sea
    index : int
        0 or more; recordings of different index are independent and share the types' shapes.

    Returns
    -------
    SeaRecording

    Raises
    ------
    ValueError
        For a negative index.

    Notes
    -----
    Used by notebooks 01 to 04 through ``corpora.load("sea")``.
    """
    if not 0 <= index < 2**31:
        raise ValueError(f"Recording index is {index}; it must be 0 or more.")
    rng = np.random.default_rng([sea.seed, index])
    n_samples = round(sea.duration * SAMPLE_RATE)
    events = sorted(_events(sea, rng, n_samples), key=lambda event: event.start)
    clean = np.zeros(n_samples, np.float32)
    for event in events:
        gain = np.float32(sea.ambient_rms * 10.0 ** (event.snr_db / 20.0))
        clean[event.start : event.stop] += gain * event.sound
    signal = clean + _water(sea, rng, n_samples)
    return SeaRecording(signal, clean, _event_table(events), _contour_table(events))


def _events(sea: Sea, rng, n_samples: int) -> list[_Event]:
    """Blocks of events laid out one after another with random silence between them."""
    contours = sea.contours
    blocks = _blocks(sea, contours, rng)
    # At least a tenth of the recording stays silent.
    while sum(block[-1].stop for block in blocks) > 0.9 * n_samples:
        blocks.pop()
    free = n_samples - sum(block[-1].stop for block in blocks)
    gaps = rng.dirichlet(np.ones(len(blocks) + 1)) * free
    placed, now = [], 0
    for gap, block in zip(gaps, blocks, strict=False):
        now += int(gap)
        placed += [event.moved(now) for event in block]
        if rng.random() < sea.overlap:
            placed += _guest(sea, contours, rng, now, n_samples)
        now += block[-1].stop
    return placed


def _blocks(sea: Sea, contours, rng) -> list[list[_Event]]:
    """Bouts, click trains and bursts of one recording in random order."""
    minutes = sea.duration / 60.0
    n_whistles = rng.poisson(sea.whistles * minutes)
    blocks, done = [], 0
    while done < n_whistles:
        size = min(int(rng.integers(sea.bout[0], sea.bout[1] + 1)), n_whistles - done)
        blocks.append(_bout(sea, contours, rng, size))
        done += size
    blocks += [[_clicks(sea, rng)] for _ in range(rng.poisson(sea.clicks * minutes))]
    blocks += [[_burst(sea, rng)] for _ in range(rng.poisson(sea.bursts * minutes))]
    return [blocks[i] for i in rng.permutation(len(blocks))]


def _bout(sea: Sea, contours, rng, size: int) -> list[_Event]:
    """One animal repeats its signature, each time a little different."""
    number = list(contours)[rng.integers(len(contours))]
    level = rng.uniform(*sea.snr_db)
    bout, start = [], 0
    for _ in range(size):
        example = contours[number][rng.integers(len(contours[number]))]
        snr = np.clip(level + sea.loudness_db * rng.standard_normal(), *sea.snr_db)
        contour = jittered(example, rng, sea.warp, sea.pitch, sea.stretch)
        sound = sounds.whistle(contour, sea.harmonics, rng)
        bout.append(_Event(sound, "whistle", float(snr), number, contour, start))
        start = bout[-1].stop + int(rng.uniform(*sea.gap) * SAMPLE_RATE)
    return bout


def _guest(sea: Sea, contours, rng, start: int, n_samples: int) -> list[_Event]:
    """A second animal that calls a moment after the block at ``start`` has begun."""
    event = _bout(sea, contours, rng, 1)[0] if rng.random() < 0.7 else _clicks(sea, rng)
    event = event.moved(start + int(rng.uniform(0.0, 0.5) * SAMPLE_RATE))
    return [event] if event.stop <= n_samples else []


def _clicks(sea: Sea, rng) -> _Event:
    sound = sounds.click_train(sea.click_interval, sea.click_train, rng)
    return _Event(sound, "clicks", float(rng.uniform(*sea.click_snr_db)))


def _burst(sea: Sea, rng) -> _Event:
    sound = sounds.burst_pulse(sea.burst_rate, sea.burst_length, rng)
    return _Event(sound, "burst", float(rng.uniform(*sea.snr_db)))


def _water(sea: Sea, rng, n_samples: int) -> np.ndarray:
    """Everything but the animals."""
    water = noise.ambient(n_samples, SAMPLE_RATE, rng.uniform(*sea.ambient_slope), RECIPE_BAND, rng)
    if rng.random() < sea.ship:
        level = 10.0 ** (rng.uniform(*sea.ship_db) / 20.0)
        water += np.float32(level) * noise.ship(n_samples, SAMPLE_RATE, rng)
    rate, level = rng.uniform(*sea.shrimp), 10.0 ** (rng.uniform(*sea.shrimp_db) / 20.0)
    water += np.float32(level) * noise.shrimp(n_samples, SAMPLE_RATE, rate, rng)
    return np.float32(sea.ambient_rms) * water


def _event_table(events: list[_Event]) -> pd.DataFrame:
    rows = [(e.start / SAMPLE_RATE, e.stop / SAMPLE_RATE, e.kind, e.type, e.snr_db) for e in events]
    return pd.DataFrame(rows, columns=["start", "stop", "kind", "type", "snr_db"])


def _contour_table(events: list[_Event]) -> pd.DataFrame:
    """Fundamentals of all whistles at the centres of the frames that lie inside them."""
    parts = [pd.DataFrame({"event": [], "time": [], "frequency": []}).astype({"event": int})]
    for number, event in enumerate(events):
        if event.contour is None:
            continue
        first = max(0, -((FRAME_LENGTH // 2 - event.start) // HOP_LENGTH))
        last = (event.stop - FRAME_LENGTH // 2) // HOP_LENGTH
        time = (np.arange(first, last + 1) * HOP_LENGTH + FRAME_LENGTH // 2) / SAMPLE_RATE
        frequency = np.interp(time - event.start / SAMPLE_RATE, *event.contour)
        part = pd.DataFrame({"event": number, "time": time, "frequency": frequency})
        parts.append(part[frequency < FADE_TO])
    return pd.concat(parts, ignore_index=True)
