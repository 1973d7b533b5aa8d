"""Names given to regions, in a CSV that is written at once and outlives the kernel.

The file is the truth: it is read again before each change, under a lock, so that two explorers
may name regions in the same file, and rows of other tables stay in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lib.audio import atomic

COLUMNS = ["item", "start", "stop", "label"]
LONGEST = 200
Key = tuple[str, int, int]


class Labels:
    """Labels of the regions of a table.

    Parameters
    ----------
    table : DataFrame[item, start, stop]
    path : path, optional
        CSV with `COLUMNS`. Without it the labels live in memory only.

    Raises
    ------
    ValueError
        If the file is not such a table; it is left as it is.
    """

    def __init__(self, table: pd.DataFrame, path: str | Path | None = None):
        self.path = Path(path) if path else None
        items, start, stop = (table[name] for name in COLUMNS[:3])
        self.keys = [_key(*row) for row in zip(items, start, stop, strict=True)]
        self.rows = dict(zip(self.keys, range(len(self.keys)), strict=True))
        self.by_row = np.full(len(table), "", object)
        self.others: dict[Key, str] = {}
        self._undo: list[list[tuple[int, str, str]]] = []
        self._seen: tuple[int, int] | None = None
        self.refresh()

    def __getitem__(self, row: int) -> str:
        return self.by_row[row]

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    def refresh(self) -> bool:
        """Take over what the file says, if it has changed; whether it had."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._take_over(read_labels(self.path) if stamp else {})
        self._seen = stamp
        return True

    def name(self, rows: Iterable[int], label: str) -> None:
        """Label rows and write the file; an empty label takes theirs away.

        Raises
        ------
        ValueError
            For a label that is too long, and if somebody has damaged the file meanwhile: it is
            left as it is, and all labels are in a new file beside it, which the message names.
        """
        label = " ".join(str(label).split())
        if len(label) > LONGEST:
            raise ValueError(f"The name has {len(label)} characters; {LONGEST} are the most.")
        with self._held():
            self._remember([(int(row), label) for row in rows])

    def undo(self) -> int:
        """Take back the last change where nobody has changed it since; the number of rows."""
        if not self._undo:
            return 0
        with self._held():
            change = self._undo.pop()
            mine = [(row, old) for row, old, new in change if self.by_row[row] == new]
            for row, old in mine:
                self.by_row[row] = old
        return len(mine)

    def table(self) -> pd.DataFrame:
        """All labels of the file: DataFrame[item, start, stop, label], sorted."""
        own = {self.keys[row]: self.by_row[row] for row in np.flatnonzero(self.by_row != "")}
        rows = [
            (item, a / 1e6, b / 1e6, text) for (item, a, b), text in (self.others | own).items()
        ]
        return pd.DataFrame(sorted(rows), columns=COLUMNS)

    def _remember(self, changes: list[tuple[int, str]]) -> None:
        self._undo.append([(row, self.by_row[row], label) for row, label in changes])
        for row, label in changes:
            self.by_row[row] = label

    def _take_over(self, found: dict[Key, str]) -> None:
        self.others = {key: label for key, label in found.items() if key not in self.rows}
        self.by_row[:] = [found.get(key, "") for key in self.keys]

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Read what others wrote, let the change happen, write; alone with the file."""
        if self.path is None:
            yield
            return
        with _locked(self.path):
            try:
                self.refresh()
            except ValueError as error:
                yield
                rescue = _free_name(self.path)
                self._write(rescue)
                raise ValueError(f"{error} All names known here are in {rescue.name}.") from error
            yield
            self._write(self.path)
            self._seen = self._stamp()

    def _write(self, path: Path) -> None:
        with atomic(path) as temporary:
            self.table().to_csv(temporary, index=False, lineterminator="\n")

    def _stamp(self) -> tuple[int, int] | None:
        """Changes whenever the file does; None while there is none."""
        try:
            status = os.stat(self.path) if self.path else None
        except FileNotFoundError:
            return None
        return status and (status.st_mtime_ns, status.st_ino)


def read_labels(path: Path) -> dict[Key, str]:
    """Labels of a file by region; ValueError naming the line if it is not a table of labels."""
    cure = "correct it, or rename it to begin a new one; nothing in it was changed."
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a table of labels ({error}): {cure}") from error
    if not set(COLUMNS) <= set(table):
        raise ValueError(
            f"{path} begins with {', '.join(map(str, table))[:80]!r} and not with the columns "
            f"{', '.join(COLUMNS)}: {cure}"
        )
    times = table[["start", "stop"]].apply(pd.to_numeric, errors="coerce").astype(float)
    bad = ~np.isfinite(times).all(axis=1) | (table["item"] == "")
    if bad.any():
        line = int(bad.to_numpy().argmax()) + 2
        raise ValueError(f"{path}, line {line}: item, start and stop (s) are needed; {cure}")
    keys = [_key(*row) for row in zip(table["item"], times["start"], times["stop"], strict=True)]
    return {k: text.strip() for k, text in zip(keys, table["label"], strict=True) if text.strip()}


def _key(item, start: float, stop: float) -> Key:
    """Regions are told apart by microseconds, whatever digits a program wrote."""
    return str(item), round(float(start) * 1e6), round(float(stop) * 1e6)


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}-rescued-{i}{path.suffix}") for i in range(1, 10_000))
    return next(name for name in names if not name.exists())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other explorer is writing this file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
