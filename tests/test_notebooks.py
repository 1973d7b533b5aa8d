"""The committed notebooks keep the rules of CONTRIBUTING.md, and the machinery that runs them."""

import base64
import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from IPython.display import Audio
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from lib import notebooks
from lib.notebooks import running

MAX_BYTES = 1_500_000
MAX_LINES = 20
# nbval lets a misspelt line magic pass in silence: only these are allowed.
MAGICS = {"%matplotlib", "%timeit", "%%timeit"}
SECTIONS = ["What you'll do", "Try it yourself"]
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users|tmp|var|mnt|opt|private)/[\w.]")


def problems(path: Path) -> list[str]:
    """Everything in a notebook that the rules forbid, one line each."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    found = _layout_problems(path, prose)
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("cells were not run in order from a fresh kernel: `make notebooks`")
    for number, cell in enumerate(code, start=1):
        found += [f"cell {number}: {problem}" for problem in _cell_problems(cell)]
    return found


def _layout_problems(path: Path, prose: list[str]) -> list[str]:
    found = []
    if path.stat().st_size > MAX_BYTES:
        found.append(f"{path.stat().st_size / 1e6:.1f} MB is more than {MAX_BYTES / 1e6} MB")
    if not prose or not prose[0].startswith("# "):
        found.append("the first cell of prose is no title")
    found += [f"no section '{name}'" for name in SECTIONS if not any(name in p for p in prose)]
    return found


def _cell_problems(cell: nbformat.NotebookNode) -> list[str]:
    lines = cell.source.strip().splitlines()
    magics = [line.split()[0] for line in lines if re.match(r"\s*[%!]", line)]
    text = "\n".join([cell.source, *_texts(cell)])
    checks = {
        f"{len(lines)} lines are more than {MAX_LINES}": len(lines) > MAX_LINES,
        f"magics beyond {sorted(MAGICS)}": not MAGICS.issuperset(magics),
        "writes to stderr": any(o.get("name") == "stderr" for o in cell.outputs),
        "ends in an error": any(o.output_type == "error" for o in cell.outputs),
        "names a path of one machine": MACHINE_PATH.search(text),
        "holds a sound": "data:audio" in text,
        # Its output widget waits for a browser; an unattended run waits with it, now and then.
        "uses interact: take a slider's observe": "interact(" in cell.source,
    }
    return [problem for problem, holds in checks.items() if holds]


def _texts(cell: nbformat.NotebookNode) -> list[str]:
    """All text that a cell's outputs show."""
    shown = [output.get("text", "") for output in cell.outputs]
    data = [output.get("data", {}) for output in cell.outputs]
    return shown + [text for d in data for kind, text in d.items() if kind.startswith("text/")]


COMMITTED = notebooks.paths()


@pytest.mark.skipif(not COMMITTED, reason="there is no notebook yet")
@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path):
    assert problems(path) == []


def good_notebook() -> nbformat.NotebookNode:
    return new_notebook(
        cells=[
            new_markdown_cell("# Whistles\n\n**What you'll do**: hear one."),
            new_code_cell("import os\nprint(os.getcwd() and 6 * 7)"),
            new_code_cell("'done'"),
            new_markdown_cell("## Try it yourself\n\nHear another."),
        ]
    )


def written(notebook: nbformat.NotebookNode, folder: Path, name: str = "01_tiny") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def run_by_hand(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = number
    return notebook


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def show(**data):
    return new_output("display_data", data={key.replace("_", "/"): v for key, v in data.items()})


BREAK = {
    "order": lambda cell, book: cell.update(execution_count=7),
    "20": lambda cell, book: cell.update(source="x = 1\n" * 21),
    "magics": lambda cell, book: cell.update(source="%tiemit x"),
    "interact": lambda cell, book: cell.update(source="interact(print, x=1)"),
    "stderr": lambda cell, book: cell.outputs.append(stream("warning", "stderr")),
    "error": lambda cell, book: cell.outputs.append(new_output("error", ename="E", evalue="")),
    "path": lambda cell, book: cell.outputs.append(stream("saved /home/ann/x.png")),
    "one machine": lambda cell, book: cell.outputs.append(show(text_html="<b>/work/x</b>")),
    "sound": lambda cell, book: cell.outputs.append(show(text_html="data:audio/wav;base64,A")),
    "MB": lambda cell, book: cell.outputs.append(show(text_plain="x" * 1_500_000)),
    "title": lambda cell, book: book.cells.pop(0),
    "Try it yourself": lambda cell, book: book.cells.pop(),
}


def test_a_good_notebook_has_no_problem(tmp_path):
    assert problems(written(run_by_hand(good_notebook()), tmp_path)) == []


@pytest.mark.parametrize("expected", BREAK)
def test_each_broken_rule_is_found(tmp_path, expected):
    notebook = run_by_hand(good_notebook())
    BREAK[expected](notebook.cells[1], notebook)
    found = problems(written(notebook, tmp_path))
    assert any(expected in problem for problem in found), found


def test_cleaning_makes_a_dirty_notebook_committable(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPORA_DIR", "/data/of/ann")
    sound = Audio(np.sin(np.arange(4800)), rate=48_000)._repr_html_()
    noise = np.random.default_rng(0).integers(256, size=(200, 200, 3), dtype=np.uint8)
    png = io.BytesIO()
    Image.fromarray(noise).save(png, "PNG")
    notebook = run_by_hand(good_notebook())
    cell = notebook.cells[1]
    cell.outputs = [
        stream("careful", "stderr"),
        stream(f"wrote {running.ROOT}/figures/a.png, read /data/of/ann/orca, {Path.home()}/b"),
        stream("/tmp/ipykernel_12/34.py:1: note"),
        show(text_html=f"<td>{sound}</td>", text_plain="<Audio>"),
        show(**{"application_vnd.jupyter.widget-view+json": {}, "text_plain": "IntSlider"}),
        show(image_png=base64.b64encode(png.getvalue()).decode()),
    ]
    notebook.metadata["widgets"] = {"state": "x" * 100}
    path = written(notebook, tmp_path)
    notebooks.clean_file(path)
    assert problems(path) == []
    first, second, third, picture = nbformat.read(path, as_version=4).cells[1].outputs
    assert first.text == "wrote figures/a.png, read $CORPORA_DIR/orca, ~/b"
    assert second.text == "34.py:1: note"
    assert "<audio" not in third.data["text/html"]
    assert "hear the sound" in third.data["text/html"]
    smaller = base64.b64decode(picture.data["image/png"])
    assert len(smaller) < len(png.getvalue()) and Image.open(io.BytesIO(smaller)).size == (200, 200)
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


def test_cleaning_twice_changes_nothing(tmp_path):
    path = written(run_by_hand(good_notebook()), tmp_path)
    notebooks.clean_file(path)
    once = path.read_bytes()
    notebooks.clean_file(path)
    assert path.read_bytes() == once


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one tiny notebook, its build folder, and nothing of the real one's."""
    monkeypatch.setattr(running, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(running, "BUILD", tmp_path / "build")
    return tmp_path


def test_run_in_place_gives_a_committable_notebook(project):
    path = written(good_notebook(), project / "notebooks")
    notebooks.run(path, path, cleaned=True)
    assert problems(path) == []
    assert nbformat.read(path, as_version=4).cells[1].outputs[0].text == "42\n"


def test_run_keeps_the_committed_notebook_and_its_sound(project, monkeypatch):
    notebook = good_notebook()
    notebook.cells[1].source = (
        "import os, IPython.display as d\nprint(os.environ['TQDM_DISABLE'])\n"
        "d.Audio([0.0, 0.1] * 500, rate=8000)"
    )
    path = written(notebook, project / "notebooks")
    before = path.read_bytes()
    target = project / "build" / "01_tiny.ipynb"
    notebooks.run(path, target)
    assert path.read_bytes() == before
    printed, sound = nbformat.read(target, as_version=4).cells[1].outputs
    assert printed.text == "1\n" and "data:audio" in sound.data["text/html"]


@pytest.mark.parametrize(
    "source, message",
    [("1 / 0", "ZeroDivisionError"), ("import os; os.kill(os.getpid(), 9)", "died")],
)
def test_a_failing_cell_stops_the_run_and_leaves_the_notebook(project, source, message):
    notebook = good_notebook()
    notebook.cells[2].source = source
    path = written(notebook, project / "notebooks")
    before = path.read_bytes()
    with pytest.raises(notebooks.RunFailed, match=message):
        notebooks.run(path, path)
    assert path.read_bytes() == before
    partial = nbformat.read(project / "build" / "failed" / path.name, as_version=4)
    assert partial.cells[1].outputs[0].text == "42\n"


def test_an_interrupt_keeps_what_is_finished_and_leaves_no_kernel(project):
    source = "import os, time\nopen('pid.part', 'w').write(str(os.getpid()))\n"
    source += "os.rename('pid.part', 'pid')\ntime.sleep(60)"
    written(good_notebook(), project / "notebooks", "01_done")
    written(new_notebook(cells=[new_code_cell(source)]), project / "notebooks", "02_long")
    code = (
        # What a shell starts in the background ignores the signal, and so do its children.
        "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path\nfrom lib.notebooks import running, __main__\n"
        "running.NOTEBOOKS, running.BUILD = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "sys.argv = ['lib.notebooks', 'run']\nsys.exit(__main__.main())"
    )
    folders = [project / "notebooks", project / "build"]
    run = subprocess.Popen([sys.executable, "-c", code, *folders], start_new_session=True)
    pid = project / "build" / "notebooks" / "pid"
    while not pid.exists() and run.poll() is None:
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=60) == 130
    assert (project / "build" / "notebooks" / "01_done.ipynb").exists()
    assert not (project / "build" / "notebooks" / "02_long.ipynb").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_notebooks_come_in_order_and_by_the_beginnings_of_names(tmp_path):
    for name in ["04_embedding", "01_data", "02_training", "scratch"]:
        written(good_notebook(), tmp_path, name)
    names = [path.stem for path in notebooks.paths(folder=tmp_path)]
    assert names == ["01_data", "02_training", "04_embedding"]
    assert [path.stem for path in notebooks.paths(["04", "01"], tmp_path)] == [names[0], names[2]]
    with pytest.raises(FileNotFoundError, match="begins with 7"):
        notebooks.paths(["7"], tmp_path)


def test_a_test_run_writes_only_below_build(project, capfd):
    notebook = good_notebook()
    notebook.cells[1].source = (
        "# NBVAL_CHECK_OUTPUT\nfrom lib import evaluation\n"
        "evaluation.record('dolphin', 'm', 'sea', 1, 0, 1, 5, None, None, '01')\n6 * 7"
    )
    result = new_output("execute_result", data={"text/plain": "42"}, execution_count=1)
    run_by_hand(notebook).cells[1].outputs = [result]
    path = written(notebook, project / "notebooks")
    assert notebooks.run_tests() == 0
    assert (project / "build" / "test" / "results.csv").read_text().count("\n") == 2
    notebook.cells[1].outputs[0].data["text/plain"] = "43"
    before = written(notebook, project / "notebooks").read_bytes()
    assert notebooks.run_tests() != 0
    assert path.read_bytes() == before
    assert "mismatch" in capfd.readouterr().out


def test_without_notebooks_there_is_nothing_to_do(project, capsys):
    notebooks.run_all()
    assert notebooks.run_tests() == 0
    assert "nothing to run" in capsys.readouterr().out
