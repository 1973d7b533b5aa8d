"""Steady rhythms among pulses: groups of them, and chains of groups at one pace."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

# Pauses inside a group are shorter than one of these, whichever makes the best rhythm.
GROUP_GAPS = (0.07, 0.16, 0.30)
FEWEST_GROUPS = 3
# Time from group to group in s, and how far a group may be from its place, in intervals.
SHORTEST_INTERVAL, LONGEST_INTERVAL, TOLERANCE = 0.15, 4.0, 0.15
# Beeps closer than this belong to one group, however steady they are.
SHORTEST_PAUSE = 0.14


def groups_of(pulses: list, gap: float) -> list[tuple]:
    """(start, stop, number of the first pulse, of the one after the last) of each group."""
    groups = [[pulses[0].start, pulses[0].stop, 0, 1]]
    for number, pulse in enumerate(pulses[1:], start=1):
        if pulse.start - groups[-1][1] >= gap:
            groups.append([pulse.start, pulse.stop, number, number + 1])
        else:
            groups[-1][1:] = max(groups[-1][1], pulse.stop), groups[-1][2], number + 1
    return [tuple(group) for group in groups]


def best_chain(spans: list[tuple], last: int) -> list[int]:
    """The longest steady chain of groups back from the last.

    The interval is tried from the last group to each of the three before it, and half and a third
    of it where groups lie between: one interval of a trembling rhythm is a poor guess of its pace.
    A group that would go on with the chain after `last` makes it void.
    """
    best, most = [], 0.0
    for interval in _intervals(spans, last):
        chain = _chain(spans, last, interval)
        strangers = last - chain[0] + 1 - len(chain)
        if len(chain) - 0.5 * strangers > most and not _goes_on(spans, chain, interval):
            best, most = chain, len(chain) - 0.5 * strangers
    return best


def _intervals(spans: list[tuple], last: int) -> list[float]:
    """Paces worth trying, in s: from one of the groups before to the last, in one step or more."""
    begin, end = spans[last]
    tried = []
    for before in range(last - 1, max(last - 4, -1), -1):
        if _alike(spans[last], spans[before]):
            between = begin - spans[before][0]
            tried += [between / steps for steps in range(1, last - before + 1)]
    least = max(SHORTEST_INTERVAL, end - begin + SHORTEST_PAUSE)
    return [interval for interval in tried if least <= interval <= LONGEST_INTERVAL]


def _alike(a: tuple, b: tuple) -> bool:
    """Whether two groups have about one length: within a factor of 2.2 or 60 ms."""
    long, short = sorted((a[1] - a[0], b[1] - b[0]), reverse=True)
    return long <= 2.2 * short or long - short <= 0.06


def _chain(spans: list[tuple], last: int, interval: float) -> list[int]:
    """Groups at steps of `interval` back from `last`; one in a row may be missing."""
    chain, missed, expected = [last], 0, spans[last][0] - interval
    for k in range(last - 1, -1, -1):
        slack = TOLERANCE * interval
        while spans[k][0] < expected - slack and missed < 1:
            missed, expected = missed + 1, expected - interval
        if spans[k][0] < expected - slack:
            break
        if abs(spans[k][0] - expected) <= slack and _alike(spans[last], spans[k]):
            chain.append(k)
            # The pace is followed, so that small errors do not add up.
            missed, expected = 0, spans[k][0] - interval
    return chain[::-1]


def paces(starts: list[float]) -> list[float]:
    """Time from each group to the next in s; where groups are missing, that of one step."""
    between = [later - earlier for earlier, later in pairwise(starts)]
    least = min(between)
    return [gap / max(round(gap / least), 1) for gap in between]


def _goes_on(spans: list[tuple], chain: list[int], interval: float) -> bool:
    """Whether something of this pitch sounds when the next group is due.

    It may have begun earlier: a voice can cover the beep with which an endless alarm goes on. When
    it is due is asked of the last group's start as well as of its stop: a crackle before a group
    moves the one, an echo after it the other.
    """
    begin, end = spans[chain[-1]]
    if len(chain) > 1:
        interval = median(paces([spans[k][0] for k in chain]))
    pause = interval - median(spans[k][1] - spans[k][0] for k in chain)
    due, slack = (begin + interval, end + pause), TOLERANCE * interval
    first, last = min(due) - slack, max(due) + slack
    return any(start <= last and stop >= first for start, stop in spans[chain[-1] + 1 :])
