"""What convolution filters respond to: lines along time, along frequency, or rising and falling."""

from __future__ import annotations

import numpy as np
import pandas as pd

KINDS = ("tone", "upsweep", "click", "downsweep")
# Zero-padding makes the direction of the strongest ripple finer than the 8 x 8 kernel's own grid.
PADDED = 64


def filter_kinds(kernels: np.ndarray) -> pd.DataFrame:
    """Direction of the line that each filter responds to most.

    Parameters
    ----------
    kernels : array (frames, bins, 1, filters)

    Returns
    -------
    DataFrame[filter, kind, angle, focus]
        Sorted by kind and angle. The angle of the line, in degrees: 0 is a tone, 90 a click,
        between them whistles that rise, beyond 90 those that fall, in bins a frame. It is read
        off the strongest ripple of the kernel's spectrum; ``focus`` is the share of the
        spectrum's energy within 22.5 degrees of that direction (1/4 where there is none).

    Notes
    -----
    Used by notebook 03.
    """
    kernels = kernels[:, :, 0, :] - kernels.mean(axis=(0, 1, 2))
    energy = np.abs(np.fft.fft2(kernels, (PADDED, PADDED), axes=(0, 1))) ** 2
    turns = np.fft.fftfreq(PADDED)
    # A ripple of (a, b) cycles a frame and a bin has its crests along a line of slope -a / b.
    angles = np.degrees(np.arctan2(-turns[:, None], turns[None, :])) % 180.0
    rows = [_direction(energy[:, :, k], angles) for k in range(kernels.shape[-1])]
    table = pd.DataFrame(rows, columns=["angle", "focus"]).rename_axis("filter").reset_index()
    quarter = ((table["angle"] + 22.5) // 45).astype(int) % 4
    table.insert(1, "kind", pd.Categorical.from_codes(quarter, KINDS, ordered=True))
    # Angles just below 180 are tones too, and come before those just above 0.
    wrapped = (table["angle"] + 22.5) % 180.0
    return table.iloc[np.argsort(wrapped, kind="stable")].reset_index(drop=True)


def _direction(energy: np.ndarray, angles: np.ndarray) -> tuple[float, float]:
    angle = angles.flat[energy.argmax()]
    away = np.abs((angles - angle + 90.0) % 180.0 - 90.0)
    return float(angle), float(energy[away <= 22.5].sum() / energy.sum())


def strongest_patches(kernels: np.ndarray, windows: np.ndarray, filters, n: int = 8) -> np.ndarray:
    """The patches that excite chosen filters most, one a window at most.

    Parameters
    ----------
    kernels : array (frames, bins, 1, filters)
    windows : array (windows, frames, bins)
    filters : sequence of filter numbers
    n : int
        Patches a filter.

    Returns
    -------
    array (chosen filters, n, frames of a kernel, bins of a kernel), the strongest first
    """
    size = kernels.shape[:2]
    weights = kernels[:, :, 0, list(filters)].reshape(-1, len(filters))
    best, patches = [], []
    for window in windows:
        cut = np.lib.stride_tricks.sliding_window_view(window, size).reshape(-1, size[0] * size[1])
        response = cut @ weights
        place = response.argmax(axis=0)
        best.append(response[place, np.arange(len(filters))])
        patches.append(cut[place].reshape(-1, *size))
    order = np.argsort(-np.array(best), axis=0)[:n]
    return np.stack([np.array(patches)[order[:, k], k] for k in range(len(filters))])
