"""Splits by group: no recording, speaker or seed on two sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd


def group_split(
    groups: Sequence, fractions: Mapping[str, float] | None = None, seed: int = 0
) -> np.ndarray:
    """Name of the split of each item, (items,), whole groups at a time.

    Parameters
    ----------
    groups : sequence (items,)
        Recording, speaker, video or generator seed of each item.
    fractions : mapping, optional
        Share of the *groups* per split, by default 60 % train, 20 % validation, 20 % test.
        Every split gets one group at least.
    """
    fractions = dict(fractions or {"train": 0.6, "validation": 0.2, "test": 0.2})
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < len(fractions):
        raise ValueError(f"{len(names)} groups cannot fill {len(fractions)} splits.")
    shares = np.array(list(fractions.values()), float) / sum(fractions.values())
    place = np.arange(1, len(shares) + 1)
    ends = np.round(shares.cumsum() * len(names)).astype(int)
    # No split is empty: every end lies after the one before and leaves room for those behind.
    ends = np.maximum.accumulate(np.maximum(ends - place, 0)) + place
    ends = np.minimum(ends, len(names) - len(shares) + place)
    rank = np.random.default_rng(seed).permutation(len(names))
    return np.array(list(fractions))[np.searchsorted(ends, rank, side="right")][codes]


def group_folds(groups: Sequence, n_splits: int = 5) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (train, test) of cross-validation in which no group is on both sides."""
    from sklearn.model_selection import GroupKFold

    yield from GroupKFold(n_splits).split(np.zeros(len(groups)), groups=np.asarray(groups))


def check_disjoint(groups: Sequence, split: Sequence) -> None:
    """Raise ValueError if items of one group are in two splits."""
    splits = pd.DataFrame({"group": np.asarray(groups), "split": np.asarray(split)})
    shared = splits.groupby("group")["split"].nunique()
    shared = shared.index[shared > 1]
    if len(shared):
        some = ", ".join(map(str, shared[:5]))
        raise ValueError(f"{len(shared)} groups are in two splits ({some}); split by group.")
