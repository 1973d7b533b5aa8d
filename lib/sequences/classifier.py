"""One way to train and to examine: the cure for series of any kind, and what it is compared with."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from lib.audio import atomic
from lib.evaluation import bootstrap
from lib.sequences.models import compile_steadily, padded, steady_model
from lib.sequences.ragas import MODELS, RagaModel, symbolic
from lib.sequences.rocket import MiniRocket
from lib.sequences.scaling import centre_and_spread
from lib.sequences.warping import NearestByWarping

BATCH = 32
# So few series still have to be seen so many times.
LEAST_STEPS = 600


class SteadyLSTM:
    """The cure for series of any length, with gaps: scaling, network and class names in one.

    Parameters
    ----------
    epochs : int, optional
        By default as many as give 600 steps, and 8 at least.
    units : int
    seed : int

    Notes
    -----
    Each step is shown as its value (median and quartile range of all training values, inverse
    hyperbolic sine) and whether it is missing. Used by notebook 08.
    """

    def __init__(self, epochs: int | None = None, units: int = 32, seed: int = 0):
        self.epochs, self.units, self.seed = epochs, units, seed

    def fit(self, series, labels) -> SteadyLSTM:
        """Learn from series (steps,) and their labels."""
        import keras

        keras.utils.set_random_seed(self.seed)
        self.classes, y = np.unique(np.asarray(labels).astype(str), return_inverse=True)
        everything = np.concatenate([np.asarray(s, float) for s in series])
        self.centre, self.spread = (float(v) for v in centre_and_spread(everything))
        per_epoch = -(-len(y) // BATCH)
        epochs = self.epochs or max(8, -(-LEAST_STEPS // per_epoch))
        self.model = steady_model(2, len(self.classes), self.units, self.units)
        compile_steadily(self.model, epochs * per_epoch)
        x = padded([self.features(s) for s in series])
        log = self.model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0).history
        self.log = pd.DataFrame(log).rename_axis("epoch").reset_index()
        return self

    def features(self, values: np.ndarray) -> np.ndarray:
        """What the network sees of a series: (steps, 2)."""
        values = np.asarray(values, float)
        scaled = np.arcsinh((values - self.centre) / max(self.spread, 1e-12))
        return np.column_stack([np.nan_to_num(scaled), np.isnan(values)])

    def predict(self, series) -> np.ndarray:
        """Labels (n,)."""
        x = padded([self.features(s) for s in series])
        return self.classes[self.model.predict(x, batch_size=256, verbose=0).argmax(axis=1)]

    def save(self, folder: str | Path) -> Path:
        """Write ``model.keras`` and ``model.json`` into a folder."""
        folder = Path(folder)
        with atomic(folder / "model.keras") as temporary:
            self.model.save(temporary)
        facts = {"classes": self.classes.tolist(), "centre": self.centre, "spread": self.spread}
        with atomic(folder / "model.json") as temporary:
            Path(temporary).write_text(json.dumps(facts | {"units": self.units}))
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> SteadyLSTM:
        """Read what `save` wrote; FileNotFoundError if it is not there."""
        import keras

        from lib.layers import FusedLSTM  # noqa: F401  registers the layer

        folder = Path(folder)
        for name in ("model.json", "model.keras"):
            if not (folder / name).exists():
                raise FileNotFoundError(f"{folder / name} is missing: train with classify() first.")
        facts = json.loads((folder / "model.json").read_text())
        loaded = cls(units=facts["units"])
        loaded.classes = np.array(facts["classes"])
        loaded.centre, loaded.spread = facts["centre"], facts["spread"]
        loaded.model = keras.models.load_model(folder / "model.keras", compile=False)
        return loaded


KINDS_OF_MODEL = {"LSTM": SteadyLSTM, "MiniRocket": MiniRocket, "nearest by DTW": NearestByWarping}


def train(corpus, model: str = "LSTM", **options):
    """Train a classifier on the training part of a corpus of series or of ragas.

    Parameters
    ----------
    corpus : Corpus
        ``lib.corpora.load`` of "machine-signals", "kinds-8" or "ragas", whole.
    model : str
        For series "LSTM" (the cure), "MiniRocket" or "nearest by DTW"; for ragas "LSTM",
        "bigram" or "histogram", on written notes.
    **options
        Of the model, such as ``seed`` and ``epochs``.

    Returns
    -------
    the fitted model; ``train_seconds`` is processor time
    """
    known = MODELS if _is_ragas(corpus) else KINDS_OF_MODEL
    if model not in known:
        raise ValueError(f"There is no model {model!r}; choose one of {', '.join(known)}.")
    part = corpus.part("train")
    made = RagaModel(model, **options) if _is_ragas(corpus) else known[model](**options)
    items = _items(part)
    started = time.process_time()
    made.fit(items, part.table["label"].to_numpy())
    made.train_seconds = time.process_time() - started
    return made


def evaluate(model, corpus, split: str = "test", n: int = 1000) -> pd.DataFrame:
    """Accuracy and macro F1 on one part of a corpus, each with its 95 % interval over groups.

    Returns
    -------
    DataFrame
        Rows ``accuracy`` and ``macro_f1``, columns ``value``, ``low``, ``high`` and ``baseline``
        (always the commonest training class); ``.attrs["predicted"]`` has the labels.
    """
    from sklearn.metrics import f1_score

    part = corpus.part(split)
    truth, groups = (part.table[c].to_numpy(str) for c in ("label", "group"))
    predicted = np.asarray(model.predict(_items(part))).astype(str)

    def macro_f1(a, b):
        return f1_score(a, b, average="macro", zero_division=0)

    always = np.full(len(truth), corpus.part("train").table["label"].mode()[0])
    accuracy = bootstrap((truth == predicted).astype(float), groups, n=n)
    f1 = bootstrap((truth, predicted), groups, macro_f1, n=min(n, 200))
    scores = pd.DataFrame([accuracy, f1], ["accuracy", "macro_f1"], ["value", "low", "high"])
    scores["baseline"] = [(truth == always).mean(), macro_f1(truth, always)]
    scores.attrs["predicted"] = predicted
    return scores


def _is_ragas(corpus) -> bool:
    return hasattr(corpus, "melody")


def _items(part) -> list[np.ndarray]:
    if _is_ragas(part):
        return symbolic(part)
    if not hasattr(part, "all_series"):
        raise ValueError(f"The corpus {part.name} holds neither series nor melodies.")
    return part.all_series()
