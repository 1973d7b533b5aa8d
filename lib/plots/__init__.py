"""One style and one function per kind of figure; `save` writes into ``figures/``."""

from lib.plots.codes import embedding_by, embedding_thumbnails, filter_sheet, strongest_patches
from lib.plots.scores import (
    confusion,
    detector_curves,
    learning_curves,
    score_curve,
    score_intervals,
)
from lib.plots.spectrograms import (
    cluster_sheet,
    reconstruction_grid,
    region_strip,
    spectrogram,
    thumbnails,
)
from lib.plots.style import colours, save, set_style

__all__ = [
    "cluster_sheet",
    "colours",
    "confusion",
    "detector_curves",
    "embedding_by",
    "embedding_thumbnails",
    "filter_sheet",
    "learning_curves",
    "reconstruction_grid",
    "region_strip",
    "save",
    "score_curve",
    "score_intervals",
    "set_style",
    "spectrogram",
    "strongest_patches",
    "thumbnails",
]
