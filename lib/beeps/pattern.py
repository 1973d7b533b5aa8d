"""The pattern of one appliance: which tones it plays when, and how well a stream fits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lib.beeps.frontend import HOP_SECONDS
from lib.beeps.pulses import CENTRE_SECONDS, waiting_seconds
from lib.beeps.tonenet import tone_frequencies

# A pulse may be so many channels off (31 Hz each), its start and stop so many seconds.
CHANNEL_TOLERANCE, TIME_TOLERANCE = 2, 0.02
# Rooms ring: the first part of a pause is not asked to be silent.
ECHO_SECONDS = 0.12
# Pauses longer than this part groups.
GROUP_PAUSE = 0.2


@dataclass(frozen=True)
class Pattern:
    """Pulses of one appliance's sequence.

    Parameters
    ----------
    pulses : tuple of (start, stop, tone)
        In s from the first pulse's start, and Hz; in order of time.

    Raises
    ------
    ValueError
        For fewer than two pulses, wrong order, or a tone that the detector cannot hear.
    """

    pulses: tuple[tuple[float, float, float], ...]

    def __post_init__(self):
        low, high = tone_frequencies()[[0, -1]]
        spans = np.array(self.pulses, float).reshape(-1, 3)
        if len(spans) < 2 or not np.isfinite(spans).all():
            raise ValueError(f"A pattern needs two pulses or more, got {self.pulses}.")
        if (spans[:, 1] <= spans[:, 0]).any() or (np.diff(spans[:, 0]) < 0).any():
            raise ValueError("Pulses of a pattern stop after they start, and come in order.")
        if (spans[:, 2] < low).any() or (spans[:, 2] > high).any():
            raise ValueError(f"Tones of a pattern lie between {low:.0f} and {high:.0f} Hz.")

    @classmethod
    def regular(
        cls,
        tone: float = 4_000.0,
        beeps: int = 5,
        on: float = 0.09,
        off: float = 0.01,
        period: float = 1.0,
        groups: int = 4,
    ) -> Pattern:
        """`groups` groups of `beeps` beeps, `period` s apart; by default the source's washer."""
        starts = [g * period + b * (on + off) for g in range(groups) for b in range(beeps)]
        return cls(tuple((start, start + on, tone) for start in starts))

    @classmethod
    def of(cls, appliance) -> Pattern:
        """Pattern of a `lib.synthesis.Appliance`."""
        names = ("tone", "beeps", "on", "off", "period", "groups")
        return cls.regular(**{name: getattr(appliance, name) for name in names})

    @property
    def seconds(self) -> float:
        return max(stop for _, stop, _ in self.pulses)

    def groups(self) -> np.ndarray:
        """Start and stop of each group of pulses, (n, 2) in s."""
        spans = np.array(self.pulses)[:, :2]
        first = np.flatnonzero(np.r_[True, spans[1:, 0] - spans[:-1, 1] >= GROUP_PAUSE])
        stops = np.maximum.reduceat(spans[:, 1], first)
        return np.stack([spans[first, 0], stops], axis=1)

    @property
    def pause(self) -> float:
        """Median pause between groups in s; half a second where there is one group only."""
        groups = self.groups()
        return float(np.median(groups[1:, 0] - groups[:-1, 1])) if len(groups) > 1 else 0.5


class PatternMatcher:
    """How well the last seconds of a stream of tone probabilities fit a pattern.

    The score is the mean tone probability where the pattern sounds, less that in its pauses, less
    that where one more group would stand before or after it: 1 fits perfectly, and half a
    sequence, or one that never stops, does not.
    """

    def __init__(self, pattern: Pattern):
        self.pattern = pattern
        frequencies = tone_frequencies()
        tones = sorted({tone for *_, tone in pattern.pulses})
        self._bands = [_band(tone, frequencies) for tone in tones]
        places = {tone: number for number, tone in enumerate(tones)}
        groups, pause = pattern.groups(), pattern.pause
        length = float(np.median(groups[:, 1] - groups[:, 0]))
        self._lead = pause + length + 0.1
        self._tail = waiting_seconds(pause)
        self._on = [
            (*self._frames(a + TIME_TOLERANCE, b - TIME_TOLERANCE), places[tone])
            for a, b, tone in pattern.pulses
        ]
        quiet = [(b, a) for (_, b), (a, _) in pairwise(groups)]
        quiet += [(groups[-1, 1], groups[-1, 1] + pause)]
        self._off = [self._frames(a + min(ECHO_SECONDS, 0.4 * (b - a)), b - 0.04) for a, b in quiet]
        self._before = self._frames(-pause - length + 0.04, -pause - 0.04)
        self._after = self._frames(groups[-1, 1] + pause + 0.02, groups[-1, 1] + self._tail)
        self.span = self._frames(0, pattern.seconds + self._tail)[1]
        self._heard = np.zeros((self.span, len(tones) + 1), np.float32)

    def _frames(self, start: float, stop: float) -> tuple[int, int]:
        """First frame and the one after the last of a part of the pattern, one frame at least."""
        first = round((start + self._lead - CENTRE_SECONDS) / HOP_SECONDS)
        return first, max(first + 1, round((stop + self._lead - CENTRE_SECONDS) / HOP_SECONDS))

    def feed(self, probability: np.ndarray) -> np.ndarray:
        """Score at the end of each frame, (frames, 172) -> (frames,)."""
        bands = [probability[:, band].max(axis=1, initial=0) for band in self._bands]
        heard = np.concatenate([self._heard, np.stack([*bands, np.max(bands, axis=0)], axis=1)])
        self._heard = heard[-self.span :]
        sums = np.cumsum(np.concatenate([np.zeros((1, heard.shape[1])), heard]), axis=0)

        def mean(first, stop, place=-1):
            n = len(probability)
            part = sums[stop + 1 : stop + 1 + n, place] - sums[first + 1 : first + 1 + n, place]
            return part / (stop - first)

        on = np.mean([mean(*part) for part in self._on], axis=0)
        off = np.mean([mean(*part) for part in self._off], axis=0)
        return on - off - mean(*self._before) - mean(*self._after)

    @property
    def delay(self) -> float:
        """Seconds from the end of the pattern to the moment its score is complete."""
        return self._tail


def _band(tone: float, frequencies: np.ndarray) -> slice:
    channel = int(np.argmin(np.abs(frequencies - tone)))
    return slice(max(0, channel - CHANNEL_TOLERANCE), channel + CHANNEL_TOLERANCE + 1)
