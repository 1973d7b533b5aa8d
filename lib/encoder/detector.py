"""The silence detector: a small head on the encoder that says whether a window holds sound."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
from keras import layers

from lib.encoder.windows import paired_frames, sd_offset
from lib.features import (
    HOP_LENGTH,
    N_FRAMES,
    SAMPLE_RATE,
    frame_times,
    normalise,
    slice_windows,
    spectrogram,
)

# A window counts as sound if events cover this share of it, as silence if none touches it;
# what lies between is left out of training and of scores.
LEAST_COVER = 0.25


def build_silence_detector(encoder: keras.Model, frozen: bool = True) -> keras.Model:
    """Detector of sound in one window, (128, 256, 1) -> probability.

    Parameters
    ----------
    encoder : keras.Model
        Trained. It is copied.
    frozen : bool
        As published: in the copy all but the last layer on the code's path is frozen.

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
    for layer in copy.layers:
        layer.trainable = not frozen or layer.name == "code_mean"
    window = keras.Input(encoder.input_shape[1:], name="window")
    codes = copy(window)
    code = codes["code_mean"] if isinstance(codes, dict) else codes
    probability = _head()(code)
    detector = keras.Model(window, probability, name=encoder.name.replace("encoder", "detector"))
    detector.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return detector


def train_silence_detector(
    encoder: keras.Model,
    windows: np.ndarray,
    sounds: np.ndarray,
    epochs: int = 64,
    seed: int = 0,
) -> keras.Model:
    """Build a silence detector and train it.

    Parameters
    ----------
    encoder : keras.Model
    windows : array (n, 128, 256)
        Normalised.
    sounds : bool array (n,)
        True where a window holds sound.
    epochs : int
        64 in the source.
    seed : int

    Returns
    -------
    keras.Model
        As `build_silence_detector`, trained.

    Raises
    ------
    ValueError
        If there is only one class, or the lengths differ.

    Notes
    -----
    What the frozen layers make of the windows is computed once, so an epoch costs little.
    """
    sounds = both_labels(windows, sounds)
    keras.utils.set_random_seed(seed)
    detector = build_silence_detector(encoder)
    copy, head = detector.get_layer(encoder.name), detector.get_layer("sound_head")
    last = copy.get_layer("code_mean")
    frozen = keras.Model(copy.inputs[0], last.input)
    features = frozen.predict(windows[..., None], batch_size=64, verbose=0)
    entry = keras.Input(features.shape[1:])
    tail = keras.Model(entry, head(last(entry)))
    tail.compile("adam", "binary_crossentropy")
    balance = len(sounds) / 2.0 / np.bincount(sounds)
    weights = {0: balance[0], 1: balance[1]}
    tail.fit(features, sounds, epochs=epochs, batch_size=64, class_weight=weights, verbose=0)
    return detector


def both_labels(windows: np.ndarray, sounds) -> np.ndarray:
    """Labels (n,) as booleans; ValueError unless there is one a window, and both kinds."""
    sounds = np.asarray(sounds, bool)
    if len(sounds) != len(windows) or sounds.all() or not sounds.any():
        raise ValueError(
            f"{len(windows)} windows with {sounds.sum()} of {len(sounds)} labels true: "
            "a detector needs one label a window, and both sound and silence."
        )
    return sounds


def labelled_windows(corpus, version: str, step: int = N_FRAMES // 2):
    """Windows of a sea with what they hold, for training and scoring a silence detector.

    Returns
    -------
    windows : float32 array (n, 128, 256), normalised
    table : DataFrame[item, start, cover, snr_db]
        Start in s; share of the window that events cover; SNR of the loudest of them (NaN in
        silence). ``cover == 0`` is silence, ``cover >= 0.25`` sound.
    """
    windows, tables = [], []
    for i in range(len(corpus.table)):
        recording = corpus.recording(i)
        frames = paired_frames(recording.signal, recording.clean, version)[0]
        windows.append(normalise(slice_windows(frames, step), sd_offset(version)))
        starts = frame_times(len(frames))[: len(frames) - N_FRAMES + 1 : step]
        cover, snr = _cover(recording.events, starts, N_FRAMES * HOP_LENGTH / SAMPLE_RATE)
        row = {"item": corpus.table["item"].iloc[i], "start": starts, "cover": cover, "snr_db": snr}
        tables.append(pd.DataFrame(row))
    return np.concatenate(windows), pd.concat(tables, ignore_index=True)


def window_energy(signal: np.ndarray, step: int = N_FRAMES // 2) -> np.ndarray:
    """Energy of each window of a recording in dB above the median window, (n,): the baseline.

    Notes
    -----
    Used by notebook 04.
    """
    power = np.square(spectrogram(signal)).sum(axis=1, dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    level = 10.0 * np.log10((sums[N_FRAMES:] - sums[:-N_FRAMES])[::step] + 1e-20)
    return level - np.median(level)


def _cover(events, starts: np.ndarray, length: float):
    """Largest share of each window that one event covers, and the loudest event's SNR."""
    begin, end = (events[k].to_numpy()[:, None] for k in ("start", "stop"))
    overlap = np.minimum(end, starts + length) - np.maximum(begin, starts)
    share = np.clip(overlap / length, 0.0, 1.0)
    snr = np.where(share > 0, events["snr_db"].to_numpy()[:, None], -np.inf)
    loudest = snr.max(axis=0, initial=-np.inf)
    return share.max(axis=0, initial=0.0), np.where(np.isfinite(loudest), loudest, np.nan)


def _head() -> keras.Sequential:
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
