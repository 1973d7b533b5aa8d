"""Train an encoder on the synthetic sea, from the command line or a notebook.

    python -m lib.encoder.train 4.4 --steps 6000 --output data/encoder_v4.4

Killed and started again, it goes on where its last epoch ended.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import keras
import numpy as np

from lib import corpora, training
from lib.encoder.autoencoder import Autoencoder, build_autoencoder
from lib.encoder.models import save_autoencoder
from lib.encoder.scores import frame_contours
from lib.encoder.windows import WindowBatches, frames_of, paired_frames, sd_offset
from lib.features import frame_times, slice_windows
from lib.synthesis import Sea

# Seas beside the corpus' own, each with other whistle types: what keeps v4.4 from learning ten
# shapes by heart. Their seeds are far from any corpus'.
OTHER_SEAS = 48
FIRST_OTHER_SEED = 1000
STEPS_PER_EPOCH = 100
VALIDATION_STEP = 256


def training_recordings(version: str, other_seas: int = OTHER_SEAS):
    """Sea recordings an encoder learns from: the corpus' training part and, for v4.4, more seas."""
    sea = corpora.load("sea").part("train")
    recordings = [(sea, i) for i in range(len(sea.table))]
    for k in range(other_seas if version == "4.4" else 0):
        other = Sea(seed=FIRST_OTHER_SEED + k, n_types=12)
        recordings.append((corpora.load("sea", sea=other, train=1, validation=0, test=0), 0))
    return recordings


def sea_batches(recordings, version: str, **options) -> WindowBatches:
    """Random training windows of sea recordings; only v4.4 is shown the clean target."""
    parts = [_frames(corpus.recording(i), version) for corpus, i in recordings]
    noisy, clean, sounding = zip(*parts, strict=True)
    return WindowBatches(
        noisy,
        clean if version == "4.4" else None,
        sounding if version == "4.4" else None,
        offset=sd_offset(version),
        **options,
    )


def validation_windows(corpus, version: str, step: int = VALIDATION_STEP):
    """Every ``step``-th window of a sea corpus, with its target: two (n, 128, 256, 1) arrays."""
    offset, inputs, targets = sd_offset(version), [], []
    for i in range(len(corpus.table)):
        recording = corpus.recording(i)
        noisy, clean = _input_and_target(recording, version)
        windows = slice_windows(noisy, step)
        mean, sd = (f(windows, axis=(1, 2), keepdims=True) for f in (np.mean, np.std))
        inputs.append((windows - mean) / (sd + offset))
        truth = slice_windows(clean, step) / (sd + offset)
        targets.append(truth if version == "4.4" else inputs[-1])
    return tuple(np.concatenate(parts)[..., None].astype(np.float32) for parts in (inputs, targets))


def compile_for_training(model: Autoencoder, steps: int, published: bool = False) -> Autoencoder:
    """Adam: as published at a constant rate, else with warm-up, cosine decay and clipped norms."""
    if published:
        model.compile(keras.optimizers.Adam())
        return model
    model.compile(keras.optimizers.Adam(warm_and_cooled(steps, 1e-3), clipnorm=1.0))
    return model


def warm_and_cooled(steps: int, rate: float) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate that rises over the first steps and then falls along a cosine."""
    return keras.optimizers.schedules.CosineDecay(
        1e-5, steps, alpha=0.02, warmup_target=rate, warmup_steps=min(200, steps // 10)
    )


def train_encoder(
    version: str,
    steps: int,
    folder: str | os.PathLike,
    batch_size: int = 32,
    other_seas: int = OTHER_SEAS,
    seed: int = 0,
    verbose: int = 0,
    steps_per_epoch: int = STEPS_PER_EPOCH,
    validation_step: int = VALIDATION_STEP,
    recordings: int | None = None,
) -> Autoencoder:
    """Train one version on the sea, resuming what ``folder`` holds.

    Parameters
    ----------
    version : {"4.1", "4.2", "4.4"}
        4.1 and 4.2 as published: their own input as target, Adam at 0.001.
    steps : int
        Gradient steps in total, rounded up to whole epochs of ``steps_per_epoch``.
    folder : path
        For the log and the training states; see `lib.training.fit`.
    batch_size : int
        The source takes 10.
    other_seas : int
        See `training_recordings`.
    seed : int
    steps_per_epoch, validation_step : int
        How often the log gets a row, and frames between the windows it is measured on.
    recordings : int, optional
        Learn from the first so many recordings only.

    Returns
    -------
    Autoencoder
        Trained; ``.encoder`` and ``.decoder`` are its parts.

    Notes
    -----
    Used by notebook 02 at laptop scale; the models in data/ come from the command line.
    """
    keras.utils.set_random_seed(seed)
    per_epoch = min(steps_per_epoch, steps)
    batches = sea_batches(
        training_recordings(version, other_seas)[:recordings],
        version,
        batch_size=batch_size,
        steps=per_epoch,
        seed=seed,
    )
    # The loss weighs the KL term against the squared error; without one, its scale is free.
    model = build_autoencoder(version, reconstruction_weight=1000.0 if version == "4.2" else 1.0)
    model.build((None, *model.encoder.input_shape[1:]))
    compile_for_training(model, steps, published=version != "4.4")
    unheard = corpora.load("sea").part("validation")
    validation = validation_windows(unheard, version, validation_step)
    epochs = -(-steps // per_epoch)
    training.fit(model, batches, epochs, folder, validation_data=validation, verbose=verbose)
    return model


def _frames(recording, version: str):
    """Half-precision frames, clean frames and which frames sound, of one recording."""
    noisy, clean = _input_and_target(recording, version)
    times = frame_times(len(noisy))
    sounding = np.isfinite(frame_contours(recording.contours, recording.events, len(noisy))).any(1)
    for event in recording.events.itertuples():
        sounding |= (times >= event.start) & (times <= event.stop)
    return noisy.astype(np.float16), clean.astype(np.float16), sounding


def _input_and_target(recording, version: str):
    """Frames of a recording and clean ones; versions that are shown no clean target go without."""
    if version == "4.4":
        return paired_frames(recording.signal, recording.clean, version)
    noisy = frames_of(recording.signal, version)
    return noisy, noisy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", choices=("4.1", "4.2", "4.4"))
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--other-seas", type=int, default=OTHER_SEAS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validation-step", type=int, default=VALIDATION_STEP)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    model = train_encoder(
        given.version,
        given.steps,
        given.output,
        given.batch_size,
        given.other_seas,
        given.seed,
        verbose=2,
        validation_step=given.validation_step,
    )
    save_autoencoder(model, given.output)


if __name__ == "__main__":
    main()
