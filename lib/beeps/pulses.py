"""From tone probabilities to pulses, and from pulses to trains that may be sequences.

A pulse is one tone at one pitch; a track gathers the pulses of a pitch; a train is a part of a
track that has come to an end: groups of pulses, each a few away from the next.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter1d

from lib.beeps.frontend import FRAME_LENGTH, HOP_SECONDS, SAMPLE_RATE
from lib.beeps.rhythm import FEWEST_GROUPS, GROUP_GAPS, best_chain, groups_of

# A tone must be the strongest within so many channels to each side.
PEAK_CHANNELS = 3
# A pulse may wander so many channels, and miss so many frames.
SAME_CHANNEL, MISSED_FRAMES = 1.6, 2
# Frames between looks at the tracks: 0.1 s.
TICK_FRAMES = 5
# A track that has been silent for so long is over.
TRACK_SECONDS = 6.0
MOST_PULSES = 120
CENTRE_SECONDS = FRAME_LENGTH / SAMPLE_RATE / 2


class Pulse(NamedTuple):
    """One tone: start and stop in s, channel, mean probability, level above its surroundings."""

    start: float
    stop: float
    channel: float
    probability: float
    contrast: float


class PulseTracker:
    """Pulses of a stream of tone probabilities."""

    def __init__(self, threshold: float = 0.5):
        self.threshold = threshold
        self.open: list[list[float]] = []
        self._frame = 0

    def feed(self, probability: np.ndarray, contrast: np.ndarray) -> list[Pulse]:
        """Pulses that ended in these frames; both arrays are (frames, 172)."""
        tops = maximum_filter1d(probability, 2 * PEAK_CHANNELS + 1, axis=1)
        frames, channels = np.nonzero((probability == tops) & (probability > self.threshold))
        found = probability[frames, channels], contrast[frames, channels]
        closed = []
        for frame, channel, p, c in zip(frames, channels, *found, strict=True):
            frame = self._frame + int(frame)
            closed += self._close(frame)
            self._take(frame, float(channel), float(p), float(c))
        self._frame += len(probability)
        return closed + self._close(self._frame)

    def _take(self, frame: int, channel: float, p: float, c: float) -> None:
        """Add a tone to the pulse that it goes on with, or open one."""
        near = [x for x in self.open if abs(x[2] / x[3] - channel) <= SAME_CHANNEL]
        if near:
            pulse = min(near, key=lambda x: abs(x[2] / x[3] - channel))
            pulse[1] = frame
        else:
            pulse = [frame, frame, 0.0, 0, 0.0, 0.0]
            self.open.append(pulse)
        for place, value in ((2, channel), (3, 1), (4, p), (5, c)):
            pulse[place] += value

    def _close(self, frame: int) -> list[Pulse]:
        if not self.open or min(x[1] for x in self.open) >= frame - MISSED_FRAMES - 1:
            return []
        over = [x for x in self.open if x[1] < frame - MISSED_FRAMES - 1]
        self.open = [x for x in self.open if x[1] >= frame - MISSED_FRAMES - 1]
        return [_pulse(*x) for x in over if x[1] > x[0]]


def _pulse(first, last, channels, n, p, c) -> Pulse:
    # A window hears a beep, 12 dB down, when its centre is within 10 ms of it at either end.
    start, stop = (frame * HOP_SECONDS + CENTRE_SECONDS for frame in (first, last))
    return Pulse(start, stop, channels / n, p / n, c / n)


class Train(NamedTuple):
    """Groups at a steady pace that have come to an end.

    Starts and stops of the groups (s), pulses in each, the pulses themselves; the groups that fell
    in between, the pulses of the same pitch before, and the time at which the end is certain.
    """

    starts: np.ndarray
    stops: np.ndarray
    counts: np.ndarray
    pulses: list
    strangers: int
    before: list
    decided: float

    @property
    def interval(self) -> float:
        """Time from group to group in s; where a group is missing, half of what lies between."""
        between = np.diff(self.starts)
        return float(np.median(between / np.maximum(np.round(between / between.min()), 1)))


@dataclass
class Track:
    """Pulses of one pitch, and the trains in them that wait for their end to be certain."""

    channel: float
    pulses: deque = field(default_factory=lambda: deque(maxlen=MOST_PULSES))
    waiting: list = field(default_factory=list)
    reported: deque = field(default_factory=lambda: deque(maxlen=20))


class TrainFinder:
    """Trains of a stream of pulses, each reported once it is certain that it is over.

    Memory is bounded: a track keeps 120 pulses and ends 6 s after the last, and of all pulses the
    latest 512 are kept.
    """

    def __init__(self):
        self.tracks: list[Track] = []
        self.recent: deque[Pulse] = deque(maxlen=512)

    def feed(self, pulses: list[Pulse], open_pulses: list, now: float) -> list[Train]:
        """Take the pulses that ended and return the trains that are over at time `now` (s)."""
        for pulse in pulses:
            self.recent.append(pulse)
            track = self._track(pulse)
            track.pulses.append(pulse)
            track.waiting = _steady_trains(track)
        over = []
        for track in self.tracks:
            if track.waiting and not _sounding(track, open_pulses):
                over += _reported(track, now)
        self.tracks = [t for t in self.tracks if t.pulses[-1].stop >= now - TRACK_SECONDS]
        return [train._replace(decided=now) for train in over]

    def _track(self, pulse: Pulse) -> Track:
        near = [t for t in self.tracks if abs(t.channel - pulse.channel) <= SAME_CHANNEL]
        if not near:
            self.tracks.append(Track(pulse.channel))
            return self.tracks[-1]
        track = min(near, key=lambda t: abs(t.channel - pulse.channel))
        # The pitch of a track settles on the mean of its pulses.
        track.channel += (pulse.channel - track.channel) / min(len(track.pulses) + 1, 20)
        return track


def _reported(track: Track, now: float) -> list[Train]:
    """Trains of a track whose end has become certain, each once."""
    over = []
    for train in (train for train in track.waiting if train.decided <= now):
        key = train.starts[0], train.stops[-1], len(train.pulses)
        if key not in track.reported:
            track.reported.append(key)
            over.append(train)
    track.waiting = [train for train in track.waiting if train.decided > now]
    return over


def _sounding(track: Track, open_pulses: list) -> bool:
    """Whether a pulse of this pitch has begun and not ended; a single frame is no pulse yet."""
    return any(x[1] > x[0] and abs(x[2] / x[3] - track.channel) <= 2 for x in open_pulses)


def _steady_trains(track: Track) -> list[Train]:
    """Trains that end with one of the last two groups, for each way to group the pulses."""
    if len(track.pulses) < FEWEST_GROUPS:
        return []
    pulses = sorted(track.pulses)
    trains, known = [], set()
    for gap in GROUP_GAPS:
        groups = groups_of(pulses, gap)
        longest: list[int] = []
        for last in range(len(groups) - 1, max(len(groups) - 3, FEWEST_GROUPS - 2), -1):
            if last in longest:
                # The group before the last is one of a train that goes on with the last.
                continue
            chain, pause = best_chain([group[:2] for group in groups], last)
            longest = longest or chain
            key = tuple(groups[k][:2] for k in chain)
            if len(chain) >= FEWEST_GROUPS and key not in known:
                known.add(key)
                trains.append(_train(pulses, groups, chain, pause))
    return trains


def _train(pulses: list[Pulse], groups: list[tuple], chain: list[int], pause: float) -> Train:
    chosen = [groups[k] for k in chain]
    return Train(
        np.array([group[0] for group in chosen]),
        np.array([group[1] for group in chosen]),
        np.array([group[3] - group[2] for group in chosen]),
        [pulses[k] for group in chosen for k in range(group[2], group[3])],
        chain[-1] - chain[0] + 1 - len(chain),
        pulses[: chosen[0][2]],
        chosen[-1][1] + waiting_seconds(pause),
    )


def waiting_seconds(pause: float) -> float:
    """How long silence must last until a sequence with such pauses (s) is known to be over."""
    return 1.1 * max(pause, 0.2) + 0.08
