"""The explorer in a notebook: jupyter-scatter for the map, ipywidgets for the rest."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import ipywidgets as widgets
import numpy as np
import soundfile

from lib.explorer import exporting, views
from lib.explorer.explorer import ALIKE, MARGIN, NAMED
from lib.explorer.map import Map

SHEET = 24
NOTHING = "Click a point to see and hear it; the lasso button on the map selects a group."


class Panel:
    """Widgets around an explorer; ``box`` is what a notebook shows.

    Parameters
    ----------
    explorer : Explorer
    """

    def __init__(self, explorer):
        self.explorer = explorer
        self.rows = np.empty(0, int)
        self.row = 0
        self.map = Map(explorer, on_select=self.select)
        self._make_widgets()
        self._listen()
        self.box = self._laid_out()
        self.show(0)
        self._say(self._greeting())

    def select(self, rows) -> None:
        """Show what has been chosen on the map: one window large, several as a contact sheet."""
        self.rows = np.asarray(rows, int)
        with self._reporting():
            if len(self.rows) == 1:
                self.show(self.rows[0], play=True)
            if len(self.rows):
                self._show_sheet()
            self._say(NOTHING if not len(self.rows) else f"{len(self.rows):,} selected.")

    def show(self, row: int, play: bool = False) -> None:
        """One window: spectrogram, sound, facts, and its recording."""
        self.row = int(row)
        item = self.explorer.region(self.row)[0]
        self.number.value = self.row
        self.facts.value = views.facts(self.explorer, self.row)
        self._show_strip(item)
        try:
            self.picture.value = views.large(self.explorer, self.row, MARGIN)
            self._play([self.row], play, MARGIN)
        except (ValueError, OSError) as error:
            self.picture.value = views.no_picture(str(error))
            self.audio.value = b""
            self._say(str(error))

    def find_alike(self, _=None) -> None:
        """Select the window shown and those most like it."""
        near = self.explorer.alike(self.row, self.way.value, ALIKE)
        self.choose(np.append(self.row, near))
        self._say(f"The {len(near)} nearest to window {self.row}, by {self.way.value}.")

    def choose(self, rows) -> None:
        """Select rows here and on the map."""
        self.map.highlight(rows)
        self.select(rows)

    def name(self, _=None) -> None:
        """Give the selection, or the window shown, the name in the field."""
        rows = self.rows if len(self.rows) else [self.row]
        with self._reporting():
            self.explorer.labels.name(rows, self.label.value)
            self._say(f"{len(rows):,} named {self.label.value!r}{self._kept_where()}.")
        self._labels_changed()

    def undo(self, _=None) -> None:
        """Take the last name back."""
        with self._reporting():
            self._say(f"Took back {self.explorer.labels.undo():,} names.")
        self._labels_changed()

    def export(self, _=None) -> None:
        """Write the selection in the format chosen."""
        rows = self.rows if len(self.rows) else [self.row]
        with self._reporting():
            written = self.explorer.export(rows, self.format.value)
            self._say(f"Written to {written[0].parent}: {', '.join(p.name for p in written[:4])}.")

    def play_all(self, _=None) -> None:
        """Play the windows of the contact sheet one after the other."""
        with self._reporting():
            self._play(self._on_sheet() if len(self.rows) else [self.row], True)

    def step(self, by: int) -> None:
        """Show the next window of the selection, or of the table if there is none."""
        rows = self.rows if len(self.rows) > 1 else np.arange(len(self.explorer))
        here = np.flatnonzero(rows == self.row)
        self.show(rows[((here[0] if len(here) else -1) + by) % len(rows)], play=True)

    def _make_widgets(self) -> None:
        columns = [*self.explorer.columns, NAMED]
        wide = {"layout": widgets.Layout(width="auto", min_width="8.5rem")}
        self.colour = widgets.Dropdown(
            options=columns, value=self.explorer.colour or columns[0], description="Colour", **wide
        )
        sizes = ["(same)", *self.map.numbers]
        self.size = widgets.Dropdown(
            options=sizes, value=self.explorer.size or sizes[0], description="Size", **wide
        )
        self.way = widgets.Dropdown(options=self.explorer.ways, description="Alike by", **wide)
        self.legend, self.picture, self.facts, self.sheet, self.strip, self.status = (
            widgets.HTML() for _ in range(6)
        )
        self.audio = widgets.Audio(autoplay=False, loop=False)
        self.audio.layout.width = "100%"
        self.number = widgets.BoundedIntText(
            0, 0, len(self.explorer) - 1, description="Window", layout={"width": "11rem"}
        )
        self.region = widgets.IntSlider(
            0, 0, 0, readout=False, layout={"width": "auto"}, continuous_update=False
        )
        # Sent as a whole: of a name sent letter by letter, the button's click overtakes the last.
        words = dict(description="Name", placeholder="such as: rising whistle")
        self.label = widgets.Text(**words, continuous_update=False)
        self.format = widgets.Dropdown(options=exporting.KINDS, layout={"width": "7rem"})
        self.buttons = {
            name: widgets.Button(description=name, tooltip=tip, layout={"width": "auto"})
            for name, tip in views.BUTTONS.items()
        }

    def _listen(self) -> None:
        acts = dict(
            zip(
                views.BUTTONS,
                (
                    lambda _: self.step(-1),
                    lambda _: self.step(1),
                    self.find_alike,
                    self.play_all,
                    self.name,
                    self.undo,
                    self.export,
                ),
                strict=True,
            )
        )
        for name, act in acts.items():
            self.buttons[name].on_click(act)
        self.colour.observe(lambda _: self._dress(), "value")
        self.size.observe(lambda _: self._dress(), "value")
        self.number.observe(lambda change: self._go_to(change["new"]), "value")
        self.region.observe(lambda change: self._go_along(change["new"]), "value")
        self.buttons["Undo"].disabled = True
        self._dress()

    def _laid_out(self) -> widgets.Box:
        b = list(self.buttons.values())
        row = {"flex_flow": "row wrap", "align_items": "center"}
        side = [
            self.picture,
            self.audio,
            widgets.HBox([self.number, *b[:2], b[2], self.way], layout=row),
            self.facts,
            widgets.HBox([self.label, b[4], b[5]], layout=row),
            widgets.HBox([b[3], self.format, b[6]], layout=row),
        ]
        left = [widgets.HBox([self.colour, self.size], layout=row), self.legend, self.map.widget]
        columns = [
            widgets.VBox(left, layout={"flex": "3 1 24rem", "min_width": "20rem"}),
            widgets.VBox(side, layout={"flex": "2 1 22rem", "min_width": "20rem"}),
        ]
        top = widgets.HBox(columns, layout={"flex_flow": "row wrap", "grid_gap": "0.8rem"})
        return widgets.VBox([self.status, top, self.strip, self.region, self.sheet])

    def _dress(self) -> None:
        """Colour and size of the points, and the legend."""
        entries = self.map.dress(self.colour.value, self.size.value)
        self.legend.value = views.legend(self.colour.value, entries)

    def _labels_changed(self) -> None:
        self.label.value = ""
        self.facts.value = views.facts(self.explorer, self.row)
        self.buttons["Undo"].disabled = not self.explorer.labels.can_undo
        if self.colour.value == NAMED:
            self._dress()

    def _on_sheet(self) -> np.ndarray:
        """Rows of the contact sheet, spread through the selection."""
        n = min(SHEET, len(self.rows))
        return self.rows[np.linspace(0, len(self.rows) - 1, n).round().astype(int)]

    def _show_sheet(self) -> None:
        shown = self._on_sheet()
        self.sheet.value = views.sheet(self.explorer, shown, len(self.rows), self.colour.value)

    def _show_strip(self, item: str) -> None:
        self._along = self.explorer.regions_of(item)
        place = int(np.flatnonzero(self._along == self.row)[0])
        with self.region.hold_trait_notifications():
            self.region.max = len(self._along) - 1
            self.region.value = place
        self.strip.value = views.strip(self.explorer, item, self._along, self.row)

    def _go_along(self, place: int) -> None:
        """The strip's slider was moved: show that region, here and on the map."""
        row = int(self._along[place])
        if row != self.row:
            self.choose([row])

    def _go_to(self, row: int) -> None:
        if row != self.row:
            self.choose([row])

    def _play(self, rows, autoplay: bool, margin: float = 0.0) -> None:
        signal, rate = self.explorer.sound(rows, margin)
        signal = signal / max(float(np.abs(signal).max()), 1e-9) * 0.7
        file = io.BytesIO()
        soundfile.write(file, signal, rate, format="WAV", subtype="PCM_16")
        self.audio.autoplay = autoplay
        self.audio.value = file.getvalue()

    def _kept_where(self) -> str:
        path = self.explorer.labels.path
        return f" in {path.name}" if path else "; they go with this kernel: give labels=a path"

    def _greeting(self) -> str:
        missing = self.explorer.missing
        if not missing:
            return NOTHING
        names = ", ".join(map(str, missing[:3])) + (" ..." if len(missing) > 3 else "")
        return f"{len(missing)} recordings are missing ({names}): their windows are silent."

    def _say(self, text: str) -> None:
        self.status.value = views.status(text)

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """What goes wrong is said on the panel; a widget's traceback would be lost in a log."""
        try:
            yield
        except (ValueError, OSError) as error:
            self._say(str(error))
