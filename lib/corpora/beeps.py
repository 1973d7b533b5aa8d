"""Real recordings for the beep detector: one washing machine, and everyday sound without beeps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio
from lib.corpora.corpus import FileCorpus, report_table

BEEP_RATE = 16_000
ESC_NAME = re.compile(r"(\d)-(\d+)-([A-Z])")
TABLE, STREAM = "labeled_rnn_input_data.csv", "reduced_stream.csv"
TABLE_COLUMNS = [*map(str, range(40)), "response"]


class SoundCorpus(FileCorpus):
    """Recordings that are heard at 16 kHz."""

    def signal(self, i: int) -> np.ndarray:
        """Sound of item ``i``, float32 mono at 16 kHz."""
        return audio.read(self.table["path"].iloc[i], BEEP_RATE)


class BeepCorpus(SoundCorpus):
    """The washing machine of Reece Robinson, with the tables of his second stage."""

    def __init__(self, *args, folder: Path, **kwargs):
        super().__init__(*args, **kwargs)
        self.folder = folder

    def source_table(self) -> pd.DataFrame:
        """The 2,760 windows of 40 reduced answers with their ``response``, in order of time.

        Raises
        ------
        FileNotFoundError, ValueError
            If the table is missing, or is another one.
        """
        table = _read_csv(self.folder / TABLE)
        if list(table.columns) != TABLE_COLUMNS or not table.isin([0, 1]).all(axis=None):
            raise ValueError(
                f"{self.folder / TABLE} is not the table of 40 columns of 0 and 1 and a response: "
                "fetch the corpus again."
            )
        return table

    def reduced_stream(self) -> np.ndarray:
        """The stream of 13,779 reduced answers that the table was cut from."""
        return _read_csv(self.folder / STREAM)["value"].to_numpy()


def read_beeps(folder: Path) -> BeepCorpus:
    """Washing machine: the last minute of a cycle with its beeps, and the beeps alone, 16 kHz.

    Two items, both in the test part: nothing is trained on them. The folder also holds the
    source's tables, see `BeepCorpus`.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in audio.SUFFIXES)
    if not paths:
        raise FileNotFoundError(f"{folder} holds no recording: fetch the corpus again.")
    rows = [(p.stem, "washer", "test", "sequence", audio.duration(p), p) for p in paths]
    columns = ["item", "group", "split", "label", "duration", "path"]
    return BeepCorpus("beeps", pd.DataFrame(rows, columns=columns), folder=folder)


def read_household_noise(folder: Path) -> SoundCorpus:
    """Everyday sound of ESC-10: clips of 5 s in a folder a class; all of it is test.

    ``label`` is the class, ``group`` the recording that a clip was cut from.
    """
    rows, problems = [], []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in audio.SUFFIXES):
        if match := ESC_NAME.fullmatch(path.stem):
            label = path.parent.name.partition(" - ")[2] or path.parent.name
            duration = audio.duration(path)
            rows.append((path.stem, match[2], "test", label, duration, int(match[1]), path))
        else:
            problems.append((path, "the name is not fold, recording and take"))
    if not rows:
        raise FileNotFoundError(f"{folder} holds no clip such as 1-100032-A.ogg: fetch it again.")
    columns = ["item", "group", "split", "label", "duration", "fold", "path"]
    table = pd.DataFrame(rows, columns=columns)
    return SoundCorpus("household_noise", table, report=report_table(problems))


def _read_csv(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: fetch the corpus again.")
    try:
        return pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no table ({error}): fetch the corpus again.") from error
