"""What embedding a recording costs, against the hop and beside the plain way."""

from __future__ import annotations

import time
from collections.abc import Iterable

import keras
import numpy as np
import pandas as pd

from lib.encoder.embedding import (
    BATCH,
    SEQUENCE_HOP,
    embed_and_detect,
    predict_codes,
    version_of,
)
from lib.encoder.windows import frames_of, sd_offset
from lib.features import SAMPLE_RATE, normalise, slice_windows


def embed_by_window(
    recording: np.ndarray, encoder: keras.Model, hop: int = SEQUENCE_HOP
) -> np.ndarray:
    """What `embed` gives for a recording, each window predicted on its own: the plain way."""
    version = version_of(encoder)
    windows = slice_windows(frames_of(recording, version), hop)
    parts = (
        predict_codes(normalise(windows[i : i + BATCH], sd_offset(version)), encoder)
        for i in range(0, len(windows), BATCH)
    )
    return np.concatenate(list(parts))


def embedding_cost(
    recording: np.ndarray,
    encoder: keras.Model,
    hops: Iterable[int] = (4, 8, SEQUENCE_HOP, 32, 64, 128),
    detector: keras.Model | None = None,
    stock: keras.Model | None = None,
    repeats: int = 3,
) -> pd.DataFrame:
    """Time to embed a recording against the hop, with a detector and beside the plain way.

    Parameters
    ----------
    recording : array (samples,)
    encoder, detector
        As in `embed_and_detect`.
    hops : iterable of int
    stock : keras.Model, optional
        Encoder that predicts window by window, for comparison (``build_encoder(stock=True)``).
    repeats : int
        Rounds over all hops and both ways, interleaved, after one that is not counted.

    Returns
    -------
    DataFrame[hop, repeat, windows, seconds, cpu_seconds, plain_seconds, plain_cpu_seconds,
    realtime]
        One row a hop and round; ``plain_seconds`` is NaN without ``stock``; ``realtime`` is
        seconds of sound embedded in a second.

    Notes
    -----
    Used by notebook 09.
    """
    rows = []
    for repeat in range(-1, repeats):
        for hop in hops:
            took, cpu, codes = _timed(embed_and_detect, recording, encoder, detector, hop)
            plain = (np.nan, np.nan)
            if stock is not None:
                plain = _timed(embed_by_window, recording, stock, hop)[:2]
            realtime = len(recording) / SAMPLE_RATE / took
            rows.append((hop, repeat, len(codes[0]), took, cpu, *plain, realtime))
    columns = ["hop", "repeat", "windows", "seconds", "cpu_seconds", "plain_seconds"]
    table = pd.DataFrame(rows, columns=[*columns, "plain_cpu_seconds", "realtime"])
    return table[table["repeat"] >= 0].reset_index(drop=True)


def _timed(work, *given):
    """Seconds and processor seconds that a call took, and what it returned."""
    start, cpu = time.perf_counter(), time.process_time()
    result = work(*given)
    return time.perf_counter() - start, time.process_time() - cpu, result
