"""How well a reconstruction draws what was there: contour hits and explained variance."""

from __future__ import annotations

import numpy as np

from lib.features import N_FRAMES

TOLERANCE_BINS = 3.0


def contour_hits(
    pictures: np.ndarray, contours: np.ndarray, tolerance: float = TOLERANCE_BINS
) -> np.ndarray:
    """Which whistle frames have their strongest bin within ``tolerance`` of a true fundamental.

    Parameters
    ----------
    pictures : array (n, frames, bins[, 1])
        Reconstructions, or any other pictures of the same windows.
    contours : array (n, frames, k)
        Bins of up to k fundamentals a frame; NaN where there is none.

    Returns
    -------
    bool array (whistle frames,)
        Its mean is the contour hit rate. Where whistles overlap, one of them is enough.

    Notes
    -----
    Used by notebooks 02 and 03.
    """
    peaks = pictures.reshape(*pictures.shape[:2], -1).argmax(axis=2)
    whistle = np.isfinite(contours).any(axis=2)
    with np.errstate(invalid="ignore"):
        near = (np.abs(peaks[..., None] - contours) <= tolerance).any(axis=2)
    return near[whistle]


def frame_contours(contours, events, n_frames: int, least_snr_db: float = -np.inf) -> np.ndarray:
    """Fundamental bins of every frame of a recording, (frames, 3), NaN where none.

    Parameters
    ----------
    contours, events : DataFrame
        Of one sea recording; ``contours.event`` is the row in ``events``.
    n_frames : int
    least_snr_db : float
        Leave out events below.
    """
    from lib.features import HOP_LENGTH, frame_times, frequency_to_bin

    table = np.full((n_frames, 3), np.nan, np.float32)
    snr = events["snr_db"].to_numpy()[contours["event"].to_numpy()]
    kept = contours[snr >= least_snr_db]
    first, step = frame_times(1)[0], HOP_LENGTH / 48_000
    frame = np.rint((kept["time"].to_numpy() - first) / step).astype(int)
    rank = kept.assign(frame=frame).groupby("frame").cumcount().to_numpy()
    inside = (frame >= 0) & (frame < n_frames) & (rank < 3)
    table[frame[inside], rank[inside]] = frequency_to_bin(kept["frequency"].to_numpy())[inside]
    return table


def explained_variance(targets: np.ndarray, pictures: np.ndarray) -> float:
    """Share of the targets' variance that pictures of the same shape explain."""
    targets, pictures = np.squeeze(targets), np.squeeze(pictures)
    return float(1.0 - np.mean((targets - pictures) ** 2) / np.var(targets))


def window_contours(contours: np.ndarray, step: int) -> np.ndarray:
    """Cut `frame_contours` like the windows: (frames, k) -> (n, 128, k)."""
    view = np.lib.stride_tricks.sliding_window_view(contours, N_FRAMES, axis=0)[::step]
    return view.transpose(0, 2, 1)
