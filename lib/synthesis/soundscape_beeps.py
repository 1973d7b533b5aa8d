"""End-of-cycle beeps of household appliances, and the sounds that only resemble them.

Everything here is dry (no room, no noise) at 16 kHz and has unit RMS while it sounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage

SOUNDSCAPE_RATE = 16_000
# Steps of equal temperament that sound like a tune.
SCALE_STEPS = (0, 2, 4, 5, 7, 9, 11, 12)


@dataclass(frozen=True)
class Appliance:
    """What an appliance plays when it is done: groups of beeps at a steady pace.

    Parameters
    ----------
    tone : float
        Fundamental in Hz.
    beeps : int
        Beeps in a group.
    on, off : float
        Length of a beep and of the pause after it inside a group, s.
    period : float
        From the start of a group to the start of the next one, s.
    groups : int
    harmonics : tuple of float
        Level of the second, third ... partial in dB below the fundamental.
    jitter : float
        Standard deviation of a group's start, s.
    name : str
    """

    tone: float = 4_000.0
    beeps: int = 5
    on: float = 0.09
    off: float = 0.01
    period: float = 1.0
    groups: int = 4
    harmonics: tuple[float, ...] = (35.0,)
    jitter: float = 0.0
    name: str = "washer"

    @property
    def group_seconds(self) -> float:
        """Length of one group in s."""
        return self.beeps * (self.on + self.off) - self.off

    @property
    def seconds(self) -> float:
        """Length of the whole sequence in s."""
        return (self.groups - 1) * self.period + self.group_seconds


def random_appliance(rng: np.random.Generator, name: str = "appliance") -> Appliance:
    """An appliance that nobody has heard before: tone 2 to 5 kHz, own rhythm, 3 to 8 groups."""
    beeps = int(rng.choice([1, 1, 2, 3, 4, 5]))
    longest = min(0.35 if beeps > 1 else 0.8, 0.8 / beeps)
    on = float(np.exp(rng.uniform(np.log(0.06), np.log(longest))))
    off = float(rng.uniform(0.01, 0.12))
    length = beeps * (on + off) - off
    return Appliance(
        tone=float(np.exp(rng.uniform(np.log(2_000), np.log(5_000)))),
        beeps=beeps,
        on=on,
        off=off,
        period=length + float(rng.uniform(max(0.25, 2 * off), 0.7)),
        groups=int(rng.integers(3, 9)),
        harmonics=tuple(rng.uniform(10, 45, rng.integers(0, 3))),
        jitter=float(rng.uniform(0, 0.015)),
        name=name,
    )


def group_starts(appliance: Appliance, rng: np.random.Generator) -> np.ndarray:
    """Start of each group in s, the first at 0."""
    starts = np.arange(appliance.groups) * appliance.period
    return starts + np.r_[0.0, appliance.jitter * rng.standard_normal(appliance.groups - 1)]


def sequence(appliance: Appliance, rng: np.random.Generator, starts=None, tones=None) -> np.ndarray:
    """The sound of a sequence; other starts (s) or tones (Hz, one a group) make decoys of it."""
    starts = group_starts(appliance, rng) if starts is None else np.asarray(starts)
    tones = np.full(len(starts), appliance.tone) if tones is None else tones
    sound = np.zeros(round((starts[-1] + appliance.group_seconds) * SOUNDSCAPE_RATE) + 2)
    for start, tone in zip(starts, tones, strict=True):
        for number in range(appliance.beeps):
            beep = _beep(tone, appliance.on, appliance.harmonics) * rng.uniform(0.9, 1.1)
            first = round((start + number * (appliance.on + appliance.off)) * SOUNDSCAPE_RATE)
            sound[first : first + len(beep)] += beep[: len(sound) - first]
    return _unit_while_on(sound)


def decoy(kind: str, appliance: Appliance, rng: np.random.Generator) -> np.ndarray:
    """A sound that must raise no alarm.

    Parameters
    ----------
    kind : str
        One of `DECOYS`: ``single`` (one group), ``half`` (two groups, then nothing), ``rhythm``
        (uneven intervals), ``tone`` (outside 2 to 5 kHz, or changing from group to group),
        ``chime`` (a door bell), ``endless`` (20 groups or more, 25 s at least) or ``music``.

    Raises
    ------
    ValueError
        For another kind.
    """
    if kind not in DECOYS:
        raise ValueError(f"There is no decoy {kind!r}; choose one of {', '.join(DECOYS)}.")
    return DECOYS[kind](appliance, rng)


def _single(appliance, rng):
    return sequence(replace(appliance, groups=1), rng)


def _half(appliance, rng):
    return sequence(replace(appliance, groups=2), rng)


def _endless(appliance, rng):
    groups = max(20, int(rng.uniform(25, 60) / appliance.period))
    return sequence(replace(appliance, groups=groups), rng)


def _uneven(appliance, rng):
    """Intervals of which neighbours differ by a quarter or more, so that no pace is left."""
    intervals = [appliance.group_seconds + rng.uniform(0.15, 2.0)]
    while len(intervals) < max(3, appliance.groups):
        candidate = appliance.group_seconds + rng.uniform(0.15, 2.0)
        if abs(np.log(candidate / intervals[-1])) > np.log(1.25):
            intervals.append(candidate)
    return sequence(appliance, rng, starts=np.r_[0.0, np.cumsum(intervals)])


def _wrong_tone(appliance, rng):
    """Right rhythm, but too low, too high, or another tone for each group."""
    choice = rng.integers(3)
    if choice == 0:
        tones = np.full(appliance.groups, rng.uniform(500, 1_300))
    elif choice == 1:
        tones = np.full(appliance.groups, rng.uniform(6_200, 7_500))
    else:
        tones = appliance.tone * 2.0 ** np.cumsum(rng.choice([-4, 3, 5], appliance.groups) / 12)
        tones = np.clip(tones, 800, 7_000)
    return sequence(replace(appliance, harmonics=()), rng, tones=tones)


def _chime(appliance, rng):
    """Ding-dong: two to four struck bars, each with a few partials that ring on."""
    del appliance
    count, spacing = rng.integers(2, 5), rng.uniform(0.35, 0.9)
    tones = rng.uniform(500, 1_800) * 2.0 ** (-rng.integers(0, 8, count) / 12)
    sound = np.zeros(round((count * spacing + 1.5) * SOUNDSCAPE_RATE))
    time = np.arange(round(1.5 * SOUNDSCAPE_RATE)) / SOUNDSCAPE_RATE
    for number, tone in enumerate(tones):
        first = round(number * spacing * SOUNDSCAPE_RATE)
        for partial, level in ((1.0, 1.0), (2.76, 0.4), (5.4, 0.15)):
            if partial * tone < 7_500:
                ring = np.exp(-time * rng.uniform(3, 8) * partial**0.5)
                sound[first : first + len(time)] += (
                    level * ring * np.sin(2 * np.pi * partial * tone * time)
                )
    return _unit_while_on(sound)


def _music(appliance, rng):
    """A tune of plucked notes with harmonics, whose upper ones lie where beeps do."""
    del appliance
    beat, root = rng.uniform(0.18, 0.5), rng.uniform(200, 900)
    sound = np.zeros(round(rng.uniform(8, 25) * SOUNDSCAPE_RATE))
    start = 0.0
    while (first := round(start * SOUNDSCAPE_RATE)) < len(sound):
        length = beat * rng.choice([1, 1, 2, 3])
        tone = root * 2.0 ** (rng.choice(SCALE_STEPS) / 12)
        time = np.arange(round(length * SOUNDSCAPE_RATE)) / SOUNDSCAPE_RATE
        partials = np.arange(1, max(2, min(12, int(7_500 / tone))))
        decay = -rng.uniform(1, 6) * time
        note = sum(
            k**-1.2 * np.exp(k * decay) * np.sin(2 * np.pi * tone * k * time) for k in partials
        )
        note *= np.minimum(1, np.minimum(time, time[::-1]) / 0.01)
        sound[first : first + len(note)] += note[: len(sound) - first]
        start += length
    return _unit_while_on(sound)


DECOYS = {
    "single": _single,
    "half": _half,
    "rhythm": _uneven,
    "tone": _wrong_tone,
    "chime": _chime,
    "endless": _endless,
    "music": _music,
}


def _beep(tone: float, seconds: float, harmonics) -> np.ndarray:
    time = np.arange(round(seconds * SOUNDSCAPE_RATE)) / SOUNDSCAPE_RATE
    sound = np.sin(2 * np.pi * tone * time)
    for number, below in enumerate(harmonics, start=2):
        if number * tone < 7_600:
            sound += 10 ** (-below / 20) * np.sin(2 * np.pi * number * tone * time + number)
    ramp = 0.004
    return sound * np.clip(np.minimum(time, time[::-1]) / ramp, 0, 1)


def _unit_while_on(sound: np.ndarray) -> np.ndarray:
    """Scaled to an RMS of 1 over the samples that are not silence."""
    # Zero crossings are not pauses: what counts is a loud neighbour within 1 ms.
    near = scipy.ndimage.maximum_filter1d(np.abs(sound), 33)
    on = near > 0.05 * near.max()
    return (sound / np.sqrt(np.mean(sound[on] ** 2))).astype(np.float32)
