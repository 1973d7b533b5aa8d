"""Fit the sea's encoder, and a detector on it, to real whistles that come as pictures.

    python -m lib.encoder.finetune oltremare --output data/encoder_v4.4_oltremare

Only the corpus' training recordings are used.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import keras
import numpy as np

from lib import corpora, training
from lib.encoder import pictures
from lib.encoder.autoencoder import Autoencoder
from lib.encoder.detector import both_labels, build_silence_detector
from lib.encoder.models import load_decoder, load_encoder, save_autoencoder
from lib.encoder.train import compile_for_training, warm_and_cooled
from lib.features import normalise

STEPS = 2000
DETECTOR_STEPS = 450
DETECTOR_RATE = 3e-4
BATCH = 32
STEPS_PER_EPOCH = 100
# Share of the pictures drawn that hold a whistle: the encoder has more to learn from those.
WHISTLE_SHARE = 0.75
# How much the frame-wise cross-entropy counts beside the squared error.
PEAK_WEIGHT = 0.1


class PictureBatches(keras.utils.PyDataset):
    """Real pictures, moved, mirrored and half of them covered, with what is to be said of them.

    Parameters
    ----------
    whitened : array (n, 128, 256)
        From `lib.encoder.pictures.whitened`.
    sounds : bool array (n,)
        True where there is a whistle; the others are what covers.
    targets : array (n, 128, 256), optional
        Denoised pictures, moved along and never covered. Without, the target is ``sounds``.
    whistle_share : float
        Of the pictures drawn.
    steps : int
        Batches an epoch.
    seed : int
    """

    def __init__(self, whitened, sounds, targets=None, whistle_share=0.5, steps=100, seed=0):
        super().__init__()
        self.whitened, self.sounds, self.targets = whitened, np.asarray(sounds, bool), targets
        self.with_whistle, self.without = np.flatnonzero(sounds), np.flatnonzero(~self.sounds)
        self.covers = whitened[self.without]
        self.share, self.steps, self.seed, self.epoch = whistle_share, steps, seed, 0

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, self.epoch, index])
        n = round(BATCH * self.share)
        drawn = [rng.choice(self.with_whistle, n), rng.choice(self.without, BATCH - n)]
        chosen = np.concatenate(drawn)
        moves = pictures.random_moves(BATCH, rng)
        inputs = pictures.moved(self.whitened[chosen], moves)
        inputs = normalise(pictures.covered(inputs, self.covers, rng))
        if self.targets is None:
            return inputs[..., None], self.sounds[chosen, None].astype(np.float32)
        return inputs[..., None], pictures.moved(self.targets[chosen], moves)[..., None]

    def on_epoch_end(self) -> None:
        self.epoch += 1


def fine_tune(
    name: str, steps: int, folder: str | os.PathLike, seed: int = 0, verbose: int = 0
) -> Autoencoder:
    """Train the shipped v4.4 on with the pictures of a corpus; resumes what ``folder`` holds.

    Parameters
    ----------
    name : str
        Of a corpus of pictures with labels: ``oltremare``.
    steps : int
        Gradient steps of 32 pictures, rounded up to whole epochs of 100.
    folder : path
        For the log and the training states; see `lib.training.fit`.
    seed, verbose : int

    Notes
    -----
    To the squared error comes the cross-entropy over the bins of every frame, so that the whistle,
    and not only what is bright on average, decides where a frame is brightest. Used by notebook
    03, which shows the shipped result.
    """
    keras.utils.set_random_seed(seed)
    corpus = corpora.load(name)
    per_epoch = min(STEPS_PER_EPOCH, steps)
    batches = picture_batches(corpus.part("train"), per_epoch, seed)
    validation = tuple(part[..., None] for part in picture_pairs(corpus.part("validation")))
    model = Autoencoder(
        load_encoder(), load_decoder(), reconstruction_weight=1.0, peak_weight=PEAK_WEIGHT
    )
    model.build((None, *model.encoder.input_shape[1:]))
    compile_for_training(model, steps)
    training.fit(
        model, batches, -(-steps // per_epoch), folder, validation_data=validation, verbose=verbose
    )
    return model


def fine_tune_detector(
    encoder: keras.Model,
    whitened: np.ndarray,
    sounds: np.ndarray,
    steps: int = DETECTOR_STEPS,
    seed: int = 0,
) -> keras.Model:
    """A silence detector for pictures, its encoder trained on with it.

    Parameters
    ----------
    encoder : keras.Model
        From `fine_tune`; it is copied.
    whitened : array (n, 128, 256)
        From `lib.encoder.pictures.whitened`.
    sounds : bool array (n,)
        True where there is a whistle.
    steps : int
        Of 32 changed pictures, half of them with a whistle.
    seed : int

    Returns
    -------
    keras.Model
        Window (128, 256, 1), normalised -> probability.

    Raises
    ------
    ValueError
        If there is only one class, or the lengths differ.

    Notes
    -----
    The source freezes all but the last layer, as `lib.encoder.detector.train_silence_detector`
    does; the changed pictures are enough to train them all. Used by notebook 04.
    """
    sounds = both_labels(whitened, sounds)
    keras.utils.set_random_seed(seed)
    detector = build_silence_detector(encoder, frozen=False)
    rate = warm_and_cooled(steps, DETECTOR_RATE)
    detector.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "binary_crossentropy")
    batches = PictureBatches(whitened, sounds, steps=steps, seed=seed)
    training.fit(detector, batches, epochs=1)
    return detector


def picture_batches(corpus, steps: int, seed: int = 0) -> PictureBatches:
    """What `fine_tune` learns from: changed pictures of a corpus with their denoised selves.

    Notes
    -----
    Used by notebook 03, whose baseline learns from the same.
    """
    whitened, sounds = labelled_pictures(corpus)
    targets = pictures.denoised(normalise(whitened))
    return PictureBatches(whitened, sounds, targets, WHISTLE_SHARE, steps, seed)


def labelled_pictures(corpus) -> tuple[np.ndarray, np.ndarray]:
    """Whitened pictures of a corpus, (n, 128, 256), and which of them hold a whistle, (n,)."""
    table = corpus.table
    whitened = pictures.whitened(corpus.stack(), table["group"].to_numpy())
    return whitened, (table["label"] == "POS").to_numpy()


def picture_pairs(corpus) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a corpus of pictures and their denoised targets, both (n, 128, 256)."""
    windows = normalise(labelled_pictures(corpus)[0])
    return windows, pictures.denoised(windows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    model = fine_tune(given.corpus, given.steps, given.output, verbose=2)
    save_autoencoder(model, given.output)


if __name__ == "__main__":
    main()
