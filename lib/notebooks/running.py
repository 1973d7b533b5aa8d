"""Run the notebooks in order, each in a kernel of its own, with a progress display."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from tqdm import tqdm

from lib.audio import atomic
from lib.notebooks.cleaning import ROOT, clean

NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"
SECONDS_PER_TESTED_CELL = 600
# Most of a notebook's time is one core's.
AT_ONCE = 2
LONGEST = "04"


class RunFailed(RuntimeError):
    """A notebook stopped; the message names cell, error and cure."""


def paths(names: Sequence[str] = (), folder: Path | None = None) -> list[Path]:
    """The notebooks in order, or those whose names begin with one of `names`."""
    folder = folder or NOTEBOOKS
    found = sorted(folder.glob("[0-9]*.ipynb"))
    if not names:
        return found
    chosen = [path for path in found if path.name.startswith(tuple(names))]
    if not chosen:
        raise FileNotFoundError(f"No notebook in {folder.name}/ begins with {' or '.join(names)}.")
    return chosen


def run(source: Path, target: Path, cleaned: bool = False) -> float:
    """Run one notebook from a fresh kernel and write it with its outputs; minutes it took.

    Raises
    ------
    RunFailed
        If a cell fails or the kernel dies. What was run until then is in the build folder,
        and `target` is untouched.
    """
    notebook = nbformat.read(source, as_version=4)
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        # A kernel warns that its channels are not encrypted; they do not leave this machine.
        extra_arguments=["--log-level=50"],
        resources={"metadata": {"path": str(target.parent)}},
    )
    try:
        # The bars of training would end up as text in the outputs.
        with client.setup_kernel(env=os.environ | _run_variables()):
            _execute(client, source.stem)
    except (CellExecutionError, DeadKernelError) as error:
        raise RunFailed(_explained(error, notebook, source)) from error
    with atomic(target) as temporary:
        nbformat.write(clean(notebook) if cleaned else notebook, temporary)
    return (time.monotonic() - started) / 60


def _run_variables() -> dict[str, str]:
    """No bars, and a relative CORPORA_DIR as seen from here: kernels start beside the notebook."""
    corpora = os.environ.get("CORPORA_DIR")
    where = {"CORPORA_DIR": os.path.abspath(corpora)} if corpora else {}
    return {"TQDM_DISABLE": "1", **where}


def _execute(client: NotebookClient, name: str) -> None:
    """Execute cell by cell: `client.execute()` takes Ctrl-C for itself and ends in a tangle."""
    cells = [pair for pair in enumerate(client.nb.cells) if pair[1].cell_type == "code"]
    with tqdm(cells, desc=name, unit="cell") as bar:
        for index, cell in bar:
            bar.set_postfix_str(cell.source.strip().partition("\n")[0][:40])
            client.execute_cell(cell, index)


def _explained(error: Exception, notebook: nbformat.NotebookNode, source: Path) -> str:
    partial = BUILD / "failed" / source.name
    with atomic(partial) as temporary:
        nbformat.write(notebook, temporary)
    where = f"What it did is in {os.path.relpath(partial)}."
    if isinstance(error, DeadKernelError):
        return f"{source.name}: the kernel died, most likely for want of memory. {where}"
    return f"{source.name} stopped.\n{error}\n{where}"


def run_all(names: Sequence[str] = (), in_place: bool = False) -> None:
    """Run the notebooks in order, into ``build/notebooks`` or cleaned over themselves."""
    sources = paths(names)
    if not sources:
        print("There is no notebook in notebooks/ yet: nothing to run.")
    for source in sources:
        target = source if in_place else BUILD / "notebooks" / source.name
        minutes = run(source, target, cleaned=in_place)
        print(f"{source.stem}: {minutes:.1f} min")


def run_tests(names: Sequence[str] = ()) -> int:
    """Run copies of the notebooks under nbval, on synthetic sound at laptop scale, two at a time.

    Figures and numbers of the run go to ``build/test``, so no committed file changes.
    """
    folder = BUILD / "test"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    sources = paths(names)
    if not sources:
        print("There is no notebook in notebooks/ yet: nothing to test.")
        return 0
    copies = [Path(shutil.copy(source, folder / "notebooks")) for source in sources]
    # The longest first: begun late, it would run on alone.
    copies.sort(key=lambda path: not path.stem.startswith(LONGEST))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = list(pool.map(_test, copies))
    # Each writes a table of its own: two that write one table would lose rows.
    tables = [pd.read_csv(path) for path in sorted((folder / "results").glob("*.csv"))]
    if tables:
        pd.concat(tables).to_csv(folder / "results.csv", index=False)
    return max(codes)


def _test(notebook: Path) -> int:
    """Run one notebook under nbval and show what it said when it is done; the exit status."""
    options = ["--nbval-lax", "--nbval-current-env", "--durations=3"]
    options += [f"--nbval-cell-timeout={SECONDS_PER_TESTED_CELL}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", *options, notebook],
        check=False,
        cwd=ROOT,
        env=os.environ | _test_variables(notebook.stem),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(f"{notebook.stem}\n{done.stdout}", flush=True)
    return done.returncode


def _test_variables(name: str) -> dict[str, str]:
    """Variables of a test run: its own outputs, no real corpora, no bars, its share of the cores."""
    folder = BUILD / "test"
    cores = str(max(1, (os.cpu_count() or 1) // AT_ONCE))
    return {
        "FIGURES_DIR": str(folder / "figures"),
        "RESULTS_CSV": str(folder / "results" / f"{name}.csv"),
        "CORPORA_DIR": str(folder / "no-corpora"),
        "SCALE": "laptop",
        "TQDM_DISABLE": "1",
        "OMP_NUM_THREADS": cores,
        "TF_NUM_INTRAOP_THREADS": cores,
    }
