"""Figures of what an encoder has learned: its codes in the plane and its filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.plots.style import WIDTH, colours, grid_of

LEGEND_LIMIT = 12


def embedding_by(points: np.ndarray, labellings: Mapping[str, Sequence], title: str = "") -> Figure:
    """The same points (n, 2) once for each labelling, such as true kind beside cluster.

    -1 is drawn in grey, as noise. A legend is given for at most 12 labels.
    """
    n = len(labellings)
    figure, axes = grid_of(n, n, WIDTH / n, 4.2, sharex=True, sharey=True)
    for axis, (name, labels) in zip(axes.flat, labellings.items(), strict=True):
        labels = np.asarray(labels)
        for label, colour in colours(labels).items():
            mine = labels == label
            if mine.any():
                shown = "noise" if label == -1 else label
                axis.scatter(*points[mine].T, s=9, color=colour, label=shown, linewidth=0)
        if len(np.unique(labels)) <= LEGEND_LIMIT:
            axis.legend(markerscale=2, loc="best", framealpha=0.8)
        axis.set_title(name)
        _no_units(axis)
    figure.suptitle(title)
    return figure


def _no_units(axis: Axes) -> None:
    """The axes of UMAP and t-SNE mean nothing by themselves."""
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)


def embedding_thumbnails(
    points: np.ndarray,
    windows: np.ndarray,
    labels: Sequence,
    size: float = 0.06,
    title: str = "",
    seed: int = 0,
) -> Figure:
    """Points with their spectrograms as thumbnails, framed in the colour of their label.

    Parameters
    ----------
    points : array (n, 2)
    windows : array (n, 128, 256)
    labels : sequence (n,)
        Cluster of each window; -1 is framed in grey.
    size : float
        Width of a thumbnail as a share of the figure's. No two overlap: windows for which there
        is no room are drawn as dots.
    seed : int
        Draws the order in which windows look for room.
    """
    points, labels = np.asarray(points, float), np.asarray(labels)
    span = np.ptp(points, axis=0) * (1 + 2 * size)
    # Thumbnails are square on the page: 128 frames are shorter than 256 bins, but easier to see.
    half = size * span / 2
    figure, axis = plt.subplots(figsize=(WIDTH, WIDTH))
    palette = colours(labels)
    axis.scatter(*points.T, s=6, color=[palette[label] for label in labels.tolist()], linewidth=0)
    for i in _with_room(points, 2.15 * half, seed):
        (x, y), image = points[i], _halved(windows[i]).T
        low, high = np.percentile(image, [1, 99.8])
        extent = (x - half[0], x + half[0], y - half[1], y + half[1])
        axis.imshow(
            image, extent=extent, origin="lower", aspect="auto", vmin=low, vmax=high, zorder=2
        )
        frame = dict(edgecolor=palette[labels[i].item()], facecolor="none", linewidth=2.5, zorder=3)
        axis.add_patch(Rectangle((x - half[0], y - half[1]), *(2 * half), **frame))
    low, high = points.min(0) - 1.2 * half, points.max(0) + 1.2 * half
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), title=title)
    _no_units(axis)
    return figure


def _halved(window: np.ndarray) -> np.ndarray:
    """Half the frames and bins, each the maximum of its four: thin whistles stay visible."""
    frames, bins = window.shape
    return window.reshape(frames // 2, 2, bins // 2, 2).max(axis=(1, 3))


def _with_room(points: np.ndarray, size: np.ndarray, seed: int) -> list[int]:
    """Rows of points at least `size` apart in x or in y, taken greedily in random order."""
    chosen: list[int] = []
    for i in np.random.default_rng(seed).permutation(len(points)):
        if not (np.abs(points[chosen] - points[i]) < size).all(axis=1).any():
            chosen.append(int(i))
    return chosen


def filter_sheet(
    kernels: np.ndarray, order: Sequence[int] | None = None, ordered_by: str = "", columns: int = 16
) -> Figure:
    """All convolution kernels as one sheet, time to the right and frequency upwards.

    Parameters
    ----------
    kernels : array (frames, bins, 1, filters)
        The weights of a Keras layer. Each is drawn on its own scale, blue below and red above 0.
    order : sequence of filter numbers, optional
        From the upper left, line by line.
    ordered_by : str
        What the order means.
    """
    height, width = kernels.shape[1], kernels.shape[0]
    order = np.arange(kernels.shape[-1]) if order is None else np.asarray(order)
    rows = -(-len(order) // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for place, which in enumerate(order):
        top, left = (place // columns) * (height + 1), (place % columns) * (width + 1)
        kernel = kernels[:, ::-1, 0, which].T
        sheet[top : top + height, left : left + width] = kernel / (np.abs(kernel).max() + 1e-12)
    figure, axis = plt.subplots(figsize=(WIDTH, 0.6 + WIDTH * rows / columns))
    axis.imshow(sheet, cmap="vlag", vmin=-1, vmax=1, aspect="auto")
    firsts = np.arange(rows) * columns + 1
    axis.set(xticks=[], yticks=np.arange(rows) * (height + 1) + height / 2, yticklabels=firsts)
    axis.set(
        xlabel=_kernel_size(width, height),
        ylabel=f"place of a line's first filter{ordered_by and ', by '}{ordered_by}",
    )
    axis.grid(visible=False)
    return figure


def _kernel_size(frames: int, bins: int) -> str:
    from lib.features import FRAME_LENGTH, HOP_LENGTH, SAMPLE_RATE

    time = frames * HOP_LENGTH / SAMPLE_RATE * 1000
    height = bins * SAMPLE_RATE / FRAME_LENGTH / 1000
    return f"each {frames} frames ({time:.0f} ms) wide and {bins} bins ({height:.1f} kHz) high"


def strongest_patches(kernels: np.ndarray, patches: np.ndarray, filters: Sequence[int]) -> Figure:
    """Chosen filters in the left column, the patches that excite each one most beside it.

    Parameters
    ----------
    kernels : array (frames, bins, 1, filters)
    patches : array (chosen filters, n, frames, bins)
    filters : sequence of filter numbers
    """
    n_rows, n = patches.shape[:2]
    figure, axes = plt.subplots(
        n_rows, n + 1, figsize=(WIDTH, 0.5 + n_rows * WIDTH / (n + 1)), squeeze=False
    )
    for line, which, examples in zip(axes, filters, patches, strict=True):
        kernel = kernels[:, :, 0, which].T
        top = np.abs(kernel).max()
        line[0].imshow(kernel, cmap="vlag", vmin=-top, vmax=top, origin="lower", aspect="auto")
        line[0].set_ylabel(f"filter {which}", rotation=0, ha="right", va="center")
        for axis, patch in zip(line[1:], examples, strict=True):
            axis.imshow(patch.T, origin="lower", aspect="auto")
    axes[0, 0].set_title("kernel")
    axes[0, 1].set_title("strongest patches", loc="left")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    figure.supxlabel(_kernel_size(*kernels.shape[:2]), fontsize="small")
    return figure
