"""Stability of clusterings over seeds of the encoder."""

import numpy as np
import pandas as pd
import pytest

from lib.discovery import stability


def labels(*clusterings):
    rows = [
        ("sea-test-000", float(k), 0, seed, found)
        for seed, clustering in enumerate(clusterings)
        for k, found in enumerate(clustering)
    ]
    return pd.DataFrame(rows, columns=["item", "start", "type", "seed", "cluster"])


def test_clusters_of_all_seeds_stand_side_by_side():
    wide = stability.by_seed(labels([0, 0, 1], [5, 5, 3]).sample(frac=1, random_state=0))
    assert wide[0].tolist() == [0, 0, 1] and wide[1].tolist() == [5, 5, 3]


def test_kept_labels_are_read_together_or_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="lib.discovery.stability"):
        stability.read_labels(tmp_path)
    for seed in range(2):
        table = labels([0, 1], [1, 0])
        table[table["seed"] == seed].to_csv(tmp_path / f"steps_2_seed_{seed}.csv", index=False)
    assert len(stability.read_labels(tmp_path)) == 4


def test_one_seed_or_missing_things_are_refused():
    with pytest.raises(ValueError, match="1 seeds"):
        stability.by_seed(labels([0, 1, 1]))
    with pytest.raises(ValueError, match="1 clusters missing"):
        stability.by_seed(labels([0, 1, 1], [0, 1, 1])[:-1])


def test_the_best_cut_separates_the_types():
    rng = np.random.default_rng(1)
    types = np.repeat([0, 1, 2], 10)
    points = 10.0 * types + rng.normal(size=30)
    distances = np.abs(points[:, None] - points)
    percentile = stability.best_percentile(distances, types)
    assert len(np.unique(stability.cluster(distances, percentile=percentile))) == 3


@pytest.mark.parametrize("steps", [0, 2])
def test_an_encoder_gives_every_loud_whistle_a_cluster(tmp_path, monkeypatch, steps):
    """Small recordings, two steps of training or none: the whole way, not its quality."""
    from lib import corpora
    from lib.synthesis import Sea

    whole = corpora.load
    small = {"sea": Sea(duration=8.0), "train": 1, "validation": 1, "test": 1}
    monkeypatch.setattr(corpora, "load", lambda name, **given: whole(name, **{**small, **given}))
    monkeypatch.setenv("WTW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CORPORA_DIR", str(tmp_path / "none"))
    encoder = stability.seed_encoder(0, tmp_path / "run", steps, other_seas=0)
    table = stability.cluster_labels(encoder)
    events = corpora.load("sea").part("test").events
    loud = events[(events["kind"] == "whistle") & (events["snr_db"] >= stability.LEAST_SNR)]
    assert table["start"].tolist() == loud["start"].tolist() and len(table) > 0
    assert table["cluster"].notna().all() and {*table["corpus"]} == {"sea"}
