"""MiniRocket in a few lines: thousands of fixed convolutions, how often each is above a threshold.

After Dempster, Schmidt and Webb (2021). All 84 kernels have length 9, six weights of -1 and three
of 2; dilations spread over the series, thresholds are quantiles of what training series give.
A ridge classifier reads the shares.
"""

from __future__ import annotations

import functools
from itertools import combinations

import numpy as np

LENGTH = 9
KERNELS = np.array(list(combinations(range(LENGTH), 3)), np.int32)


class MiniRocket:
    """Shares of positive values (n, features) of series of any lengths, then ridge regression.

    Parameters
    ----------
    n_features : int
        About so many; the original's 9,996 is the default.
    seed : int
        Of the training series whose responses give the thresholds.

    Notes
    -----
    Series are padded with zeros at their ends; missing values are bridged by straight lines. Used
    by notebook 08.
    """

    def __init__(self, n_features: int = 9996, seed: int = 0):
        self.n_features, self.seed = n_features, seed

    def fit(self, series, labels) -> MiniRocket:
        """Choose dilations and thresholds, then fit the classifier."""
        from sklearn.linear_model import RidgeClassifierCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        series = [filled(s) for s in series]
        self.dilations, per_kernel = dilations(
            int(np.median([len(s) for s in series])), self.n_features
        )
        self.thresholds = self._thresholds(series, per_kernel)
        ridge = RidgeClassifierCV(alphas=np.logspace(-3, 3, 7))
        self.classifier = make_pipeline(StandardScaler(), ridge)
        self.classifier.fit(self.transform(series), labels)
        return self

    def transform(self, series) -> np.ndarray:
        """Shares of the steps at which each kernel is above each threshold, float32."""
        shares = _compiled()[1]
        out = np.empty((len(series), sum(t.size for t in self.thresholds)), np.float32)
        for row, values in zip(out, series, strict=True):
            at = 0
            for dilation, thresholds in zip(self.dilations, self.thresholds, strict=True):
                shares(filled(values), dilation, thresholds, row[at : at + thresholds.size])
                at += thresholds.size
        return out

    def predict(self, series) -> np.ndarray:
        """Labels (n,)."""
        return self.classifier.predict(self.transform(series))

    def _thresholds(self, series, per_kernel) -> list[np.ndarray]:
        """For each dilation (kernels, count): quantiles of the response of a training series."""
        rng, responses = np.random.default_rng(self.seed), _compiled()[0]
        # Low-discrepancy quantiles by the golden ratio, as in the original.
        used, chosen = 0, []
        for dilation, count in zip(self.dilations, per_kernel, strict=True):
            table = np.empty((len(KERNELS), count), np.float32)
            for kernel in range(len(KERNELS)):
                example = series[rng.integers(len(series))]
                quantiles = (np.arange(used + 1, used + count + 1) * (np.sqrt(5) + 1) / 2) % 1
                table[kernel] = np.quantile(responses(example, dilation)[kernel], quantiles)
                used += count
            chosen.append(table)
        return chosen


def dilations(length: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Dilations for series of a length, and how many thresholds each kernel gets with each."""
    per_kernel = max(1, n_features // len(KERNELS))
    n_dilations = min(per_kernel, 32)
    most = np.log2(max(1.0, (length - 1) / (LENGTH - 1)))
    values, counts = np.unique(
        np.logspace(0, most, n_dilations, base=2).astype(np.int32), return_counts=True
    )
    counts = counts * per_kernel // n_dilations
    counts[: per_kernel - counts.sum()] += 1
    return values, counts


def filled(series: np.ndarray) -> np.ndarray:
    """A series with its missing values bridged by straight lines, float32."""
    series = np.asarray(series, np.float32)
    there = np.isfinite(series)
    if there.all():
        return series
    steps = np.arange(len(series))
    return np.interp(steps, steps[there], series[there]).astype(np.float32)


@functools.cache
def _compiled():
    """The compiled `responses` (84, steps) of one dilation and `shares`; made once."""
    import numba

    @numba.njit
    def responses(series, dilation):
        n = len(series)
        # Every kernel is -1 everywhere plus 3 in three places: sum once, then add three.
        shifted = np.zeros((LENGTH, n), np.float32)
        for tap in range(LENGTH):
            offset = (tap - LENGTH // 2) * dilation
            for t in range(max(0, -offset), min(n, n - offset)):
                shifted[tap, t] = series[t + offset]
        base = -shifted.sum(axis=0)
        out = np.empty((len(KERNELS), n), np.float32)
        for kernel in range(len(KERNELS)):
            a, b, c = KERNELS[kernel]
            for t in range(n):
                out[kernel, t] = base[t] + 3 * (shifted[a, t] + shifted[b, t] + shifted[c, t])
        return out

    @numba.njit
    def shares(series, dilation, thresholds, out):
        values = responses(series, dilation)
        n, count = values.shape[1], thresholds.shape[1]
        for kernel in range(values.shape[0]):
            for q in range(count):
                above = 0
                for t in range(n):
                    above += values[kernel, t] > thresholds[kernel, q]
                out[kernel * count + q] = above / n

    return responses, shares
