"""Corpora of sequences, all synthetic: machine signals, kinds of series, ragas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.corpora.corpus import SPLITS, Corpus
from lib.synthesis.melodies import RAGAS, Melody, melody, sing
from lib.synthesis.sequences import (
    KINDS,
    NOISE,
    SIGNALS,
    kind_table,
    machine_signals,
    machine_signals_as_published,
)

# Tonics are semitones above 110 Hz. Those of a split, and its tempi, are heard in no other.
TONICS = {
    "train": range(0, 24, 2),
    "validation": range(1, 24, 4),
    # A quarter tone off all others.
    "test": np.arange(3.5, 24, 4),
}
TEMPI = {"train": (3.0, 3.6, 4.4, 5.2), "validation": (3.3, 4.8), "test": (2.6, 4.1, 6.1)}
# Far enough apart that no corpus runs into the seeds of another split.
FIRST_SEED = {"train": 0, "validation": 1_000_000, "test": 2_000_000}
# An earlier test part of the ragas (from seed 2,000,000, on whole semitones) had been looked at
# before the network's epochs were settled. This one was drawn afterwards and looked at once.
RAGA_SEED = {**FIRST_SEED, "test": 3_000_000}


class SeriesCorpus(Corpus):
    """Series of numbers, one an item; ``label`` is the kind."""

    def __init__(self, name, table, values):
        super().__init__(name, table)
        self._values = dict(zip(table["item"], values, strict=True))

    def series(self, i: int) -> np.ndarray:
        """Values of item ``i``, float64 (steps,); NaN where one is missing."""
        return self._values[self.table["item"].iloc[i]]

    def all_series(self) -> list[np.ndarray]:
        """The series of all items in the table's order."""
        return [self._values[item] for item in self.table["item"]]


class RagaCorpus(Corpus):
    """Melodies of ragas, made when asked for."""

    def melody(self, i: int) -> Melody:
        """Item ``i`` as notes and how they are sung."""
        row = self.table.iloc[i]
        return melody(row["label"], int(row["seed"]), row["tonic"], row["tempo"])

    def signal(self, i: int, sample_rate: int = 48_000) -> np.ndarray:
        """Sound of item ``i``, float32 mono at 48 kHz unless told otherwise."""
        return sing(self.melody(i), sample_rate)


def load_machine_signals(n: int = 5000, draw: int = 0, published: bool = False) -> SeriesCorpus:
    """The source's three kinds, four fifths for training; each series is its own draw and group.

    There is no validation part: recipes are chosen on other draws.
    """
    make = machine_signals_as_published if published else machine_signals
    values, kinds = make(n, draw)
    split = np.where(np.arange(n) < int(0.8 * n), "train", "test")
    name = "machine-signals-as-published" if published else "machine-signals"
    return _series_corpus(name, list(values), np.array(SIGNALS)[kinds], split, draw)


def load_kinds(
    train: int = 1200,
    validation: int = 300,
    test: int = 600,
    noise: float = NOISE,
    draw: int = 0,
) -> SeriesCorpus:
    """Twelve kinds of series of 60 to 140 steps with gaps, the same number of each kind.

    Parameters
    ----------
    train, validation, test : int
        Series of each part; each part has a generator seed of its own.
    noise : float
        Standard deviation of the common-cause noise.
    draw : int
    """
    counts = {"train": train, "validation": validation, "test": test}
    values, labels, split = [], [], []
    for part, n in counts.items():
        series, kinds = kind_table(n, noise, seed=FIRST_SEED[part] + draw)
        values += series
        labels += [KINDS[k] for k in kinds]
        split += [part] * n
    return _series_corpus("kinds-8", values, labels, split, draw)


def load_ragas(train: int = 60, validation: int = 10, test: int = 15, draw: int = 0) -> RagaCorpus:
    """Melodies in 24 ragas; no tonic, tempo or phrase seed is in two splits.

    Parameters
    ----------
    train, validation, test : int
        Melodies of each raga.
    draw : int
    """
    counts, rows = {"train": train, "validation": validation, "test": test}, []
    for split in SPLITS:
        rng = np.random.default_rng([draw, RAGA_SEED[split]])
        for number in range(counts[split] * len(RAGAS)):
            raga, seed = list(RAGAS)[number % len(RAGAS)], RAGA_SEED[split] + number
            seed += 100_000 * draw
            tonic = 110.0 * 2.0 ** (rng.choice(TONICS[split]) / 12)
            tempo = rng.choice(TEMPI[split])
            rows.append((f"{raga}-{seed}", str(seed), split, raga, tonic, tempo, seed))
    columns = ["item", "group", "split", "label", "tonic", "tempo", "seed"]
    return RagaCorpus("ragas", pd.DataFrame(rows, columns=columns))


def _series_corpus(name: str, values, labels, split, draw: int) -> SeriesCorpus:
    items = [f"{draw}-{part}-{number}" for number, part in enumerate(split)]
    columns = {"item": items, "group": items, "split": split, "label": labels}
    return SeriesCorpus(name, pd.DataFrame(columns), values)
