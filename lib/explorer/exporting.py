"""A selection as files: sound, table, labels for Raven and Audacity."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio
from lib.explorer.sounds import Sounds

KINDS = ("wav", "csv", "raven", "audacity")
GAP = 0.1


def export(table: pd.DataFrame, sounds: Sounds, kind: str, folder: str | Path) -> list[Path]:
    """Write the rows of a table in one of four ways.

    Parameters
    ----------
    table : DataFrame[item, start, stop, label, ...]
    sounds : Sounds
    kind : {"wav", "csv", "raven", "audacity"}
        One sound with gaps of 0.1 s, one table, or one label file a recording.
    folder : path

    Returns
    -------
    The files written.

    Raises
    ------
    ValueError
        For an unknown kind or an empty table.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(KINDS)}.")
    if table.empty:
        raise ValueError("Nothing is selected: click a point or draw a lasso first.")
    folder = Path(folder)
    if kind == "wav":
        audio.write(folder / "selection.wav", *joined(table, sounds))
        return [folder / "selection.wav"]
    if kind == "csv":
        with audio.atomic(folder / "selection.csv") as temporary:
            table.to_csv(temporary, index=False)
        return [folder / "selection.csv"]
    return [_label_file(part, item, kind, folder) for item, part in table.groupby("item")]


def joined(table: pd.DataFrame, sounds: Sounds, gap: float = GAP) -> tuple[np.ndarray, int]:
    """The rows' sounds one after the other, at the highest of their rates, and that rate."""
    pieces = [sounds.piece(*row) for row in table[["item", "start", "stop"]].to_numpy()]
    rate = max(rate for _, rate in pieces)
    pieces = [audio.resample(piece, own, rate) for piece, own in pieces]
    return audio.join(pieces, rate, gap), rate


def _label_file(part: pd.DataFrame, item, kind: str, folder: Path) -> Path:
    # Raven shows every further column; an item is in the file's name already.
    name = re.sub(r"[^\w.-]+", "_", Path(str(item)).stem)
    path = folder / f"{name}.{kind}.txt"
    audio.write_labels(part.drop(columns="item"), path, kind)
    return path
