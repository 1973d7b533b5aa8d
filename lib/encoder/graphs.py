"""Graphs of what an encoder does behind its convolution: traced once for each model, then fast.

Run eagerly, the 128 steps of a recurrent layer cost ten times their arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf

from lib.encoder.shared import front_of
from lib.encoder.shared_dense import dense_of

_graphs: WeakKeyDictionary = WeakKeyDictionary()


def window_graph(encoder: keras.Model) -> Callable:
    """Normalised windows (n, 128, 256, 1) -> code means (n, 128)."""

    def build():
        whole = keras.Model(encoder.inputs[0], encoder.get_layer("code_mean").output)
        return lambda windows: whole(windows, training=False)

    return _kept(encoder, "windows", build, compiled=False)


def encoder_graph(
    encoder: keras.Model, compiled: bool = False, projected: bool = False
) -> Callable:
    """Pooled responses (n, steps, cells, filters) -> what the code's layer reads, and the code.

    ``projected``: what comes in is `SharedDense`'s product (n, steps, units) instead.
    """
    last = encoder.get_layer("code_mean")

    def build():
        entry = front_of(encoder)[1].output
        tail = keras.Model(entry, [last.input, last.output])
        shape = (-1, *entry.shape[1:])
        return lambda pooled: tail(tf.reshape(pooled, shape), training=False)

    def build_behind_dense():
        dense = dense_of(encoder)
        tail = keras.Model(dense.output, [last.input, last.output])
        return lambda steps: tail(dense.activation(steps + dense.bias), training=False)

    if projected:
        return _kept(encoder, "tail behind dense", build_behind_dense, compiled)
    return _kept(encoder, "tail", build, compiled)


def detector_graph(detector: keras.Model, encoder: keras.Model, compiled: bool = False) -> Callable:
    """What the code's layer reads -> probability of sound (n, 1).

    Raises
    ------
    ValueError
        If the detector was built from another encoder than this one.
    """
    copy = _copy_inside(detector, encoder)

    def build():
        last, head = copy.get_layer("code_mean"), detector.get_layer("sound_head")
        return lambda features: head(last(features, training=False), training=False)

    return _kept(detector, "head", build, compiled)


def _kept(model, name, build, compiled) -> Callable:
    """The model's graph of that name, made at the first call; weights are read at every call."""
    graphs = _graphs.setdefault(model, {})
    if (name, compiled) not in graphs:
        call = tf.function(build(), reduce_retracing=True, jit_compile=compiled)
        graphs[name, compiled] = call
    return graphs[name, compiled]


def _copy_inside(detector, encoder) -> keras.Model:
    """The detector's copy of the encoder, once it is sure that all layers but the last agree."""
    names = [layer.name for layer in detector.layers]
    copy = detector.get_layer(encoder.name) if encoder.name in names else None
    if copy is None or not _share_all_but_code(copy, encoder):
        raise ValueError(
            f"{detector.name} was not built from this {encoder.name}: their layers differ. Build "
            "it with build_silence_detector(encoder), or embed with the encoder inside it, "
            f"detector.get_layer({encoder.name!r})."
        )
    return copy


def _share_all_but_code(copy, encoder) -> bool:
    pairs = zip(copy.layers, encoder.layers, strict=True)
    unread = ("code_mean", "code_log_variance", "code")
    return len(copy.layers) == len(encoder.layers) and all(
        np.array_equal(a, b)
        for left, right in pairs
        if left.name not in unread
        for a, b in zip(left.get_weights(), right.get_weights(), strict=True)
    )
