"""The null model: how dense do repeats get where nothing repeats?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.discovery.repeats import dense_repeats
from lib.discovery.search import neighbours


def scramble(
    sequences: Sequence[np.ndarray], rng: np.random.Generator, block: int | None = None
) -> list[np.ndarray]:
    """Sequences of the same lengths in which nothing repeats.

    All sequences are cut into blocks of ``block`` frames (by default half the median length) and
    the blocks are laid out again in random order over all of them: the same codes, in no common
    order. Shorter blocks are rougher than real sequences, hence farther apart, and let more chance
    repeats pass.
    """
    block = block or max(1, int(np.median([len(sequence) for sequence in sequences])) // 2)
    blocks = [
        sequence[start : start + block]
        for sequence in sequences
        for start in range(0, len(sequence), block)
    ]
    frames = np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
    return np.split(frames, np.cumsum([len(sequence) for sequence in sequences])[:-1])


def null_densities(
    sequences: Sequence[np.ndarray],
    n: int = 10,
    k: int = 3,
    block: int | None = None,
    seed: int = 0,
    **warping,
) -> list[np.ndarray]:
    """Densities of the seeds that `dense_repeats` finds in each of ``n`` scrambled copies."""
    rng = np.random.default_rng(seed)
    return [_densities(_repeats(scramble(sequences, rng, block), k, **warping)) for _ in range(n)]


def false_discovery_rate(
    densities: np.ndarray, null: Sequence[np.ndarray], threshold: float
) -> tuple[float, float, float]:
    """Expected share of false clusters among those at least as dense as ``threshold``.

    Clusters in a scrambled copy (mean over copies) to clusters found, with the exact 95 % Poisson
    interval of the former: value, low, high, at most 1 each; NaN if none is found.
    """
    from scipy.stats import chi2

    found = np.count_nonzero(np.asarray(densities) >= threshold)
    false = sum(np.count_nonzero(scrambled >= threshold) for scrambled in null)
    low = chi2.ppf(0.025, 2 * false) / 2 if false else 0.0
    high = chi2.ppf(0.975, 2 * false + 2) / 2
    if not found:
        return (np.nan, np.nan, np.nan)
    return tuple(min(1.0, float(count) / len(null) / found) for count in (false, low, high))


def density_threshold(
    densities: np.ndarray, null: Sequence[np.ndarray], rate: float = 0.05
) -> float:
    """Smallest density found above which the false discovery rate is at most ``rate``, or inf."""
    for threshold in np.sort(densities):
        if false_discovery_rate(densities, null, threshold)[0] <= rate:
            return float(threshold)
    return np.inf


def find_repeats(
    sequences: Sequence[np.ndarray],
    k: int = 3,
    drop: float = 0.01,
    rate: float = 0.05,
    grow: bool = True,
    n_null: int = 10,
    block: int | None = None,
    seed: int = 0,
    **warping,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Dense repeats beyond what scrambled sequences hold.

    Parameters
    ----------
    sequences : list of arrays (n_i, d)
    k, drop, grow
        As in `dense_repeats`.
    rate : float
        False discoveries accepted per cluster found; sets the threshold of the density.
    n_null, block, seed
        Scrambled copies, frames of a block and the seed of `scramble`.
    **warping
        As in `distance_matrix`.

    Returns
    -------
    repeats : DataFrame of `dense_repeats`
    summary : dict
        ``threshold``, ``clusters``, and ``rate``, ``low``, ``high`` of false discoveries; NaN
        when there is no cluster.

    Notes
    -----
    Used by notebook 04.
    """
    if len(sequences) <= k:
        repeats = dense_repeats(np.zeros((len(sequences),) * 2), k)
        return repeats, _summary(np.inf, np.empty(0), [np.empty(0)])
    near = neighbours(sequences, k, seed=seed, **warping)
    densities = _densities(dense_repeats(near, k, drop))
    null = null_densities(sequences, n_null, k, block, seed, **warping)
    threshold = density_threshold(densities, null, rate)
    repeats = dense_repeats(near, k, drop, threshold, grow)
    return repeats, _summary(threshold, densities, null)


def _repeats(sequences, k, **warping):
    return dense_repeats(neighbours(sequences, k, **warping), k)


def _densities(repeats):
    return repeats.loc[repeats["seed"], "density"].to_numpy()


def _summary(threshold, densities, null):
    value, low, high = false_discovery_rate(densities, null, threshold)
    clusters = int(np.count_nonzero(densities >= threshold))
    return {"threshold": threshold, "clusters": clusters, "rate": value, "low": low, "high": high}
