"""All measurements of the ledger by name, and the folder that keeps them."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lib import corpora
from lib.audio import atomic
from lib.discovery import scaling_curve
from lib.encoder import build_encoder, build_silence_detector, embedding_cost, load_encoder
from lib.features import SAMPLE_RATE
from lib.ledger import length, listening, machine, steps, trainings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "data" / "ledger"
# Stock layers as Keras runs them by default take minutes a step at this batch.
FASTER_WAYS = ("stock, compiled", "fused")
# v4.2 with stock layers, window by window, takes minutes for one of sound.
EMBEDDED_SECONDS = {"4.2": 10, "4.4": 60}
HOPS = (12, 32, 64, 128)


def embedding_costs(version: str, repeats: int = 3, hops: Iterable[int] = HOPS) -> pd.DataFrame:
    """`embedding_cost` of a piece of sea: one pass with detector, and stock layers by window.

    With the shipped weights: how much neighbouring windows share in v4.4 depends on them.
    """
    encoder = load_encoder(version=version)
    stock = build_encoder(version=version, stock=True)
    stock.set_weights(encoder.get_weights())
    length = EMBEDDED_SECONDS[version] * SAMPLE_RATE
    sound = corpora.load("sea").part("validation").signal(0)[:length]
    detector = build_silence_detector(encoder)
    return embedding_cost(sound, encoder, hops, detector, stock, repeats)


def command_minutes(commands: Iterable[str] = ("figures", "test")) -> pd.DataFrame:
    """Minutes that the two commands take in a fresh clone, after its environment is made.

    Returns
    -------
    DataFrame[command, minutes]

    Raises
    ------
    subprocess.CalledProcessError
        If a command fails; what it printed is on the screen.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), folder], check=True)
        for command in ("check", *commands):
            start = time.monotonic()
            subprocess.run(["make", command], cwd=folder, check=True)
            rows.append((f"make {command}", (time.monotonic() - start) / 60))
    return pd.DataFrame(rows, columns=["command", "minutes"])


MEASURES = {
    "machine": machine.this_machine,
    "speed": machine.matrix_speed,
    "parts": lambda: steps.layer_times(10),
    "chunks": steps.chunk_curve,
    "steps_batch10": lambda: steps.step_times(10, 5),
    "steps_batch32": lambda: steps.step_times(32, 5, FASTER_WAYS),
    "memory_batch10": lambda: steps.step_memory(10, steps.WAYS),
    "memory_batch32": lambda: steps.step_memory(32, steps.WAYS),
    "precision": steps.precision_effect,
    "embedding_v4.2": lambda: embedding_costs("4.2"),
    "embedding_v4.4": lambda: embedding_costs("4.4"),
    "length": length.length_memory,
    "spectrograms": listening.spectrogram_times,
    "warping": listening.warping_times,
    "neighbours": lambda: scaling_curve([2_000, 10_000, 30_000, 100_000], frames=(6, 16)),
    "trainings": trainings.training_times,
    "commands": command_minutes,
}


def measure(
    names: Iterable[str] = (), folder: str | os.PathLike = FOLDER, again: bool = False
) -> list[str]:
    """Measure what ``folder`` does not hold yet, one ``NAME.csv`` each, and return its names.

    Parameters
    ----------
    names : iterable of str
        Of `MEASURES`; all by default.
    folder : path
    again : bool
        Measure also what is there.

    Raises
    ------
    ValueError
        For a name that is not in `MEASURES`.

    Notes
    -----
    Stopped and called again, it goes on with what is missing. Used by notebook 09.
    """
    names = list(names) or list(MEASURES)
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such measurement; choose of {list(MEASURES)}.")
    missing = [name for name in names if again or not (Path(folder) / f"{name}.csv").exists()]
    for name in missing:
        table = MEASURES[name]()
        with atomic(Path(folder) / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
    return missing


def read(name: str, folder: str | os.PathLike = FOLDER) -> pd.DataFrame:
    """One table of the ledger.

    Raises
    ------
    FileNotFoundError
        If it was not measured, with the command that does it.
    """
    path = Path(folder) / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `python -m lib.ledger {name}` measures it.")
    return pd.read_csv(path)
