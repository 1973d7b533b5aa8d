"""From windows or whole recordings to codes."""

from __future__ import annotations

import keras
import numpy as np

from lib.encoder.windows import frames_of, sd_offset
from lib.features import N_BINS, N_FRAMES, normalise, slice_windows

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
        version = version_of(encoder)
        windows = slice_windows(frames_of(given, version), hop)
        parts = (
            predict_codes(normalise(windows[i : i + BATCH], sd_offset(version)), encoder)
            for i in range(0, len(windows), BATCH)
        )
        return np.concatenate(list(parts))
    if given.ndim == 4:
        given = given[..., 0]
    if given.shape[1:] != (N_FRAMES, N_BINS):
        raise ValueError(
            f"Windows are (n, {N_FRAMES}, {N_BINS}), a recording is (samples,); got {given.shape}."
        )
    return predict_codes(given, encoder)


def predict_codes(windows: np.ndarray, encoder: keras.Model) -> np.ndarray:
    """Code means of normalised windows (n, 128, 256), float32 (n, 128)."""
    if not np.isfinite(windows).all():
        raise ValueError("The windows hold NaN or infinite values; repair the recording first.")
    codes = [
        _mean(encoder(windows[i : i + BATCH, ..., None], training=False))
        for i in range(0, len(windows), BATCH)
    ]
    return np.concatenate(codes) if codes else np.empty((0, encoder_size(encoder)), np.float32)


def encoder_size(encoder: keras.Model) -> int:
    """Numbers in a code."""
    shape = encoder.output_shape
    return (shape["code_mean"] if isinstance(shape, dict) else shape)[-1]


def _mean(codes) -> np.ndarray:
    codes = codes["code_mean"] if isinstance(codes, dict) else codes
    return keras.ops.convert_to_numpy(codes)
