"""The state of one stream: from samples to rows of alarms, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import soxr

from lib.beeps.evidence import headroom
from lib.beeps.frontend import HOP_SECONDS, SAMPLE_RATE, FrontEnd
from lib.beeps.memory import MARGIN, Memory
from lib.beeps.pattern import PatternMatcher
from lib.beeps.pulses import (
    CENTRE_SECONDS,
    SAME_CHANNEL,
    TICK_FRAMES,
    PulseTracker,
    Train,
    TrainFinder,
)
from lib.beeps.rhythm import TOLERANCE
from lib.beeps.tonenet import REACH_CHANNELS, ToneStream, tone_frequencies
from lib.beeps.verifier import Verifier, train_features

if TYPE_CHECKING:
    from lib.beeps.detector import BeepDetector

# Silence after the end of a recording, in which a last sequence is found to be over.
CLOSING_SECONDS = 9.0
# Tones outside are not the business of the general detector.
LOWEST_TONE, HIGHEST_TONE = 1_700.0, 5_500.0
# Nor those so near to half the rate of a recording that its filter ends there.
WHOLE_BAND = 0.455
# With less room than this (dB) between a train's level and what sounds at its pitch when the next
# group is due, that group may have been covered.
COVERED_DB = 12.0


class Engine:
    """The state of one stream."""

    def __init__(self, detector: BeepDetector):
        self.detector, self.kept = detector, None
        rate = detector.sample_rate
        self._resampler = (
            None
            if rate == SAMPLE_RATE
            else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        )
        self._front, self._tones = FrontEnd(), ToneStream(detector.weights.tone)
        margin = REACH_CHANNELS // 2
        self._margin = slice(margin, -margin)
        self._contrast = np.empty((0, len(tone_frequencies())), np.float32)
        self._waiting = np.empty((0, len(tone_frequencies())), np.float32)
        self._levels = self._front.levels
        self._frame = 0
        if detector.pattern is None:
            self.finder = Sequences(detector, self)
        else:
            self.finder = Repeats(detector, self)

    def feed(self, samples: np.ndarray) -> list[tuple]:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return self._hear(samples)

    def finish(self) -> list[tuple]:
        last = np.empty(0, np.float32)
        if self._resampler is not None:
            last = self._resampler.resample_chunk(last, last=True)
        silence = np.zeros(round(CLOSING_SECONDS * SAMPLE_RATE), np.float32)
        return self._hear(np.concatenate([last, silence]))

    def _hear(self, samples: np.ndarray) -> list[tuple]:
        contrast = self._front.feed(samples)
        probability = self._tones.feed(contrast)
        contrast = contrast[:, self._margin, 0]
        if self.kept is not None:
            self.kept.append((probability, contrast))
        self._contrast = np.concatenate([self._contrast, contrast])
        self._waiting = np.concatenate([self._waiting, probability])
        self._levels = np.concatenate([self._levels, self._front.levels])
        ready = len(self._waiting) // TICK_FRAMES * TICK_FRAMES
        alarms = []
        for start in range(0, ready, TICK_FRAMES):
            part = slice(start, start + TICK_FRAMES)
            self._frame += TICK_FRAMES
            heard = self._waiting[part], self._contrast[part], self._levels[part]
            alarms += self.finder.feed(*heard, self.now)
        for name in ("_waiting", "_contrast", "_levels"):
            # A copy: a view would keep the whole piece alive.
            setattr(self, name, getattr(self, name)[ready:].copy())
        return alarms

    @property
    def now(self) -> float:
        """Time in s up to which all frames have been looked at."""
        return self._frame * HOP_SECONDS


class Sequences:
    """Alarms for trains that the verifier takes for sequences."""

    def __init__(self, detector: BeepDetector, engine: Engine):
        self._detector, self._engine = detector, engine
        self._pulses, self._trains = PulseTracker(), TrainFinder()
        self._verify = Verifier(detector.weights.verifier)
        self._memory = Memory()
        self._highest = min(HIGHEST_TONE, WHOLE_BAND * detector.sample_rate)
        self._held: list[tuple[Train, np.ndarray]] = []
        self._last_stop = -1.0

    def feed(self, probability, contrast, levels, now: float) -> list[tuple]:
        alarms = []
        due = self._over(self.trains(probability, contrast, levels, now), now)
        # Of several readings that are due at once, the one with the most groups counts.
        for train, features in sorted(due, key=lambda t: -len(t[0].starts)):
            score = float(self._verify(features[None])[0])
            if score < self._detector.threshold:
                continue
            # One sound is one alarm, whatever its harmonics and other readings say.
            if self._engine.kept is not None or train.starts[0] > self._last_stop:
                self._last_stop = max(self._last_stop, train.stops[-1])
                alarms.append(_alarm(train, score))
        return alarms

    def trains(self, probability, contrast, levels, now) -> Iterator[tuple[Train, np.ndarray]]:
        self._memory.add(probability, levels)
        pulses = self._pulses.feed(
            probability, contrast, levels[:, MARGIN : MARGIN + probability.shape[1]]
        )
        for train in self._trains.feed(pulses, self._pulses.open, now):
            if LOWEST_TONE <= _tone(train) <= self._highest:
                yield train, train_features(train, self._trains.recent, self._memory)

    def _over(self, trains: Iterator[tuple], now: float) -> list[tuple[Train, np.ndarray]]:
        """Trains whose end is certain.

        An alarm that never stops seems to end where a noise covers one group. So where the next
        group may have been covered, it takes one interval more until the end is certain.
        """
        over, held = [], []
        for train, features in trains:
            due = train.starts[-1] + train.interval
            room = headroom(train, self._memory, due - 0.02, train.decided)
            (held if room < COVERED_DB else over).append((train, features))
        for train, features in self._held:
            if now < train.decided + train.interval:
                held.append((train, features))
            elif not self._heard(train, train.starts[-1] + 2 * train.interval):
                over.append((train._replace(decided=now), features))
        self._held = held
        return over

    def _heard(self, train: Train, due: float) -> bool:
        """Whether a pulse of the train's pitch sounded at that time."""
        channel = np.mean([p.channel for p in train.pulses])
        slack = 2 * TOLERANCE * train.interval
        spans = [(p.start, p.stop, p.channel) for p in self._trains.recent]
        spans += [(_seconds(p.first), _seconds(p.last), p.channel) for p in self._pulses.open]
        return any(
            begin - slack <= due <= end + slack and abs(other - channel) <= SAME_CHANNEL
            for begin, end, other in spans
        )


class Repeats:
    """Alarms where a stream fits the pattern of one appliance, at the best-fitting moment."""

    def __init__(self, detector: BeepDetector, engine: Engine):
        self._detector, self._engine = detector, engine
        self._matcher = PatternMatcher(detector.pattern)
        self._best: tuple[float, float] | None = None
        self._silent_until, self._time = -1.0, 0.0

    def feed(self, probability, contrast, levels, now: float) -> list[tuple]:
        alarms = []
        for score in self._matcher.feed(probability):
            self._time += HOP_SECONDS
            better = score >= self._detector.threshold and (not self._best or score > self._best[1])
            if better and self._time >= self._silent_until:
                self._best = self._time, float(score)
            # Five frames later nothing fits better: this was it.
            if self._best and self._time - self._best[0] >= TICK_FRAMES * HOP_SECONDS:
                alarms.append(self._raise())
        return alarms

    def _raise(self) -> tuple:
        pattern, (when, score) = self._detector.pattern, self._best
        stop = when - self._matcher.delay
        self._best, self._silent_until = None, self._time + pattern.seconds / 2
        tone = float(np.median([tone for *_, tone in pattern.pulses]))
        start = stop - pattern.seconds
        onsets = tuple((start + pattern.groups()[:, 0]).tolist())
        return (start, stop, score, tone, len(onsets), self._time, onsets)


def _tone(train: Train) -> float:
    channel = np.mean([p.channel for p in train.pulses])
    return float(np.interp(channel, np.arange(len(tone_frequencies())), tone_frequencies()))


def _alarm(train: Train, score: float) -> tuple:
    start, stop = float(train.starts[0]), float(train.stops[-1])
    onsets = tuple(train.starts.tolist())
    return (start, stop, score, _tone(train), len(onsets), train.decided, onsets)


def _seconds(frame: int) -> float:
    return frame * HOP_SECONDS + CENTRE_SECONDS
