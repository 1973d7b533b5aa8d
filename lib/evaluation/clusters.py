"""Scores of clusterings and embeddings against truth, with intervals from whole groups.

A resampled group only changes how often its items count, so every replicate is a contingency
table (true class x cluster) and all of them are scored at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from lib.evaluation.intervals import bootstrap, group_codes, percentiles


def neighbour_hits(
    codes: np.ndarray, labels: Sequence, groups: Sequence | None = None, k: int = 1
) -> np.ndarray:
    """Share of each item's `k` nearest neighbours (Euclidean) with its label, (items,).

    With `groups`, neighbours are looked for in other groups only: neighbouring windows of one
    recording overlap and would find each other.
    """
    from sklearn.metrics import pairwise_distances_chunked

    labels = np.asarray(labels)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    if len(np.unique(groups)) < 2 or k >= len(labels):
        raise ValueError(f"{len(labels)} items give no {k} neighbours outside their own group.")

    def hits(distances, start):
        rows = slice(start, start + len(distances))
        distances[groups[rows, None] == groups[None, :]] = np.inf
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        return (labels[nearest] == labels[rows, None]).mean(axis=1)

    return np.concatenate(list(pairwise_distances_chunked(codes, reduce_func=hits)))


def nearest_neighbour_purity(
    codes: np.ndarray,
    labels: Sequence,
    groups: Sequence | None = None,
    k: int = 1,
    n: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Mean of `neighbour_hits` with its interval over groups: value, low, high.

    Notes
    -----
    Used by notebook 04. Its baseline is `chance_purity`.
    """
    return bootstrap(neighbour_hits(codes, labels, groups, k), groups, n=n, seed=seed)


def chance_purity(labels: Sequence) -> float:
    """Purity that neighbours drawn at random would have."""
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return float(((counts / counts.sum()) ** 2).sum())


def cluster_scores(
    truth: Sequence,
    clusters: Sequence,
    groups: Sequence | None = None,
    n: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float, float]]:
    """V-measure and adjusted Rand index, each as (value, low, high).

    Parameters
    ----------
    truth, clusters : sequence (items,)
        A label such as -1 for noise counts as one more cluster.
    groups : sequence (items,), optional
        Recordings, drawn whole; without them every item is drawn by itself.

    Returns
    -------
    dict with ``v_measure`` and ``ari``
    """
    tables = _replicated_tables(truth, clusters, groups, n, seed)
    scores = {"v_measure": v_measure(tables), "ari": adjusted_rand(tables)}
    return {name: (float(s[0]), *percentiles(s[1:])) for name, s in scores.items()}


def stability(
    clusterings: Sequence[Sequence],
    groups: Sequence | None = None,
    n: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Mean adjusted Rand index over all pairs of clusterings of the same items.

    The interval is over groups, the same draw for every pair: value, low, high.
    """
    if len(clusterings) < 2:
        raise ValueError("Stability needs 2 clusterings or more.")
    pairs = combinations(clusterings, 2)
    scores = [adjusted_rand(_replicated_tables(a, b, groups, n, seed)) for a, b in pairs]
    means = np.mean(scores, axis=0)
    return (float(means[0]), *percentiles(means[1:]))


def _replicated_tables(a, b, groups, n: int, seed: int) -> np.ndarray:
    """Contingency table of two labellings, then those of `n` replicates: (1 + n, A, B)."""
    if len(a) != len(b) or len(a) == 0:
        raise ValueError(f"{len(a)} labels against {len(b)}: equal and above 0, please.")
    groups, n_groups = group_codes(groups, len(a))
    (a, n_a), (b, n_b) = group_codes(a, len(a)), group_codes(b, len(a))
    cells = a * n_b + b
    draws = np.random.default_rng(seed).integers(n_groups, size=(n, n_groups))
    tables = np.empty((1 + n, n_a * n_b), np.float32)
    tables[0] = np.bincount(cells, minlength=n_a * n_b)
    for replicate, draw in enumerate(draws, start=1):
        times = np.bincount(draw, minlength=n_groups)[groups]
        tables[replicate] = np.bincount(cells, times, minlength=n_a * n_b)
    return tables.reshape(1 + n, n_a, n_b)


def v_measure(tables: np.ndarray) -> np.ndarray:
    """V-measure of contingency tables (..., classes, clusters)."""
    total = tables.sum((-2, -1))
    of_class, of_cluster = _entropy(tables.sum(-1), total), _entropy(tables.sum(-2), total)
    joint = _entropy(tables.reshape(*tables.shape[:-2], -1), total)
    information = of_class + of_cluster - joint
    # One class and one cluster agree perfectly.
    both = of_class + of_cluster
    return np.where(both > 1e-9, 2 * information / np.maximum(both, 1e-9), 1.0)


def _entropy(counts: np.ndarray, total: np.ndarray) -> np.ndarray:
    share = counts / total[..., None]
    return -(share * np.log(np.where(share > 0, share, 1.0))).sum(-1, dtype=np.float64)


def adjusted_rand(tables: np.ndarray) -> np.ndarray:
    """Adjusted Rand index of contingency tables (..., classes, clusters)."""
    tables = np.asarray(tables, np.float64)

    def pairs(counts):
        return (counts * (counts - 1) / 2).sum(-1)

    rows, columns = pairs(tables.sum(-1)), pairs(tables.sum(-2))
    together = pairs(tables.reshape(*tables.shape[:-2], -1))
    total = tables.sum((-2, -1))
    expected = rows * columns / np.maximum(total * (total - 1) / 2, 1)
    best = (rows + columns) / 2
    return np.where(best > expected, (together - expected) / np.maximum(best - expected, 1e-9), 1.0)
