"""The long comparisons of notebook 08, run by run into a CSV that is taken up where it ends.

python -m lib.sequences.studies kinds --draws 5 --output data/sequences_kinds
python -m lib.sequences.studies ragas --seeds 10 --output data/sequences_ragas
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lib import corpora
from lib.audio import atomic
from lib.sequences.classifier import evaluate, train
from lib.sequences.ragas import RagaModel, allied_accuracy, note_table, shuffled, symbolic
from lib.sequences.tracking import contours, drawn_contour, notes_of
from lib.synthesis.sequences import NOISE

# What the commands above have made, for the notebook to show.
SHIPPED = corpora.corpus.ROOT / "data" / "sequences_ragas"
NOISES = (NOISE, 0.3, 0.6, 1.0, 1.5, 2.5)
ORDERS = ("kept", "shuffled")
SERIES_MODELS = ("MiniRocket", "nearest by DTW", "LSTM")


def kinds_study(
    draws: Iterable[int],
    noises: Iterable[float] = NOISES,
    models: Iterable[str] = SERIES_MODELS,
    folder: str | Path | None = None,
    sizes: dict[str, int] | None = None,
    verbose: bool = False,
) -> pd.DataFrame:
    """Macro F1 on unseen series of each model, noise and draw.

    Parameters
    ----------
    sizes : dict, optional
        ``train``, ``validation`` and ``test`` of `lib.corpora.load("kinds-8")`.

    Returns
    -------
    DataFrame[noise, draw, model, macro_f1, accuracy, baseline, train_seconds, test_seconds]
    """
    keys = [(noise, draw, model) for draw in draws for noise in noises for model in models]

    def run(noise, draw, model):
        corpus = corpora.load("kinds-8", noise=noise, draw=int(draw), **(sizes or {}))
        fitted = train(corpus, model, **({"seed": int(draw)} if model == "LSTM" else {}))
        started = time.process_time()
        scores = evaluate(fitted, corpus, n=2)
        return {
            "macro_f1": scores.loc["macro_f1", "value"],
            "accuracy": scores.loc["accuracy", "value"],
            "baseline": scores.loc["macro_f1", "baseline"],
            "train_seconds": fitted.train_seconds,
            "test_seconds": time.process_time() - started,
        }

    path = Path(folder) / "kinds.csv" if folder else None
    return _resumed(run, ["noise", "draw", "model"], keys, path, verbose)


def raga_tables(corpus, heard: str = "symbolic", path: str | Path | None = None):
    """Note tables of every melody of a raga corpus.

    Parameters
    ----------
    corpus : RagaCorpus
    heard : {"symbolic", "drawn", "audio"}
        Written notes; notes found in the contour that the generator draws; notes found in the
        contour that is tracked in the sound.
    path : path, optional
        Keeps tracked contours, see `lib.sequences.tracking.contours`.
    """
    if heard == "symbolic":
        return symbolic(corpus)
    if heard == "audio":
        found = contours(corpus, path).values()
    elif heard == "drawn":
        found = [drawn_contour(corpus.melody(i)) for i in range(len(corpus))]
    else:
        raise ValueError(f"Melodies are heard as symbolic, drawn or audio, not {heard!r}.")
    return [note_table(*notes_of(cents)) for cents in found]


def raga_study(
    corpus,
    seeds: Iterable[int],
    folder: str | Path | None = None,
    inputs: Iterable[str] = ("symbolic", "audio"),
    orders: Iterable[str] = ORDERS,
    verbose: bool = False,
    **options,
) -> pd.DataFrame:
    """Each model on written and on tracked notes, in order and shuffled, for each seed.

    Histogram and bigram have no weights to draw: they run once.

    Returns
    -------
    DataFrame[input, model, order, seed, accuracy, allied]
        Accuracies on the test part: among all ragas, and between the two of allied pairs.
    """
    parts = {split: corpus.part(split) for split in ("train", "test")}
    labels = {split: part.table["label"].to_numpy() for split, part in parts.items()}
    kept = Path(folder) / "contours.npz" if folder else None
    # Melodies to learn from need not be sung: the contour is known. Those of the test are.
    learnt = {"symbolic": "symbolic", "audio": "drawn"}
    tables = {
        i: {
            "train": raga_tables(parts["train"], learnt[i]),
            "test": raga_tables(parts["test"], i, kept),
        }
        for i in inputs
    }
    seeds = list(seeds)
    keys = [
        (heard, model, order, int(seed))
        for order in orders
        for seed in seeds
        for heard in inputs
        for model in ("histogram", "bigram", "LSTM")
        if seed == 0 or model == "LSTM"
    ]

    def run(heard, model, order, seed):
        x = tables[heard]
        if order == "shuffled":
            x = {split: shuffled(t, seed) for split, t in x.items()}
        made = RagaModel(model, seed=seed, **options).fit(x["train"], labels["train"])
        right = made.predict(x["test"]) == labels["test"]
        allied = allied_accuracy(made, x["test"], labels["test"])["right"]
        return {"accuracy": right.mean(), "allied": allied.mean()}

    path = Path(folder) / "ragas.csv" if folder else None
    return _resumed(run, ["input", "model", "order", "seed"], keys, path, verbose)


def _resumed(run: Callable, names: list[str], keys, path: Path | None, verbose: bool):
    """Run every key that the CSV does not hold yet; each run is kept at once."""
    table = pd.read_csv(path) if path and path.exists() else pd.DataFrame(columns=names)
    done = set(map(tuple, table[names].to_numpy(object)))
    for key in keys:
        if key in done:
            continue
        row = dict(zip(names, key, strict=True)) | run(*key)
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True).infer_objects()
        if path:
            with atomic(path) as temporary:
                table.to_csv(temporary, index=False, float_format="%.6g")
        if verbose:
            print(
                {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True
            )
    return table


def interval(table: pd.DataFrame, value: str, by: list[str]) -> pd.DataFrame:
    """Mean of a column with its 95 % interval over seeds or draws, for each combination of `by`.

    One run has no interval: NaN.
    """
    from lib.evaluation import interval_over_seeds

    rows = []
    for key, group in table.groupby(by, sort=False):
        values = group[value].to_numpy(float)
        score = interval_over_seeds(values) if len(values) > 1 else (values[0], np.nan, np.nan)
        rows.append((*key, *np.clip(score, 0, 1), len(values)))
    return pd.DataFrame(rows, columns=[*by, "value", "low", "high", "n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=["kinds", "ragas", "contours"])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--noises", type=float, nargs="*", default=list(NOISES))
    parser.add_argument("--models", nargs="*", default=list(SERIES_MODELS))
    parser.add_argument("--orders", nargs="*", default=list(ORDERS))
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    if given.study == "kinds":
        kinds_study(range(given.draws), given.noises, given.models, given.output, verbose=True)
    elif given.study == "contours":
        contours(corpora.load("ragas").part("test"), given.output / "contours.npz", verbose=True)
    else:
        options = dict(folder=given.output, orders=given.orders, verbose=True)
        raga_study(corpora.load("ragas"), range(given.seeds), **options)


if __name__ == "__main__":
    main()
