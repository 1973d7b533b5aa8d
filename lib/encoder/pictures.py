"""Real whistles that come as pictures: whitening, a target to learn from, contours to score with.

The oltremare pictures show decibels on an unknown scale and nobody knows their clean signal. What
can be had: the noise floor per recording, a denoised picture as target, and the ridge that a
dynamic programme follows through the original as a stand-in for the true contour. They are few:
`moved` and `covered` make others of them to learn from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from librosa.sequence import transition_local, viterbi
from scipy.ndimage import gaussian_filter, uniform_filter1d

from lib.features import N_BINS, N_FRAMES

# In standard deviations of the smoothed, whitened picture.
RIDGE_HEIGHT = 2.5
TARGET_FLOOR = 1.5
SMOOTHING = (1.0, 1.5)
# A ridge climbs at most this many bins a frame (0.7 MHz/s at 6 ms a frame).
STEEPEST_BINS = 6
RIDGE_FRAMES = 9
# Bins (1.7 kHz in the recipe's band) that a picture to learn from may be moved up or down.
LARGEST_SHIFT = 20
# Share of the pictures to learn from that are laid under another one.
COVERED_SHARE = 0.5


def whitened(pictures: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Pictures less their recording's noise floor per bin and the level of each frame.

    A click lifts a whole frame, so it leaves little behind, and a whistle under it is seen.

    Parameters
    ----------
    pictures : array (n, frames, bins)
    groups : array (n,)
        Recording of each picture.

    Returns
    -------
    float32 array (n, frames, bins); `lib.features.normalise` makes windows of it.

    Notes
    -----
    Used by notebooks 03 and 04.
    """
    level = pictures - np.median(pictures, axis=(1, 2), keepdims=True)
    for group in np.unique(groups):
        mine = groups == group
        level[mine] -= np.median(level[mine], axis=(0, 1))
    return (level - np.median(level, axis=2, keepdims=True)).astype(np.float32)


class Moves(NamedTuple):
    """How pictures are moved: frames and bins further, and direction of time (1 or -1), each (n,)."""

    frames: np.ndarray
    bins: np.ndarray
    ways: np.ndarray


def random_moves(n: int, rng: np.random.Generator) -> Moves:
    """Any shift in time, at most 1.7 kHz in pitch, every other one mirrored in time."""
    frames = rng.integers(N_FRAMES, size=n)
    bins = rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, n)
    return Moves(frames, bins, rng.choice([-1, 1], n))


def moved(pictures: np.ndarray, moves: Moves) -> np.ndarray:
    """Each picture (frames, bins) as its move says; what leaves it comes in at the other end."""
    each = zip(pictures, *moves, strict=True)
    return np.stack([np.roll(x[::w], (frames, bins), axis=(0, 1)) for x, frames, bins, w in each])


def covered(pictures: np.ndarray, covers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every other picture under one of ``covers``, moved, wherever that is louder.

    Notes
    -----
    Used by `lib.encoder.finetune`: clicks and noise of pictures without a whistle over those with.
    """
    chosen = np.flatnonzero(rng.random(len(pictures)) < COVERED_SHARE)
    if len(covers) and len(chosen):
        above = covers[rng.integers(len(covers), size=len(chosen))]
        pictures = pictures.copy()
        pictures[chosen] = np.maximum(
            pictures[chosen], moved(above, random_moves(len(chosen), rng))
        )
    return pictures


def denoised(windows: np.ndarray) -> np.ndarray:
    """What stands out of the noise in normalised windows: 0 elsewhere, clicks taken out.

    The target for real pictures; a click is a whole frame, so each frame's median goes first.
    """
    return np.maximum(_standing_out(windows) - TARGET_FLOOR, 0.0)


def ridges(windows: np.ndarray) -> np.ndarray:
    """Bin of the strongest ridge in every frame, (n, frames, 1), NaN where none stands out.

    Viterbi's path through the smoothed original: what stands in for the true contour where
    nobody traced it. A frame counts where the ridge around it is 2.5 deviations high.

    Notes
    -----
    Used by notebook 03.
    """
    transition = transition_local(N_BINS, 2 * STEEPEST_BINS + 1, window="triangle", wrap=False)
    return np.stack([_ridge(picture, transition) for picture in _standing_out(windows)])[..., None]


def _ridge(picture: np.ndarray, transition: np.ndarray) -> np.ndarray:
    likelihood = np.exp(2.0 * (picture - picture.max(axis=1, keepdims=True)))
    likelihood /= likelihood.sum(axis=1, keepdims=True)
    path = viterbi(np.maximum(likelihood, 1e-12).T, transition)
    height = uniform_filter1d(picture[np.arange(len(path)), path], RIDGE_FRAMES)
    return np.where(height >= RIDGE_HEIGHT, path, np.nan).astype(np.float32)


def _standing_out(windows: np.ndarray) -> np.ndarray:
    """Smoothed windows in standard deviations of their own noise, frame medians removed."""
    level = windows - np.median(windows, axis=2, keepdims=True)
    smooth = gaussian_filter(level, (0.0, *SMOOTHING))
    # The lower half of the values is noise whatever whistles; mirrored, it gives the deviation.
    spread = np.sqrt(np.mean(np.minimum(smooth, 0.0) ** 2, axis=(1, 2), keepdims=True) * 2.0)
    return smooth / spread
