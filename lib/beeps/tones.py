"""The source's first stage: windows of 150 ms -> spectrum in dB -> is there the tone?

Source: Reece Robinson, beep sequence detector (2016). The published network and a small one, both
on the spectrum; beside them the rule that made the labels, and plain band energy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft

from lib.beeps.frontend import SAMPLE_RATE

WINDOW, STEP = 2_400, 80
BINS = 2_400
BIN_HZ = SAMPLE_RATE / 2 / BINS
# The rule: a bin of this band over 18 dB.
RULE_BAND, RULE_DB = slice(1_100, 1_300), 18.0
# What the source reports on four minutes that are not public: rows the rule, columns its network.
PUBLISHED_COUNTS = (
    ((9_785, 9), (0, 459)),
    ((11_226, 16), (0, 439)),
    ((11_171, 7), (2, 427)),
    ((9_681, 10), (0, 446)),
)
# Spectra worked on at once: a minute of them takes 115 MB.
BLOCK = 256


def tone_windows(signal: np.ndarray, step: int = STEP) -> np.ndarray:
    """View of all 150 ms windows, ``step`` samples apart: (samples,) -> (n, 2400).

    Raises
    ------
    ValueError
        For a signal shorter than one window, or of more than one axis.
    """
    signal = np.asarray(signal)
    if signal.ndim != 1 or len(signal) < WINDOW:
        raise ValueError(
            f"Shape {signal.shape} holds no window of {WINDOW} samples (150 ms at 16 kHz): give one "
            "channel of a longer recording."
        )
    return np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::step]


def tone_spectra(windows: np.ndarray) -> np.ndarray:
    """Spectrum in dB of each window, float32 (n, 2400), 0 to 8 kHz in steps of 3.3 Hz.

    ``20 log10 |rfft(x * Blackman)|``; zeros fill the transform up, so that it has 2,400 bins.
    """
    taper = np.blackman(WINDOW).astype(np.float32)
    spectra = np.empty((len(windows), BINS), np.float32)
    for start in range(0, len(windows), BLOCK):
        block = windows[start : start + BLOCK].astype(np.float32) * taper
        magnitude = np.abs(scipy.fft.rfft(block, 2 * BINS, axis=1))[:, :BINS]
        spectra[start : start + BLOCK] = 20 * np.log10(magnitude + 1e-6)
    return spectra


def by_block(windows: np.ndarray, answer: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`answer` to the spectra of many windows, block by block, so that memory stays small."""
    parts = [windows[k : k + BLOCK] for k in range(0, len(windows), BLOCK)]
    return np.concatenate([answer(tone_spectra(part)) for part in parts])


def rule(spectra: np.ndarray, level: float = RULE_DB) -> np.ndarray:
    """The source's labels: any bin from 3.67 to 4.33 kHz over 18 dB, (n,) of bool."""
    return spectra[:, RULE_BAND].max(axis=1) > level


def band_energy(spectra: np.ndarray) -> np.ndarray:
    """Peak of the band over the median of the whole spectrum, in dB, (n,): the plain baseline."""
    return spectra[:, RULE_BAND].max(axis=1) - np.median(spectra, axis=1)


def build_published_net():
    """The published network on (2400, 1) spectra: four convolutions, 2.02 million weights."""
    import keras
    from keras import layers

    inputs = keras.Input((BINS, 1), name="spectrum")
    x = inputs
    for number, filters in enumerate((48, 96, 192, 348)):
        x = layers.Conv1D(filters, 9, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D(4)(x)
        if number == 0:
            x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(348, activation="relu")(x))
    outputs = layers.Dense(1, activation="sigmoid", name="tone")(x)
    return keras.Model(inputs, outputs, name="published_tone_net")


def build_small_net():
    """A small network on the same spectra, about 1,500 weights: neighbours pooled, two layers.

    The strongest of 8 neighbouring bins stands for them; the level of the whole window is taken
    out first, so a louder recording gives the same answer.
    """
    import keras
    from keras import layers

    inputs = keras.Input((BINS, 1), name="spectrum")
    x = layers.MaxPooling1D(8)(inputs)
    x = layers.LayerNormalization(axis=1, center=False, scale=False)(x)
    x = layers.Conv1D(8, 9, padding="same", activation="relu", name="narrow")(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1, activation="sigmoid", name="tone")(x)
    return keras.Model(inputs, outputs, name="small_tone_net")


def train_tone(
    model,
    spectra: np.ndarray,
    truth: np.ndarray,
    epochs: int,
    adadelta: bool = False,
    batch_size: int = 64,
):
    """Train a tone network on standardised spectra; its log.

    Parameters
    ----------
    model : keras.Model
    spectra : float32 array (n, 2400)
    truth : bool array (n,)
    epochs : int
    adadelta : bool
        The source's optimiser, else Adam.
    batch_size : int
        The source's is 256.
    """
    import keras

    from lib import training

    kind = keras.optimizers.Adadelta(1.0) if adadelta else keras.optimizers.Adam(2e-3)
    model.compile(kind, "binary_crossentropy", jit_compile=False)
    training.keep_freed_memory()
    log = model.fit(
        scaled(spectra)[..., None],
        truth.astype("f"),
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
    )
    return log.history


def scaled(spectra: np.ndarray) -> np.ndarray:
    """Decibels as numbers of the size that networks like: 0 dB is 0, 40 dB are 1."""
    return spectra / 40


def answers_of(model, windows: np.ndarray) -> np.ndarray:
    """Probability of the tone in each window, (n,)."""

    def answer(spectra):
        return np.asarray(model(scaled(spectra)[..., None], training=False))[:, 0]

    return by_block(windows, answer)
