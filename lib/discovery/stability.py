"""Do clusters of whistles stay the same when the encoder is trained anew?

    python -m lib.discovery.stability --seeds 5 --steps 600 --output data/cluster_stability

Trains the improved encoder from several seeds and keeps what each makes of the same whistles.
"""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from lib import corpora
from lib.audio import atomic
from lib.discovery.repeats import cluster
from lib.discovery.warping import distance_matrix
from lib.encoder import embed
from lib.encoder.detector import labelled_windows
from lib.encoder.over_time import codes_in_regions
from lib.encoder.train import OTHER_SEAS, train_encoder

LEAST_SNR = 5.0
# Percentiles of the distances at which the tree of clusters may be cut.
PERCENTILES = np.arange(0.5, 30, 0.5)


def seed_labels(
    seed: int, folder: str | Path, steps: int = 600, other_seas: int = OTHER_SEAS
) -> pd.DataFrame:
    """Clusters that one training of v4.4 gives to the whistles of the sea's test recordings.

    Parameters
    ----------
    seed : int
        Of the weights and of the training windows drawn.
    folder : path
        Keeps the training's log and states, so that it resumes after a kill.
    steps, other_seas : int
        As in `lib.encoder.train.train_encoder`.

    Returns
    -------
    DataFrame[item, start, type, seed, cluster]
        A row a whistle of 5 dB or more; the cut is tuned on the validation recordings.
    """
    encoder = train_encoder("4.4", steps, folder, other_seas=other_seas, seed=seed).encoder
    sea = corpora.load("sea")
    scale = embed(labelled_windows(sea.part("train"), "4.4", step=1024)[0], encoder)
    known, known_codes = _whistle_codes(sea.part("validation"), encoder, scale)
    asked, asked_codes = _whistle_codes(sea.part("test"), encoder, scale)
    percentile = best_percentile(distance_matrix(known_codes), known["type"])
    found = cluster(distance_matrix(asked_codes), percentile=percentile)
    return asked[["item", "start", "type"]].assign(seed=seed, cluster=found)


def best_percentile(distances: np.ndarray, types) -> float:
    """The percentile of the distances whose cut has the best V-measure against known types."""
    from sklearn.metrics import v_measure_score

    scores = [v_measure_score(types, cluster(distances, percentile=p)) for p in PERCENTILES]
    return float(PERCENTILES[int(np.argmax(scores))])


def read_labels(folder: str | Path) -> pd.DataFrame:
    """What the command above has kept: `seed_labels` of all seeds, one below the other."""
    paths = sorted(Path(folder).glob("seed_*.csv"))
    if not paths:
        raise FileNotFoundError(
            f"{folder} holds no seed_*.csv: run python -m lib.discovery.stability --output {folder}"
        )
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def stability(labels: pd.DataFrame, column: str = "cluster") -> pd.Series:
    """How far each seed's clusters agree with those of the others.

    Parameters
    ----------
    labels : DataFrame[item, start, seed, cluster]
        As `seed_labels` gives them, several seeds one below the other.
    column : str
        Column with the clusters.

    Returns
    -------
    Series (seeds,)
        Mean adjusted Rand index of a seed's clustering with each other one's: 1 for the same
        clusters, 0 for chance.

    Raises
    ------
    ValueError
        For one seed only, or seeds that saw different whistles.

    Notes
    -----
    Used by notebook 04.
    """
    from sklearn.metrics import adjusted_rand_score

    wide = labels.pivot(index=["item", "start"], columns="seed", values=column)
    if wide.shape[1] < 2 or wide.isna().any(axis=None):
        raise ValueError(f"{wide.shape[1]} seeds with {wide.isna().sum().sum()} whistles missing.")
    pairs = permutations(wide.columns, 2)
    agreement = [(a, adjusted_rand_score(wide[a], wide[b])) for a, b in pairs]
    return pd.DataFrame(agreement, columns=["seed", "ari"]).groupby("seed")["ari"].mean()


def _whistle_codes(corpus, encoder: keras.Model, scale: np.ndarray):
    """Whistles of 5 dB or more and their sequences of codes, scaled by those of other windows."""
    events = corpus.events
    events = events[(events["kind"] == "whistle") & (events["snr_db"] >= LEAST_SNR)]
    rows = {item: i for i, item in enumerate(corpus.table["item"])}
    sequences = []
    for item, part in events.groupby("item", sort=False):
        codes = codes_in_regions(corpus.signal(rows[item]), part, encoder)
        sequences += [(code - scale.mean(0)) / scale.std(0) for code in codes]
    return events, sequences


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--other-seas", type=int, default=OTHER_SEAS)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/cluster_stability"))
    given = parser.parse_args()
    for seed in range(given.seeds):
        path = given.output / f"seed_{seed}.csv"
        if path.exists():
            continue
        table = seed_labels(seed, given.work / str(seed), given.steps, given.other_seas)
        with atomic(path) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
        print(path, flush=True)


if __name__ == "__main__":
    main()
