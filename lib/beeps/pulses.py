"""From tone probabilities to pulses, and from pulses to trains that may be sequences.

A pulse is one tone at one pitch; a track gathers the pulses of a pitch; a train is a part of a
track that has come to an end: groups of pulses, each a few away from the next.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter1d

from lib.beeps.frontend import FRAME_LENGTH, HOP_SECONDS, SAMPLE_RATE
from lib.beeps.rhythm import FEWEST_GROUPS, GROUP_GAPS, best_chain, groups_of, paces

# A tone must be the strongest within so many channels to each side.
PEAK_CHANNELS = 3
# A pulse may wander so many channels, and miss so many frames.
SAME_CHANNEL, MISSED_FRAMES = 1.6, 2
# A tone so many dB below the loudest moment of its pulse only rings on in the room; one that rises
# by so many dB out of the ringing is the next pulse, and after so many silent frames any is.
FALL_DB, RISE_DB, RING_FRAMES = 12.0, 6.0, 10
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


@dataclass
class _OpenPulse:
    """A pulse that may go on: its first and last frame, sums over its frames, its loudest level."""

    first: int
    last: int
    channels: float = 0.0
    n: int = 0
    probability: float = 0.0
    contrast: float = 0.0
    loudest: float = -np.inf

    @property
    def channel(self) -> float:
        return self.channels / self.n

    def closed(self) -> Pulse:
        # A window hears a beep, 12 dB down, when its centre is within 10 ms of it at either end.
        start, stop = (frame * HOP_SECONDS + CENTRE_SECONDS for frame in (self.first, self.last))
        return Pulse(start, stop, self.channel, self.probability / self.n, self.contrast / self.n)


@dataclass
class _Ringing:
    """What a room keeps of a pulse: its channel, its last frame, its lowest level so far."""

    channel: float
    last: int
    lowest: float


class PulseTracker:
    """Pulses of a stream of tone probabilities.

    In a room that rings, a tone is still heard in the pauses between beeps: a pulse ends where its
    level has fallen by `FALL_DB`, and another begins where it rises again by `RISE_DB`.
    """

    def __init__(self, threshold: float = 0.5):
        self.threshold = threshold
        self.open: list[_OpenPulse] = []
        self._ringing: list[_Ringing] = []
        self._frame = 0

    def feed(
        self, probability: np.ndarray, contrast: np.ndarray, levels: np.ndarray
    ) -> list[Pulse]:
        """Pulses that ended in these frames; all arrays are (frames, 172), the levels in dB."""
        heard = probability > self.threshold
        if heard.any():  # Mostly nothing is.
            heard &= probability == maximum_filter1d(probability, 2 * PEAK_CHANNELS + 1, axis=1)
        places = np.nonzero(heard)
        found = (array[places] for array in (probability, contrast, levels))
        closed = []
        for frame, channel, p, c, level in zip(*places, *found, strict=True):
            frame = self._frame + int(frame)
            closed += self._close(frame)
            self._take(frame, float(channel), float(p), float(c), float(level))
        self._frame += len(probability)
        return closed + self._close(self._frame)

    def _take(self, frame: int, channel: float, p: float, c: float, level: float) -> None:
        """Add a tone to the pulse that it goes on with, or open one, unless it only rings on."""
        pulse, ringing = _nearest(self.open, channel), _nearest(self._ringing, channel)
        fallen = pulse is not None and level < pulse.loudest - FALL_DB
        if fallen and ringing is None:
            self._ringing.append(_Ringing(channel, frame, level))
            return
        if ringing is not None:
            if (fallen or pulse is None) and level < ringing.lowest + RISE_DB:
                ringing.last, ringing.lowest = frame, min(ringing.lowest, level)
                return
            self._ringing.remove(ringing)
        if pulse is None:
            pulse = _OpenPulse(frame, frame)
            self.open.append(pulse)
        pulse.last, pulse.n = frame, pulse.n + 1
        pulse.channels += channel
        pulse.probability += p
        pulse.contrast += c
        pulse.loudest = max(pulse.loudest, level)

    def _close(self, frame: int) -> list[Pulse]:
        due = frame - MISSED_FRAMES - 1
        if self._ringing:
            self._ringing = [x for x in self._ringing if x.last >= frame - RING_FRAMES]
        if not self.open or min(x.last for x in self.open) >= due:
            return []
        over = [x for x in self.open if x.last < due]
        self.open = [x for x in self.open if x.last >= due]
        return [x.closed() for x in over if x.last > x.first]


def _nearest(sounds: list, channel: float):
    """The one of some sounds that has this channel, or None."""
    near = [x for x in sounds if abs(x.channel - channel) <= SAME_CHANNEL]
    return min(near, key=lambda x: abs(x.channel - channel), default=None)


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
        # It is asked a dozen times for each train, of a few values: faster without NumPy.
        return median(paces(self.starts.tolist()))


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
    return any(x.last > x.first and abs(x.channel - track.channel) <= 2 for x in open_pulses)


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
            chain = best_chain([group[:2] for group in groups], last)
            longest = longest or chain
            key = tuple(groups[k][:2] for k in chain)
            if len(chain) >= FEWEST_GROUPS and key not in known:
                known.add(key)
                trains.append(_train(pulses, groups, chain))
    return trains


def _train(pulses: list[Pulse], groups: list[tuple], chain: list[int]) -> Train:
    chosen = [groups[k] for k in chain]
    train = Train(
        np.array([group[0] for group in chosen]),
        np.array([group[1] for group in chosen]),
        np.array([group[3] - group[2] for group in chosen]),
        [pulses[k] for group in chosen for k in range(group[2], group[3])],
        chain[-1] - chain[0] + 1 - len(chain),
        pulses[: chosen[0][2]],
        np.inf,
    )
    # Until a group would be heard that comes as late as the latest so far.
    longest, length = (
        max(paces(train.starts.tolist())),
        median((train.stops - train.starts).tolist()),
    )
    end = max(chosen[-1][1], chosen[-1][0] + length)
    return train._replace(decided=end + waiting_seconds(longest - length))


def waiting_seconds(pause: float) -> float:
    """How long silence must last until a sequence with such pauses (s) is known to be over."""
    return 1.1 * max(pause, 0.2) + 0.08
