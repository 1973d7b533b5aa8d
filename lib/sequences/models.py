"""Recurrent classifiers: the source's network with each of its choices a switch, and the cure."""

from __future__ import annotations

import numpy as np


def source_model(
    steps: int = 100,
    n_classes: int = 3,
    activation: str = "relu",
    batch_normalisation: bool = True,
    penalty: float = 0.01,
    dropout: float = 0.01,
):
    """The source's network: 4,259 parameters, 4,195 of them trainable.

    Parameters
    ----------
    steps, n_classes : int
        Shape of the input (steps, 1) and of the output.
    activation : str
        Of the recurrences; the source takes "relu".
    batch_normalisation : bool
        After the two last hidden layers.
    penalty : float
        L1 and L2 on the kernel of the first recurrence.
    dropout : float
        Of the second recurrence's input and of the last hidden layers.

    Returns
    -------
    keras.Model
        Not compiled; `compile_as_source` does that.

    Notes
    -----
    Rebuilds the network of Rajesh S (2018). Used by notebook 08.
    """
    import keras
    from keras import layers

    regulariser = keras.regularizers.L1L2(penalty, penalty) if penalty else None
    inputs = keras.Input((steps, 1))
    x = layers.LSTM(
        16, activation=activation, kernel_regularizer=regulariser, return_sequences=True
    )(inputs)
    x = layers.Dense(16, activation="tanh")(x)
    x = layers.LSTM(16, activation=activation, dropout=dropout)(x)
    for _ in range(2):
        x = layers.Dense(16, activation="tanh")(x)
        x = layers.BatchNormalization()(x) if batch_normalisation else x
        x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


def compile_as_source(model, clip: float | None = None):
    """Adam at 0.001; with `clip`, the gradient of each weight array is cut to that norm."""
    import keras

    model.compile(
        keras.optimizers.Adam(clipnorm=clip),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


def steady_model(
    n_features: int = 1,
    n_classes: int = 3,
    units: int = 16,
    convolution: int = 0,
    dropout: float = 0.0,
):
    """The cure: recurrences with their own tanh, no normalisation behind them, no penalty.

    The summary is what the recurrence held on average and at most, so that a burst early in a
    series need not be remembered to its end. Series may have any length: the last input feature
    is a mask, 1 at each step and 0 in the padding behind, which no summary counts.

    Parameters
    ----------
    n_features : int
        Features of a step, the mask aside.
    n_classes, units : int
    convolution : int
        Filters of a convolution (5 steps wide) before the recurrence; 0 for none.
    dropout : float
        Of the summary.

    Returns
    -------
    keras.Model
        Not compiled; input (steps, n_features + 1).

    Notes
    -----
    Used by notebook 08.
    """
    import keras
    from keras import layers, ops

    from lib.layers import FusedLSTM

    inputs = keras.Input((None, n_features + 1))
    mask = inputs[..., -1:]
    x = inputs
    if convolution:
        x = layers.Conv1D(convolution, 5, padding="same", activation="relu")(x) * mask
    x = FusedLSTM(units, return_sequences=True)(x)
    x = FusedLSTM(units, return_sequences=True)(layers.Dense(units, activation="tanh")(x))
    mean = ops.sum(x * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)
    # The states lie in -1..1: what is padding must not win the maximum.
    highest = ops.max(x * mask + (mask - 1.0), axis=1)
    x = layers.Concatenate()([mean, highest])
    x = layers.Dropout(dropout)(x) if dropout else x
    x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


def compile_steadily(model, steps: int, rate: float = 5e-3, clip: float = 1.0):
    """Adam with a short warm-up, a cosine decay to nothing and clipped gradients."""
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 10, steps, warmup_target=rate, warmup_steps=max(1, steps // 10)
    )
    model.compile(
        keras.optimizers.Adam(schedule, clipnorm=clip),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


def padded(series, length: int | None = None) -> np.ndarray:
    """Series (steps, features) of any length, one below the other with their mask.

    Returns
    -------
    float32 array (n, longest, features + 1)
        Missing values are 0, which is why features should say where values are missing.
    """
    series = [np.asarray(s, np.float32).reshape(len(s), -1) for s in series]
    length = length or max(map(len, series))
    out = np.zeros((len(series), length, series[0].shape[1] + 1), np.float32)
    for row, values in zip(out, series, strict=True):
        values = values[:length]
        row[: len(values), :-1] = np.nan_to_num(values)
        row[: len(values), -1] = 1.0
    return out
