"""A folder of your own recordings as a corpus."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from lib import audio
from lib.corpora.corpus import FileCorpus, report_table, split_of


def from_folder(
    path: str | Path,
    pattern: str = "*.wav",
    errors: str = "raise",
    check_samples: bool = True,
    shortest: float = 0.0,
    allow_low_rate: bool = False,
) -> FileCorpus:
    """Your own recordings, wherever they lie in a folder and below it.

    Parameters
    ----------
    path : path
    pattern : str
        File names to take, whatever their case; hidden files are left out.
    errors : {"raise", "report"}
        Stop at the first bad file, or go on and list the bad ones in ``corpus.report``.
    check_samples : bool
        Read every file to its end (NaN, damage); without it only headers are looked at.
    shortest : float
        Least duration in s.
    allow_low_rate : bool
        Also take rates below 32 kHz, which leave the upper band empty.

    Returns
    -------
    FileCorpus
        ``item`` is the path below the folder, ``label`` the subfolder, ``group`` the file.

    Raises
    ------
    FileNotFoundError
        If the folder is not there or no name fits.
    lib.audio.AudioError
        For the first bad file, with ``errors="raise"``.
    """
    if errors not in ("raise", "report"):
        raise ValueError(f"errors is {errors!r}; choose raise or report.")
    folder = Path(path)
    rows, problems = [], []
    for file in _matching_files(folder, pattern):
        item = file.relative_to(folder).as_posix()
        try:
            duration = audio.inspect(file, shortest, allow_low_rate, check_samples)
        except audio.AudioError as error:
            if errors == "raise":
                raise
            problems.append((file, str(error)))
        else:
            label = file.relative_to(folder).parent.as_posix().strip(".")
            rows.append((item, item, split_of(item), label, duration, file))
    columns = ["item", "group", "split", "label", "duration", "path"]
    table = pd.DataFrame(rows, columns=columns)
    return FileCorpus(
        folder.name, table, report=report_table(problems), allow_low_rate=allow_low_rate
    )


def _matching_files(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: check the path.")
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    found = sorted(p for p in files if fnmatch(p.name.lower(), pattern.lower()))
    if not found:
        there = ", ".join(sorted({p.suffix or p.name for p in files})) or "nothing"
        raise FileNotFoundError(f"No file in {folder} fits {pattern}; it holds {there}.")
    return found
