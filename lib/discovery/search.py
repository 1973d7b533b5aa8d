"""Nearest sequences at scale: an approximate index proposes, time warping decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.discovery.warping import Warper, check_sequences, distance_matrix, one_thread

# Neighbours remembered for the second round, in which neighbours of neighbours are warped.
KEEP = 10


def nearest(distances: np.ndarray, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest others of each row: indices and distances, each (n, k), nearest first."""
    distances = np.array(distances, np.float64)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def neighbours(
    sequences: Sequence[np.ndarray],
    k: int = 3,
    candidates: int = 50,
    exact_below: int = 5_000,
    seed: int = 0,
    **warping,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest sequences of each, without all pairs when there are many.

    Up to ``exact_below`` sequences every pair is warped. Beyond, an approximate index (pynndescent)
    over `pooled` codes proposes candidates, and only those are warped; then the neighbours of the
    neighbours found are warped too, which brings back what pooling misjudged.

    Parameters
    ----------
    sequences : list of arrays (n_i, d)
    k : int
        Neighbours wanted, fewer than there are sequences.
    candidates : int
        Sequences warped for each one in the first round.
    exact_below : int
        Largest number of sequences for which all pairs are warped.
    seed : int
        Of the approximate index.
    **warping
        ``penalty``, ``band``, ``root``, ``normalise`` as in `distance_matrix`.

    Returns
    -------
    indices, distances : arrays (n, k), nearest first.

    Notes
    -----
    Used by notebooks 04 and 09.
    """
    sequences = check_sequences(sequences)
    n = len(sequences)
    if not 1 <= k < n:
        raise ValueError(f"{k} neighbours wanted of {n} sequences; ask for 1 to {n - 1}.")
    if n <= exact_below:
        return nearest(distance_matrix(sequences, **warping), k)
    graph = _propose(pooled(sequences), min(max(candidates, k), n - 1), seed)
    with one_thread():
        best = _warp_candidates(Warper(sequences, **warping), graph, max(k, KEEP))
    return tuple(np.stack([row[part][:k] for row in best]) for part in (0, 1))


def _warp_candidates(warp, graph, keep):
    """Indices and distances of each sequence's best candidates, then of their best ones too."""
    # The index lists a sequence among its own neighbours, and -1 where it found too few.
    seen = [set(row) - {i, -1} for i, row in enumerate(graph.tolist())]
    rows = [np.fromiter(others, int) for others in seen]
    best = [_best(row, warp.to(i, row), keep) for i, row in enumerate(rows)]
    for i in range(len(best)):
        near, lengths = best[i]
        more = set().union(*(best[j][0].tolist() for j in near)) - seen[i] - {i}
        more = np.fromiter(sorted(more), int)
        near, lengths = np.append(near, more), np.append(lengths, warp.to(i, more))
        best[i] = _best(near, lengths, keep)
    return best


def pooled(
    sequences: Sequence[np.ndarray], n_points: int = 8, n_components: int = 32
) -> np.ndarray:
    """Sequences of any length as vectors of one length, float32 (n, n_points * n_components + 1).

    Codes are rotated to their principal components and read at ``n_points`` places evenly spaced
    in time. The last number is the logarithm of the length: a path between unequal lengths has
    more steps than one along the diagonal, so warping tells lengths apart. Weighing it like twice
    the mean vector found the most true neighbours on planted sequences.
    """
    sample = np.concatenate(sequences[:: 1 + len(sequences) // 2_000])
    axes = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)[2][:n_components]
    points = (np.arange(n_points) + 0.5) / n_points
    vectors = np.empty((len(sequences), n_points, len(axes)), np.float32)
    for i, sequence in enumerate(sequences):
        position = np.clip(points * len(sequence) - 0.5, 0, len(sequence) - 1)
        low = position.astype(int)
        high = np.minimum(low + 1, len(sequence) - 1)
        share = (position - low)[:, None]
        vectors[i] = ((1 - share) * sequence[low] + share * sequence[high]) @ axes.T
    vectors = vectors.reshape(len(sequences), -1)
    vectors -= vectors.mean(axis=0)
    log_lengths = np.log([len(sequence) for sequence in sequences])
    weight = 2.0 * np.linalg.norm(vectors, axis=1).mean()
    return np.column_stack([vectors, weight * log_lengths]).astype(np.float32)


def _propose(vectors, n_candidates, seed):
    """The sequence itself and its candidates from an approximate index, (n, 1 + n_candidates)."""
    from pynndescent import NNDescent

    index = NNDescent(vectors, n_neighbors=1 + n_candidates, random_state=seed, n_jobs=1)
    return index.neighbor_graph[0]


def _best(others, distances, k):
    order = np.lexsort((others, distances))[:k]
    return others[order], distances[order]
