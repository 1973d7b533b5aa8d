"""A corpus: one table with a row an item, and how to read each item."""

from __future__ import annotations

import copy
import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from lib import audio, features

SPLITS = ("train", "validation", "test")
ROOT = Path(__file__).resolve().parents[2]


class Corpus:
    """Items with their groups, splits and labels; subclasses know how to read them.

    Parameters
    ----------
    name : str
    table : DataFrame
        One row an item with the columns ``item`` (a unique name), ``group`` (never split over
        train and test), ``split`` (train, validation or test) and ``label``; corpora of sound
        also have ``duration`` in s, and those of files ``path``.
    events : DataFrame, optional
        ``item``, ``start``, ``stop`` (s), ``kind``, ``type``: what happens when.
    contours : DataFrame, optional
        ``item``, ``time`` (s), ``frequency`` (Hz): fundamentals, point by point.
    report : DataFrame, optional
        ``path`` and ``problem`` of everything that was found but not taken.
    """

    def __init__(self, name, table, events=None, contours=None, report=None):
        self.name = name
        self.table = table.reset_index(drop=True)
        self._truth = events, contours
        self.report = report_table(()) if report is None else report

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        counts = self.table["split"].value_counts()
        parts = ", ".join(f"{counts[s]} {s}" for s in SPLITS if s in counts)
        return f"{type(self).__name__}({self.name!r}: {parts}; {len(self.report)} reported)"

    @property
    def events(self) -> pd.DataFrame | None:
        """What happens when, or None where that is not known."""
        return self.truth()[0]

    @property
    def contours(self) -> pd.DataFrame | None:
        """Fundamentals point by point, or None where they are not known."""
        return self.truth()[1]

    def truth(self) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
        """Events and contours of the items here."""
        return self._truth

    def part(self, split: str) -> Corpus:
        """The items of one split; ValueError if there are none."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
        part = self.select(self.table["split"] == split)
        if not len(part):
            raise ValueError(
                f"The {split} part of {self.name} is empty: {self.table['group'].nunique()} groups "
                "are too few for three parts."
            )
        return part

    def select(self, rows) -> Corpus:
        """The items where ``rows`` (a boolean mask over the table) is true."""
        part = copy.copy(self)
        part.table = self.table[np.asarray(rows, bool)].reset_index(drop=True)
        part._truth = part._selected_truth()
        return part

    def _selected_truth(self):
        items = self.table["item"]
        tables = [t if t is None else t[t["item"].isin(items)] for t in self._truth]
        return tuple(t if t is None else t.reset_index(drop=True) for t in tables)

    def signal(self, i: int) -> np.ndarray:
        """Sound of item ``i``, float32 mono at 48 kHz."""
        raise ValueError(f"The corpus {self.name} holds no sound.")

    def clean(self, i: int) -> np.ndarray:
        """Sound of item ``i`` without any noise, where that is known: in the synthetic seas."""
        raise ValueError(f"Nobody knows the clean sound of {self.name}; only the sea does.")

    def windows(self, i: int) -> np.ndarray:
        """Spectrogram windows of item ``i``, normalised each, float32 (n, 128, 256)."""
        return features.spectrogram_windows(self.signal(i))

    def stack(self) -> np.ndarray:
        """The windows of all items in the table's order, float32 (n, 128, 256)."""
        return np.concatenate([self.windows(i) for i in range(len(self))])


class FileCorpus(Corpus):
    """Recordings in files; read when asked for."""

    def __init__(self, *args, allow_low_rate: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.allow_low_rate = allow_low_rate

    def signal(self, i: int) -> np.ndarray:
        return audio.read(self.table["path"].iloc[i], allow_low_rate=self.allow_low_rate)


class PictureCorpus(Corpus):
    """Spectrogram pictures, one window each: frequency upwards, time to the right."""

    def windows(self, i: int) -> np.ndarray:
        """Picture ``i`` resampled to one normalised window, float32 (1, 128, 256).

        Pillow's bicubic filter widens with the reduction, so fine lines do not alias.
        """
        path = self.table["path"].iloc[i]
        upright = open_picture(path).convert("F").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        size = (features.N_FRAMES, features.N_BINS)
        resized = np.asarray(upright.resize(size, Image.Resampling.BICUBIC))
        return features.normalise(resized.T[None])


def open_picture(path: str | Path) -> Image.Image:
    """A picture in grey; ValueError naming file and cure if it is damaged or none."""
    try:
        with Image.open(path) as picture:
            return picture.convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{path} is not a whole picture ({error}): fetch it again.") from error


def split_of(group: str, validation: float = 0.2, test: float = 0.2) -> str:
    """Split of a group by the hash of its name, so more data never moves a group to another."""
    share = int(hashlib.sha256(str(group).encode()).hexdigest()[:8], 16) / 16**8
    if share < test:
        return "test"
    return "validation" if share < test + validation else "train"


def cache_folder() -> Path:
    """Where things that can be made again are kept: ``WTW_CACHE``, else ``data/cache``."""
    return Path(os.environ.get("WTW_CACHE") or ROOT / "data" / "cache")


def report_table(rows) -> pd.DataFrame:
    """What was found and not taken: rows of (path, problem)."""
    return pd.DataFrame(rows, columns=["path", "problem"])
