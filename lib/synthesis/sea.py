"""The knobs of the synthetic sea, in one place with their seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lib.synthesis.contours import Contour, type_shapes
from lib.synthesis.sounds import FADE_FROM


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
