"""Ragas from notes or from sound: three models that see more and more of the order.

A histogram counts swaras, a bigram counts steps from swara to swara, a recurrent network reads the
whole line. All hear notes relative to the tonic, which is the note that a melody comes to rest on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.sequences.models import compile_steadily, padded, steady_model
from lib.synthesis.melodies import ALLIED

SWARAS = 12
MODELS = ("histogram", "bigram", "LSTM")


def note_table(notes: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """A melody as (notes, 2): semitones above its tonic, and lengths relative to the median.

    Parameters
    ----------
    notes : array (notes,)
        In semitones of any reference; whole melodies, since the last note is taken for the tonic.
    durations : array (notes,)
        In s.

    Raises
    ------
    ValueError
        For fewer than 2 notes, other lengths, or values that are not finite.
    """
    notes, durations = np.asarray(notes, float), np.asarray(durations, float)
    if len(notes) < 2 or len(notes) != len(durations):
        raise ValueError(f"{len(notes)} notes, {len(durations)} lengths: 2 or more of both.")
    if not (np.isfinite(notes).all() and np.isfinite(durations).all() and durations.min() > 0):
        raise ValueError("Notes have to be finite, and their lengths above 0.")
    return np.column_stack([np.rint(notes - notes[-1]), durations / np.median(durations)])


def symbolic(corpus) -> list[np.ndarray]:
    """`note_table` of every melody of a raga corpus, from its written notes."""
    tunes = [corpus.melody(i) for i in range(len(corpus))]
    return [note_table(tune.midi, tune.durations) for tune in tunes]


def histogram(table: np.ndarray) -> np.ndarray:
    """Time spent on each swara as a share, (12,)."""
    time = np.bincount(_swaras(table), table[:, 1], minlength=SWARAS)
    return time / time.sum()


def bigrams(table: np.ndarray) -> np.ndarray:
    """How often each swara follows each other one, (144,); repeated notes do not count."""
    swaras = _swaras(table)
    pairs = swaras[:-1] * SWARAS + swaras[1:]
    return np.bincount(pairs[swaras[:-1] != swaras[1:]], minlength=SWARAS**2).astype(float)


def steps(table: np.ndarray) -> np.ndarray:
    """What the network reads: swara one-hot, step from the note before (octaves), length, (n, 14)."""
    rises = np.diff(table[:, 0], prepend=table[0, 0]) / 12.0
    lengths = np.log(np.clip(table[:, 1], 0.1, 10.0))
    return np.column_stack([np.eye(SWARAS)[_swaras(table)], rises, lengths])


def shuffled(tables: list[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """The same notes in an order of chance: what a model can still do then, it does without order."""
    rng = np.random.default_rng(seed)
    return [table[rng.permutation(len(table))] for table in tables]


def _swaras(table: np.ndarray) -> np.ndarray:
    return np.rint(table[:, 0]).astype(int) % SWARAS


class RagaModel:
    """A classifier of note tables.

    Parameters
    ----------
    kind : {"histogram", "bigram", "LSTM"}
    epochs, units : int
        Of the network.
    seed : int

    Notes
    -----
    Histogram: logistic regression on the roots of the shares. Bigram: multinomial naive Bayes.
    Used by notebook 08.
    """

    def __init__(self, kind: str = "LSTM", epochs: int = 13, units: int = 48, seed: int = 0):
        if kind not in MODELS:
            raise ValueError(f"There is no model {kind!r}; choose one of {', '.join(MODELS)}.")
        self.kind, self.epochs, self.units, self.seed = kind, epochs, units, seed

    def fit(self, tables: list[np.ndarray], labels, validation=None) -> RagaModel:
        """Learn from note tables and their ragas; `validation` (tables, labels) is only logged."""
        self.classes, y = np.unique(np.asarray(labels), return_inverse=True)
        if self.kind == "LSTM":
            self._fit_network(tables, y, validation)
            return self
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import MultinomialNB

        plain = self.kind == "histogram"
        self.model = (
            LogisticRegression(C=100.0, max_iter=2000) if plain else MultinomialNB(alpha=0.1)
        )
        self.model.fit(self._counts(tables), y)
        return self

    def log_probabilities(self, tables: list[np.ndarray]) -> np.ndarray:
        """Of every raga for every melody, (n, classes)."""
        if self.kind == "LSTM":
            x = padded([steps(t) for t in tables])
            return np.log(self.model.predict(x, batch_size=256, verbose=0) + 1e-12)
        return self.model.predict_log_proba(self._counts(tables))

    def predict(self, tables: list[np.ndarray]) -> np.ndarray:
        """Names of ragas, (n,)."""
        return self.classes[self.log_probabilities(tables).argmax(axis=1)]

    def _counts(self, tables) -> np.ndarray:
        if self.kind == "histogram":
            return np.sqrt([histogram(t) for t in tables])
        return np.array([bigrams(t) for t in tables])

    def _fit_network(self, tables, y, validation) -> None:
        import keras

        keras.utils.set_random_seed(self.seed)
        self.model = steady_model(SWARAS + 2, len(self.classes), self.units, self.units, 0.2)
        compile_steadily(self.model, self.epochs * -(-len(y) // 32))
        if validation is not None:
            tables_v, labels_v = validation
            codes = np.searchsorted(self.classes, np.asarray(labels_v))
            validation = padded([steps(t) for t in tables_v]), codes
        x = padded([steps(t) for t in tables])
        self.log = self.model.fit(
            x, y, batch_size=32, epochs=self.epochs, validation_data=validation, verbose=0
        ).history


def raga_accuracy(model: RagaModel, tables, labels) -> np.ndarray:
    """Right or wrong for each melody, among all ragas, (n,)."""
    return (model.predict(tables) == np.asarray(labels)).astype(float)


def allied_accuracy(model: RagaModel, tables, labels) -> pd.DataFrame:
    """Right or wrong for each melody of an allied raga when only its pair is to choose from.

    Returns
    -------
    DataFrame[pair, raga, right, row]
        ``row`` is the melody's position in `tables`.
    """
    labels, rows = np.asarray(labels), []
    scores = model.log_probabilities(tables)
    at = {name: i for i, name in enumerate(model.classes)}
    for first, second in ALLIED:
        for row in np.flatnonzero(np.isin(labels, (first, second))):
            prefers_first = scores[row, at[first]] > scores[row, at[second]]
            right = prefers_first == (labels[row] == first)
            rows.append((f"{first} / {second}", labels[row], float(right), row))
    return pd.DataFrame(rows, columns=["pair", "raga", "right", "row"])
