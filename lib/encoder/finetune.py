"""Fit the sea's encoder to real whistles that come as pictures.

    python -m lib.encoder.finetune oltremare --output data/encoder_v4.4_oltremare

Only the corpus' training recordings are used; half of every batch stays sea.
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
from lib.encoder.models import load_decoder, load_encoder, save_autoencoder
from lib.encoder.train import compile_for_training, sea_batches, training_recordings
from lib.features import normalise

# Seas beside the corpus' own are enough to keep what was learnt.
OTHER_SEAS = 12


class PictureBatches(keras.utils.PyDataset):
    """Real pictures, moved and mirrored, with their denoised selves as target; and sea windows.

    Parameters
    ----------
    windows, targets : arrays (n, 128, 256)
    sea : WindowBatches
        Its batches make the other half, and say how many there are.
    seed : int
    """

    def __init__(self, windows, targets, sea, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.windows, self.targets, self.sea, self.seed = windows, targets, sea, seed

    def __len__(self) -> int:
        return len(self.sea)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, self.sea.epoch, index])
        chosen = rng.integers(len(self.windows), size=self.sea.batch_size)
        shifts = rng.integers(-pictures.LARGEST_SHIFT, pictures.LARGEST_SHIFT + 1, len(chosen))
        ways = rng.choice([-1, 1], len(chosen))
        real = [_moved(part, chosen, shifts, ways) for part in (self.windows, self.targets)]
        return tuple(np.concatenate(pair) for pair in zip(real, self.sea[index], strict=True))

    def on_epoch_end(self) -> None:
        self.sea.on_epoch_end()


def fine_tune(
    name: str, steps: int, folder: str | os.PathLike, seed: int = 0, verbose: int = 0
) -> Autoencoder:
    """Train the shipped v4.4 on with the pictures of a corpus; resumes what ``folder`` holds.

    Notes
    -----
    Used by notebook 03, which shows the shipped result.
    """
    keras.utils.set_random_seed(seed)
    corpus = corpora.load(name)
    (windows, targets), validation = (
        picture_pairs(corpus.part(s)) for s in ("train", "validation")
    )
    per_epoch = min(50, steps)
    recordings = training_recordings("4.4", OTHER_SEAS)
    sea = sea_batches(recordings, "4.4", batch_size=16, steps=per_epoch, seed=seed)
    model = Autoencoder(load_encoder(), load_decoder(), reconstruction_weight=1.0)
    model.build((None, *model.encoder.input_shape[1:]))
    compile_for_training(model, steps)
    batches = PictureBatches(windows, targets, sea, seed)
    validation = tuple(part[..., None] for part in validation)
    training.fit(
        model, batches, -(-steps // per_epoch), folder, validation_data=validation, verbose=verbose
    )
    return model


def picture_pairs(corpus) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a corpus of pictures and their denoised targets, both (n, 128, 256)."""
    windows = normalise(pictures.whitened(corpus.stack(), corpus.table["group"].to_numpy()))
    return windows, pictures.denoised(windows)


def _moved(part, chosen, shifts, ways) -> np.ndarray:
    moved = [np.roll(part[i, ::w], s, axis=1) for i, s, w in zip(chosen, shifts, ways, strict=True)]
    return np.stack(moved)[..., None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    model = fine_tune(given.corpus, given.steps, given.output, verbose=2)
    save_autoencoder(model, given.output)


if __name__ == "__main__":
    main()
