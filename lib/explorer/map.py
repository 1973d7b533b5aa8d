"""The map of an explorer: a jupyter-scatter plot of its points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lib import plots

HEIGHT = 460
MOST_COLOURS = 40
GREY = "#8a949c"
SELECTED, HOVERED = "#ff5c00", "#ff8c42"


class Map:
    """The scatter plot, its colours and its selection.

    Parameters
    ----------
    explorer : Explorer
    on_select : callable
        Called with the rows chosen on the map.
    """

    def __init__(self, explorer, on_select: Callable[[np.ndarray], None]):
        import jscatter

        self.explorer, self.on_select = explorer, on_select
        x, y = explorer.points.T
        self.frame = pd.DataFrame({"x": x, "y": y})
        self.numbers = [c for c in explorer.columns if _is_number(explorer.table[c])]
        self.scatter = jscatter.Scatter(
            data=self.frame,
            x="x",
            y="y",
            height=HEIGHT,
            axes=False,
            legend=False,
            background_color=(0, 0, 0, 0),
            color_selected=SELECTED,
            color_hover=HOVERED,
            opacity_unselected=0.35,
            size=_size(len(explorer)),
            lasso_on_long_press=True,
            # A little farther than the default, at which the outermost points are cut in half.
            camera_distance=1.12,
        )
        self.widget = self.scatter.show()
        self._own = False
        self.widget.observe(self._selected, "selection")

    def highlight(self, rows) -> None:
        """Select rows on the map without being told of it again."""
        self._own = True
        self.scatter.selection(np.asarray(rows))
        self._own = False

    def dress(self, colour: str, size: str) -> dict[str, str]:
        """Colour and size by columns; what the legend must say, text to colour."""
        values = self._values(colour)
        if _is_number(values):
            self.frame["colour"] = values.astype(float).fillna(values.min()).to_numpy()
            self.scatter.color(by="colour", map="cividis", norm=_limits(values))
            entries = {"cividis": " to ".join(f"{v:.3g}" for v in _limits(values))}
        else:
            names, entries = _categories(values)
            self.frame["colour"] = pd.Categorical(names, categories=list(entries))
            self.scatter.color(by="colour", map=entries)
        self._resize(size)
        return entries

    def _resize(self, size: str) -> None:
        if size not in self.numbers:
            self.scatter.size(default=_size(len(self.frame)), by=None)
            return
        values = self.explorer.table[size].astype(float)
        self.frame["size"] = values.fillna(values.min()).to_numpy()
        base = _size(len(self.frame))
        self.scatter.size(by="size", map=(0.5 * base, 2.5 * base, 12), norm=_limits(values))

    def _values(self, colour: str) -> pd.Series:
        if colour in self.explorer.table:
            return self.explorer.table[colour]
        return pd.Series(self.explorer.labels.by_row).replace("", "(no name)")

    def _selected(self, change) -> None:
        if not self._own:
            self.on_select(np.asarray(change["new"], int))


def _categories(values: pd.Series) -> tuple[list[str], dict[str, str]]:
    """Texts and a colour for each of the most frequent; what is left is grey."""
    from matplotlib.colors import to_hex

    texts = values.astype(object).where(values.notna(), "unknown").astype(str)
    often = texts.value_counts().index[:MOST_COLOURS]
    texts = texts.where(texts.isin(often), "others")
    colours = {name: to_hex(c) for name, c in plots.colours(texts).items() if name != -1}
    grey = {"others", "unknown", "(no name)"}
    return texts.tolist(), {n: GREY if n in grey else c for n, c in colours.items()}


def _is_number(values: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return numeric and bool(np.isfinite(values.astype(float)).any())


def _limits(values: pd.Series) -> tuple[float, float]:
    """The 1st and the 99th percentile, apart from each other."""
    known = values.astype(float)
    low, high = np.percentile(known[np.isfinite(known)], [1, 99])
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def _size(n: int) -> float:
    """Smaller points where there are more."""
    return float(np.clip(160 / np.sqrt(n), 1.5, 9))
