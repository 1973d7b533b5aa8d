"""README against figures/results.csv, and the numbers of the last test run against both.

`make test` runs this file twice: with the other tests, and after the notebooks have recorded.
"""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from lib import evaluation, readme
from lib.notebooks.running import BUILD, NOTEBOOKS

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = evaluation.results(ROOT / "figures" / "results.csv")
RECORDED = evaluation.results(BUILD / "test" / "results.csv")


def row(metric="silence_accuracy", corpus="sea", value=0.9, scale="laptop", system="dolphin"):
    low, high = value - 0.1, value + 0.1
    evaluation.record(system, metric, corpus, value, low, high, 5, 0.5, None, "04", scale)


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTS_CSV", str(tmp_path / "results.csv"))


def test_the_readme_shows_the_recorded_numbers():
    text = readme.README.read_text()
    table = readme.as_markdown(readme.headline_table(PUBLISHED), "No number is recorded yet")
    assert table in text, "run `make readme`"


def test_the_readme_maps_the_notebooks_that_exist():
    table = readme.notebook_map()
    assert readme.as_markdown(table, "There is no notebook yet.") in readme.README.read_text(), (
        "run `make readme`"
    )
    unsaid = table[(table == "-").any(axis=1)]
    assert unsaid.empty, f"the opening cell needs a table with {readme.FACTS}:\n{unsaid}"


@pytest.mark.skipif(PUBLISHED.empty, reason="no number is recorded yet")
def test_every_number_has_its_interval_and_a_notebook_that_exists():
    assert not PUBLISHED.duplicated(evaluation.KEY).any()
    assert np.isfinite(PUBLISHED[["value", "low", "high", "n"]]).all(axis=None)
    assert (PUBLISHED["low"] <= PUBLISHED["high"]).all()
    notebooks = {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    assert set(PUBLISHED["notebook"]) <= notebooks


@pytest.mark.skipif(RECORDED.empty, reason="no notebook has been tested since `make clean`")
def test_the_last_test_run_falls_in_the_published_intervals():
    outside = evaluation.outside_band(RECORDED, PUBLISHED)
    assert outside.empty, f"\n{outside.to_string(index=False)}"


@pytest.mark.skipif(RECORDED.empty, reason="no notebook has been tested since `make clean`")
def test_the_last_test_run_recorded_nothing_unpublished():
    keys = RECORDED[evaluation.KEY].merge(PUBLISHED[evaluation.KEY], how="left", indicator=True)
    missing = keys[keys["_merge"] == "left_only"]
    assert missing.empty, f"run `make figures`; not in figures/results.csv:\n{missing}"


def test_the_table_shows_ours_with_interval_baseline_and_source(own):
    row()
    row("train_step_speedup", "batch32", 4.2, system="performance")
    row("not_a_headline")
    table = readme.headline_table(evaluation.results())
    assert table["Ours (95 % interval)"].tolist() == [
        "90.0 % (80.0 % to 100.0 %)",
        "4.2 x (4.1 x to 4.3 x)",
    ]
    assert table["Trivial baseline"].tolist() == ["50.0 %", "0.5 x"]
    assert table["Source's figure"].tolist() == ["-", "-"]


def test_full_scale_is_shown_where_both_are_recorded(own):
    row(value=0.6, scale="paper")
    row(value=0.5, scale="laptop")
    table = readme.headline_table(evaluation.results())
    assert table["Scale"].tolist() == ["paper"] and "60.0 %" in table.iloc[0, 2]


MARKERS = "\n".join(
    line for pair in readme.MARKERS.values() for line in (pair[0], "stale text", pair[1])
)


def test_writing_the_readme_replaces_the_tables_only(own, tmp_path):
    row()
    path = tmp_path / "README.md"
    path.write_text(f"before\n{MARKERS}\nafter\n")
    readme.write(path)
    once = path.read_text()
    assert re.match(r"before\n<!-- results.*-->\n\n\| System \|", once) and "stale text" not in once
    assert once.endswith(f"{readme.MARKERS['notebooks'][1]}\nafter\n")
    readme.write(path)
    assert path.read_text() == once


@pytest.mark.parametrize("text", ["no markers", MARKERS.replace("end", "stop"), MARKERS * 2])
def test_a_readme_without_markers_is_refused(text):
    with pytest.raises(ValueError, match="needs one line"):
        readme.with_tables(text, readme.tables())


def test_the_map_reads_the_opening_cell(tmp_path):
    opening = "# 01 · Sound\n\n| | |\n|---|---|\n| Time | 2 minutes |\n| Reads | the sea |"
    notebook = new_notebook(cells=[new_markdown_cell(opening)])
    nbformat.write(notebook, tmp_path / "01_sound.ipynb")
    assert readme.notebook_map(tmp_path).values.tolist() == [
        ["[01 · Sound](notebooks/01_sound.ipynb)", "2 minutes", "the sea", "-"]
    ]
