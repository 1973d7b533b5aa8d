"""This machine: what it is, how fast it multiplies, and how near to that the layers come."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from lib.features import N_BINS, N_FRAMES
from lib.ledger.timing import in_turn

N_FILTERS, PATCH = 256, 64
# Multiplications and additions of one product of all patches of a window and all filters.
PRODUCT_FLOPS = 2 * N_FRAMES * N_BINS * PATCH * N_FILTERS
# Such products in a step: the maximum needs one; the deconvolution one forwards and three back.
PRODUCTS = {"convolution + maximum": 1, "deconvolution": 4}
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")


def this_machine() -> pd.DataFrame:
    """Processor, cores, vector instructions and versions, one row: DataFrame[processor, ...]."""
    described = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    info = Path("/proc/cpuinfo")
    if info.exists():
        said = dict(
            (part.strip() for part in line.split(":", 1))
            for line in info.read_text().splitlines()
            if ":" in line
        )
        flags = said.get("flags", "").split()
        described["processor"] = said.get("model name", described["processor"])
        described["instructions"] = " ".join(name for name in INSTRUCTIONS if name in flags)
    return pd.DataFrame([described | {"tensorflow": tf.__version__}])


def matrix_speed(
    rows: Iterable[int] = (256, 1024, 4096, 16384), dtypes=("float32", "bfloat16"), repeats: int = 9
) -> pd.DataFrame:
    """Speed of this machine at the product that all is made of, (rows x 64) (64 x 256).

    Returns
    -------
    DataFrame[dtype, rows, repeat, seconds, cpu_seconds, gflops]
        ``gflops`` of one core, by processor time.
    """
    rng = np.random.default_rng(0)
    calls = {}
    for dtype in dtypes:
        filters = tf.cast(rng.normal(size=(PATCH, N_FILTERS)), dtype)
        for count in rows:
            patches = tf.cast(rng.normal(size=(count, PATCH)), dtype)
            calls[dtype, count] = lambda patches=patches, filters=filters: patches @ filters
    table = in_turn(calls, ("dtype", "rows"), repeats)
    flops = 2 * table["rows"].astype(float) * PATCH * N_FILTERS
    return table.assign(gflops=flops / table["cpu_seconds"] / 1e9)


def roofline(speed: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    """Where the fused convolutions stand below the fastest product measured.

    Parameters
    ----------
    speed, times
        As `matrix_speed` and `layer_times` return them.

    Returns
    -------
    DataFrame[part, floor_ms, measured_ms, share]
        Processor milliseconds a window; ``share`` is floor over measured, 1 is the machine's limit.
    """
    best = speed.loc[speed["dtype"] == "float32"].groupby("rows")["gflops"].median().max()
    fused = times[(times["way"] == "fused") & times["part"].isin(list(PRODUCTS))]
    measured = 1e3 * (fused["cpu_seconds"] / fused["batch"]).groupby(fused["part"]).median()
    floor = pd.Series(PRODUCTS) * PRODUCT_FLOPS / best / 1e6
    table = pd.DataFrame({"floor_ms": floor, "measured_ms": measured}).rename_axis("part")
    return table.assign(share=table["floor_ms"] / table["measured_ms"]).reset_index()


def resident(field: str = "VmRSS") -> float:
    """Memory of this process in MB as Linux counts it: ``VmRSS`` now, ``VmHWM`` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024
