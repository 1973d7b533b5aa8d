"""Where to listen: fragments, excerpts and whole clips, none across the border of a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.language.features import FRAMES_A_SECOND, SpeechFeatures

# Frames of a fragment in the source: 0.4 s at our frame rate.
FRAGMENT = 20


@dataclass(frozen=True)
class Places:
    """Where to listen: runs of frames from ``start`` to ``stop`` of ``clip``, arrays (n,) each."""

    clip: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def __len__(self) -> int:
        return len(self.clip)

    def cut(self, speech: SpeechFeatures) -> np.ndarray:
        """The runs themselves, which must be of one length: (n, frames, coefficients)."""
        places = zip(self.clip, self.start, self.stop, strict=True)
        return np.stack([speech.frames[c][a:b] for c, a, b in places])


def fragments(speech: SpeechFeatures, length: int = FRAGMENT, step: int = FRAGMENT // 2) -> Places:
    """Runs of consecutive frames, each within one clip and at least half of it speech.

    Parameters
    ----------
    length, step : int
        Frames in a fragment (20 in the source: 0.4 s here), and from one to the next.

    Raises
    ------
    ValueError
        If no clip is long enough.
    """
    if length < 1 or step < 1:
        raise ValueError(f"Fragments of {length} frames every {step}: both must be 1 or more.")
    clips, starts = [], []
    for number, loud in enumerate(speech.speech):
        first = np.arange(0, len(loud) - length + 1, step)
        before = np.concatenate([[0], np.cumsum(loud)])
        first = first[before[first + length] - before[first] >= 0.5 * length]
        clips.append(np.full(len(first), number))
        starts.append(first)
    start = np.concatenate(starts)
    if not len(start):
        seconds = length / FRAMES_A_SECOND
        raise ValueError(
            f"No clip of {speech.name} holds {seconds:.2f} s of speech; use longer ones."
        )
    return Places(np.concatenate(clips), start, start + length)


def excerpts(speech: SpeechFeatures, seconds: float) -> Places:
    """Consecutive excerpts of clips, without overlap.

    A clip a little shorter than an excerpt (by a tenth at most) still gives one.
    """
    length = round(seconds * FRAMES_A_SECOND)
    rows = []
    for number, n in enumerate(map(len, speech.frames)):
        if n >= 0.9 * length:
            starts = range(0, max(n - length, 0) + 1, length)
            rows += [(number, start, min(start + length, n)) for start in starts]
    if not rows:
        raise ValueError(f"No clip of {speech.name} lasts {seconds} s; ask for shorter excerpts.")
    return Places(*np.array(rows).T)


def whole_clips(speech: SpeechFeatures) -> Places:
    """Every clip from its start to its end."""
    lengths = np.array([len(frames) for frames in speech.frames])
    return Places(np.arange(len(speech)), np.zeros_like(lengths), lengths)
