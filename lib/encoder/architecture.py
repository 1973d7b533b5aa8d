"""The V4 encoders and decoders as Keras functional models.

One convolution over the spectrogram, pooled over frequency, a recurrent stack, one code of 128
numbers; and back: a recurrent stack, one deconvolution. v4.1 and v4.2 have the published layers
and parameter counts (LSTM V4, arXiv 2005.07623); v4.4 keeps the idea and changes what hurts.
"""

from __future__ import annotations

import keras
from keras import layers

from lib.features import N_BINS, N_FRAMES
from lib.layers import ConvMax, FusedDeconvolution, FusedLSTM, Sampling

CODE_SIZE = 128
WINDOW_SHAPE = (N_FRAMES, N_BINS, 1)
VERSIONS = ("4.1", "4.2", "4.4")
# v4.4: frames and bins that one pooled cell stands for; a cell's frames are one recurrent step.
CELL = 4
N_STEPS, N_CELLS = N_FRAMES // CELL, N_BINS // CELL


def build_encoder(
    variational: bool = True, version: str | None = None, stock: bool = False
) -> keras.Model:
    """Encoder of one window, (128 frames, 256 bins, 1) -> a code of 128 numbers.

    Parameters
    ----------
    variational : bool
        True gives the published v4.2, False v4.1; ignored where ``version`` is given.
    version : {"4.1", "4.2", "4.4"}, optional
    stock : bool
        Build from Keras' own layers instead of the fused ones: the same mathematics, slower.

    Returns
    -------
    keras.Model
        v4.2 hands on a dict of ``code_mean``, ``code_log_variance`` and the sampled ``code``
        (while training; at inference the mean); v4.1 and v4.4 ``code_mean`` alone. Parameters:
        609,024 (v4.1), 641,024 (v4.2).

    Raises
    ------
    ValueError
        For an unknown version.

    Notes
    -----
    Used by notebooks 02 to 04 and 09.
    """
    version = _version(variational, version)
    window = keras.Input(WINDOW_SHAPE, name="window")
    if version == "4.4":
        code = _improved_code(window, stock)
        return keras.Model(window, code, name="encoder_v4_4")
    states = _strongest_responses(window, stock)
    if version == "4.1":
        states = layers.BatchNormalization()(states)
    lstm = layers.LSTM if stock else FusedLSTM
    states = layers.Bidirectional(lstm(128, return_sequences=True))(states)
    if version == "4.1":
        code = lstm(CODE_SIZE, name="code_mean")(states)
        return keras.Model(window, code, name="encoder_v4_1")
    summary = lstm(CODE_SIZE)(states)
    mean = layers.Dense(CODE_SIZE, name="code_mean")(summary)
    log_variance = layers.Dense(CODE_SIZE, name="code_log_variance")(summary)
    code = Sampling(name="code")((mean, log_variance))
    outputs = {"code_mean": mean, "code_log_variance": log_variance, "code": code}
    return keras.Model(window, outputs, name="encoder_v4_2")


def build_decoder(
    variational: bool = True, version: str | None = None, stock: bool = False
) -> keras.Model:
    """Decoder of a code of 128 numbers -> one window, (128 frames, 256 bins, 1).

    Parameters
    ----------
    variational, version, stock
        As in `build_encoder`.

    Returns
    -------
    keras.Model
        411,649 parameters (v4.1), 805,377 (v4.2). Both end in a ReLU, as published.

    Raises
    ------
    ValueError
        For an unknown version.

    Notes
    -----
    The published decoders are told the code once and then hear 127 zeros; v4.4 is told at every
    step. Used by notebooks 02, 03 and 09.
    """
    version = _version(variational, version)
    code = keras.Input((CODE_SIZE,), name="code")
    if version == "4.4":
        return keras.Model(code, _improved_window(code, stock), name="decoder_v4_4")
    steps = layers.ZeroPadding1D((0, N_FRAMES - 1))(layers.Reshape((1, CODE_SIZE))(code))
    lstm = layers.LSTM if stock else FusedLSTM
    steps = lstm(256 if version == "4.2" else 128, return_sequences=True)(steps)
    steps = layers.Bidirectional(lstm(128, return_sequences=True))(steps)
    picture = layers.Reshape(WINDOW_SHAPE)(steps)
    if stock:
        picture = layers.Conv2DTranspose(256, 8, padding="same", activation="relu")(picture)
        picture = layers.Conv2DTranspose(1, 1)(picture)
    else:
        picture = FusedDeconvolution(256)(picture)
    window = layers.ReLU()(picture)
    return keras.Model(code, window, name=f"decoder_v{version.replace('.', '_')}")


def _version(variational: bool, version: str | None) -> str:
    version = version or ("4.2" if variational else "4.1")
    if version not in VERSIONS:
        raise ValueError(f"Encoder version {version!r} is unknown; take one of {VERSIONS}.")
    return version


def _strongest_responses(window, stock: bool):
    """256 filters of 8 x 8, each reduced to its maximum over all frequencies: (128, 256)."""
    if not stock:
        return ConvMax(256)(window)
    volume = layers.Conv2D(256, 8, padding="same", activation="relu")(window)
    return layers.Reshape((N_FRAMES, 256))(layers.MaxPooling2D((1, N_BINS))(volume))


def _improved_code(window, stock: bool):
    """v4.4: pooled over bands rather than over all frequencies, so that the code knows pitch.

    One maximum per filter and 4 x 4 cell keeps where a whistle is; the dense layer reads a code
    from all recurrent states, not from the last one only.
    """
    lstm = layers.LSTM if stock else FusedLSTM
    cells = layers.Conv2D(32, 8, strides=2, padding="same", activation="relu")(window)
    cells = layers.MaxPooling2D(CELL // 2)(cells)
    steps = layers.Reshape((N_STEPS, N_CELLS * 32))(cells)
    steps = layers.Dense(256, activation="relu")(steps)
    steps = layers.Bidirectional(lstm(128, return_sequences=True))(steps)
    steps = lstm(64, return_sequences=True)(steps)
    return layers.Dense(CODE_SIZE, name="code_mean")(layers.Flatten()(steps))


def _improved_window(code, stock: bool):
    """v4.4: every recurrent step hears its own projection of the code; no ReLU at the end."""
    lstm = layers.LSTM if stock else FusedLSTM
    steps = layers.Reshape((N_STEPS, 64))(layers.Dense(N_STEPS * 64)(code))
    steps = layers.Bidirectional(lstm(128, return_sequences=True))(steps)
    cells = layers.Dense(N_CELLS * 32, activation="relu")(steps)
    cells = layers.Reshape((N_STEPS, N_CELLS, 32))(cells)
    return layers.Conv2DTranspose(1, 8, strides=CELL, padding="same")(cells)
