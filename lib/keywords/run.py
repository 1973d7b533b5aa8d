"""``python -m lib.keywords.run CORPUS``: the full experiment, some hours; goes on after a kill."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib import corpora, training
from lib.audio import atomic
from lib.keywords import cost, experiment, representations
from lib.keywords.protocol import Sizes

KEPT = Path(__file__).resolve().parents[2] / "data" / "keywords_runs"
COST_SIZES = (500, 1000, 2000, 4000, 8000, 12_000)
# The words of the real corpus of which even a small part of it has many clips.
REAL_WORDS = ("bed", "cat", "happy")


def corpus_of(name: str, repeat: int = 0, **options):
    """The corpus of one repeat: FSDD leaves another speaker out each time."""
    if name == "fsdd":
        speakers = sorted(corpora.load("fsdd").table["group"].unique())
        return corpora.load("fsdd", test=speakers[repeat % len(speakers)])
    if name == "speech_commands":
        options.setdefault("words", REAL_WORDS)
    return corpora.load(name, **options)


def kept_path(name: str) -> Path:
    """Where the counts of a corpus are kept."""
    return KEPT / f"{name}.parquet"


def kept(name: str):
    """Counts of an earlier full run that come with the project, or None."""
    path = kept_path(name)
    return experiment.read_counts(path) if path.exists() else None


def sizes(scale: str) -> Sizes:
    """Clips of a repeat: the paper's, or a fourteenth for a laptop."""
    return Sizes() if scale == "paper" else Sizes(900, 600, 600)


def full(
    name: str,
    repeats: Sequence[int] = range(10),
    names: Sequence[str] = tuple(representations.REPRESENTATIONS),
    label_repeats: int = 3,
    path: Path | None = None,
    clips: Sizes | None = None,
) -> pd.DataFrame:
    """Run the experiment on a corpus, or what of it has not been run yet; one line a step.

    Parameters
    ----------
    name : {"voices", "speech_commands", "fsdd"}
    repeats : sequence of int
    names : sequence of str
        Representations.
    label_repeats : int
        Repeats in which fewer labels are tried, too.
    path : path, optional
        Where the counts are kept; ``data/keywords_runs/NAME.parquet`` by default.
    clips : Sizes, optional
        The paper's by default.

    Returns
    -------
    DataFrame
        As `lib.keywords.run_repeat`.
    """
    path = path or kept_path(name)
    training.keep_freed_memory()
    for repeat in repeats:
        corpus = corpus_of(name, repeat)
        computed = experiment.features_of(corpus)
        steps = experiment.LABEL_STEPS if repeat < label_repeats else ()
        for one in names:
            started, cpu = time.monotonic(), time.process_time()
            counts = experiment.run_repeat(
                corpus, repeat, [one], clips, label_steps=steps, clips=computed, kept=path
            )
            spent = time.monotonic() - started, time.process_time() - cpu
            print(f"{name} {repeat} {one}: {_best(counts, repeat, one)}", flush=True)
            print(f"    {spent[0]:.0f} s, {spent[1]:.0f} s of a processor", flush=True)
    return counts


def _best(counts: pd.DataFrame, repeat: int, name: str) -> str:
    own = counts[(counts["repeat"] == repeat) & (counts["representation"] == name)]
    own = own[own["labels"] == own["labels"].max()]
    shares = {head: experiment.accuracy(own, head=head)[0] for head in own["head"].unique()}
    return ", ".join(f"{head} {share:.3f}" for head, share in shares.items())


def kept_cost() -> pd.DataFrame | None:
    """Measured cost of distances that comes with the project, or None."""
    path = KEPT / "cost.csv"
    return pd.read_csv(path) if path.exists() else None


def _measure_cost() -> None:
    """Time and memory for up to 12,000 clips; what is in them does not matter to either."""
    mel = np.random.default_rng(0).random((COST_SIZES[-1], 4096), np.float32)
    measured = cost.measure(mel, COST_SIZES)
    with atomic(KEPT / "cost.csv") as temporary:
        measured.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    print(measured.to_string(index=False))


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m lib.keywords.run", description=__doc__)
    parser.add_argument("corpus", choices=["voices", "speech_commands", "fsdd", "cost"])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="first repeat")
    parser.add_argument("--names", default=",".join(representations.REPRESENTATIONS))
    options = parser.parse_args(arguments)
    if options.corpus == "cost":
        _measure_cost()
        return
    repeats = range(options.first, options.first + options.repeats)
    full(options.corpus, repeats, options.names.split(","))


if __name__ == "__main__":
    main()
