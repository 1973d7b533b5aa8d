"""From windows and recordings to codes, and to whether a window holds sound.

A recording goes through the encoder's convolution once, whatever the hop; see
`lib.encoder.shared`. Where windows overlap much, v4.4's dense layer is shared as well; see
`lib.encoder.shared_dense`. What follows runs for every window, in batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from threadpoolctl import ThreadpoolController

from lib.encoder.graphs import detector_graph, encoder_graph, window_graph
from lib.encoder.shared import SharedConvolution
from lib.encoder.shared_dense import SharedDense, shares_enough
from lib.encoder.windows import frame_blocks, sd_offset
from lib.features import N_BINS, N_FRAMES

BATCH = 64
# Threads that work ahead of the recurrent layers.
WORKERS = 2
# A tenth of a window, as in the source's sequence experiments.
SEQUENCE_HOP = N_FRAMES // 10


def version_of(model: keras.Model) -> str:
    """Version an encoder or decoder was built as, from its name: "4.1", "4.2" or "4.4"."""
    return model.name.rsplit("_v", 1)[-1].replace("_", ".")


def embed(
    windows_or_recording: np.ndarray, encoder: keras.Model, hop: int = SEQUENCE_HOP
) -> np.ndarray:
    """Codes of windows, or of every window of a recording.

    Parameters
    ----------
    windows_or_recording : array (n, 128, 256[, 1]) or (samples,)
        Normalised windows, or mono sound at 48 kHz.
    encoder : keras.Model
        From `build_encoder` or `load_encoder`.
    hop : int
        Frames of 64 samples between windows of a recording; 12 is a tenth of a window.

    Returns
    -------
    float32 array (n, 128)
        The code's mean. Code i of a recording begins ``i * hop`` frames into it.

    Raises
    ------
    ValueError
        For NaN, a wrong shape, or a recording shorter than one window (0.18 s).

    Notes
    -----
    Used by notebooks 03, 04 and 09.
    """
    given = np.asarray(windows_or_recording)
    if given.ndim == 1:
        return embed_and_detect(given, encoder, None, hop)[0]
    if given.ndim == 4:
        given = given[..., 0]
    if given.shape[1:] != (N_FRAMES, N_BINS):
        raise ValueError(
            f"Windows are (n, {N_FRAMES}, {N_BINS}), a recording is (samples,); got {given.shape}."
        )
    return predict_codes(given, encoder)


def embed_and_detect(
    recording: np.ndarray,
    encoder: keras.Model,
    detector: keras.Model | None,
    hop: int = SEQUENCE_HOP,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Codes of every window of a recording and, in the same pass, whether it holds sound.

    Parameters
    ----------
    recording : array (samples,)
        Mono sound at 48 kHz.
    encoder : keras.Model
    detector : keras.Model, optional
        From `build_silence_detector` of this encoder: all layers but the code's are shared.
    hop : int

    Returns
    -------
    codes : float32 array (n, 128)
    probabilities : float32 array (n,), or None without a detector

    Raises
    ------
    ValueError
        As `embed`, and for the detector of another encoder.

    Notes
    -----
    Used by notebooks 04 and 09.
    """
    blocks = frame_blocks(recording, version_of(encoder))
    parts = zip(*embed_frames(blocks, encoder, detector, hop), strict=True)
    codes, probabilities = (np.concatenate(p) if p[0] is not None else None for p in parts)
    return codes, probabilities


def embed_frames(
    blocks: Iterable[np.ndarray],
    encoder: keras.Model,
    detector: keras.Model | None = None,
    hop: int = SEQUENCE_HOP,
    compiled: bool = False,
    batch: int = BATCH,
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Codes and probabilities from frames that come in blocks, batch after batch.

    Parameters
    ----------
    blocks : iterable of arrays (frames, 256)
        As `frames_of` makes them, in order; of any length.
    encoder, detector, hop
        As in `embed_and_detect`.
    compiled : bool
        Compile what follows the convolution by XLA; see `lib.encoder.files.embed_file`.
    batch : int
        Windows worked on at once.

    Yields
    ------
    codes (n, 128) and probabilities (n,) or None
    """
    dense = shares_enough(encoder, hop)
    front = (SharedDense if dense else SharedConvolution)(encoder, sd_offset(version_of(encoder)))
    read = encoder_graph(encoder, compiled, projected=dense)
    detect = None if detector is None else detector_graph(detector, encoder, compiled)
    for steps in _ahead(front.pieces(blocks, hop, batch), front.steps_of):
        n = len(steps)
        if n < batch:
            # Recurrent layers are compiled for one size; another one would take seconds.
            steps = np.pad(steps, ((0, batch - n), *[(0, 0)] * (steps.ndim - 1)))
        features, codes = read(tf.constant(steps))
        sound = None if detect is None else detect(features).numpy()[:n, 0]
        yield codes.numpy()[:n], sound


def predict_codes(windows: np.ndarray, encoder: keras.Model) -> np.ndarray:
    """Code means of normalised windows (n, 128, 256), float32 (n, 128)."""
    if not np.isfinite(windows).all():
        raise ValueError("The windows hold NaN or infinite values; repair the recording first.")
    graph = window_graph(encoder)
    codes = []
    for i in range(0, len(windows), BATCH):
        part = windows[i : i + BATCH, ..., None]
        codes.append(graph(tf.constant(_filled(part), tf.float32)).numpy()[: len(part)])
    return np.concatenate(codes) if codes else np.empty((0, encoder_size(encoder)), np.float32)


def _filled(windows: np.ndarray) -> np.ndarray:
    """Zeros after the last window, up to a power of two.

    The recurrent layers are compiled anew for each number of windows, which takes a second.
    """
    n = 1 << (len(windows) - 1).bit_length()
    return np.pad(windows, ((0, n - len(windows)), (0, 0), (0, 0), (0, 0)))


def encoder_size(encoder: keras.Model) -> int:
    """Numbers in a code."""
    shape = encoder.output_shape
    return (shape["code_mean"] if isinstance(shape, dict) else shape)[-1]


def _ahead(pieces: Iterator, work: Callable) -> Iterator:
    """What ``work`` makes of each piece, in order, made on other threads while the last is used.

    Their matrix products keep to one thread each: the cores have the recurrent layers to run as
    well, and threads that wait for each other made both slower by half.
    """

    def begin():
        piece = next(pieces, None)
        return None if piece is None else workers.submit(work, piece)

    with (
        ThreadpoolController().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(1) as reader,
        ThreadPoolExecutor(WORKERS) as workers,
    ):
        begun = deque(reader.submit(begin) for _ in range(WORKERS + 1))
        while (job := begun.popleft().result()) is not None:
            begun.append(reader.submit(begin))
            yield job.result()
