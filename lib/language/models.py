"""The source's two networks, and one that hears a clip whole."""

from __future__ import annotations

import keras
from keras import layers

from lib.language.features import N_MFCC
from lib.language.places import FRAGMENT


def build_ann(n_classes: int, n_features: int = N_MFCC) -> keras.Model:
    """The source's network for single frames: 40 -> 20 -> 20 -> answer.

    Parameters
    ----------
    n_classes : int
        Two give one sigmoid, the probability of the second; more give a softmax.

    Notes
    -----
    Source: the language classifier's ANN (Adam, batch 100, 50 epochs). Used by notebook 06.
    """
    inputs = keras.Input((n_features,), name="frame")
    hidden = layers.Dense(20, activation="relu")(inputs)
    hidden = layers.Dense(20, activation="relu")(hidden)
    return _compiled(inputs, _answer(hidden, n_classes), "adam")


def build_lstm(
    n_classes: int, n_features: int = N_MFCC, length: int = FRAGMENT, units: int = 100
) -> keras.Model:
    """The source's network for fragments: LSTM 100 over 20 frames, all its outputs, answer.

    Notes
    -----
    Source: the language classifier's LSTM (RMSprop). Used by notebook 06.
    """
    inputs = keras.Input((length, n_features), name="fragment")
    hidden = layers.LSTM(units, return_sequences=True)(inputs)
    hidden = layers.Flatten()(hidden)
    return _compiled(inputs, _answer(hidden, n_classes), "rmsprop")


def build_pooled(
    n_classes: int,
    n_features: int = N_MFCC,
    n_phones: int = 0,
    filters: int = 80,
    dropout: float = 0.3,
) -> keras.Model:
    """Convolutions over time, then statistics over however many frames there are.

    Four layers see 23 frames (0.5 s) at a time: enough for a few sounds in a row. What they find
    is averaged, squared and averaged, and its maximum taken over the whole excerpt, as in
    x-vectors, so that any length from a fragment to a clip goes in.

    Parameters
    ----------
    n_phones : int
        More than 0 adds a second answer, ``phone``: the sound at each frame. Synthetic voices
        tell it for nothing, and a network that has to know it cannot live on voices alone.

    Notes
    -----
    Used by notebook 06.
    """
    inputs = keras.Input((None, n_features), name="excerpt")
    hidden = inputs
    for kernel, dilation in ((5, 1), (3, 2), (3, 3), (3, 4)):
        hidden = layers.Conv1D(filters, kernel, dilation_rate=dilation, padding="same")(hidden)
        # The default momentum of 0.99 would take 500 steps to forget the first ones.
        hidden = layers.BatchNormalization(momentum=0.9)(hidden)
        hidden = layers.ReLU()(hidden)
    squares = layers.Multiply()([hidden, hidden])
    pooled = layers.Concatenate(name="statistics")(
        [
            layers.GlobalAveragePooling1D()(hidden),
            layers.GlobalAveragePooling1D()(squares),
            layers.GlobalMaxPooling1D()(hidden),
        ]
    )
    pooled = layers.BatchNormalization(momentum=0.9)(pooled)
    pooled = layers.Dropout(dropout)(pooled)
    code = layers.Dense(32, activation="relu", name="embedding")(pooled)
    outputs = {"language": _answer(code, n_classes)}
    if n_phones:
        outputs["phone"] = layers.Dense(n_phones, activation="softmax", name="phone")(hidden)
    return _compiled(inputs, outputs, keras.optimizers.Adam(2e-3))


BUILDERS = {"ann": build_ann, "lstm": build_lstm, "pooled": build_pooled}


def _answer(hidden, n_classes: int):
    if n_classes < 2:
        raise ValueError(f"{n_classes} language leaves nothing to tell apart; take 2 or more.")
    if n_classes == 2:
        return layers.Dense(1, activation="sigmoid", name="language")(hidden)
    return layers.Dense(n_classes, activation="softmax", name="language")(hidden)


def _compiled(inputs, outputs, optimizer) -> keras.Model:
    model = keras.Model(inputs, outputs)
    compile_model(model, optimizer)
    return model


def compile_model(model: keras.Model, optimizer, weight: float = 0.5) -> None:
    """Cross-entropy of the language, and where it is asked for of the phones, the language's share
    being `weight` to 1."""
    named = model.output if isinstance(model.output, dict) else {"language": model.output}
    binary = named["language"].shape[-1] == 1
    losses = {"language": "binary_crossentropy" if binary else "sparse_categorical_crossentropy"}
    if "phone" in named:
        losses["phone"] = "sparse_categorical_crossentropy"
    # A single output, not a dict of one, in the source's models.
    single = not isinstance(model.output, dict)
    model.compile(
        optimizer=optimizer,
        loss=losses["language"] if single else losses,
        loss_weights=None if single or len(losses) == 1 else {"language": weight, "phone": 1.0},
        jit_compile=False,
    )
