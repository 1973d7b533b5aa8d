"""The synthetic sea: minutes of hydrophone sound with everything in it written down.

Dolphins whistle in bouts of one signature type, click and burst-pulse over ambient noise, ships
and snapping shrimp. Every recording comes with its events and the contour of every whistle, so
whatever is learnt from it can be measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy.signal

from lib.synthesis import noise
from lib.synthesis.contours import Contour, jittered, type_shapes

SAMPLE_RATE = 48_000
# Rows of the contour table lie on the centres of the recipe's frames.
FRAME_HOP = 64
FRAME_CENTRE = 281
RECIPE_BAND = (2_135.0, 23_915.0)
FADE_FROM, FADE_TO = 21_500.0, 23_500.0


@dataclass(frozen=True)
class Sea:
    """Every knob of the sea. Ranges are (low, high), drawn uniformly; times in s, rates per minute.

    The **signal-to-noise ratio** of an event is the RMS of the event over its own duration against
    the RMS of the ambient noise in the recipe's band, 2.1 to 23.9 kHz, in dB. Ships and shrimp
    come on top and do not count.

    Parameters
    ----------
    seed : int
        With a recording's index it determines all; the types' shapes depend on it alone.
    duration : float
        Length of one recording.
    n_types : int
        Signature-whistle types, shared by all recordings of this sea.
    snr_db, click_snr_db : (low, high)
        Of whistles and burst pulses; of click trains, which are mostly pauses between clicks.
    whistles, clicks, bursts : float
        Events a minute (mean of a Poisson number; whistles come in bouts).
    bout, gap : (low, high)
        Whistles of one type in a row, and the pause between them.
    overlap : float
        Chance that a second animal whistles or clicks over a bout.
    warp, pitch, stretch, loudness_db : float
        Standard deviations between repeats: local speed, pitch and duration as shares, level in dB.
    harmonics : (fewest, most)
        Harmonics above the fundamental; each is 6 to 15 dB weaker than the one below.
    frequency_range, whistle_duration, type_distance_hz
        As in `lib.synthesis.type_shapes`.
    click_interval, click_train, burst_rate, burst_length : (low, high)
        Interval between clicks and length of a train; clicks a second in a burst and its length.
    ambient_rms, ambient_slope
        Level of the ambient noise in the recipe's band (1 is full scale); fall of its power.
    ship, ship_db : chance of a ship in a recording, its level between 100 Hz and 1 kHz.
    shrimp, shrimp_db : snaps a second (range over recordings), peak of a median snap.
        Both levels in dB over the ambient noise.
    shapes : mapping or sequence, optional
        Real contours: type -> list of (time_s, frequency_hz) arrays. Each repeat then takes one
        of its type's examples; ``n_types`` and the parametric family are not used.

    Raises
    ------
    ValueError
        For a knob that makes no sense, naming it.
    """

    seed: int = 0
    duration: float = 60.0
    n_types: int = 10
    snr_db: tuple[float, float] = (-5.0, 25.0)
    click_snr_db: tuple[float, float] = (-5.0, 15.0)
    whistles: float = 30.0
    clicks: float = 2.0
    bursts: float = 2.5
    bout: tuple[int, int] = (2, 5)
    gap: tuple[float, float] = (0.15, 0.7)
    overlap: float = 0.1
    warp: float = 0.1
    pitch: float = 0.02
    stretch: float = 0.08
    loudness_db: float = 2.0
    harmonics: tuple[int, int] = (0, 3)
    frequency_range: tuple[float, float] = (4_000.0, 20_000.0)
    whistle_duration: tuple[float, float] = (0.3, 1.1)
    type_distance_hz: float = 1_000.0
    click_interval: tuple[float, float] = (0.005, 0.08)
    click_train: tuple[float, float] = (0.5, 3.0)
    burst_rate: tuple[float, float] = (200.0, 600.0)
    burst_length: tuple[float, float] = (0.1, 0.5)
    ambient_rms: float = 0.001
    ambient_slope: tuple[float, float] = (0.5, 1.5)
    ship: float = 0.4
    ship_db: tuple[float, float] = (0.0, 20.0)
    shrimp: tuple[float, float] = (0.0, 10.0)
    shrimp_db: tuple[float, float] = (0.0, 15.0)
    shapes: Mapping | Sequence | None = field(default=None, repr=False, compare=False)

    def __post_init__(self):
        _refuse_nonsense(self)

    @property
    def contours(self) -> dict[int, list[Contour]]:
        """Examples of each type: the real ones given, else one drawn shape a type."""
        if self.shapes is None:
            drawn = type_shapes(
                self.seed,
                self.n_types,
                self.frequency_range,
                self.whistle_duration,
                self.type_distance_hz,
            )
            return {number: [shape] for number, shape in enumerate(drawn)}
        real = self.shapes
        pairs = real.items() if isinstance(real, Mapping) else enumerate(real)
        return {int(k): [Contour(*map(np.asarray, example)) for example in v] for k, v in pairs}


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

    start: int
    sound: np.ndarray
    kind: str
    type: int
    snr_db: float
    contour: Contour | None = None


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
        clean[event.start : event.start + len(event.sound)] += gain * event.sound
    signal = clean + _water(sea, rng, n_samples)
    return SeaRecording(signal, clean, _event_table(events), _contour_table(events))


def _events(sea: Sea, rng, n_samples: int) -> list[_Event]:
    """Blocks of events laid out one after another with random silence between them."""
    blocks = _blocks(sea, rng)
    # At least a tenth of the recording stays silent.
    while blocks and sum(map(_block_length, blocks)) > 0.9 * n_samples:
        blocks.pop()
    free = n_samples - sum(map(_block_length, blocks))
    gaps = rng.dirichlet(np.ones(len(blocks) + 1)) * free
    placed, now = [], 0
    for gap, block in zip(gaps, blocks, strict=False):
        now += int(gap)
        placed += [_moved(event, now) for event in block]
        if rng.random() < sea.overlap:
            placed += _guest(sea, rng, now, n_samples)
        now += _block_length(block)
    return placed


def _blocks(sea: Sea, rng) -> list[list[_Event]]:
    """Bouts, click trains and bursts of one recording in random order."""
    minutes = sea.duration / 60.0
    n_whistles = rng.poisson(sea.whistles * minutes)
    blocks, done = [], 0
    while done < n_whistles:
        size = min(int(rng.integers(sea.bout[0], sea.bout[1] + 1)), n_whistles - done)
        blocks.append(_bout(sea, rng, size))
        done += size
    blocks += [[_clicks(sea, rng)] for _ in range(rng.poisson(sea.clicks * minutes))]
    blocks += [[_burst(sea, rng)] for _ in range(rng.poisson(sea.bursts * minutes))]
    return [blocks[i] for i in rng.permutation(len(blocks))]


def _bout(sea: Sea, rng, size: int) -> list[_Event]:
    contours = sea.contours
    number = list(contours)[rng.integers(len(contours))]
    level = rng.uniform(*sea.snr_db)
    bout, start = [], 0
    for _ in range(size):
        example = contours[number][rng.integers(len(contours[number]))]
        snr = np.clip(level + sea.loudness_db * rng.standard_normal(), *sea.snr_db)
        event = _whistle(sea, rng, example, number, float(snr))
        bout.append(_moved(event, start))
        start += len(event.sound) + int(rng.uniform(*sea.gap) * SAMPLE_RATE)
    return bout


def _guest(sea: Sea, rng, start: int, n_samples: int) -> list[_Event]:
    """A second animal that calls a moment after the block at ``start`` has begun."""
    event = _bout(sea, rng, 1)[0] if rng.random() < 0.7 else _clicks(sea, rng)
    start += int(rng.uniform(0.0, 0.5) * SAMPLE_RATE)
    return [_moved(event, start)] if start + len(event.sound) <= n_samples else []


def _whistle(sea: Sea, rng, example: Contour, number: int, snr_db: float) -> _Event:
    contour = jittered(example, rng, sea.warp, sea.pitch, sea.stretch)
    n_samples = int(contour.time[-1] * SAMPLE_RATE)
    f0 = np.interp(np.arange(n_samples) / SAMPLE_RATE, contour.time, contour.frequency)
    phase = 2.0 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    sound, level = np.zeros(n_samples), 1.0
    for harmonic in range(1, 2 + rng.integers(sea.harmonics[0], sea.harmonics[1] + 1)):
        below_nyquist = np.clip((FADE_TO - harmonic * f0) / (FADE_TO - FADE_FROM), 0.0, 1.0)
        if not below_nyquist.any():
            break
        sound += level * below_nyquist * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
        level *= 10.0 ** (-rng.uniform(6.0, 15.0) / 20.0)
    return _Event(0, _unit(sound * _envelope(n_samples, rng)), "whistle", number, snr_db, contour)


def _envelope(n_samples: int, rng) -> np.ndarray:
    """Soft start and end around a slowly changing level."""
    knots = rng.uniform(0.5, 1.0, 6)
    level = np.interp(np.arange(n_samples), np.linspace(0, n_samples, len(knots)), knots)
    return level * scipy.signal.windows.tukey(n_samples, 0.2)


def _clicks(sea: Sea, rng) -> _Event:
    """A click train whose interval glides from one value to another."""
    first, last = np.exp(rng.uniform(*np.log(sea.click_interval), 2))
    length = rng.uniform(*sea.click_train)
    n = max(2, int(2.0 * length / (first + last)))
    intervals = np.geomspace(first, last, n) * np.exp(0.03 * rng.standard_normal(n))
    sound = _pulses(np.cumsum(intervals), rng)
    return _Event(0, sound, "clicks", -1, float(rng.uniform(*sea.click_snr_db)))


def _burst(sea: Sea, rng) -> _Event:
    """A burst pulse: clicks so dense that they are heard as a buzz."""
    rate = rng.uniform(*sea.burst_rate)
    n = max(2, int(rate * rng.uniform(*sea.burst_length)))
    sound = _pulses(np.arange(1, n + 1) / rate, rng)
    return _Event(0, sound, "burst", -1, float(rng.uniform(*sea.snr_db)))


def _pulses(times: np.ndarray, rng) -> np.ndarray:
    """Short broadband clicks at ``times`` (s), their level swelling and fading; unit RMS."""
    t = np.arange(-24, 25) / SAMPLE_RATE
    width = rng.uniform(0.00002, 0.00005)
    click = np.cos(2 * np.pi * rng.uniform(9_000.0, 16_000.0) * t) * np.exp(-((t / width) ** 2) / 2)
    positions = ((times - times[0]) * SAMPLE_RATE).astype(int)
    train = np.zeros(positions[-1] + 1)
    levels = np.hanning(len(times) + 2)[1:-1] ** 0.5 * rng.uniform(0.7, 1.0, len(times))
    train[positions] = levels
    return _unit(scipy.signal.convolve(train, click))


def _unit(sound: np.ndarray) -> np.ndarray:
    return (sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def _moved(event: _Event, samples: int) -> _Event:
    return _Event(event.start + samples, *list(vars(event).values())[1:])


def _block_length(block: list[_Event]) -> int:
    return block[-1].start + len(block[-1].sound)


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
    rows = [
        (e.start / SAMPLE_RATE, (e.start + len(e.sound)) / SAMPLE_RATE, e.kind, e.type, e.snr_db)
        for e in events
    ]
    return pd.DataFrame(rows, columns=["start", "stop", "kind", "type", "snr_db"])


def _contour_table(events: list[_Event]) -> pd.DataFrame:
    """Fundamentals of all whistles at the frame centres that lie inside them."""
    parts = []
    for number, event in enumerate(events):
        if event.contour is None:
            continue
        first = -((FRAME_CENTRE - event.start) // FRAME_HOP)
        last = (event.start + len(event.sound) - FRAME_CENTRE) // FRAME_HOP
        time = (np.arange(max(first, 0), last + 1) * FRAME_HOP + FRAME_CENTRE) / SAMPLE_RATE
        frequency = np.interp(time - event.start / SAMPLE_RATE, *event.contour)
        part = pd.DataFrame({"event": number, "time": time, "frequency": frequency})
        parts.append(part[frequency < FADE_TO])
    empty = pd.DataFrame({"event": [], "time": [], "frequency": []}).astype({"event": int})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _refuse_nonsense(sea: Sea) -> None:
    for name, value in vars(sea).items():
        if isinstance(value, tuple):
            if len(value) != 2 or not value[0] <= value[1]:
                raise ValueError(f"Sea.{name} is {value}; give (low, high) with low <= high.")
        elif isinstance(value, (int, float)) and not 0 <= value < np.inf:
            raise ValueError(f"Sea.{name} is {value}; it must be 0 or more and finite.")
    if not 0.5 <= sea.duration <= 3600.0:
        raise ValueError(f"Sea.duration is {sea.duration} s; it must be between 0.5 and 3600.")
    if sea.n_types < 1 or sea.bout[0] < 1:
        raise ValueError("Sea.n_types and Sea.bout must be 1 or more.")
    if max(sea.overlap, sea.ship) > 1.0:
        raise ValueError("Sea.overlap and Sea.ship are chances, 0 to 1.")
    positive = ("whistle_duration", "click_interval", "click_train", "burst_rate", "burst_length")
    for name in positive:
        if getattr(sea, name)[0] <= 0:
            raise ValueError(f"Sea.{name} is {getattr(sea, name)}; it must be above 0.")
    if not 0 < sea.frequency_range[0] or sea.frequency_range[1] > FADE_FROM:
        raise ValueError(
            f"Sea.frequency_range is {sea.frequency_range} Hz; it must lie within 0 to {FADE_FROM}."
        )
    if sea.ambient_rms == 0:
        raise ValueError("Sea.ambient_rms is 0; without noise there is no signal-to-noise ratio.")
