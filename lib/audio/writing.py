"""Write sounds and label files, all of each or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from lib.audio.reading import SAMPLE_RATE, check
from lib.audio.regions import cut, join

RAVEN_COLUMNS = {
    "start": "Begin Time (s)",
    "stop": "End Time (s)",
    "low": "Low Freq (Hz)",
    "high": "High Freq (Hz)",
}


def write_snippets(
    path: str | Path, signal: np.ndarray, regions, sample_rate: int = SAMPLE_RATE, gap: float = 0.1
) -> None:
    """Write the regions of a signal as one 16-bit WAV with ``gap`` seconds between them."""
    write(path, join(cut(signal, regions, sample_rate), sample_rate, gap), sample_rate)


def write(path: str | Path, signal: np.ndarray, sample_rate: int = SAMPLE_RATE) -> None:
    """Write a signal in -1..1 as 16-bit sound (format by suffix), all of it or nothing."""
    signal = np.clip(check(np.asarray(signal, np.float32), str(path)), -1, 1)
    with atomic(path) as temporary:
        soundfile.write(temporary, signal, sample_rate, subtype=_subtype(path))
        # libsndfile does not report a write that failed while closing, as on a full disk.
        if soundfile.info(temporary).frames != len(signal):
            raise OSError(errno.ENOSPC, "The file came out short", str(path))


def write_labels(table: pd.DataFrame, path: str | Path, format: str = "raven") -> None:
    """Write regions as a Raven selection table or as Audacity labels (both .txt, tab-separated).

    Parameters
    ----------
    table : DataFrame
        Columns ``start`` and ``stop`` (s); ``low`` and ``high`` (Hz) and ``label`` if known.
        Raven also gets all further columns as annotations.
    path : path
    format : {"raven", "audacity"}
    """
    writers = {"raven": _raven_table, "audacity": _audacity_table}
    if format not in writers:
        raise ValueError(f"format is {format!r}; choose one of {', '.join(writers)}.")
    labels = writers[format](table)
    with atomic(path) as temporary:
        labels.to_csv(temporary, sep="\t", index=False, header=format == "raven")


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary name in the same folder; rename it to ``path`` only if all went well.

    The temporary file goes on any failure, so what was at ``path`` before is still whole.
    The name ends like ``path``, for writers that choose their format by suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        message = "The disk is full; nothing was changed. Free some space and run again"
        raise OSError(errno.ENOSPC, message, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(folder: str | Path) -> Iterator[Path]:
    """Like `atomic`, for a folder of files that are computed once and never changed.

    Where another process has made the same folder meanwhile, its files stay.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{secrets.token_hex(4)}-{folder.name}")
    temporary.mkdir()
    try:
        yield temporary
        os.rename(temporary, folder)
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _subtype(path: str | Path) -> str | None:
    return "PCM_16" if Path(path).suffix.lower() in (".wav", ".flac") else None


def _raven_table(table: pd.DataFrame) -> pd.DataFrame:
    known = {
        "Selection": np.arange(1, len(table) + 1),
        "View": "Spectrogram 1",
        "Channel": 1,
    }
    defaults = {"low": 0.0, "high": SAMPLE_RATE / 2}
    for name, title in RAVEN_COLUMNS.items():
        values = table[name] if name in table else np.full(len(table), defaults.get(name))
        known[title] = np.round(np.asarray(values, float), 6)
    labels = pd.DataFrame(known, index=table.index)
    return labels.join(table.drop(columns=list(RAVEN_COLUMNS), errors="ignore"))


def _audacity_table(table: pd.DataFrame) -> pd.DataFrame:
    text = table["label"] if "label" in table else np.arange(1, len(table) + 1)
    times = table[["start", "stop"]].astype(float).round(6)
    return times.assign(label=text)
