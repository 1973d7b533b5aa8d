"""Figures made of spectrograms: one, a grid, versions below each other, strips and sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.features import HOP_LENGTH, SAMPLE_RATE, bin_frequencies, frame_times
from lib.plots.style import WIDTH, colours, grid_of

# More columns than a figure has pixels would be thinned out by the renderer, at random.
MAX_COLUMNS = 1600


def spectrogram(
    frames: np.ndarray,
    axis: Axes | None = None,
    hop_length: int = HOP_LENGTH,
    start: float = 0.0,
    decibel: bool = False,
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Axes:
    """Draw one spectrogram, time in s to the right and frequency in kHz upwards.

    Parameters
    ----------
    frames : array (frames, 256)
        Magnitudes, or a normalised window.
    axis : Axes, optional
        A new figure is made without it.
    hop_length : int
        Samples between frames.
    start : float
        Time of the first sample in s.
    decibel : bool
        Magnitudes in dB below the loudest, down to -60; else linear between the 1st and the
        99.8th percentile.
    limits : (low, high), optional
        Values of the darkest and the brightest colour instead.
    title : str
    """
    axis = axis or plt.subplots(figsize=(WIDTH, 3))[1]
    frames = np.asarray(frames, np.float32)
    if decibel:
        frames = 20 * np.log10(np.maximum(frames, 1e-12) / max(frames.max(), 1e-12))
    if limits is None:
        limits = (-60, 0) if decibel else np.nanpercentile(frames, [1, 99.8])
    image = _pool(frames, MAX_COLUMNS).T
    axis.imshow(
        image,
        aspect="auto",
        origin="lower",
        vmin=limits[0],
        vmax=limits[1],
        extent=_extent(frames, hop_length, start),
    )
    axis.set(xlabel="time (s)", ylabel="frequency (kHz)", title=title)
    axis.grid(visible=False)
    return axis


def _extent(frames: np.ndarray, hop_length: int, start: float) -> tuple[float, ...]:
    """Left, right (s), bottom, top (kHz): half a frame and half a bin beyond the centres."""
    times = start + frame_times(len(frames), hop_length)
    half = hop_length / SAMPLE_RATE / 2
    frequencies = bin_frequencies() / 1000
    edge = (frequencies[1] - frequencies[0]) / 2
    return times[0] - half, times[-1] + half, frequencies[0] - edge, frequencies[-1] + edge


def _pool(frames: np.ndarray, columns: int) -> np.ndarray:
    """At most `columns` frames, each the maximum of those it stands for (thin lines survive)."""
    if len(frames) <= columns:
        return frames
    return np.maximum.reduceat(
        frames, np.linspace(0, len(frames), columns, endpoint=False, dtype=int)
    )


def thumbnails(
    windows: np.ndarray,
    titles: Sequence[str] | None = None,
    columns: int = 6,
    hop_length: int = HOP_LENGTH,
) -> Figure:
    """Windows (n, 128, 256) in a grid; times and frequencies at its left and lower edge."""
    figure, axes = grid_of(len(windows), columns, WIDTH / columns, 1.7, sharex=True, sharey=True)
    for axis, window, title in zip(axes.flat, windows, titles or [""] * len(windows), strict=False):
        spectrogram(window, axis, hop_length, title=title)
    _outer_labels(axes)
    return figure


def _outer_labels(axes: np.ndarray) -> None:
    """Few ticks, so that small panels stay readable, and labels at the grid's edge only."""
    for (row, column), axis in np.ndenumerate(axes):
        axis.xaxis.set_major_locator(MaxNLocator(2, steps=[1, 5, 10], min_n_ticks=1))
        below = axes[row + 1, column] if row + 1 < len(axes) else None
        lowest = below is None or not below.get_visible()
        axis.tick_params(labelbottom=lowest)
        axis.set(xlabel="time (s)" if lowest else "", ylabel="" if column else axis.get_ylabel())


def reconstruction_grid(
    rows: Mapping[str, np.ndarray],
    titles: Sequence[str] | None = None,
    hop_length: int = HOP_LENGTH,
) -> Figure:
    """Originals on top, one row for each version below, one column for each window.

    Parameters
    ----------
    rows : mapping name -> array (n, 128, 256)
        The first row gives each column its range of colours, so that a faint reconstruction
        looks faint.
    titles : sequence of n str, optional
    """
    rows = {name: np.asarray(windows) for name, windows in rows.items()}
    n = len(next(iter(rows.values())))
    figure, axes = grid_of(n * len(rows), n, WIDTH / n, 1.8, sharex=True, sharey=True)
    limits = [np.percentile(window, [1, 99.8]) for window in next(iter(rows.values()))]
    for line, (name, windows) in zip(axes, rows.items(), strict=True):
        for axis, window, limit in zip(line, windows, limits, strict=True):
            spectrogram(window, axis, hop_length, limits=limit)
        line[0].set_ylabel(f"{name}\n\nfrequency (kHz)")
    for axis, title in zip(axes[0], titles or [""] * n, strict=True):
        axis.set_title(title)
    _outer_labels(axes)
    return figure


def region_strip(
    frames: np.ndarray,
    lanes: Mapping[str, pd.DataFrame],
    seconds_per_row: float = 20.0,
    hop_length: int = HOP_LENGTH,
    title: str = "",
) -> Figure:
    """A long recording in rows, with lanes of marked regions under each.

    Parameters
    ----------
    frames : array (frames, 256)
        Magnitudes of the recording.
    lanes : mapping name -> DataFrame[start, stop] in s
        Such as ``{"truth": events, "found": regions}``. A column ``label`` gives the colours.
    seconds_per_row : float
    """
    per_row = max(1, round(seconds_per_row * SAMPLE_RATE / hop_length))
    n_rows = -(-len(frames) // per_row)
    heights = [5, 0.6 * len(lanes)] * n_rows
    figure, axes = plt.subplots(
        2 * n_rows,
        1,
        figsize=(WIDTH, 0.4 + 0.32 * sum(heights)),
        height_ratios=heights,
        squeeze=False,
    )
    palette = colours([label for lane in lanes.values() for label in lane.get("label", [])])
    top = frames.max()
    for row in range(n_rows):
        part = frames[row * per_row : (row + 1) * per_row]
        start = row * per_row * hop_length / SAMPLE_RATE
        stop = start + per_row * hop_length / SAMPLE_RATE
        above, below = axes[2 * row, 0], axes[2 * row + 1, 0]
        # All rows against the loudest frame of the recording, not each against its own.
        level = 20 * np.log10(np.maximum(part, 1e-12) / max(top, 1e-12))
        spectrogram(level, above, hop_length, start, limits=(-60, 0))
        above.set(xlim=(start, stop), xlabel="", xticklabels=[], ylabel="kHz")
        _draw_lanes(below, lanes, palette)
        below.set(xlim=(start, stop))
    axes[0, 0].set_title(title)
    axes[-1, 0].set_xlabel("time (s)")
    return figure


def _draw_lanes(axis: Axes, lanes: Mapping[str, pd.DataFrame], palette: dict) -> None:
    for height, lane in enumerate(lanes.values()):
        labels = lane["label"] if "label" in lane else [None] * len(lane)
        spans = list(zip(lane["start"], lane["stop"] - lane["start"], strict=True))
        faces = [palette.get(label, "C0") for label in labels]
        axis.broken_barh(spans, (height - 0.4, 0.8), facecolors=faces, linewidth=0)
    axis.set(yticks=range(len(lanes)), yticklabels=list(lanes), ylim=(len(lanes) - 0.5, -0.5))
    axis.grid(visible=False, axis="y")


def cluster_sheet(
    clusters: Mapping[str, Sequence[np.ndarray]],
    hop_length: int = HOP_LENGTH,
    members: int = 10,
    title: str = "",
) -> Figure:
    """One row for each cluster: its members' spectrograms side by side, on one scale of time.

    Parameters
    ----------
    clusters : mapping title -> sequence of arrays (frames, 256)
        The title names the cluster, with its density or its true type if known.
    members : int
        At most so many are drawn in a row; the title says if there are more.
    """
    figure, axes = grid_of(len(clusters), 1, WIDTH, 1.45, sharex=True)
    for axis, (name, snippets) in zip(axes.flat, clusters.items(), strict=True):
        row = _side_by_side(snippets[:members], hop_length)
        spectrogram(row, axis, hop_length)
        more = f" ({members} of {len(snippets)} shown)" if len(snippets) > members else ""
        axis.set_title(f"{name}{more}", loc="left")
        axis.set(xlabel="", ylabel="kHz")
    # Rows share their axis, and each drawing sets its limits: let none be cut.
    axes[0, 0].set_xlim(right=max(axis.images[0].get_extent()[1] for axis in axes.flat))
    axes[-1, 0].set_xlabel("time, members one after the other (s)")
    figure.suptitle(title)
    return figure


def _side_by_side(snippets: Sequence[np.ndarray], hop_length: int) -> np.ndarray:
    """Standardised snippets in one row with white (NaN) gaps of 20 ms."""
    gap = np.full((max(1, round(0.02 * SAMPLE_RATE / hop_length)), snippets[0].shape[1]), np.nan)
    parts = []
    for snippet in snippets:
        parts += [(snippet - snippet.mean()) / (snippet.std() + 1e-12), gap]
    return np.concatenate(parts[:-1])
