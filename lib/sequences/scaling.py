"""Scaling of series: as the source does it, and three ways that do no harm."""

from __future__ import annotations

import numpy as np

SCALINGS = ("published", "per step", "robust", "per series")


class Scaler:
    """Scale equally long series; what there is to learn is learnt from the rows of `fit`.

    Parameters
    ----------
    way : str
        "published" and "per step" standardise each step over the rows (the source fits it on all
        rows, test rows included; that is up to the caller). "robust" takes median and quartile
        range of all values, then the inverse hyperbolic sine, so that a value of 500 stays finite
        in its effect. "per series" does so with each series' own median and range.

    Notes
    -----
    Used by notebook 08.
    """

    def __init__(self, way: str = "robust"):
        if way not in SCALINGS:
            raise ValueError(f"There is no scaling {way!r}; choose one of {', '.join(SCALINGS)}.")
        self.way = way

    def fit(self, values: np.ndarray) -> Scaler:
        """Learn centre and spread from series (n, steps)."""
        if self.way in ("published", "per step"):
            self.centre, self.spread = values.mean(axis=0), values.std(axis=0)
        elif self.way == "robust":
            self.centre, self.spread = centre_and_spread(values.ravel())
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Scaled series, float32 (n, steps)."""
        if self.way == "per series":
            self.centre, self.spread = centre_and_spread(values, axis=1)
        with np.errstate(over="ignore"):
            scaled = (values - self.centre) / np.where(self.spread > 0, self.spread, 1.0)
        if self.way in ("robust", "per series"):
            scaled = np.arcsinh(scaled)
        return scaled.astype(np.float32)


def centre_and_spread(values: np.ndarray, axis: int | None = None):
    """Median, and quartile range or, where that is 0, standard deviation; missing values aside."""
    keep = axis is not None
    centre = np.nanmedian(values, axis=axis, keepdims=keep)
    low, high = np.nanpercentile(values, [25, 75], axis=axis, keepdims=keep)
    return centre, np.where(high > low, high - low, np.nanstd(values, axis=axis, keepdims=keep))


def flat_steps(scaled: np.ndarray, tolerance: float = 1e-6, outliers: int = 10) -> np.ndarray:
    """Which steps tell ordinary rows nothing: True where all but some rows have one value, (steps,).

    The few lowest and highest rows (`outliers` each) do not count.
    """
    ordered = np.sort(scaled, axis=0)[outliers:-outliers]
    return ordered[-1] - ordered[0] < tolerance
