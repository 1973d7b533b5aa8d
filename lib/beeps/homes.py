"""Homes with the source's washer and nothing else that beeps, for both of the source's stages."""

from __future__ import annotations

import numpy as np

from lib.beeps import sequences, tones
from lib.beeps.detector import load_detector
from lib.beeps.frontend import HOP_SECONDS, SAMPLE_RATE
from lib.beeps.pulses import CENTRE_SECONDS
from lib.beeps.tonenet import tone_frequencies
from lib.synthesis.soundscape import Soundscape, soundscape
from lib.synthesis.soundscape_beeps import Appliance

WASHER = Appliance(tone=3_950.0)
# Pitches so near (Hz) to the washer's are its own.
TONE_REACH = 80.0
# A window is a tone if beeps fill at least half of it, and none if they fill less than a tenth.
FULL, EMPTY = 0.5, 0.1


def washer_home(seed: int, seconds: float = 600.0, **options) -> Soundscape:
    """A home whose only appliance is the source's washer."""
    return soundscape(seed, seconds, appliances=[WASHER], **options)


def share_of_beep(home: Soundscape, step: int = tones.STEP, kind: str | None = None) -> np.ndarray:
    """Share of each 150 ms window that beeps fill, (n,); of one kind of event if asked."""
    on = (np.abs(home.beeps) > 0).astype(np.float64)
    if kind is not None:
        keep = np.zeros(len(on), bool)
        for event in home.truth[home.truth["kind"] == kind].itertuples():
            keep[int(event.start * SAMPLE_RATE) : int(event.stop * SAMPLE_RATE) + 1] = True
        on *= keep
    sums = np.concatenate([[0.0], np.cumsum(on)])
    starts = np.arange(0, len(on) - tones.WINDOW + 1, step)
    return (sums[starts + tones.WINDOW] - sums[starts]) / tones.WINDOW


def reduced_home(seed: int, seconds: float = 600.0) -> tuple[np.ndarray, np.ndarray]:
    """Reduced stream of a washer's home, and the truth of each of its windows.

    The first stage is the detector's tone network near the washer's tone.

    Returns
    -------
    windows : int array (n, 40)
    truth : int array (n,)
        1 where at least 19 of the 40 moments lie in beeps of whole sequences.
    """
    home = washer_home(seed, seconds)
    step = tones.STEP * sequences.EVERY
    known = (share_of_beep(home, step, "sequence") >= FULL).astype(int)
    stream = tone_stream(home.signal)
    length = min(len(stream), len(known))
    windows, wanted = (sequences.stream_windows(x[:length]) for x in (stream, known))
    return windows, sequences.responses(wanted)


def tone_stream(signal: np.ndarray, tone: float = WASHER.tone) -> np.ndarray:
    """One answer each 0.1 s: is there a tone of this pitch (Hz) in the middle of the window?"""
    heard = load_detector().probabilities(signal, SAMPLE_RATE)
    near = np.abs(tone_frequencies() - tone) < TONE_REACH
    strongest = heard[:, near].max(axis=1)
    step = tones.STEP * sequences.EVERY / SAMPLE_RATE
    middle = (tones.WINDOW / SAMPLE_RATE / 2 - CENTRE_SECONDS) / HOP_SECONDS
    first = np.arange(round(middle), len(strongest) - 2, round(step / HOP_SECONDS))
    return (strongest[first[:, None] + np.arange(-2, 3)].mean(axis=1) > 0.5).astype(int)
