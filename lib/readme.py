"""The results table of README.md, made from figures/results.csv: ``python -m lib.readme``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from lib.audio import atomic
from lib.evaluation import results

README = Path(__file__).resolve().parents[1] / "README.md"
START, END = "<!-- results: made by `make readme` -->", "<!-- end of results -->"
HEADER = ["System", "What", "Ours (95 % interval)", "Trivial baseline", "Source's figure", "Scale"]

# The rows shown, if they have been recorded: (system, metric, corpus) and what it is in words.
HEADLINES = {
    ("dolphin", "silence_accuracy", "sea"): "silence detector, accuracy, synthetic sea",
    ("dolphin", "silence_accuracy", "oltremare"): "silence detector, accuracy, real hydrophone",
    ("dolphin", "contour_hit_rate", "sea/v4.4"): "whistle contour kept by the code, synthetic sea",
    ("dolphin", "contour_hit_rate", "sea/v4.2"): "the same, encoder as published",
    ("dolphin", "contour_hit_rate", "oltremare/v4.4"): "whistle contour kept, real hydrophone",
    ("dolphin", "cluster_v_measure", "sea"): "clusters against whistle types, V-measure",
    ("dolphin", "cluster_v_measure", "sea-real-contours"): "the same, real whistle shapes",
    ("dolphin", "cluster_v_measure", "birdsong"): "clusters against birdsong syllables, V-measure",
    ("dolphin", "repeat_precision", "sea"): "repeats found in long recordings, precision",
    ("dolphin", "repeat_recall", "sea"): "repeats found in long recordings, recall",
    ("performance", "train_step_speedup", "batch32"): "training step, fused against stock layers",
    ("performance", "embed_realtime_factor", "win/10"): "embedding a recording, times real time",
}


def headline_table(recorded: pd.DataFrame) -> pd.DataFrame:
    """The headline rows that are recorded, as text with the columns `HEADER`.

    Where a number is there at both scales, the one at full scale is shown.
    """
    full_scale_last = recorded.sort_values("scale", key=lambda scale: scale == "paper")
    by_key = {(row.system, row.metric, row.corpus): row for row in full_scale_last.itertuples()}
    shown = [(by_key[key], text) for key, text in HEADLINES.items() if key in by_key]
    return pd.DataFrame([_cells(row, text) for row, text in shown], columns=HEADER)


def _cells(row, text: str) -> list[str]:
    interval = f"{_number(row.low, row.system)} to {_number(row.high, row.system)}"
    ours = f"{_number(row.value, row.system)} ({interval})"
    others = [_number(row.baseline, row.system), _number(row.source, row.system)]
    return [row.system, text, ours, *others, row.scale]


def _number(value: float, system: str) -> str:
    """Shares in per cent, ratios of speed as they are, nothing where there is nothing."""
    if np.isnan(value):
        return "-"
    return f"{value:.1f} x" if system == "performance" else f"{100 * value:.1f} %"


def as_markdown(table: pd.DataFrame) -> str:
    """A table of text in Markdown; a sentence while it is empty."""
    if table.empty:
        return "No number is recorded yet; `make figures` records them."
    rows = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(text: str, table: pd.DataFrame) -> str:
    """The README's text with the table between its markers."""
    if text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md needs one line '{START}' and one '{END}' after it.")
    before, rest = text.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{as_markdown(table)}\n{END}{after}"


def write(path: Path = README) -> None:
    """Bring the table in the README up to date; the file is left alone if it is."""
    text = path.read_text()
    new = with_table(text, headline_table(results()))
    if new != text:
        with atomic(path) as temporary:
            temporary.write_text(new)


def main() -> None:
    """Print the table, and write it into the README when told."""
    parser = argparse.ArgumentParser(prog="python -m lib.readme", description=__doc__)
    parser.add_argument("command", choices=["table", "write"])
    if parser.parse_args().command == "write":
        write()
    table = headline_table(results())
    print(as_markdown(table) if table.empty else table.to_string(index=False))
    print(f"All {len(results())} numbers: figures/results.csv")


if __name__ == "__main__":
    sys.exit(main())
