"""Codes of long files: sound is read, transformed and embedded in blocks, so memory stays flat."""

from __future__ import annotations

import os
from collections.abc import Iterator

import keras
import numpy as np

from lib import audio
from lib.encoder.embedding import SEQUENCE_HOP, embed_frames, version_of
from lib.features import (
    FRAME_LENGTH,
    HOP_LENGTH,
    SAMPLE_RATE,
    noise_floor,
    spectrogram,
    whiten,
    window_samples,
)

# Seconds of a file held at once.
BLOCK_SECONDS = 10.0
# Frames that the noise floor of a file is the median of; a file of a minute or less gives all.
FLOOR_FRAMES = 60 * SAMPLE_RATE // HOP_LENGTH


def embed_file(
    path: str | os.PathLike,
    encoder: keras.Model,
    detector: keras.Model | None = None,
    hop: int = SEQUENCE_HOP,
    compiled: bool = False,
    allow_low_rate: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Codes (n, 128) and probabilities (n,) of a file, batch after batch; memory stays flat.

    Parameters
    ----------
    path : path
        A recording of any length, as `lib.audio.read` takes it.
    encoder, detector, hop
        As in `embed_and_detect`.
    compiled : bool
        Compile what follows the convolution by XLA: some seconds once, then about a quarter
        faster (v4.2).
    allow_low_rate : bool
        As in `lib.audio.read`.

    Raises
    ------
    lib.audio.AudioError
        As `lib.audio.read`.
    ValueError
        As `embed_and_detect`.

    Notes
    -----
    The same numbers as `embed_and_detect` on the whole file. Only v4.4 of more than a minute
    differs slightly: its noise floor is then the median of 45,000 frames spread evenly over the
    file, read in a first pass, instead of all. Used by notebook 09.
    """
    audio.inspect(path, window_samples() / SAMPLE_RATE, allow_low_rate, check_samples=False)
    blocks = file_frames(path, version_of(encoder), allow_low_rate)
    yield from embed_frames(blocks, encoder, detector, hop, compiled)


def file_frames(
    path: str | os.PathLike, version: str = "4.4", allow_low_rate: bool = False
) -> Iterator[np.ndarray]:
    """Frames of a file as `frames_of` makes them, in blocks of about ten seconds."""
    if version != "4.4":
        yield from _magnitudes(path, 1, allow_low_rate)
        return
    n_frames = audio.duration(path) * SAMPLE_RATE / HOP_LENGTH
    every = max(1, round(n_frames / FLOOR_FRAMES))
    floor = noise_floor(np.concatenate(list(_magnitudes(path, every, allow_low_rate))))
    for magnitude in _magnitudes(path, 1, allow_low_rate):
        yield whiten(magnitude, floor)


def _magnitudes(path, every: int, allow_low_rate: bool) -> Iterator[np.ndarray]:
    """Spectrogram of a file in blocks, every so many frames; the blocks joined have no seam."""
    hop, rest = HOP_LENGTH * every, np.empty(0, np.float32)
    for _, block in audio.blocks(path, BLOCK_SECONDS, allow_low_rate=allow_low_rate):
        rest = np.concatenate([rest, block])
        n_frames = (len(rest) - FRAME_LENGTH) // hop + 1
        if n_frames > 0:
            yield spectrogram(rest[: (n_frames - 1) * hop + FRAME_LENGTH], hop_length=hop)
            rest = rest[n_frames * hop :]
