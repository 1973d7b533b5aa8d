"""Do clusters stay the same when the encoder is trained anew?

    python -m lib.discovery.stability --seeds 5

Trains the improved encoder from several seeds and keeps what each makes of the same whistles and
syllables; and, as the baseline, what the same encoders make of them before any training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lib import corpora
from lib.audio import atomic
from lib.discovery.repeats import cluster
from lib.discovery.warping import distance_matrix
from lib.encoder import build_encoder, embed, load_encoder
from lib.encoder.detector import labelled_windows
from lib.encoder.models import SHIPPED
from lib.encoder.over_time import codes_in_regions
from lib.encoder.train import OTHER_SEAS, train_encoder

# What the command above was run for, kept for notebook 04.
FOLDER = SHIPPED / "cluster_stability"
# Of each training, as many as the shipped encoder had.
STEPS = 3000
LEAST_SNR = 5.0
# Percentiles of the distances at which the tree of clusters may be cut.
PERCENTILES = np.arange(0.5, 30, 0.5)
# Of the birdsong: songs taken of each part, directions of the codes, and close frames, as
# notebook 04 chose them on validation songs.
SONGS = {"train": 12, "test": 10}
SONG_DIRECTIONS = 16
SONG_STEPS = {"hop": 16, "hop_length": 24}


def seed_encoder(
    seed: int, folder: str | Path, steps: int, other_seas: int = OTHER_SEAS
) -> keras.Model:
    """The encoder v4.4 of a seed after so many steps of training; with none, as it was drawn.

    Parameters
    ----------
    seed : int
        Of the weights and of the training windows drawn.
    folder : path
        Keeps the training's log and states, so that it resumes after a kill.
    steps, other_seas : int
        As in `lib.encoder.train.train_encoder`.
    """
    if steps:
        model = train_encoder(
            "4.4", steps, folder, other_seas=other_seas, seed=seed, steps_per_epoch=500
        )
        return model.encoder
    keras.utils.set_random_seed(seed)
    return build_encoder(version="4.4")


def cluster_labels(encoder: keras.Model) -> pd.DataFrame:
    """Clusters that an encoder v4.4 leads to in the test recordings of three corpora.

    Returns
    -------
    DataFrame[corpus, item, start, type, cluster]
        A row a whistle of 5 dB or more of the sea and of `sea-real-contours`, and a syllable of
        the birdsong, of the corpora that are there. The cut of the tree is tuned on validation
        recordings (birdsong: on training songs).
    """
    learnt = labelled_windows(corpora.load("sea").part("train"), "4.4", step=1024)[0]
    scale = StandardScaler().fit(embed(learnt, encoder))
    tables = []
    for name in ("sea", "sea-real-contours"):
        if corpora.available(name):
            known, asked = (_whistles(name, split) for split in ("validation", "test"))
            tables.append(_sorted(name, known, asked, encoder, scale))
    if corpora.available("birdsong"):
        known, asked = (_syllables(split) for split in ("train", "test"))
        tables.append(_sorted("birdsong", known, asked, encoder, None, SONG_STEPS))
    return pd.concat(tables, ignore_index=True)


def best_percentile(distances: np.ndarray, types) -> float:
    """The percentile of the distances whose cut has the best V-measure against known types."""
    from sklearn.metrics import v_measure_score

    scores = [v_measure_score(types, cluster(distances, percentile=p)) for p in PERCENTILES]
    return float(PERCENTILES[int(np.argmax(scores))])


def read_labels(folder: str | Path = FOLDER) -> pd.DataFrame:
    """What the command above has kept: `cluster_labels` with columns ``seed`` and ``steps``."""
    paths = sorted(Path(folder).glob("steps_*_seed_*.csv"))
    if not paths:
        raise FileNotFoundError(
            f"{folder} holds no steps_*_seed_*.csv: run "
            f"python -m lib.discovery.stability --output {folder}"
        )
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def by_seed(labels: pd.DataFrame) -> pd.DataFrame:
    """Each seed's clusters of the same things side by side.

    Parameters
    ----------
    labels : DataFrame[item, start, seed, cluster]
        As `read_labels` gives them: several seeds one below the other, of one corpus and one
        number of steps.

    Returns
    -------
    DataFrame (things, seeds), indexed by item and start
        What `lib.evaluation.stability` takes, column by column.

    Raises
    ------
    ValueError
        For one seed only, or seeds that saw different things.

    Notes
    -----
    Used by notebook 04.
    """
    wide = labels.pivot(index=["item", "start"], columns="seed", values="cluster")
    missing = wide.isna().sum().sum()
    if wide.shape[1] < 2 or missing:
        raise ValueError(
            f"{wide.shape[1]} seeds, {missing} clusters missing: two seeds or more of the same "
            "things are needed; run python -m lib.discovery.stability again."
        )
    return wide


def _sorted(name, known, asked, encoder: keras.Model, scale, hops=None) -> pd.DataFrame:
    """Events of a corpus' test part with their clusters; the known ones choose the cut.

    ``known`` and ``asked`` are each a corpus and its events. Without a ``scale``, the codes are
    laid out along the directions in which the known events vary most.
    """
    (known_events, known_codes), (asked_events, asked_codes) = (
        _codes(*part, encoder, hops or {}) for part in (known, asked)
    )
    if scale is None:
        scale = make_pipeline(
            StandardScaler(), PCA(SONG_DIRECTIONS, whiten=True, random_state=0)
        ).fit(np.concatenate(known_codes))
    known_distances, asked_distances = (
        distance_matrix([scale.transform(code) for code in codes])
        for codes in (known_codes, asked_codes)
    )
    percentile = best_percentile(known_distances, known_events["type"])
    found = cluster(asked_distances, percentile=percentile)
    return asked_events[["item", "start", "type"]].assign(corpus=name, cluster=found)


def _codes(corpus, events, encoder: keras.Model, hops: dict):
    """Events, those of a recording one after the other, and the sequence of codes of each."""
    rows = {item: i for i, item in enumerate(corpus.table["item"])}
    parts, sequences = [], []
    for item, part in events.groupby("item", sort=False):
        parts.append(part)
        sequences += codes_in_regions(corpus.signal(rows[item]), part, encoder, **hops)
    return pd.concat(parts), sequences


def _whistles(name: str, split: str):
    corpus = corpora.load(name).part(split)
    events = corpus.events
    return corpus, events[(events["kind"] == "whistle") & (events["snr_db"] >= LEAST_SNR)]


def _syllables(split: str):
    songs = corpora.load("birdsong").part(split)
    songs = songs.select(np.arange(len(songs)) < SONGS[split])
    return songs, songs.events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=FOLDER)
    parser.add_argument("--work", type=Path, default=Path("build/cluster_stability"))
    given = parser.parse_args()
    for steps in (0, STEPS):
        for seed in range(given.seeds):
            path = given.output / f"steps_{steps}_seed_{seed}.csv"
            if path.exists():
                continue
            if steps and seed == 0:
                encoder = load_encoder()  # The shipped one is the training of this seed.
            else:
                encoder = seed_encoder(seed, given.work / str(seed), steps)
            table = cluster_labels(encoder).assign(seed=seed, steps=steps)
            with atomic(path) as temporary:
                table.to_csv(temporary, index=False, float_format="%.6g")
            print(path, flush=True)


if __name__ == "__main__":
    main()
