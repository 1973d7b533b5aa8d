"""The tables of README.md, made from what is there: ``python -m lib.readme table|write``.

The results come from figures/results.csv, the map of the notebooks from their opening cells.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd

from lib.audio import atomic
from lib.evaluation import results

ROOT = Path(__file__).resolve().parents[1]
README, NOTEBOOKS = ROOT / "README.md", ROOT / "notebooks"
MARKERS = {
    "results": ("<!-- results: made by `make readme` -->", "<!-- end of results -->"),
    "notebooks": ("<!-- notebooks: made by `make readme` -->", "<!-- end of notebooks -->"),
}
# Rows of the table in a notebook's opening cell that the map shows.
FACTS = ["Time", "Reads", "Writes"]
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
    ("beeps", "window_recall", "source-table"): "ends of cycle found in the source's own table",
    ("beeps", "event_f1", "soundscape"): "alarms in homes never heard, F1",
    ("beeps", "event_f1", "soundscape-taught"): "the same, the appliance's tone taught once",
    (
        "beeps",
        "miss_rate_at_0.1_fa_per_hour",
        "soundscape-taught/snr>=5",
    ): "clear ones missed at a false alarm in ten hours, taught",
    (
        "beeps",
        "miss_rate_at_0.1_fa_per_hour",
        "soundscape/snr>=5",
    ): "the same, any appliance, never taught",
    ("keywords", "ours_gain", "voices"): "keyword accuracy over raw cepstra, our representation",
    ("keywords", "position_ae_gain", "voices"): "the same, the published representation",
    ("keywords", "position_gain", "voices"): "what its position head adds",
    ("keywords", "linear_accuracy", "speech_commands/ours"): "real words, our representation",
    ("keywords", "stream_f1", "speech_commands/shipped"): "real words in longer recordings, F1",
    (
        "language",
        "fragment_accuracy",
        "voices-2",
    ): "two languages, fragments of 20 frames, voices made",
    ("language", "clip_accuracy", "voices-2"): "the same, whole clips",
    ("language", "fragment_accuracy", "voices-3"): "three languages, fragments, voices made",
    ("language", "clip_accuracy", "voices-8"): "eight languages, whole clips, voices made",
    ("language", "clip_accuracy", "voxlingua107-en-de"): "English or German, real clips",
    ("language", "order_gain", "voices-order"): "what the order of sounds alone adds",
    ("sequences", "macro_f1", "as-published"): "three signals, data as published, macro F1",
    ("sequences", "macro_f1", "clean"): "the same, clean and cured",
    ("sequences", "macro_f1", "as-published/cure"): "the same, data as published, cured",
    ("sequences", "macro_f1", "kinds-8"): "twelve kinds of signals, MiniRocket, macro F1",
    ("sequences", "raga_accuracy", "symbolic"): "24 ragas from notes",
    ("sequences", "raga_accuracy", "audio"): "24 ragas from sound",
    ("sequences", "raga_accuracy", "allied/audio"): "ragas that share all swaras, from sound",
    ("performance", "train_step_speedup", "batch32"): "training step, fused against stock layers",
    ("performance", "train_step_memory_ratio", "batch32"): "its memory, stock over fused",
    ("performance", "embed_speedup", "win/10"): "embedding, one pass against stock by window",
    ("performance", "embed_realtime_factor", "win/10"): "embedding, times real time",
    ("performance", "embed_realtime_factor", "win/10/v4.4"): "the same, improved encoder",
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


def as_markdown(table: pd.DataFrame, instead: str = "") -> str:
    """A table of text in Markdown, or the sentence `instead` while it is empty."""
    if table.empty:
        return instead
    rows = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def notebook_map(folder: Path = NOTEBOOKS) -> pd.DataFrame:
    """Each notebook's title, as a link, and the `FACTS` of its opening cell."""
    rows = []
    for path in sorted(folder.glob("[0-9]*.ipynb")):
        opening = nbformat.read(path, as_version=4).cells[0].source
        title = opening.partition("\n")[0].removeprefix("# ")
        rows.append([f"[{title}](notebooks/{path.name})", *(_fact(opening, f) for f in FACTS)])
    return pd.DataFrame(rows, columns=["Notebook", *FACTS])


def _fact(opening: str, name: str) -> str:
    found = re.search(rf"^\| {name} \| (.+?) \|$", opening, re.MULTILINE)
    return found.group(1) if found else "-"


def with_tables(text: str, tables: dict[str, str]) -> str:
    """The README's text with each table between its `MARKERS`."""
    for name, table in tables.items():
        start, end = MARKERS[name]
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f"README.md needs one line '{start}' and one '{end}' after it.")
        before, rest = text.split(start)
        text = f"{before}{start}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return text


def tables() -> dict[str, str]:
    """Both tables in Markdown, from the repository as it is now."""
    missing = "No number is recorded yet; `make figures` records them."
    return {
        "results": as_markdown(headline_table(results()), missing),
        "notebooks": as_markdown(notebook_map(), "There is no notebook yet."),
    }


def write(path: Path = README) -> None:
    """Bring the README's tables up to date; the file is left alone if they are."""
    text = path.read_text()
    new = with_tables(text, tables())
    if new != text:
        with atomic(path) as temporary:
            temporary.write_text(new)


def main() -> None:
    """Print the results, and write both tables into the README when told."""
    parser = argparse.ArgumentParser(prog="python -m lib.readme", description=__doc__)
    parser.add_argument("command", choices=["table", "write"])
    if parser.parse_args().command == "write":
        write()
    table = headline_table(results())
    print("No number is recorded yet." if table.empty else table.to_string(index=False))
    print(f"All {len(results())} numbers: figures/results.csv")


if __name__ == "__main__":
    sys.exit(main())
