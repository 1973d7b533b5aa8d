"""What the switches for repeatable training do, and what they cost."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from lib.sequences.stability import CURE, Steady


def switches(x: np.ndarray, y: np.ndarray, epochs: int = 1) -> pd.DataFrame:
    """Train the cure twice under each switch and compare the weights, number by number.

    Parameters
    ----------
    x : float32 array (n, steps)
        Scaled series.
    y : int array (n,)

    Returns
    -------
    DataFrame[switch, largest_difference, seconds]
        Largest difference of any weight between the two trainings, and seconds of one.

    Notes
    -----
    ``enable_op_determinism`` stays on for the rest of the process: it is tried last. Used by
    notebook 08.
    """
    import tensorflow as tf

    trainer = Steady(CURE, len(x), epochs=epochs)
    trainer(x, y, 0)
    entropy = np.random.SeedSequence()
    rows = [_twice("no seed", trainer, x, y, entropy.generate_state(2).tolist())]
    rows.append(_twice("keras.utils.set_random_seed", trainer, x, y, [1, 1]))
    tf.config.experimental.enable_op_determinism()
    rows.append(_twice("... and enable_op_determinism", trainer, x, y, [1, 1]))
    return pd.DataFrame(rows, columns=["switch", "largest_difference", "seconds"])


def _twice(name: str, trainer: Steady, x, y, seeds):
    found, started = [], time.perf_counter()
    for seed in seeds:
        trainer(x, y, seed)
        found.append(np.concatenate([w.ravel() for w in trainer.model.get_weights()]))
    seconds = (time.perf_counter() - started) / 2
    return name, float(np.abs(found[0] - found[1]).max()), seconds
