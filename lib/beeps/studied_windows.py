"""The source's second stage, measured: recipes on its own table and on streams of synthetic homes.

`lib.beeps.study` runs this at full scale; notebook 05 runs parts of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lib import corpora
from lib.audio import atomic
from lib.beeps import sequences
from lib.beeps.homes import reduced_home

STREAM_TRAIN, STREAM_TEST = range(7_000, 7_004), range(7_100, 7_104)
# Recipes among which the training rows choose, and the parts these are cut into for it.
CANDIDATES = ("published", "enough steps", "enough steps, weighted", "weights and steps")
PARTS = {"source-table": 4, "soundscape": 2}
# What is worth most comes first; a run that is stopped has the beginning of this.
WINDOWS_PLAN = (
    *(("source-table", 5, recipe, 5) for recipe in CANDIDATES),
    *(("soundscape", 5, recipe, 3) for recipe in CANDIDATES),
    *(("source-table", 10, recipe, 5) for recipe in CANDIDATES),
    *(("source-table", 5, recipe, 3) for recipe in ("Adam", "class weights")),
    *(("soundscape", 5, recipe, 3) for recipe in ("Adam", "class weights")),
)


def table_data(stride: int = sequences.STRIDE) -> tuple[np.ndarray, np.ndarray, int]:
    """The source's table: windows, responses, and the first row of the test part.

    With a stride of 10 every second row is left.
    """
    table = corpora.load("beeps").source_table()
    every = stride // sequences.STRIDE
    values = table.to_numpy()[::every]
    return values[:, :-1], values[:, -1], sequences.FIRST_TEST_ROW // every


def stream_data(
    train: Iterable[int] = STREAM_TRAIN, test: Iterable[int] = STREAM_TEST
) -> tuple[np.ndarray, np.ndarray, int]:
    """Reduced streams of synthetic homes in the same form; the test homes come last."""
    parts = [[reduced_home(seed) for seed in seeds] for seeds in (train, test)]
    first_test = sum(len(truth) for _, truth in parts[0])
    windows, truth = zip(*(home for part in parts for home in part), strict=True)
    return np.concatenate(windows), np.concatenate(truth), first_test


def recipe_scores(data, recipe: str, seed: int) -> dict:
    """Train a recipe and score it on the test rows, at 0.5 and at a threshold of the training."""
    windows, truth, first = data
    score = trained_score(windows[:first], truth[:first], windows, recipe, seed)
    share = truth[:first].mean()
    never = sequences.window_scores(truth[first:], np.full(len(truth) - first, share))
    base = {"share": truth[first:].mean(), "always no log-loss": never["log-loss"]}
    return {"recipe": recipe, "seed": seed} | both_thresholds(truth, score, first) | base


def both_thresholds(truth: np.ndarray, score: np.ndarray, first: int) -> dict:
    """Scores of the test rows at 0.5; found and false also at the training's best threshold."""
    threshold = sequences.best_threshold(truth[:first], score[:first])
    row = sequences.window_scores(truth[first:], score[first:])
    chosen = sequences.window_scores(truth[first:], score[first:], threshold)
    names = {"recall": "chosen recall", "found": "chosen found", "false": "chosen false"}
    return row | {"threshold": threshold} | {new: chosen[old] for old, new in names.items()}


def baseline_scores(data) -> pd.DataFrame:
    """Always-no, the matched filter on the 0/1 stream, and simply counting the ones."""
    windows, truth, first = data
    share = truth[:first].mean()
    rows = {
        "always no": np.full(len(truth), share),
        "matched filter": (sequences.matched_score(windows) + 1) / 2,
        "count of ones": windows.mean(axis=1),
    }
    return pd.DataFrame(
        [{"recipe": name} | both_thresholds(truth, score, first) for name, score in rows.items()]
    )


def windows(
    folder: Path, plan: Iterable[tuple] = WINDOWS_PLAN, choice: bool = True
) -> pd.DataFrame:
    """Recipes on both tables and both strides; goes on where an earlier run was stopped.

    Parameters
    ----------
    folder : path
        Of ``windows.csv``, and of ``choice.csv``: what the training rows say of each recipe.
    plan : iterable of (corpus, stride, recipe, number of seeds)
    choice : bool
        Whether to make ``choice.csv`` as well, before the plan.
    """
    data = _Tables()
    if choice:
        # One seed of each first, then the second.
        todo = [(corpus, 5, name, n) for n in (1, 2) for corpus in PARTS for name in CANDIDATES]
        _go_on(folder / "choice.csv", todo, lambda *key: held_out_scores(data, *key))
    return _go_on(
        folder / "windows.csv",
        plan,
        lambda corpus, stride, *key: recipe_scores(data[corpus, stride], *key),
    )


class _Tables(dict):
    """Tables by corpus and stride, each made when it is first asked for."""

    def __missing__(self, key: tuple[str, int]):
        corpus, stride = key
        self[key] = table_data(stride) if corpus == "source-table" else stream_data()
        return self[key]


def _go_on(path: Path, plan: Iterable[tuple], measure) -> pd.DataFrame:
    """A table with one row for each seed of a plan; rows that it has are not made again."""
    done = pd.read_csv(path) if path.exists() else pd.DataFrame()
    for *names, n_seeds in plan:
        for seed in range(n_seeds):
            key = dict(zip(("corpus", "stride", "recipe", "seed"), (*names, seed), strict=True))
            if len(done) and (done[list(key)] == list(key.values())).all(axis=1).any():
                continue
            row = pd.DataFrame([key | measure(*key.values())])
            done = pd.concat([done, row], ignore_index=True)
            with atomic(path) as temporary:
                done.to_csv(temporary, index=False, float_format="%.6g")
    return done


def time_parts(truth: np.ndarray, n: int) -> list[np.ndarray]:
    """Row numbers of `n` parts in time with about as many sequences, cut between two of them.

    Raises
    ------
    ValueError
        If there are fewer sequences than parts.
    """
    reach = sequences.WIDTH // sequences.STRIDE
    positive = np.flatnonzero(truth)
    runs = np.split(positive, np.flatnonzero(np.diff(positive) > reach) + 1)
    if len(runs) < n or not len(positive):
        raise ValueError(f"{len(runs)} sequences cannot be cut into {n} parts.")
    ends = [part[-1] for part in np.array_split(np.arange(len(runs)), n)[:-1]]
    cuts = [(runs[k][-1] + runs[k + 1][0]) // 2 for k in ends]
    return np.split(np.arange(len(truth)), cuts)


def held_out_scores(tables: dict, corpus: str, stride: int, recipe: str, seed: int) -> dict:
    """What a recipe makes of training rows that it was not given, part by part; no test row.

    Rows that share answers with the part kept out are not trained on either.
    """
    windows, truth, first = tables[corpus, stride]
    windows, truth = windows[:first], truth[:first]
    score, reach = np.empty(first), sequences.WIDTH // sequences.STRIDE
    for part in time_parts(truth, PARTS[corpus]):
        rows = np.arange(first)
        rest = (rows < part[0] - reach) | (rows > part[-1] + reach)
        score[part] = trained_score(windows[rest], truth[rest], windows[part], recipe, seed)
    return sequences.window_scores(truth, score)


def trained_score(windows, truth, others, recipe: str, seed: int) -> np.ndarray:
    """Probabilities of `others`, by the network trained with a recipe on windows and truth."""
    plan = sequences.RECIPES[recipe]
    model, _ = sequences.train_sequence(windows, truth, plan, seed)
    score = sequences.predict(model, others)
    return sequences.unweighted(score, truth.mean()) if plan.balanced else score


def chosen_recipes(choice: pd.DataFrame) -> pd.Series:
    """The recipe with the least log-loss on training rows kept out, for each corpus."""
    loss = choice.groupby(["corpus", "recipe"])["log-loss"].mean().reset_index()
    return loss.loc[loss.groupby("corpus")["log-loss"].idxmin()].set_index("corpus")["recipe"]
