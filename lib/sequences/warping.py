"""The nearest neighbour under dynamic time warping: the baseline that is hard to beat."""

from __future__ import annotations

import numpy as np

from lib.sequences.rocket import filled

WINDOW = 0.1


class NearestByWarping:
    """One nearest neighbour; the cost is the root of summed squares along the path.

    Parameters
    ----------
    window : float
        How far the path may leave the diagonal, as a share of the longest series.

    Notes
    -----
    dtaidistance in compiled code, one thread. Used by notebook 08.
    """

    def __init__(self, window: float = WINDOW):
        self.window = window

    def fit(self, series, labels) -> NearestByWarping:
        """Keep the training series."""
        self.series, self.labels = [_standard(s) for s in series], np.asarray(labels)
        return self

    def predict(self, series) -> np.ndarray:
        """Labels (n,) of the nearest training series."""
        from dtaidistance import dtw

        n, asked = len(self.series), [_standard(s) for s in series]
        window = 1 + int(self.window * max(map(len, [*self.series, *asked])))
        block = ((0, n), (n, n + len(asked)))
        distances = dtw.distance_matrix_fast(
            [*self.series, *asked], window=window, block=block, parallel=False, compact=False
        )
        return self.labels[distances[:n, n:].argmin(axis=0)]


def _standard(series: np.ndarray) -> np.ndarray:
    """Bridged, without mean, unit variance: float64."""
    values = filled(series).astype(np.float64)
    return (values - values.mean()) / max(values.std(), 1e-9)
