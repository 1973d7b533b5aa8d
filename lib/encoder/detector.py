"""The silence detector: a small head on the encoder that says whether a window holds sound."""

from __future__ import annotations

import keras
from keras import layers


def build_silence_detector(encoder: keras.Model) -> keras.Model:
    """Detector of sound in one window, (128, 256, 1) -> probability.

    Parameters
    ----------
    encoder : keras.Model
        Trained. It is copied; in the copy all but the last layer with weights of the code's path
        is frozen, as published.

    Returns
    -------
    keras.Model
        Encoder -> batch normalisation -> Dense 64 -> Dense 32 -> dropout 0.5 -> sigmoid; compiled
        with Adam and binary cross-entropy.

    Notes
    -----
    Source: LSTM V4. Used by notebook 04.
    """
    copy = keras.models.clone_model(encoder)
    copy.set_weights(encoder.get_weights())
    last = _code_layer(copy)
    for layer in copy.layers:
        layer.trainable = layer is last
    window = keras.Input(encoder.input_shape[1:], name="window")
    codes = copy(window)
    code = codes["code_mean"] if isinstance(codes, dict) else codes
    probability = detector_head()(code)
    detector = keras.Model(window, probability, name=encoder.name.replace("encoder", "detector"))
    detector.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return detector


def detector_head() -> keras.Sequential:
    """The published layers behind the code, (128,) -> probability of sound."""
    return keras.Sequential(
        [
            layers.BatchNormalization(),
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sound_head",
    )


def _code_layer(encoder: keras.Model):
    """The layer that makes the code: the mean's own where there is one, else the last."""
    names = [layer.name for layer in encoder.layers]
    return encoder.get_layer("code_mean") if "code_mean" in names else encoder.layers[-1]
