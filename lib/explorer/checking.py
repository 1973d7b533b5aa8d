"""What an explorer is given, checked before anything is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

NEEDED = ("item", "start", "stop")
LEAST = 3


def checked_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a fresh index; ValueError for a missing column or a region that is none."""
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise ValueError(
            f"The table lacks {', '.join(missing)}: each row needs item (the recording's name), "
            "start and stop (s)."
        )
    table = table.reset_index(drop=True)
    start, stop = (pd.to_numeric(table[name], errors="coerce") for name in ("start", "stop"))
    bad = ~(start < stop) | ~np.isfinite(start) | ~np.isfinite(stop) | (start < 0)
    if bad.any():
        row = int(bad.idxmax())
        raise ValueError(
            f"Row {row} of the table lasts from {table['start'][row]} to {table['stop'][row]}: "
            "start and stop must be seconds from the recording's beginning, start before stop."
        )
    if table["item"].isna().any():
        raise ValueError(f"Row {int(table['item'].isna().idxmax())} of the table has no item.")
    return table


def checked_codes(codes, n: int) -> np.ndarray:
    """Codes as float32 (n, d); ValueError if they are not one a row, or hold NaN."""
    codes = np.asarray(codes, np.float32)
    if codes.ndim != 2 or len(codes) != n:
        raise ValueError(
            f"The table has {n} rows, the codes have shape {codes.shape}: give one code a row, in "
            "the same order."
        )
    return _finite(codes, "codes", "embed these windows again or drop their rows from both.")


def checked_points(points, n: int) -> np.ndarray:
    """Places on the map as float (n, 2); ValueError as `checked_codes`."""
    points = np.asarray(points, float)
    if points.shape != (n, 2):
        raise ValueError(f"points have shape {points.shape}; expected ({n}, 2), one a row.")
    return _finite(points, "points", "lay the map again.")


def checked_distances(distances, n: int):
    """Distances (n, n), or a function; ValueError for another shape."""
    if distances is None or callable(distances):
        return distances
    distances = np.asarray(distances)
    if distances.shape != (n, n):
        raise ValueError(
            f"distances have shape {distances.shape}; expected ({n}, {n}), or a function from a "
            "row to its distances."
        )
    return distances


def plane(codes: np.ndarray, seed: int = 0) -> np.ndarray:
    """The codes laid out in the plane by UMAP, (n, 2); principal components for very few.

    Each number of the code is put on one scale first. 100,000 codes take minutes: keep the result
    and give it as ``points``.
    """
    if len(codes) < LEAST:
        raise ValueError(f"{len(codes)} windows make no map; give {LEAST} or more.")
    scaled = (codes - codes.mean(0)) / (codes.std(0) + 1e-9)
    if len(codes) < 16:
        from sklearn.decomposition import PCA

        return PCA(2, random_state=seed).fit_transform(scaled)
    from umap import UMAP

    return UMAP(n_neighbors=min(15, len(codes) - 1), random_state=seed, n_jobs=1).fit_transform(
        scaled
    )


def _finite(values: np.ndarray, name: str, cure: str) -> np.ndarray:
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{bad.sum()} {name} hold NaN or infinite values, the first in row "
            f"{int(bad.argmax())}: {cure}"
        )
    return values
