"""The source's second stage: 40 reduced answers -> LSTM -> is this the sequence?

Source: Reece Robinson, beep sequence detector (2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

EVERY = 20
WIDTH, STRIDE, LEAST_ONES = 40, 5, 19
FIRST_TEST_ROW = 2_100


@dataclass(frozen=True)
class Recipe:
    """How the network is trained.

    Parameters
    ----------
    optimiser : {"adadelta", "adam"}
    learning_rate : float
        1.0 is what Adadelta used in 2016; Keras 3 starts it at 0.001.
    epochs, batch_size : int
    balanced : bool
        Whether both classes weigh the same in all, however rare one is.
    """

    optimiser: str = "adadelta"
    learning_rate: float = 1.0
    epochs: int = 5
    batch_size: int = 64
    balanced: bool = False


RECIPES = {
    "published": Recipe(),
    "Adam": Recipe("adam", 1e-3),
    "class weights": Recipe("adam", 1e-3, balanced=True),
    "enough steps": Recipe(epochs=30),
    "enough steps, weighted": Recipe(epochs=30, balanced=True),
    "weights and steps": Recipe("adam", 3e-3, epochs=40, balanced=True),
}


def reduce_answers(answers: np.ndarray, every: int = EVERY) -> np.ndarray:
    """Every 20th answer of the tone detector: from one each 5 ms to one each 0.1 s."""
    return np.asarray(answers)[::every]


def stream_windows(stream: np.ndarray, stride: int = STRIDE, width: int = WIDTH) -> np.ndarray:
    """Windows of 40 values (4 s) of a reduced stream, (n, 40); zeros fill up the last.

    Raises
    ------
    ValueError
        For a stream of more than one axis, or with other values than 0 and 1.
    """
    stream = np.asarray(stream)
    if stream.ndim != 1 or not np.isin(stream, (0, 1)).all():
        raise ValueError(f"A reduced stream is one row of 0 and 1, not {stream.shape}.")
    n = max(1, -(-len(stream) // stride))
    padded = np.concatenate([stream, np.zeros(width + stride, stream.dtype)])
    return np.lib.stride_tricks.sliding_window_view(padded, width)[::stride][:n].copy()


def responses(windows: np.ndarray, least: int = LEAST_ONES) -> np.ndarray:
    """The source's labels: a window with at least 19 ones is the sequence."""
    return (windows.sum(axis=1) >= least).astype(int)


def build_sequence_lstm():
    """The published network: LSTM 40, dropout 0.2, LSTM 40, dropout 0.2, sigmoid; 19,721 weights."""
    import keras

    from lib.layers import FusedLSTM

    inputs = keras.Input((WIDTH, 1), name="answers")
    x = FusedLSTM(40, return_sequences=True, name="first")(inputs)
    x = keras.layers.Dropout(0.2)(x)
    x = FusedLSTM(40, name="second")(x)
    x = keras.layers.Dropout(0.2)(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="sequence")(x)
    return keras.Model(inputs, outputs, name="sequence_lstm")


def train_sequence(
    windows: np.ndarray, truth: np.ndarray, recipe: Recipe = RECIPES["published"], seed: int = 0
):
    """Train the published network by a recipe; the model and its log.

    Parameters
    ----------
    windows : array (n, 40) of 0 and 1
    truth : array (n,) of 0 and 1
    recipe : Recipe
    seed : int

    Returns
    -------
    model : keras.Model
    log : DataFrame[epoch, loss]

    Raises
    ------
    ValueError
        If one class is missing: there is nothing to tell apart.
    """
    import keras

    from lib import training

    truth = np.asarray(truth)
    if not 0 < truth.sum() < len(truth):
        raise ValueError(f"{truth.sum()} positives of {len(truth)} windows: both classes, please.")
    training.keep_freed_memory()
    keras.utils.set_random_seed(seed)
    model = build_sequence_lstm()
    kinds = {"adadelta": keras.optimizers.Adadelta, "adam": keras.optimizers.Adam}
    optimiser = kinds[recipe.optimiser](recipe.learning_rate, clipnorm=1.0)
    model.compile(optimiser, "binary_crossentropy", jit_compile=False)
    weights = np.ones(len(truth), np.float32)
    if recipe.balanced:
        weights = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean())).astype("f")
    # Whole batches only, filled up with rows of no weight: the fused layer is compiled anew for
    # each size of batch.
    windows, truth, weights = (_filled(x, recipe.batch_size) for x in (windows, truth, weights))
    history = model.fit(
        windows[..., None].astype("f"),
        truth.astype("f"),
        sample_weight=weights,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        verbose=0,
    )
    return model, pd.DataFrame(history.history).rename_axis("epoch").reset_index()


def _filled(values: np.ndarray, batch_size: int) -> np.ndarray:
    """Rows of zeros after the last, up to a whole number of batches."""
    missing = -len(values) % batch_size
    return np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])


def predict(model, windows: np.ndarray) -> np.ndarray:
    """Probability of the sequence for each window, (n,); equal windows are computed once."""
    distinct, places = np.unique(windows, axis=0, return_inverse=True)
    filled = _filled(distinct, 64)[..., None].astype("f")
    score = model.predict(filled, batch_size=64, verbose=0)
    return score[places.ravel(), 0].astype(float)


def unweighted(score: np.ndarray, share: float) -> np.ndarray:
    """Probabilities of a network that was trained with both classes equally heavy, as they are.

    Such a network believes half of all windows to be positive; in truth a `share` (0 to 1) is. Its
    odds are multiplied by the true ones, which changes no order, but what 0.5 and a loss mean.
    """
    odds = score * share
    return odds / (odds + (1 - score) * (1 - share))


def window_scores(truth: np.ndarray, score: np.ndarray, threshold: float = 0.5) -> dict:
    """All that can be said of windows: the source's three numbers, and those that it left out."""
    from sklearn import metrics

    said = score >= threshold
    return {
        "accuracy": float(np.mean(said == (truth == 1))),
        "AUC": float(metrics.roc_auc_score(truth, score)),
        "log-loss": float(metrics.log_loss(truth, np.clip(score, 1e-7, 1 - 1e-7))),
        "average precision": float(metrics.average_precision_score(truth, score)),
        "recall": float(np.mean(said[truth == 1])),
        "found": int(np.sum(said[truth == 1])),
        "false": int(np.sum(said[truth == 0])),
    }


def best_threshold(truth: np.ndarray, score: np.ndarray) -> float:
    """Threshold with the best F1 on training data, in the middle of the gap where it lies."""
    order = np.argsort(-score)
    hits = np.cumsum(np.asarray(truth)[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + np.sum(truth))
    # Equal scores stand or fall together: only the last of them ends a choice.
    ends = np.r_[np.diff(score[order]) < 0, True]
    k = int(np.argmax(np.where(ends, f1, -1)))
    below = score[order][k + 1] if k + 1 < len(order) else 0.0
    return float((score[order][k] + below) / 2)


def matched_score(windows: np.ndarray, on: int = 6, off: int = 4, groups: int = 4) -> np.ndarray:
    """Best fit of the rhythm itself to each window, -1 to 1: nothing is learnt.

    At least three of the four groups must lie in the window.
    """
    template = np.tile(np.r_[np.ones(on) / on, -np.ones(off) / off], groups)[:-off] / groups
    padded = np.pad(windows, ((0, 0), (on + off, on + off)))
    views = np.lib.stride_tricks.sliding_window_view(padded, len(template), axis=1)
    return (views @ template).max(axis=1)


def false_alarms_per_hour(rate: float, stride: int = STRIDE) -> float:
    """False alarms an hour if a share `rate` of all windows is wrongly positive."""
    return rate * 3_600 / (stride * EVERY * 0.005)
