"""What a training step costs, stock layers against fused ones, whole and part by part."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers

from lib import corpora, training
from lib.encoder import build_autoencoder, build_decoder, build_encoder
from lib.encoder.windows import frames_of
from lib.features import N_BINS, N_FRAMES, slice_windows
from lib.layers import ConvMax, FusedDeconvolution, FusedLSTM
from lib.ledger.machine import N_FILTERS, PRODUCTS, resident
from lib.ledger.timing import in_turn, timed

# Stock layers as Keras runs them by default, stock layers compiled by XLA, and ours.
WAYS = ("stock", "stock, compiled", "fused")
PARTS = ("convolution + maximum", "deconvolution", "LSTM")


def layer_times(
    batch: int = 10, repeats: int = 3, parts: Iterable[str] = PARTS, ways: Iterable[str] = WAYS
) -> pd.DataFrame:
    """Forwards and backwards through each expensive part of v4.2, in every way.

    Returns
    -------
    DataFrame[part, way, batch, repeat, seconds, cpu_seconds]
    """
    tables = []
    for part in parts:
        calls = {
            (part, way): _gradients(part_model(part, way != "fused"), batch, way) for way in ways
        }
        tables.append(in_turn(calls, ("part", "way"), repeats))
    return pd.concat(tables, ignore_index=True).assign(batch=batch)


def chunk_curve(
    chunks: Iterable[int] = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768),
    batch: int = 4,
    repeats: int = 3,
) -> pd.DataFrame:
    """Cost of the fused convolutions against the number of patches multiplied at once.

    Returns
    -------
    DataFrame[part, chunk_patches, batch, repeat, seconds, cpu_seconds]
    """
    calls = {
        (part, chunk): _gradients(part_model(part, False, chunk), batch, "fused")
        for part in PRODUCTS
        for chunk in chunks
    }
    return in_turn(calls, ("part", "chunk_patches"), repeats).assign(batch=batch)


def step_times(
    batch: int = 10, repeats: int = 3, ways: Iterable[str] = WAYS, version: str = "4.2"
) -> pd.DataFrame:
    """A whole training step (forwards, backwards, Adam) of the autoencoder, in every way.

    Returns
    -------
    DataFrame[way, batch, repeat, seconds, cpu_seconds]
    """
    training.keep_freed_memory()
    calls = {(way,): _step(way, batch, version) for way in ways}
    return in_turn(calls, ("way",), repeats).assign(batch=batch)


def step_memory(
    batch: int = 10, ways: Iterable[str] = ("stock", "fused"), version: str = "4.2"
) -> pd.DataFrame:
    """Peak memory that two training steps need beyond the built model, each way in its process.

    Returns
    -------
    DataFrame[way, batch, megabytes]

    Raises
    ------
    RuntimeError
        If a process dies, most often for want of memory: the stock layers take about 0.4 GB a
        window. Also where there is no ``/proc`` (other systems than Linux).
    """
    rows = []
    for way in ways:
        command = [sys.executable, "-m", "lib.ledger.steps", way]
        command += [str(batch), version]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(
                f"Measuring {way!r} at batch {batch} ended with {done.returncode}; take a smaller "
                f"batch if memory is short. {done.stderr[-300:]}"
            )
        rows.append((way, batch, json.loads(done.stdout.splitlines()[-1])))
    return pd.DataFrame(rows, columns=["way", "batch", "megabytes"])


def precision_effect(steps: int = 30, batch: int = 4) -> pd.DataFrame:
    """Loss and cost of single against bfloat16 products: v4.2 on squared error, same seed.

    The windows are spectrograms of the sea over their deviation: like the ReLU that the published
    decoder ends in they are not negative, so that the loss can fall.

    Returns
    -------
    DataFrame[dtype, step, loss, seconds, cpu_seconds]
    """
    frames = frames_of(corpora.load("sea").part("validation").signal(0), "4.2")
    windows = slice_windows(frames, 256)[: 8 * batch, ..., None]
    windows = windows / windows.std(axis=(1, 2), keepdims=True)
    tables = [_losses(dtype, windows, steps, batch) for dtype in ("float32", "mixed_bfloat16")]
    return pd.concat(tables, ignore_index=True)


def _losses(dtype: str, windows: np.ndarray, steps: int, batch: int) -> pd.DataFrame:
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(dtype)
    try:
        encoder = build_encoder()
        model = keras.Model(encoder.input, build_decoder()(encoder.output["code"]))
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", "mse")
    rows = []
    for index in range(steps):
        first = index * batch % len(windows)
        taken = windows[first : first + batch]
        model.reset_metrics()
        loss, *spent = timed(lambda: model.train_on_batch(taken, taken))  # noqa: B023
        rows.append((dtype, index, float(loss), *spent))
    return pd.DataFrame(rows, columns=["dtype", "step", "loss", "seconds", "cpu_seconds"])


def part_model(part: str, stock: bool, chunk_patches: int = 1024) -> keras.Model:
    """One part of v4.2 as a model of its own, windows (128, 256, 1) in."""
    window = keras.Input((N_FRAMES, N_BINS, 1))
    if part == "LSTM":
        recurrent = layers.LSTM if stock else FusedLSTM
        steps = layers.Reshape((N_FRAMES, N_BINS))(window)
        return keras.Model(window, layers.Bidirectional(recurrent(128))(steps))
    if not stock:
        layer = ConvMax if part == "convolution + maximum" else FusedDeconvolution
        return keras.Model(window, layer(N_FILTERS, chunk_patches=chunk_patches)(window))
    kind = layers.Conv2D if part == "convolution + maximum" else layers.Conv2DTranspose
    volume = kind(N_FILTERS, 8, padding="same", activation="relu")(window)
    if part == "convolution + maximum":
        return keras.Model(window, layers.MaxPooling2D((1, N_BINS))(volume))
    return keras.Model(window, layers.Conv2DTranspose(1, 1)(volume))


def _gradients(model: keras.Model, batch: int, way: str) -> Callable:
    """A call that gives the gradients of a part to its weights and, but for the first, its input."""
    windows = tf.constant(_windows(batch))

    @tf.function(jit_compile=way == "stock, compiled")
    def gradients(windows):
        with tf.GradientTape() as tape:
            tape.watch(windows)
            loss = tf.reduce_sum(tf.square(model(windows)))
        return tape.gradient(loss, [windows, *model.trainable_variables])

    return lambda: gradients(windows)


def _step(way: str, batch: int, version: str) -> Callable:
    """A call that makes one training step on random windows and gives its loss."""
    model = build_autoencoder(version, stock=way != "fused")
    model.compile("adam", jit_compile=True if way == "stock, compiled" else "auto")
    windows = _windows(batch)
    return lambda: model.train_on_batch(windows, windows)


def _windows(batch: int) -> np.ndarray:
    shape = (batch, N_FRAMES, N_BINS, 1)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _memory_of_steps(way: str, batch: int, version: str) -> float:
    """Peak resident memory over two steps less that of the built model, in MB."""
    step = _step(way, batch, version)
    before = resident("VmRSS")
    for _ in range(2):
        step()
    return resident("VmHWM") - before


if __name__ == "__main__":
    print(json.dumps(_memory_of_steps(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
