"""95 % intervals: bootstrap over groups, Student t over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def bootstrap(
    values: np.ndarray | tuple[np.ndarray, ...],
    groups: np.ndarray | None = None,
    statistic: Callable[..., float] = np.mean,
    n: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Value of a statistic and its 95 % percentile interval, whole groups drawn at a time.

    Parameters
    ----------
    values : array (items, ...) or tuple of such arrays
        A tuple, such as ``(truth, predicted)``, is handed to `statistic` as several arguments.
    groups : array (items,), optional
        Recording or speaker of each item; without it every item is a group of its own.
    statistic : callable
        The mean is computed for all replicates at once, any other one by one. Replicates in
        which it is not finite (one class only, say) are left out.
    n, seed : int
        Replicates, and the seed that draws them.

    Returns
    -------
    value, low, high : float
    """
    arrays = tuple(np.asarray(a) for a in (values if isinstance(values, tuple) else (values,)))
    n_items = len(arrays[0])
    if n_items == 0 or any(len(a) != n_items for a in arrays):
        raise ValueError(
            f"Values of lengths {[len(a) for a in arrays]}: equal and above 0, please."
        )
    codes, n_groups = group_codes(groups, n_items)
    draws = np.random.default_rng(seed).integers(n_groups, size=(n, n_groups))
    if statistic is np.mean and arrays[0].ndim == 1 and len(arrays) == 1:
        sums = np.bincount(codes, arrays[0], minlength=n_groups)
        replicates = sums[draws].sum(1) / np.bincount(codes, minlength=n_groups)[draws].sum(1)
    else:
        members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
        picks = (np.concatenate([members[group] for group in draw]) for draw in draws)
        replicates = np.array([statistic(*(a[pick] for a in arrays)) for pick in picks])
    return (float(statistic(*arrays)), *percentiles(replicates))


def group_codes(groups: np.ndarray | None, n_items: int) -> tuple[np.ndarray, int]:
    """Groups as numbers 0, 1, ... and how many there are."""
    if groups is None:
        return np.arange(n_items), n_items
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(codes) != n_items:
        raise ValueError(f"{len(codes)} groups for {n_items} values: one per value, please.")
    return codes, len(names)


def percentiles(replicates: np.ndarray) -> tuple[float, float]:
    low, high = np.nanpercentile(np.where(np.isfinite(replicates), replicates, np.nan), [2.5, 97.5])
    return float(low), float(high)


def interval_over_seeds(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds and its 95 % interval from Student's t distribution: value, low, high."""
    from scipy.stats import t

    values = np.asarray(values, float)
    if len(values) < 2:
        raise ValueError(f"{len(values)} seed gives no interval; run 2 or more, better 10.")
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)
