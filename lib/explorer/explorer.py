"""The explorer: a table of regions, their codes and their sound, to be looked at and listened to.

What it can do is here, without any widget; `lib.explorer.panel` and `lib.explorer.page` show it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio
from lib.explorer import checking, exporting, neighbours, page, pictures
from lib.explorer.labels import Labels
from lib.explorer.sounds import Sounds, slow_factor

ALIKE = 8
MARGIN = 0.05
# Names of the ways in which windows can be alike.
BY_CODE, BY_WARPING = "code", "time warping"
# The column of the names given, beside those of the table.
NAMED = "name given"
KEPT_PICTURES = 512


class Explorer:
    """See the map, click a point, hear it, lasso a group, name it, go on.

    Parameters
    ----------
    table : DataFrame[item, start, stop, ...]
        One row a region: the recording's name, and times in s. Every further column can be the
        points' colour or size.
    codes : array (n, d)
        One code a row, such as those of `lib.encoder.embed`.
    sound : Corpus, mapping or callable
        As in `lib.explorer.sounds.Sounds`: where the sound of an item comes from.
    points : array (n, 2), optional
        Places on the map; by default UMAP of the codes (minutes for 100,000).
    labels : path, optional
        CSV that keeps the names given; None keeps them in memory only.
    colour, size : str, optional
        Columns shown first.
    distances : array (n, n) or function, optional
        Time-warping distances, or row -> distances (n,): a second way of being alike.
    sample_rate : int
        Of signals that are not files, in Hz.
    slow : int, optional
        How many times slower sounds are played; by default so that the band ends below 12 kHz.
    folder : path
        Where exports go.

    Raises
    ------
    ValueError
        Columns that lack, codes of another length or with NaN, a label file that is none.

    Notes
    -----
    In a notebook, the last line of a cell shows it. Used by notebook 04.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        codes: np.ndarray,
        sound,
        points: np.ndarray | None = None,
        labels: str | Path | None = "labels.csv",
        colour: str | None = None,
        size: str | None = None,
        distances=None,
        sample_rate: int = audio.SAMPLE_RATE,
        slow: int | None = None,
        folder: str | Path = "exports",
    ):
        self.table = checking.checked_table(table)
        n = len(self.table)
        self.codes = checking.checked_codes(codes, n)
        self.distances = checking.checked_distances(distances, n)
        self.sounds = Sounds(sound, sample_rate)
        self.labels = Labels(self.table, labels)
        points = checking.plane(self.codes) if points is None else points
        self.points = checking.checked_points(points, n)
        self.colour, self.size = (self._column(name) for name in (colour, size))
        self.slow = slow
        self.folder = Path(folder)
        self.missing = self.sounds.missing(self.table["item"])
        self._columns = [self.table[name].to_numpy() for name in checking.NEEDED]
        order = self.table.sort_values(["item", "start"], kind="stable")
        self._rows_of = {k: v.index.to_numpy() for k, v in order.groupby("item", sort=False)}
        self._floors: dict[str, np.ndarray] = {}
        self._pictures: dict[tuple, bytes] = {}
        self._panel = None

    def __len__(self) -> int:
        return len(self.table)

    def _column(self, name: str | None) -> str | None:
        if name is not None and name not in self.columns:
            known = ", ".join(map(str, self.columns)) or "none"
            raise ValueError(f"There is no column {name!r} to show; the table has {known}.")
        return name

    @property
    def columns(self) -> list[str]:
        """Columns that can be colour or size."""
        return [name for name in self.table if name not in checking.NEEDED]

    @property
    def ways(self) -> list[str]:
        """In which ways windows can be alike here."""
        return [BY_CODE] if self.distances is None else [BY_CODE, BY_WARPING]

    @property
    def panel(self):
        """The widgets, made when first asked for."""
        if self._panel is None:
            from lib.explorer.panel import Panel

            self._panel = Panel(self)
        return self._panel

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.panel.box)

    def alike(self, row: int, way: str = BY_CODE, k: int = ALIKE) -> np.ndarray:
        """Rows of the k windows most like one, nearest first."""
        if way not in self.ways:
            raise ValueError(f"way is {way!r}; choose one of {', '.join(self.ways)}.")
        if way == BY_WARPING:
            return neighbours.nearest_warped(self.distances, row, k)
        return neighbours.nearest_codes(self.codes, row, k)

    def picture(self, row: int, columns: int = 320, rows: int = 160, margin: float = 0.0) -> bytes:
        """Spectrogram of a region as PNG; AudioError if its sound is not there."""
        key = (row, columns, rows, margin)
        if key not in self._pictures:
            item, start, stop = self.region(row)
            piece, rate = self.sounds.piece(item, start - margin, stop + margin)
            image = pictures.levels(piece, rate, columns, rows, self._floor(item))
            if len(self._pictures) >= KEPT_PICTURES:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[key] = pictures.coloured_png(image)
        return self._pictures[key]

    def strip(self, item: str, columns: int = 1200, rows: int = 96) -> bytes:
        """Spectrogram of a whole recording as PNG."""
        key = (item, columns, rows)
        if key not in self._pictures:
            image = pictures.strip_levels(self.sounds, item, columns, rows, self._floor(item))
            self._pictures[key] = pictures.coloured_png(image)
        return self._pictures[key]

    def sound(self, rows, margin: float = 0.0) -> tuple[np.ndarray, int]:
        """Sounds of rows with gaps of 0.1 s, and the slowed-down rate at which to play them."""
        table = self.table.iloc[np.atleast_1d(rows)]
        around = table.assign(start=table["start"] - margin, stop=table["stop"] + margin)
        slow = self.slow_of(table["item"].iloc[0])
        # The gap is in the time of the listener.
        signal, rate = exporting.joined(around, self.sounds, exporting.GAP / slow)
        return signal, round(rate / slow)

    def slow_of(self, item: str) -> int:
        """How many times slower the sounds of a recording are played."""
        return self.slow or slow_factor(self.sounds.rate(item))

    def region(self, row: int) -> tuple[str, float, float]:
        """Item, start and stop of a row."""
        item, start, stop = (values[row] for values in self._columns)
        return item, float(start), float(stop)

    def regions_of(self, item: str) -> np.ndarray:
        """Rows of a recording in the order of time."""
        return self._rows_of[item]

    def selected(self, rows) -> pd.DataFrame:
        """Rows of the table; their names given are the column ``label``, before one of its own."""
        rows = np.asarray(rows, int)
        table = self.table.iloc[rows]
        given = self.labels.by_row[rows]
        own = table.get("label", "")
        return table.assign(label=np.where(given == "", own, given))

    def export(self, rows, kind: str) -> list[Path]:
        """Write a selection as "wav", "csv", "raven" or "audacity" into the folder."""
        return exporting.export(self.selected(rows), self.sounds, kind, self.folder)

    def save_html(
        self, path: str | Path, title: str = "Explorer", note: str = "", margin: float = 0.02
    ) -> Path:
        """Write the explorer as one page that needs no kernel, no server and no network.

        Parameters as in `lib.explorer.page.save_html`. Names given so far are a column of it.
        """
        named = self.labels.by_row
        table = self.table.assign(**{NAMED: named}) if (named != "").any() else self.table
        parts = (table, self.points, self.codes, self.sounds, self.distances)
        return page.save_html(path, *parts, title, note, self.colour, margin)

    def _floor(self, item: str) -> np.ndarray:
        if item not in self._floors:
            self._floors[item] = pictures.noise_floor(self.sounds, item)
        return self._floors[item]
