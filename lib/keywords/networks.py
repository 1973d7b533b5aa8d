"""The paper's networks, and a small supervised one, as functional Keras models."""

from __future__ import annotations

CODE = 75
N_MFCC, N_FRAMES = 20, 32


def build_autoencoder(n_positions: int = 1, n_inputs: int = N_MFCC * N_FRAMES):
    """The paper's spatial-position autoencoder: MFCC -> 75 values -> MFCC and position.

    Parameters
    ----------
    n_positions : int
        Positions to predict: 1 in the paper, several for several anchors.
    n_inputs : int
        640 in the paper.

    Returns
    -------
    keras.Model
        Outputs ``reconstruction`` (n_inputs,) and ``position`` (n_positions,).
        The layer ``code`` is the representation.

    Notes
    -----
    Source: Humayun, Yassin, Abas 2021. Used by notebook 07.
    """
    import keras
    from keras import layers

    mfcc = keras.Input((n_inputs,), name="mfcc")
    hidden = layers.BatchNormalization()(layers.Dense(300)(mfcc))
    hidden = layers.Dropout(0.1)(layers.PReLU()(hidden))
    hidden = layers.BatchNormalization()(layers.Dense(150)(hidden))
    code = layers.Dense(CODE, name="code")(hidden)
    drawn = layers.BatchNormalization()(layers.Dense(300)(code))
    placed = layers.PReLU()(layers.BatchNormalization()(layers.Dense(50)(code)))
    outputs = [
        layers.Dense(n_inputs, name="reconstruction")(layers.Dropout(0.1)(drawn)),
        layers.Dense(n_positions, name="position")(placed),
    ]
    return keras.Model(mfcc, outputs, name="position_autoencoder")


def build_dense_head(n_inputs: int, n_words: int):
    """The paper's classifier: Dense (inputs + words) / 2 -> BN -> PReLU -> dropout -> softmax."""
    import keras
    from keras import layers

    values = keras.Input((n_inputs,), name="representation")
    hidden = layers.BatchNormalization()(layers.Dense((n_inputs + n_words) // 2)(values))
    hidden = layers.Dropout(0.1)(layers.PReLU()(hidden))
    return keras.Model(values, layers.Dense(n_words, activation="softmax")(hidden), name="dense")


def build_cnn(n_words: int, n_mfcc: int = N_MFCC, n_frames: int = N_FRAMES):
    """The paper's benchmark: MFCC -> Conv1D 64, kernel 32, stride 2 -> BN -> max-pool -> softmax.

    The source does not say along what it convolves; here along time, padded, with the
    coefficients as channels.
    """
    import keras
    from keras import layers

    mfcc = keras.Input((n_frames, n_mfcc), name="mfcc")
    hidden = layers.Conv1D(64, 32, strides=2, padding="same")(mfcc)
    hidden = layers.Flatten()(layers.MaxPooling1D(2)(layers.BatchNormalization()(hidden)))
    return keras.Model(mfcc, layers.Dense(n_words, activation="softmax")(hidden), name="cnn")


def build_supervised(n_words: int, n_bands: int = 40, n_frames: int = 101):
    """A residual network along time with under 100,000 parameters: log-mel -> words.

    The bands are channels, so one layer already sees the whole spectrum (the idea of
    TC-ResNet, Choi et al. 2019); three residual blocks halve the time each.
    """
    import keras
    from keras import layers

    def convolved(x, filters, width, stride=1):
        x = layers.Conv1D(filters, width, strides=stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    log_mel = keras.Input((n_frames, n_bands), name="log_mel")
    x = layers.ReLU()(convolved(log_mel, 32, 5, 2))
    for filters in (32, 40, 56):
        short = layers.ReLU()(convolved(x, filters, 1, 2))
        x = layers.ReLU()(convolved(x, filters, 9, 2))
        x = layers.ReLU()(layers.Add()([short, convolved(x, filters, 7)]))
    pooled = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(log_mel, layers.Dense(n_words, activation="softmax")(pooled), name="small")
