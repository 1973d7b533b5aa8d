"""Clusters of regions and dense repeats, and their score against planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.discovery.search import nearest

COLUMNS = ["region", "cluster", "density", "seed"]


def cluster(
    distances: np.ndarray,
    method: str = "average",
    percentile: float = 20.0,
    min_cluster_size: int = 5,
) -> np.ndarray:
    """Labels of regions from their pairwise distances.

    Parameters
    ----------
    distances : array (n, n)
    method : {"average", "hdbscan"}
        Average linkage, cut at a percentile of the distances (the source), or HDBSCAN.
    percentile : float
        Of the distances of all pairs; the source cuts at the 20th.
    min_cluster_size : int
        Smallest cluster of HDBSCAN.

    Returns
    -------
    int array (n,), -1 for HDBSCAN's noise.

    Notes
    -----
    Used by notebook 04.
    """
    from sklearn.cluster import HDBSCAN, AgglomerativeClustering

    distances = check_distances(distances)
    if method == "average":
        cut = np.percentile(distances[np.triu_indices(len(distances), 1)], percentile)
        model = AgglomerativeClustering(
            n_clusters=None, distance_threshold=cut, metric="precomputed", linkage="average"
        )
    elif method == "hdbscan":
        size = min(min_cluster_size, len(distances))
        model = HDBSCAN(min_cluster_size=size, metric="precomputed", copy=True)
    else:
        raise ValueError(f"Unknown method {method!r}; choose average or hdbscan.")
    return model.fit_predict(distances)


def dense_repeats(
    distances: np.ndarray | tuple[np.ndarray, np.ndarray],
    k: int = 3,
    drop: float = 0.01,
    threshold: float = 0.0,
    grow: bool = False,
    mask: np.ndarray | None = None,
) -> pd.DataFrame:
    """Repeats as local maxima of the density of regions.

    The density of a region is 1 / distance to its k-th neighbour. A region denser than all its k
    neighbours is a seed and makes a cluster with them, as in the source; a region near two seeds
    is then in both clusters.

    Parameters
    ----------
    distances : array (n, n), or indices and distances of `neighbours`
    k : int
        Neighbours; 3 in the source.
    drop : float
        Share of the regions, the least dense, that enter no cluster.
    threshold : float
        Smallest density of a seed, from `density_threshold`; the source has none.
    grow : bool
        Let every region climb to its nearest denser neighbour, in steps no longer than
        1 / threshold, and give it to the one seed where it ends.
    mask : bool array (n, n), optional
        True for pairs that may not be neighbours, such as overlapping regions of one recording.

    Returns
    -------
    DataFrame[region, cluster, density, seed], a row a member; clusters from the densest seed on,
    its members from the densest on. Empty for fewer than k + 1 regions.

    Notes
    -----
    Used by notebook 04.
    """
    if not 0 <= drop < 1 or k < 1:
        raise ValueError(f"drop={drop}, k={k}: a share below 1 and a neighbour at least, please.")
    if isinstance(distances, tuple):
        indices, lengths = (part[:, :k] for part in distances)
    else:
        distances = check_distances(distances, smallest=0)
        masked = distances if mask is None else np.where(mask, np.inf, distances)
        indices, lengths = nearest(masked, k)
    n = len(indices)
    if n <= k:
        return _table([], [], np.zeros(n), [])
    density = 1.0 / np.maximum(lengths[:, -1], np.finfo(float).tiny)
    rank = np.empty(n, int)
    rank[np.argsort(density, kind="stable")] = np.arange(n)
    kept = (rank >= int(drop * n)) & (density > 0)
    is_seed = kept & (density >= threshold) & (rank > rank[indices].max(axis=1))
    seeds = np.flatnonzero(is_seed)
    if grow:
        longest = (1 + 1e-9) / threshold if threshold > 0 else np.inf
        top = _climb(indices, lengths, rank, longest)
        members = np.flatnonzero(kept & is_seed[top])
        return _table(members, top[members], density, seeds)
    members = np.concatenate([seeds, indices[seeds].ravel()])
    tops = np.concatenate([seeds, np.repeat(seeds, indices.shape[1])])
    return _table(members[kept[members]], tops[kept[members]], density, seeds)


def check_distances(distances: np.ndarray, smallest: int = 2) -> np.ndarray:
    """The distances as a float64 array (n, n); ValueError if not square, too few or NaN."""
    distances = np.asarray(distances, np.float64)
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise ValueError(f"Distances have shape {distances.shape}; expected (n, n) of all pairs.")
    if len(distances) < smallest:
        raise ValueError(f"{len(distances)} regions make no clusters; {smallest} are needed.")
    if np.isnan(distances).any():
        raise ValueError("Distances hold NaN; check the codes they come from.")
    return distances


def _climb(indices, lengths, rank, longest):
    """Where each region ends, stepping along neighbours (either way) to the nearest denser one."""
    n, k = indices.shape
    low, high = np.repeat(np.arange(n), k), indices.ravel()
    low, high = np.where(rank[low] < rank[high], (low, high), (high, low))
    steps = np.lexsort((lengths.ravel(), low))
    steps = steps[lengths.ravel()[steps] <= longest]
    first = np.unique(low[steps], return_index=True)[1]
    top = np.arange(n)
    top[low[steps][first]] = high[steps][first]
    while (top[top] != top).any():
        top = top[top]
    return top


def _table(members, tops, density, seeds):
    table = pd.DataFrame({"region": members, "top": tops}, dtype=int)
    table["density"] = density[table["region"]]
    order = np.argsort(-density[seeds], kind="stable") if len(seeds) else []
    numbers = {int(seeds[place]): number for number, place in enumerate(order)}
    table["cluster"] = table["top"].map(numbers).astype(int)
    table["seed"] = table["region"] == table["top"]
    table = table.sort_values(["cluster", "seed", "density"], ascending=[True, False, False])
    return table[COLUMNS].reset_index(drop=True)


def events_of_regions(
    regions: pd.DataFrame, events: pd.DataFrame, overlap: float = 0.5
) -> np.ndarray:
    """Row of the event that each region holds, int (n_regions,), -1 where it holds none.

    The event that shares the most time with the region, if that is at least the share ``overlap``
    of the shorter of the two. Both tables have start and stop in s; with a column ``item`` in both,
    a region only meets events of its own recording.
    """
    found = np.full(len(regions), -1)
    starts, stops = (events[name].to_numpy(float) for name in ("start", "stop"))
    by_item = "item" in regions and "item" in events
    for row, region in enumerate(regions.itertuples()):
        shared = np.minimum(stops, region.stop) - np.maximum(starts, region.start)
        if by_item:
            shared = np.where(events["item"].to_numpy() == region.item, shared, 0.0)
        best = int(np.argmax(shared)) if len(shared) else -1
        shorter = min(region.stop - region.start, stops[best] - starts[best]) if best >= 0 else 0
        if best >= 0 and shared[best] > 0 and shared[best] >= overlap * shorter:
            found[row] = best
    return found


def score_repeats(
    repeats: pd.DataFrame, events_of: np.ndarray, types: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What repeats are worth against planted truth: hits whose means are precision and recall.

    Parameters
    ----------
    repeats : DataFrame of `dense_repeats`
    events_of : int array (n_regions,)
        Event of each region, -1 for none (`events_of_regions`; ``np.arange(n)`` for snippets).
    types : int array (n_events,)
        True type of each event, -1 for a sound that has none.

    Returns
    -------
    precise : bool array (rows of repeats,)
        The member is of its cluster's type: the commonest among the members, if two have it.
    recalled : float array (n_events,)
        1 if a region of the event is a precise member of a cluster, 0 if not, NaN for events that
        are no repeat (no type, or the only one of it).

    Notes
    -----
    ``precise.mean()`` is the precision, ``np.nanmean(recalled)`` the recall. Used by notebook 04.
    """
    types = np.asarray(types)
    event = np.asarray(events_of)[repeats["region"]]
    of_member = pd.Series(np.where(event >= 0, np.append(types, -1)[event], -1))
    commonest = of_member.groupby(repeats["cluster"].to_numpy()).transform(_commonest)
    precise = ((of_member == commonest) & (of_member >= 0)).to_numpy(bool)
    _, inverse, counts = np.unique(types, return_inverse=True, return_counts=True)
    recalled = np.where((types >= 0) & (counts[inverse] > 1), 0.0, np.nan)
    hit = np.unique(event[precise])
    recalled[hit] = np.where(np.isnan(recalled[hit]), np.nan, 1.0)
    return precise, recalled


def _commonest(types):
    counts = types[types >= 0].value_counts()
    return counts.index[0] if len(counts) and counts.iloc[0] > 1 else -1
