"""Where a run is lost: while it trains, or in the moments that batch normalisation keeps.

    python -m lib.sequences.moments --pairs 20 --output data/sequences_stability

Every run is a row of ``moments.csv``; started again, it does only what is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lib.audio import atomic
from lib.sequences.stability import COLLAPSED_BELOW, RECIPES, Runner

BEFORE = ("source, as published", "source, clean")
KEYS = ["name", "weights_seed", "draw"]


def moments_study(
    pairs: Iterable[tuple[int, int]],
    names: Iterable[str] = BEFORE,
    folder: str | Path | None = None,
    n: int = 5000,
    verbose: bool = False,
) -> pd.DataFrame:
    """Train as the source does; test with the moving averages, and with the test rows' own moments.

    Weights and test rows are the same in both; only what batch normalisation subtracts and divides
    by differs. What the second gains over the first was lost in the moving averages.

    Parameters
    ----------
    pairs : of (weights' seed, draw)
    names : of `lib.sequences.stability.RECIPES`
    folder : path, optional
        Keeps ``moments.csv`` and takes up what it holds.
    n : int
        Sequences of a draw.

    Returns
    -------
    DataFrame[name, weights_seed, draw, moving, batch]
        Macro F1 on the test rows.

    Notes
    -----
    Used by notebook 08.
    """
    path = Path(folder) / "moments.csv" if folder else None
    table = pd.read_csv(path) if path and path.exists() else pd.DataFrame(columns=KEYS)
    done = set(map(tuple, table[KEYS].to_numpy(object)))
    for key in [(name, *pair) for name in names for pair in pairs]:
        if key in done:
            continue
        row = dict(zip(KEYS, key, strict=True)) | both_ways(Runner(RECIPES[key[0]], n), *key[1:])
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True).infer_objects()
        if path:
            with atomic(path) as temporary:
                table.to_csv(temporary, index=False, float_format="%.5g")
        if verbose:
            print(row, flush=True)
    return table


def ways_to_fail(runs: pd.DataFrame, logs: pd.DataFrame, margin: float = 0.1) -> pd.DataFrame:
    """Share of each recipe's runs that fail, and how, as their training curves tell.

    Parameters
    ----------
    runs, logs : DataFrame
        Of `lib.sequences.stability.ablation`.
    margin : float
        Accuracy that counts as lost.

    Returns
    -------
    DataFrame
        A row a recipe: ``never learnt`` (no epoch's training accuracy reached 0.8), ``broke in
        training`` (learnt, and lost again in a later epoch), ``lost in the test`` (the last epoch
        still had what the test rows miss) and ``collapsed``.

    Notes
    -----
    Used by notebook 08.
    """
    epochs = logs.sort_values("epoch").groupby(KEYS)["accuracy"].agg(["max", "last"]).reset_index()
    found = runs.merge(epochs, on=KEYS)
    learnt = found["max"] >= COLLAPSED_BELOW
    ways = {
        "runs": 1,
        "collapsed": found["macro_f1"] < COLLAPSED_BELOW,
        "never learnt": ~learnt,
        "broke in training": learnt & (found["max"] - found["last"] > margin),
        "lost in the test": found["last"] - found["accuracy"] > margin,
    }
    shares = found.assign(**ways).groupby("name", sort=False)[list(ways)].mean()
    return shares.assign(runs=found.groupby("name").size())


def both_ways(runner: Runner, weights_seed: int, draw: int) -> dict[str, float]:
    """Macro F1 of one training with ``moving`` averages and with the moments of the ``batch``."""
    from sklearn.metrics import f1_score

    (x, y), (x_test, y_test) = runner.data(draw)
    network, _ = runner.trainer(x, y, weights_seed)
    guesses = {how: network.predict(x_test, how).argmax(axis=1) for how in ("moving", "batch")}
    return {how: float(f1_score(y_test, guess, average="macro")) for how, guess in guesses.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20, help="seeds, each with a draw of its own")
    parser.add_argument("--recipes", nargs="*", default=list(BEFORE))
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    pairs = [(i, i) for i in range(given.pairs)]
    table = moments_study(pairs, given.recipes, given.output, verbose=True)
    print(table.groupby("name", sort=False)[["moving", "batch"]].describe().T.round(3).to_string())


if __name__ == "__main__":
    main()
