"""The table of every number, figures/results.csv."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from lib.audio import atomic

COLUMNS = [
    *("system", "metric", "corpus", "scale", "value", "low", "high", "n"),
    *("baseline", "source", "notebook"),
]
KEY = COLUMNS[:4]
NUMBERS = ["value", "low", "high", "n", "baseline", "source"]
SYSTEMS = ["dolphin", "beeps", "keywords", "language", "sequences", "performance"]


def figures_folder() -> Path:
    """Where figures and results go: ``$FIGURES_DIR``, else ``figures/`` of the repository."""
    return Path(os.environ.get("FIGURES_DIR") or Path(__file__).resolve().parents[2] / "figures")


def results_path() -> Path:
    """The table of every number: ``$RESULTS_CSV``, else ``results.csv`` beside the figures."""
    return Path(os.environ.get("RESULTS_CSV") or figures_folder() / "results.csv")


def results(path: str | Path | None = None) -> pd.DataFrame:
    """Recorded numbers with the columns `COLUMNS`; no rows where nothing is recorded yet."""
    path = Path(path or results_path())
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS).astype(dict.fromkeys(NUMBERS, float))
    table = pd.read_csv(path, dtype={name: str for name in KEY} | {"notebook": str})
    if list(table.columns) != COLUMNS:
        raise ValueError(f"{path} has other columns than {', '.join(COLUMNS)}; record it anew.")
    return table.fillna(dict.fromkeys([*KEY, "notebook"], "")).astype(dict.fromkeys(NUMBERS, float))


def record(
    system: str,
    metric: str,
    corpus: str,
    value: float,
    low: float,
    high: float,
    n: int,
    baseline: float | None,
    source: float | None,
    notebook: str,
    scale: str | None = None,
) -> None:
    """Write one number to the table of results, in place of an earlier one of the same key.

    Parameters
    ----------
    system, metric, corpus, scale : str
        The key. `system` is one of `SYSTEMS`; `scale` is read from ``$SCALE`` when not given.
    value, low, high : float
        The score and its 95 % interval (`bootstrap`, `interval_over_seeds`).
    n : int
        Seeds or groups behind the interval.
    baseline, source : float or None
        The trivial method's value; the figure that the rebuilt work reports, if any.
    notebook : str
        Name of the notebook that records it, such as ``"04_embedding_clustering_discovery"``.

    Raises
    ------
    ValueError
        For an unknown system, a score that is not finite, an interval upside down, or n < 1.
    """
    if system not in SYSTEMS:
        raise ValueError(f"System {system!r} is unknown; take one of {', '.join(SYSTEMS)}.")
    if not (np.isfinite([value, low, high]).all() and low <= high and n >= 1):
        raise ValueError(f"{metric} on {corpus}: {value} [{low}, {high}], n = {n} is no score.")
    scale = scale or os.environ.get("SCALE") or "laptop"
    row = [system, metric, corpus, scale, value, low, high, n, baseline, source, notebook]
    table = results()
    same = (table[KEY] == row[:4]).all(axis=1)
    table = pd.DataFrame([*table[~same].values.tolist(), row], columns=COLUMNS)
    _write(table.astype(dict.fromkeys(NUMBERS, float)))


def _write(table: pd.DataFrame) -> None:
    """Sort by key, and write so that no reader ever sees half a table."""
    order = {"system": lambda names: names.map(SYSTEMS.index)}
    table = table.sort_values(KEY, key=lambda c: order.get(c.name, lambda same: same)(c))
    with atomic(results_path()) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def outside_band(
    recorded: pd.DataFrame, published: pd.DataFrame, slack: float = 0.25, least: float = 0.02
) -> pd.DataFrame:
    """Rows of a fresh run whose value left the published 95 % interval.

    The interval is widened on each side by `slack` of its own width, and by `least` if that is
    more: a score of 1 in every recording has no width. Rows without a published twin pass, and
    so do those of the system ``performance``: they measure the machine.
    """
    pairs = recorded.merge(published, on=KEY, suffixes=("", "_published"))
    pairs = pairs[pairs["system"] != "performance"]
    room = np.maximum(slack * (pairs["high_published"] - pairs["low_published"]), least)
    above = pairs["value"] > pairs["high_published"] + room
    below = pairs["value"] < pairs["low_published"] - room
    return pairs[above | below][[*KEY, "value", "low_published", "high_published"]]
