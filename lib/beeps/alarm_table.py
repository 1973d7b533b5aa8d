"""Alarms as a table, and which candidates would have become alarms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

COLUMNS = ["start", "stop", "score", "tone", "groups", "decided"]
# One more, which is no number: the start of each group in s.
ONSETS = "onsets"


def alarm_table(alarms: list[tuple]) -> pd.DataFrame:
    """Rows of alarms, in the order of `COLUMNS` and `ONSETS`, as the table that users get."""
    # A stream asks ten times a second, and mostly there is nothing.
    return _as_table(alarms) if alarms else _no_alarms()[:]


@lru_cache(maxsize=1)
def _no_alarms() -> pd.DataFrame:
    return _as_table([])


def _as_table(alarms: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(alarms, columns=[*COLUMNS, ONSETS])
    return table.astype(dict.fromkeys(COLUMNS, float))


def accepted(candidates: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Alarms among `BeepDetector.candidates` for a threshold, as the detector would raise them."""
    return candidates.iloc[raised_rows(candidates, threshold)].reset_index(drop=True)


def raised_rows(candidates: pd.DataFrame, threshold: float) -> np.ndarray:
    """Numbers of the rows that `accepted` keeps: one sound is one alarm."""
    rows, last_stop = [], -1.0
    spans = spans_of(candidates)
    for number in np.flatnonzero(candidates["score"].to_numpy(float) >= threshold):
        start, stop = spans[number]
        if start > last_stop:
            last_stop = max(last_stop, stop)
            rows.append(number)
    return np.array(rows, int)


def spans_of(events: pd.DataFrame) -> np.ndarray:
    """Starts and stops in s, (n, 2); column by column, which is much faster than both at once."""
    return np.stack([events[name].to_numpy(float) for name in ("start", "stop")], axis=1)
