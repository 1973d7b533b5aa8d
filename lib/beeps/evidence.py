"""The last half minute as levels and tone probabilities, and what it says about a train.

Pulses tell what was heard. Whether a pause was empty or only drowned, whether a deeper sound set the
pace, whether each beep kept its level and its pitch: that is in the map.
"""

from __future__ import annotations

from statistics import median

import numpy as np

from lib.beeps.frontend import HOP_SECONDS, N_CHANNELS
from lib.beeps.memory import MARGIN, Memory
from lib.beeps.pulses import CENTRE_SECONDS, Train

# Channels that may belong to the tone itself, and those around its partials.
OWN_CHANNELS, PARTIAL_CHANNELS = 6, 3
# The edges of a pulse are not asked for its level, nor the first part of a pause: rooms ring.
EDGE_FRAMES, ECHO_FRAMES = 1, 5
# Levels say no more beyond so many dB.
MOST_DB = 40.0
EVIDENCE = (
    "tone in the slot before",
    "tone two slots before",
    "tone since the last group",
    "headroom before",
    "headroom two slots before",
    "headroom after",
    "least headroom after",
    "headroom of missing groups",
    "tone in the pauses",
    "headroom in the pauses",
    "least headroom in the pauses",
    "likest to a group between",
    "headroom of it",
    "likest to a group before",
    "headroom of that",
    "level spread of groups",
    "level range of groups",
    "level trend",
    "level of the weakest group",
    "decay in a pulse",
    "spread of decays",
    "glide in a pulse",
    "largest glide",
    "pitch spread of groups",
    "narrowness",
    "lift",
    "lower lift",
    "higher lift",
    "lift of the second partial",
    "lift above the band",
    "share of channels lifted",
)


def evidence(train: Train, memory: Memory) -> np.ndarray:
    """What the map says about a train, (31,) float32; names in `EVIDENCE`.

    Parameters
    ----------
    train : Train
    memory : Memory
        That holds the frames up to the decision; what is older than it is left out.
    """
    tones, levels, first = memory.maps()
    channel = _channel(train)
    near = slice(max(channel - 1, 0), channel + 2)
    # One pitch: the strongest of three neighbouring channels, as a tone may lie between two.
    tone = tones[:, near].max(axis=1)
    level = _level(levels, channel)
    pulses = _pulse_rows(train, first, len(tone))
    if not pulses:
        return np.zeros(len(EVIDENCE), np.float32)
    height = _height(level, pulses)
    gaps = _gaps(train, first, len(tone))
    return np.array(
        [
            *_slots(train, tone, level, height, first),
            *_pauses(gaps, tone, level, height),
            *_likest(train, gaps, tone, level, height, first),
            *_groups(train, level, height, first),
            *_shapes(pulses, level, levels, channel + MARGIN),
            *_lifts(pulses, gaps, levels, channel + MARGIN),
        ],
        np.float32,
    )


def headroom(train: Train, memory: Memory, start: float, stop: float) -> float:
    """How far a train stands above what its pitch held from `start` to `stop` (s), in dB.

    20 where the memory holds neither.
    """
    _, levels, first = memory.maps()
    pulses = _pulse_rows(train, first, len(levels))
    if not pulses:
        return 20.0
    level = _level(levels, _channel(train))
    return _headroom(_height(level, pulses), level, _rows(start, stop, first, len(level)))


def _channel(train: Train) -> int:
    return round(float(np.mean([p.channel for p in train.pulses])))


def _level(levels: np.ndarray, channel: int) -> np.ndarray:
    """Level of a pitch in each row, dB: the loudest of three neighbouring channels."""
    return levels[:, channel + MARGIN - 1 : channel + MARGIN + 2].max(axis=1)


def _pulse_rows(train: Train, first: int, n: int) -> list[np.ndarray]:
    """Rows of each pulse that the memory still holds."""
    pulses = [_rows(p.start, p.stop, first, n) for p in train.pulses]
    return [rows for rows in pulses if len(rows)]


def _height(level: np.ndarray, pulses: list[np.ndarray]) -> float:
    """Usual level of the pulses, dB."""
    # For a handful of values each, over ten times as fast as NumPy's.
    return float(np.median([median(level[_inner(rows)].tolist()) for rows in pulses]))


def _rows(start: float, stop: float, first: int, n: int) -> np.ndarray:
    """Rows of the map from `start` to `stop` (s), both frames included."""
    a = round((start - CENTRE_SECONDS) / HOP_SECONDS) - first
    b = round((stop - CENTRE_SECONDS) / HOP_SECONDS) - first + 1
    return np.arange(max(a, 0), min(b, n))


def _inner(rows: np.ndarray) -> np.ndarray:
    return rows[EDGE_FRAMES:-EDGE_FRAMES] if len(rows) > 3 * EDGE_FRAMES else rows


def _gaps(train: Train, first: int, n: int) -> list[np.ndarray]:
    """Rows of the pauses between the groups, without the echo at their beginning."""
    gaps = []
    for stop, start in zip(train.stops[:-1], train.starts[1:], strict=True):
        rows = _rows(stop + 2 * HOP_SECONDS, start - 2 * HOP_SECONDS, first, n)
        gaps.append(rows[min(ECHO_FRAMES, len(rows) // 2) :])
    return [rows for rows in gaps if len(rows)]


def _slots(train, tone, level, height, first) -> list[float]:
    """Was there a group where one more would stand, and could it have been heard?"""
    length = float(np.median(train.stops - train.starts))
    slots = [
        _rows(begin - 0.02, begin + length + 0.02, first, len(tone))
        for begin in (train.starts[0] - train.interval, train.starts[0] - 2 * train.interval)
    ]
    after = _rows(train.stops[-1] + 0.1, train.decided, first, len(tone))
    heard = [float(tone[rows].mean()) if len(rows) else 0.0 for rows in (*slots, after)]
    room = [_headroom(height, level, rows) for rows in (*slots, after)]
    steps = np.round(np.diff(train.starts) / train.interval)
    missing = [
        _headroom(height, level, _rows(begin + train.interval * k, begin + train.interval * k + length,
                                       first, len(tone)))
        for begin, step in zip(train.starts[:-1], steps, strict=True)
        for k in range(1, int(step))
    ]  # fmt: skip
    least = _headroom(height, level, after, np.max)
    return [*heard, *room, least, max(missing, default=0.0)]


def _headroom(height: float, level: np.ndarray, rows: np.ndarray, of=np.mean) -> float:
    """How far the groups stand above the level of some rows, dB; 20 where the memory ends."""
    if not len(rows):
        return 20.0
    return float(np.clip(height - of(level[rows]), -MOST_DB, MOST_DB))


def _pauses(gaps, tone, level, height) -> list[float]:
    if not gaps:
        return [0.0, 0.0, 0.0]
    rows = np.concatenate(gaps)
    rooms = [_headroom(height, level, part) for part in gaps]
    return [float(tone[rows].mean()), float(np.mean(rooms)), min(rooms)]


def _likest(train, gaps, tone, level, height, first) -> list[float]:
    """What sounds most like one more group, in the pauses and before the first, out of its place.

    An uneven rhythm holds an even one, if some of its groups are left out: those betray it.
    """
    length = float(np.median(train.stops - train.starts))
    frames = max(2, round(0.7 * length / HOP_SECONDS))
    groups = [
        _most(tone, _rows(start, stop, first, len(tone)), frames)[0]
        for start, stop in zip(train.starts, train.stops, strict=True)
    ]
    usual = max(float(np.median(groups)), 0.1)
    begin = train.starts[0] - 2.5 * train.interval
    before = [_rows(begin, train.starts[0] - 3 * HOP_SECONDS, first, len(tone))]
    values = []
    for parts in (gaps, before):
        found = [_most(tone, rows, frames) for rows in parts if len(rows)]
        most, where = max(found, key=lambda x: x[0], default=(0.0, np.arange(0)))
        values += [min(most / usual, 1.5), _headroom(height, level, where)]
    return values


def _most(tone: np.ndarray, rows: np.ndarray, frames: int) -> tuple[float, np.ndarray]:
    """Greatest mean of so many frames in a row, and their rows."""
    if len(rows) <= frames:
        return (float(tone[rows].sum() / frames) if len(rows) else 0.0), rows
    sums = np.cumsum(np.concatenate([[0.0], tone[rows]]))
    means = (sums[frames:] - sums[:-frames]) / frames
    best = int(means.argmax())
    return float(means[best]), rows[best : best + frames]


def _groups(train, level, height, first) -> list[float]:
    """Do the groups keep their level? A machine's beeps do, in dB and not against the noise."""
    loud = []
    for start, stop in zip(train.starts, train.stops, strict=True):
        rows = _rows(start, stop, first, len(level))
        if len(rows):
            loud.append(np.percentile(level[rows], 75))
    loud = np.array(loud) - height
    trend = np.polyfit(np.arange(len(loud)), loud, 1)[0] if len(loud) > 2 else 0.0
    values = [np.std(loud), np.ptp(loud), trend, loud.min()]
    return [float(np.clip(v, -MOST_DB, MOST_DB)) for v in values]


def _shapes(pulses, level, levels, column) -> list[float]:
    """Level and pitch inside a pulse, late against early, and of the pulses among each other."""
    decays, glides, pitches = [], [], []
    for rows in pulses:
        inner = _inner(rows)
        half = max(len(inner) // 2, 1)
        early, late = inner[:half], inner[-half:]
        decays.append(level[late].mean() - level[early].mean())
        pitch = _centroid(levels, inner, column)
        pitches.append(pitch.mean())
        glides.append(pitch[-half:].mean() - pitch[:half].mean())
    sides = [c for c in (column - 4, column - 3, column + 3, column + 4) if 0 <= c < N_CHANNELS]
    rows = np.concatenate([_inner(rows) for rows in pulses])
    narrow = float(np.mean(level[rows] - levels[rows][:, sides].mean(axis=1)))
    glides, decays = np.abs(glides), np.clip(decays, -MOST_DB, MOST_DB)
    return [
        float(np.mean(decays)),
        float(np.std(decays)),
        float(np.mean(glides)),
        float(np.max(glides)),
        float(np.std(pitches)),
        narrow,
    ]


def _centroid(levels: np.ndarray, rows: np.ndarray, column: int) -> np.ndarray:
    """Pitch of each row in channels: the centre of the power within two channels."""
    around = np.arange(max(column - 2, 0), min(column + 3, N_CHANNELS))
    power = 10 ** (levels[rows][:, around] / 10)
    return (power * (around - column)).sum(axis=1) / power.sum(axis=1)


def _lifts(pulses, gaps, levels, column) -> list[float]:
    """Which channels rise with the groups: a lower one is the true voice of a tune or a clash."""
    if not gaps:
        return [0.0] * 6
    on = levels[np.concatenate([_inner(rows) for rows in pulses])].mean(axis=0)
    lift = on - levels[np.concatenate(gaps)].mean(axis=0)
    channels = np.arange(N_CHANNELS)
    # Centre of channel k: 390.6 + 31.25 k Hz, so twice the tone is channel 2 k + 12.5.
    second = 2 * column + 12.5
    third = 3 * column + 25
    low = channels < column - OWN_CHANNELS
    partial = np.minimum(np.abs(channels - second), np.abs(channels - third)) <= PARTIAL_CHANNELS
    high = (channels > column + OWN_CHANNELS) & ~partial
    own = lift[max(column - 1, 0) : column + 2].max()
    inside = lift[:N_CHANNELS]
    values = [
        own,
        inside[low].max(initial=0) if low.any() else 0.0,
        inside[high].max(initial=0) if high.any() else 0.0,
        inside[np.abs(channels - second) <= PARTIAL_CHANNELS].max(initial=0),
        lift[N_CHANNELS],
        10 * np.mean(inside > max(0.3 * own, 3)),
    ]
    return [float(np.clip(v, -MOST_DB, MOST_DB)) for v in values]
