"""The whole comparison as tables: ``python -m lib.language.study`` at the scale of ``SCALE``.

Each table is kept as a small CSV as soon as it is there, and one that is there is not made again,
so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import pandas as pd

from lib.audio import atomic
from lib.evaluation import record
from lib.language.study_bands import bands_on_real, bands_on_voices
from lib.language.study_leaks import CORPORA, answers, leaks, unseen_words
from lib.language.study_real import published_on_real, real, real_controls, ship
from lib.language.study_voices import (
    SIZES,
    controls,
    growth,
    models,
    noise,
    order,
    order_gain,
)
from lib.training import keep_freed_memory

__all__ = [
    "SIZES",
    "SOURCE",
    "kept",
    "order_gain",
    "record_bands",
    "record_controls",
    "record_models",
    "table",
]

KEPT = Path(__file__).resolve().parents[2] / "data" / "language_study"
# What the source reports: of the ANN per frame, of the LSTM per fragment.
SOURCE = {
    ("voices-2", "ann", "frame"): 0.6671,
    ("voices-2", "lstm", "fragment"): 0.7653,
    ("voices-3", "ann", "frame"): 0.4359,
    ("voices-3", "lstm", "fragment"): 0.5315,
}

TABLES = {
    "models-2": lambda: models("voices-2"),
    "few-voices-2": lambda: models("voices-2", many=False),
    "growth": growth,
    "models-3": lambda: models("voices-3"),
    "order": order,
    "controls": controls,
    "models-8": lambda: models("voices-8", ("pooled",)),
    "real-en-de": real,
    "real-en-de-ru": lambda: real(("en", "de", "ru")),
    "real-controls": real_controls,
    "real-controls-3": lambda: real_controls(("en", "de", "ru")),
    "noise": lambda: noise(kinds=("lstm", "pooled")),
    "real-published": published_on_real,
    **{f"leaks-{name.rpartition('-')[2]}": partial(leaks, name) for name in CORPORA},
    "confusion": lambda: answers()[0],
    "calibration": lambda: answers()[1],
    "unseen-words": unseen_words,
    "bands-voices": bands_on_voices,
    "bands-real": bands_on_real,
}


def record_models(table: pd.DataFrame, notebook: str, at: str | None = None) -> None:
    """Record fragments and clips of a table; the best model's rows bear the corpus's plain name."""
    metrics = {unit: f"{unit}_accuracy" for unit in ("frame", "fragment", "clip")}
    for row in table[table["unit"].isin(metrics)].itertuples():
        best = row.model in ("pooled", "pairs of phones")
        corpus = row.corpus if best else f"{row.corpus}/{row.model.replace(' ', '-')}"
        figure = SOURCE.get((row.corpus, row.model, row.unit))
        if best:
            # The source's best network, per fragment as well.
            figure = SOURCE.get((row.corpus, "lstm", row.unit))
        numbers = (row.accuracy, row.low, row.high, row.groups, row.chance, figure)
        record("language", metrics[row.unit], corpus, *numbers, notebook, at)


def record_controls(table: pd.DataFrame, unit: str, notebook: str, at: str | None = None) -> None:
    """Record what is left of a score on each corpus without language; the best model's rows bear
    the corpus's plain name."""
    chosen = table[(table["unit"] == unit) & (table["control"] != "whole")]
    for row in chosen.itertuples():
        metric = f"{row.control.replace(' ', '_')}_accuracy"
        corpus = row.corpus if row.model in ("pooled", "linear") else f"{row.corpus}/{row.model}"
        numbers = (row.accuracy, row.low, row.high, row.groups, row.chance, None)
        record("language", metric, corpus, *numbers, notebook, at)


def record_bands(table: pd.DataFrame, notebook: str, at: str = "paper") -> None:
    """Record the clips of the shipped classifier in each band that they were heard in."""
    for row in table[table["unit"] == "clip"].itertuples():
        learnt = "" if pd.isna(row.learnt) else f"/learnt at {row.learnt}"
        corpus = f"{row.corpus}/{row.model}{learnt}/{row.band}".replace(" ", "-")
        numbers = (row.accuracy, row.low, row.high, row.groups, row.chance, None)
        record("language", "clip_accuracy", corpus, *numbers, notebook, at)


def table(name: str) -> pd.DataFrame:
    """A kept table of the study; FileNotFoundError with the way to make it."""
    path = KEPT / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: make it with `SCALE=paper python -m lib.language.study {name}`."
        )
    return pd.read_csv(path)


def kept(*names: str) -> pd.DataFrame:
    """Those of some tables that are kept, one below the other; what is missing is said."""
    there = [name for name in names if (KEPT / f"{name}.csv").exists()]
    for name in sorted(set(names) - set(there)):
        print(f"Not kept: {name}; make it with `SCALE=paper python -m lib.language.study {name}`.")
    return pd.concat([table(name) for name in there or names], ignore_index=True)


def main() -> None:
    """Make the tables that are not there yet, or the shipped classifier."""
    parser = argparse.ArgumentParser(prog="python -m lib.language.study", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"ship, or of {', '.join(TABLES)}; default all")
    parser.add_argument("--output", type=Path, default=KEPT)
    arguments = parser.parse_args()
    keep_freed_memory()
    for name in arguments.names or TABLES:
        path = arguments.output / f"{name}.csv"
        if name == "ship":
            ship()
        elif not path.exists():
            made = TABLES[name]().round(5)
            with atomic(path) as temporary:
                made.to_csv(temporary, index=False)
            print(made.to_string(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
