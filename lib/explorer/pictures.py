"""Spectrograms as small pictures, fast enough to answer a click: no matplotlib on the way."""

from __future__ import annotations

import base64
import functools
import io

import numpy as np
from PIL import Image

# About 10 ms: as long as the recipe's frames, whatever the rate.
FRAME_SECONDS = 0.0107
# Decibels above the recording's noise floor that are drawn darkest and brightest.
RANGE_DB = (2.0, 34.0)
# Pieces of a recording from which its noise floor is taken.
FLOOR_PIECES, FLOOR_SECONDS = 8, 0.1
# Seconds: longer recordings are never read as a whole for a strip, but moment by moment.
LONGEST_WHOLE, MOMENT = 600.0, 0.05


def levels(
    signal: np.ndarray,
    sample_rate: int,
    columns: int = 256,
    rows: int = 128,
    floor: np.ndarray | None = None,
) -> np.ndarray:
    """A spectrogram as grey levels, the highest frequency on top.

    Parameters
    ----------
    signal : array (samples,)
    sample_rate : int
        In Hz; the picture reaches from 0 to half of it.
    columns, rows : int
        Size of the picture at most; where there is more, each pixel is the loudest it stands for,
        so that thin whistles survive.
    floor : array (bins,), optional
        From `noise_floor`; by default the median of the signal itself.

    Returns
    -------
    uint8 array (rows, columns)
    """
    magnitude = _magnitude(signal, sample_rate, columns)
    floor = np.median(magnitude, axis=0) if floor is None else floor
    decibel = 20.0 * np.log10((magnitude + 1e-9) / (floor + 1e-9))
    low, high = RANGE_DB
    scaled = np.clip((decibel - low) / (high - low), 0.0, 1.0)
    image = _loudest(_loudest(scaled, columns).T, rows)[::-1]
    return np.rint(255 * image).astype(np.uint8)


def noise_floor(sounds, item: str) -> np.ndarray:
    """Median magnitude in each bin over pieces spread through a recording, (bins,)."""
    seconds = sounds.seconds(item)
    starts = np.linspace(0, max(0.0, seconds - FLOOR_SECONDS), FLOOR_PIECES)
    pieces = [sounds.piece(item, start, start + FLOOR_SECONDS) for start in starts]
    return np.median(np.concatenate([_magnitude(*piece, 64) for piece in pieces]), axis=0)


def strip_levels(
    sounds, item: str, columns: int = 1200, rows: int = 96, floor: np.ndarray | None = None
) -> np.ndarray:
    """`levels` of a whole recording; of one that lasts hours, a moment for each column."""
    seconds = sounds.seconds(item)
    if seconds <= LONGEST_WHOLE:
        return levels(*sounds.recording(item), columns, rows, floor)
    starts = np.linspace(0, seconds - MOMENT, columns)
    moments = [levels(*sounds.piece(item, t, t + MOMENT), 8, rows, floor) for t in starts]
    return np.stack([moment.max(axis=1) for moment in moments], axis=1)


def _magnitude(signal: np.ndarray, sample_rate: int, columns: int) -> np.ndarray:
    """Magnitudes (frames, bins), at least a frame and at most some for each column."""
    length = 2 ** round(np.log2(FRAME_SECONDS * sample_rate))
    padded = np.pad(signal, (length // 2, max(length // 2, length - len(signal))))
    # Long recordings are sampled frame beside frame, short ones as finely as there are pixels.
    hop = max(1, min(length, (len(padded) - length) // columns))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    window = np.hanning(length).astype(np.float32)
    return np.abs(np.fft.rfft(frames * window, axis=1))[:, 1:].astype(np.float32)


def _loudest(image: np.ndarray, size: int) -> np.ndarray:
    """At most ``size`` rows, each the loudest of those it stands for."""
    if len(image) <= size:
        return image
    return np.maximum.reduceat(image, np.linspace(0, len(image), size, endpoint=False, dtype=int))


def coloured_png(image: np.ndarray, colour_map: str = "mako") -> bytes:
    """Grey levels as a PNG in a colour map of matplotlib or seaborn."""
    picture = Image.fromarray(image)
    picture.putpalette(palette(colour_map).tobytes())
    return _encoded(picture, format="PNG")


def grey_webp(image: np.ndarray, quality: int = 40) -> bytes:
    """Grey levels as a small WebP; the page gives it its colours."""
    return _encoded(Image.fromarray(image), format="WEBP", quality=quality, method=4)


@functools.cache
def palette(colour_map: str = "mako") -> np.ndarray:
    """256 colours of a map, uint8 (256, 3)."""
    import seaborn as sns

    colours = np.asarray(sns.color_palette(colour_map, 256))
    return np.rint(255 * colours).astype(np.uint8)


def data_url(content: bytes, kind: str) -> str:
    """Bytes as a ``data:`` address that a page can hold in itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _encoded(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, **options)
    return file.getvalue()
