"""The one style of all figures, their colours, and how they are saved."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from PIL import Image

from lib.audio import atomic
from lib.evaluation import figures_folder

# One inch at README width (about 830 pixels) is a tenth of the page: figures are 9 to 10 wide.
WIDTH = 9.5
NOISE_COLOUR = "0.6"


def set_style() -> None:
    """Set fonts, grid, palette and spectrogram colours; once, in a notebook's set-up cell."""
    sns.set_theme(
        context="notebook",
        style="whitegrid",
        palette="colorblind",
        rc={
            "figure.constrained_layout.use": True,
            "figure.dpi": 90,
            "savefig.dpi": 150,
            "image.cmap": "mako",
            "axes.titlesize": "medium",
            "axes.labelsize": "medium",
            "legend.fontsize": "small",
            "xtick.labelsize": "small",
            "ytick.labelsize": "small",
        },
    )


def save(figure: Figure, name: str) -> Path:
    """Write ``figures/<name>.png`` (or into ``$FIGURES_DIR``), whole or not at all.

    256 colours keep the picture of a spectrogram at a third of its size, with no visible loss.
    """
    path = figures_folder() / f"{name}.png"
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150, facecolor="white", metadata={"Software": None})
    image = Image.open(picture).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    with atomic(path) as temporary:
        image.save(temporary, format="PNG", optimize=True)
    return path


def colours(labels: Iterable) -> dict:
    """A colour for each label that occurs: colour-blind safe up to 10, grey for -1 (noise)."""
    names = sorted(set(np.asarray(list(labels)).tolist()), key=lambda name: (str(type(name)), name))
    names = [name for name in names if name != -1]
    palette = sns.color_palette("colorblind" if len(names) <= 10 else "husl", len(names))
    # Neighbours in a wheel of hues look alike: deal it out in strides.
    stride = next(s for s in (7, 5, 3, 1) if len(names) % s or s == 1) if len(names) > 10 else 1
    dealt = [palette[i * stride % len(names)] for i in range(len(names))]
    return dict(zip(names, dealt, strict=True)) | {-1: NOISE_COLOUR}


def grid_of(n: int, columns: int, width: float, height: float, **options):
    """Figure with at least `n` axes in `columns`, each `width` x `height` inches, spares off."""
    columns = min(columns, n)
    rows = -(-n // columns)
    size = (width * columns, height * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    for axis in axes.flat[n:]:
        axis.set_visible(False)
    return figure, axes
