"""Planted sequences of codes, and what neighbours cost and miss as their number grows."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.discovery.search import neighbours
from lib.discovery.warping import Warper, check_sequences, one_thread

N_LATENT = 8


def planted_sequences(
    n: int,
    n_types: int = 20,
    dimension: int = 128,
    frames: tuple[int, int] = (20, 60),
    warp: float = 0.3,
    noise: float = 0.5,
    repeated: float = 0.8,
    seed: int = 0,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences shaped like an encoder's codes of whistles, with known types.

    A type is a smooth path through 8 latent dimensions, laid into ``dimension``. Each copy is
    stretched by up to ``warp``, warped unevenly in time, and covered by noise that is correlated
    from frame to frame, as the codes of overlapping windows are.

    Parameters
    ----------
    n, n_types : int
        Sequences, and types among those that repeat.
    frames : (int, int)
        Range of a type's length.
    warp, noise : float
        Largest relative change of length; standard deviation of the noise per number.
    repeated : float
        Share of sequences that have a type; the others are paths of their own.

    Returns
    -------
    sequences : list of float64 arrays (n_i, dimension)
    types : int array (n,), -1 for paths of their own

    Notes
    -----
    Used by notebook 09 and the tests.
    """
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(N_LATENT, dimension))
    shapes = [_shape(rng, frames) for _ in range(n_types)]
    types = np.where(rng.random(n) < repeated, rng.integers(n_types, size=n), -1)
    copies = [_copy(*(shapes[t] if t >= 0 else _shape(rng, frames)), rng, warp) for t in types]
    return [copy @ basis + noise * _drift(rng, len(copy), dimension) for copy in copies], types


def scaling_curve(
    sizes: Sequence[int], k: int = 3, sample: int = 200, seed: int = 0, **planted
) -> pd.DataFrame:
    """Cost and recall of approximate `neighbours` at several sizes, on planted sequences.

    Types grow with the archive, 50 sequences each unless ``n_types`` is given. Compilation, the
    same at every size and most of a minute for pynndescent, is over before the clock starts.
    Recall is the share of the true k neighbours found, by warping ``sample`` sequences against all.

    Returns
    -------
    DataFrame[n, seconds, microseconds_per_sequence, recall]; seconds of processor time, which a
    busy machine changes less than the clock on the wall.

    Notes
    -----
    Used by notebook 09.
    """
    neighbours(planted_sequences(200, seed=seed, **planted)[0], k, exact_below=0)
    rows = []
    for n in sizes:
        settings = {"n_types": max(1, n // 50), **planted}
        sequences, _ = planted_sequences(n, seed=seed, **settings)
        start = time.process_time()
        indices, _ = neighbours(sequences, k, exact_below=0, seed=seed)
        seconds = time.process_time() - start
        hits = _recall(check_sequences(sequences), indices, min(sample, n), seed)
        rows.append((n, seconds, 1e6 * seconds / n, hits))
    return pd.DataFrame(rows, columns=["n", "seconds", "microseconds_per_sequence", "recall"])


def _recall(sequences, indices, sample, seed):
    warp, n = Warper(sequences), len(sequences)
    hits = []
    for i in np.random.default_rng(seed).choice(n, sample, replace=False):
        blocks = np.array_split(np.arange(n), 1 + n // 2_000)
        with one_thread():
            distances = np.concatenate([warp.to(i, block) for block in blocks])
        distances[i] = np.inf
        true = np.argsort(distances, kind="stable")[: indices.shape[1]]
        hits.append(np.isin(true, indices[i]).mean())
    return float(np.mean(hits))


def _shape(rng, frames):
    speed, phase = rng.uniform(0.3, 2.5, N_LATENT), rng.uniform(0, 2 * np.pi, N_LATENT)
    return rng.integers(*frames), speed, phase, rng.uniform(0.3, 1.0, N_LATENT)


def _copy(length, speed, phase, size, rng, warp):
    length = max(1, round(length * rng.uniform(1 - warp, 1 + warp)))
    pace = 0.3 + rng.gamma(2.0, size=length)
    position = np.cumsum(pace) / pace.sum()
    return size * np.sin(2 * np.pi * speed * position[:, None] + phase)


def _drift(rng, length, dimension):
    noise = rng.normal(size=(length, dimension))
    for frame in range(1, length):
        noise[frame] = 0.8 * noise[frame - 1] + 0.6 * noise[frame]
    return noise
