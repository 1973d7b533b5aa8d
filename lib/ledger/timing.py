"""Timing several ways of one thing so that a busy machine slows them alike."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd


def in_turn(calls: dict[tuple, Callable], names: tuple, repeats: int) -> pd.DataFrame:
    """Time all calls in turn, ``repeats`` times after a round that compiles and warms them.

    Parameters
    ----------
    calls : dict of key -> callable
        Keys are tuples as long as ``names``.
    names : tuple of str
        Columns that the keys fill.
    repeats : int

    Returns
    -------
    DataFrame[*names, repeat, seconds, cpu_seconds]
        ``seconds`` by the wall clock; ``cpu_seconds``, summed over the cores, holds on a busy
        machine too.
    """
    rows = []
    for repeat in range(-1, repeats):
        for key, call in calls.items():
            _, *spent = timed(call)
            if repeat >= 0:
                rows.append((*key, repeat, *spent))
    return pd.DataFrame(rows, columns=[*names, "repeat", "seconds", "cpu_seconds"])


def timed(call: Callable) -> tuple:
    """What a call returns, its seconds and its processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def ratios(table: pd.DataFrame, way: str, by: tuple = (), column: str = "cpu_seconds"):
    """How many times as long as ``way`` each way takes, a row a round and a column a way.

    Parameters
    ----------
    table : DataFrame
        Of `in_turn`, with a column ``way``.
    way : str
        The way that the others are divided by.
    by : tuple of str
        Columns that tell rounds apart beside ``repeat``.
    column : {"cpu_seconds", "seconds"}
    """
    wide = table.pivot(index=[*by, "repeat"], columns="way", values=column)
    return wide.div(wide[way], axis=0)
