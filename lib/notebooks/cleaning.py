"""What is taken out of a notebook before it is committed: sounds, stderr, paths, versions."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path

import nbformat
from PIL import Image

from lib.audio import atomic

ROOT = Path(__file__).resolve().parents[2]
SOUND_NOTE = "<em>(run the notebook to hear the sound)</em>"
AUDIO = re.compile(r"<audio\b.*?</audio>", re.DOTALL)
# Temporary files of a cell's code and of anything that wrote to /tmp.
TEMPORARY = re.compile(r"/(?:tmp|var/folders)/[\w./-]+/")
WIDGET = "application/vnd.jupyter.widget-view+json"


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The same notebook without what is of no use or no business of a reader, in place.

    Sounds become a note, live widgets and stderr go, pictures are stored with 48 colours, paths
    of this machine become relative, and only the language is left of the kernel's description.
    """
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [_cleaned(output) for output in cell.outputs if _is_for_readers(output)]
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def _is_for_readers(output: nbformat.NotebookNode) -> bool:
    return output.get("name") != "stderr" and WIDGET not in output.get("data", {})


def _cleaned(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if "text" in output:
        output["text"] = _without_paths(output["text"])
    data = output.get("data", {})
    for kind, content in data.items():
        if kind.startswith("text/"):
            data[kind] = _without_paths(AUDIO.sub(SOUND_NOTE, content))
        elif kind == "image/png":
            data[kind] = _smaller(content)
    return output


def _without_paths(text: str) -> str:
    corpora = os.environ.get("CORPORA_DIR")
    if corpora:
        text = text.replace(str(Path(corpora).resolve()), "$CORPORA_DIR")
        text = text.replace(corpora, "$CORPORA_DIR")
    text = text.replace(f"{ROOT}/", "").replace(str(ROOT), ".")
    # With the slash: the home of a container may be / or /root, a prefix of other words.
    return TEMPORARY.sub("", text.replace(f"{Path.home()}/", "~/"))


def _smaller(png: str) -> str:
    """A picture in base64 with 48 colours, if that is smaller."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    small = io.BytesIO()
    few = picture.quantize(48, dither=Image.Dither.NONE)
    few.save(small, format="PNG", optimize=True)
    return min(png, base64.b64encode(small.getvalue()).decode(), key=len)


def clean_file(path: str | Path) -> None:
    """Clean a notebook where it lies."""
    notebook = clean(nbformat.read(path, as_version=4))
    with atomic(path) as temporary:
        nbformat.write(notebook, temporary)
