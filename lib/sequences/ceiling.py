"""What the fault in the published data leaves to find: the best rule there is, and trees."""

from __future__ import annotations

import numpy as np


def two_threshold_rule(x: np.ndarray, y: np.ndarray, steps, x_test: np.ndarray) -> np.ndarray:
    """Kinds (n,) of the source's signals by two thresholds, both learnt on training rows.

    A burst if the highest value of `steps` is over the first, else a change point if their mean in
    the second half is over the second. What these steps do not show cannot be known: where all
    others are flat, no classifier does better.

    Parameters
    ----------
    x, x_test : array (n, steps)
    y : int array (n,)
        Positions in `lib.synthesis.sequences.SIGNALS`.
    steps : sequence of int
        Steps that still differ between rows.

    Notes
    -----
    Used by notebook 08.
    """
    steps = np.asarray(steps)
    late = steps[steps >= x.shape[1] // 2]
    burst = _best_threshold(x[:, steps].max(axis=1), y == 2)
    quiet = x[:, steps].max(axis=1) <= burst
    change = _best_threshold(x[quiet][:, late].mean(axis=1), y[quiet] == 1)
    is_burst = x_test[:, steps].max(axis=1) > burst
    return np.where(is_burst, 2, np.where(x_test[:, late].mean(axis=1) > change, 1, 0))


def _best_threshold(values: np.ndarray, above: np.ndarray) -> float:
    """The threshold with the fewest errors, half-way between the values it parts."""
    order = np.argsort(values, kind="stable")
    values, above = values[order], above[order]
    # Errors with the threshold behind each value: what is above and should not be, and the rest.
    errors = np.cumsum(above) + (~above).sum() - np.cumsum(~above)
    best = int(errors.argmin())
    return float((values[best] + values[min(best + 1, len(values) - 1)]) / 2)


def tree_ensemble(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, trees: int = 200, seed: int = 0
) -> np.ndarray:
    """Kinds (n,) by extremely randomised trees on all steps; parameters as in the rule."""
    from sklearn.ensemble import ExtraTreesClassifier

    forest = ExtraTreesClassifier(trees, random_state=seed, n_jobs=1)
    return forest.fit(x, y).predict(x_test)
