"""Set-up shared by all tests: no windows, quiet TensorFlow, real corpora only where they are."""

import os
from pathlib import Path

import matplotlib
import pytest

import lib  # noqa: F401  sets the quiet defaults before TensorFlow can be imported

matplotlib.use("Agg")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _own_results(request, tmp_path, monkeypatch):
    """No unit test writes to the committed figures and numbers."""
    if request.path.name != "test_results.py":
        monkeypatch.setenv("FIGURES_DIR", str(tmp_path / "figures"))
        monkeypatch.delenv("RESULTS_CSV", raising=False)
        monkeypatch.delenv("SCALE", raising=False)


def pytest_runtest_setup(item):
    """Skip tests marked `real`, or `real("oltremare")`, where the corpus is not there."""
    marker = item.get_closest_marker("real")
    if marker is None:
        return
    folder = Path(os.environ.get("CORPORA_DIR") or ROOT / "data" / "corpora")
    for name in marker.args or ("",):
        if not (folder / name).is_dir():
            pytest.skip(f"no real corpus {name or 'folder'} in CORPORA_DIR; `make data` fetches it")
