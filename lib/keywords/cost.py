"""What the anchor saves: every distance of every pair against one distance a clip, measured."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.keywords.representations import mean_anchor, positions


def all_pairs(mel: np.ndarray) -> np.ndarray:
    """Cosine distance of every pair of clips, float32 (n, n): n (n - 1) / 2 different numbers."""
    from sklearn.metrics.pairwise import cosine_distances

    return cosine_distances(mel)


def anchor_distances(mel: np.ndarray) -> np.ndarray:
    """Cosine distance of each clip to the mean clip, float32 (n,)."""
    return positions(mel, mean_anchor(mel))[:, 0]


def measure(mel: np.ndarray, sizes: Sequence[int] = (500, 1000, 2000)) -> pd.DataFrame:
    """Processor time and peak memory of both for growing numbers of clips.

    Parameters
    ----------
    mel : array (n, 4096)
    sizes : sequence of int
        Each at most n.

    Returns
    -------
    DataFrame[clips, way, distances, seconds, megabytes]
        Megabytes beyond the clips themselves.

    Raises
    ------
    ValueError
        If there are fewer clips than asked for.

    Notes
    -----
    Source: the paper counts 72 million distances against 12,000 and promises a figure that its code
    does not draw. Used by notebook 07.
    """
    if max(sizes) > len(mel):
        raise ValueError(f"{max(sizes)} clips were asked for, {len(mel)} are there.")
    rows = []
    for n in sizes:
        clips = np.ascontiguousarray(mel[:n], np.float32)
        for way, compute, distances in (
            ("all pairs", all_pairs, n * (n - 1) // 2),
            ("anchor", anchor_distances, n),
        ):
            rows.append((n, way, distances, *_cost(compute, clips)))
    return pd.DataFrame(rows, columns=["clips", "way", "distances", "seconds", "megabytes"])


def _cost(compute, clips: np.ndarray) -> tuple[float, float]:
    """Least processor time of three runs (of one where runs are long), and peak memory."""
    times, peak = [], 0
    for _ in range(3 if len(clips) <= 1000 else 1):
        tracemalloc.start()
        started = time.process_time()
        compute(clips)
        times.append(time.process_time() - started)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return min(times), peak / 1e6
