"""From windows and recordings to codes, and to whether a window holds sound.

A recording goes through the encoder's convolution once, whatever the hop; see
`lib.encoder.shared`. What follows the convolution runs for every window, in batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from threadpoolctl import ThreadpoolController

from lib.encoder.graphs import detector_graph, encoder_graph, window_graph
from lib.encoder.shared import SharedConvolution
from lib.encoder.windows import frames_of, sd_offset
from lib.features import N_BINS, N_FRAMES

BATCH = 64
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
    frames = frames_of(recording, version_of(encoder))
    parts = zip(*embed_frames([frames], encoder, detector, hop), strict=True)
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
    front = SharedConvolution(encoder, sd_offset(version_of(encoder)))
    read = encoder_graph(encoder, compiled)
    detect = None if detector is None else detector_graph(detector, encoder, compiled)
    for pooled in _ahead(front.batches(blocks, hop, batch)):
        n = len(pooled)
        if n < batch:
            # Recurrent layers are compiled for one size; another one would take seconds.
            pooled = np.pad(pooled, ((0, batch - n), (0, 0), (0, 0), (0, 0)))
        features, codes = read(tf.constant(pooled))
        sound = None if detect is None else detect(features).numpy()[:n, 0]
        yield codes.numpy()[:n], sound


def predict_codes(windows: np.ndarray, encoder: keras.Model) -> np.ndarray:
    """Code means of normalised windows (n, 128, 256), float32 (n, 128)."""
    if not np.isfinite(windows).all():
        raise ValueError("The windows hold NaN or infinite values; repair the recording first.")
    graph = window_graph(encoder)
    codes = [
        graph(tf.constant(windows[i : i + BATCH, ..., None], tf.float32)).numpy()
        for i in range(0, len(windows), BATCH)
    ]
    return np.concatenate(codes) if codes else np.empty((0, encoder_size(encoder)), np.float32)


def encoder_size(encoder: keras.Model) -> int:
    """Numbers in a code."""
    shape = encoder.output_shape
    return (shape["code_mean"] if isinstance(shape, dict) else shape)[-1]


def _ahead(items: Iterator) -> Iterator:
    """Make the next item on another thread while the last one is worked on.

    Its matrix products keep to that one thread: the other core has the recurrent layers to run,
    and threads that wait for each other made both slower by half.
    """
    pools = ThreadpoolController()

    def following():
        with pools.limit(limits=1, user_api="blas"):
            return next(items, None)

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(following)
        while (item := waiting.result()) is not None:
            waiting = thread.submit(following)
            yield item
