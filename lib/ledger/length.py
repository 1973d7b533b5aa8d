"""Whether memory grows with the length of a recording: a file of an hour beside one of minutes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from lib.features import N_FRAMES, SAMPLE_RATE
from lib.ledger.machine import resident


def length_memory(minutes: Iterable[float] = (1, 10, 60)) -> pd.DataFrame:
    """Peak memory of embedding a file by v4.4 at a hop of one window, each in its own process.

    Returns
    -------
    DataFrame[minutes, megabytes, seconds]
        Memory beyond that of the built encoder; seconds by the wall clock.

    Raises
    ------
    RuntimeError
        If a process dies. Also where there is no ``/proc`` (other systems than Linux).

    Notes
    -----
    Used by notebook 09.
    """
    rows = []
    for length in minutes:
        command = [sys.executable, "-m", "lib.ledger.length", str(length)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"Embedding {length} minutes failed: {done.stderr[-300:]}")
        rows.append((length, *json.loads(done.stdout.splitlines()[-1])))
    return pd.DataFrame(rows, columns=["minutes", "megabytes", "seconds"])


def _embed_noise(minutes: float) -> tuple[float, float]:
    """Megabytes and seconds that a file of noise of so many minutes takes."""
    from lib.encoder import build_encoder, embed_file

    encoder = build_encoder(version="4.4")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.wav"
        _write_noise(path, minutes)
        before, start = resident("VmRSS"), time.perf_counter()
        windows = sum(len(codes) for codes, _ in embed_file(path, encoder, hop=N_FRAMES))
        seconds = time.perf_counter() - start
    assert windows > 0
    return resident("VmHWM") - before, seconds


def _write_noise(path: Path, minutes: float) -> None:
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        for _ in range(round(minutes * 60)):
            file.write(rng.normal(0, 0.05, SAMPLE_RATE).astype(np.float32))


if __name__ == "__main__":
    print(json.dumps(_embed_noise(float(sys.argv[1]))))
