"""Regions of a recording: (start, stop) in seconds, merged, cut out, joined."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.audio.reading import SAMPLE_RATE


def merge_regions(regions, gap: float = 0.1, shortest: float = 0.0) -> np.ndarray:
    """Sort regions, merge those closer than ``gap`` and drop those shorter than ``shortest``.

    Parameters
    ----------
    regions : array (n, 2) or DataFrame with start and stop
        Seconds.
    gap, shortest : float
        Seconds; the source merges below 0.1 s and drops what is shorter than one hop.

    Returns
    -------
    float array (m, 2), sorted and disjoint
    """
    merged: list[list[float]] = []
    for start, stop in sorted(map(tuple, as_regions(regions))):
        if merged and start - merged[-1][1] < gap:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return np.array([r for r in merged if r[1] - r[0] >= shortest], float).reshape(-1, 2)


def as_regions(regions) -> np.ndarray:
    """Regions as a float array (n, 2) of start and stop in s; ValueError if one ends too early."""
    if isinstance(regions, pd.DataFrame):
        regions = regions[["start", "stop"]].to_numpy()
    regions = np.asarray(regions, float).reshape(-1, 2)
    if not np.all(regions[:, 0] <= regions[:, 1]):
        raise ValueError("A region stops before it starts, or holds NaN.")
    return regions


def cut(signal: np.ndarray, regions, sample_rate: int = SAMPLE_RATE) -> list[np.ndarray]:
    """Pieces of a signal, one a region; ValueError for a region wholly outside the signal."""
    bounds = np.round(as_regions(regions) * sample_rate).astype(int)
    outside = (bounds[:, 0] < 0) | (bounds[:, 0] >= len(signal))
    if outside.any():
        start = bounds[outside][0, 0] / sample_rate
        raise ValueError(
            f"A region starts at {start:.3f} s, outside the {len(signal) / sample_rate:.3f} s of "
            "the signal."
        )
    return [signal[start:stop] for start, stop in bounds]


def join(
    snippets: list[np.ndarray], sample_rate: int = SAMPLE_RATE, gap: float = 0.1
) -> np.ndarray:
    """One signal of all snippets with ``gap`` seconds of zeros between them."""
    if not snippets:
        raise ValueError("There are no snippets to join.")
    silence = np.zeros(round(gap * sample_rate), np.float32)
    pieces = [piece for snippet in snippets for piece in (silence, snippet)]
    return np.concatenate(pieces[1:])
