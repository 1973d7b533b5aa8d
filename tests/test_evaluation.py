"""Intervals, matching, splits and cluster scores against naive or scikit-learn versions."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, adjusted_rand_score, v_measure_score

from lib import evaluation
from lib.evaluation.clusters import adjusted_rand, v_measure


def record(metric="silence_accuracy", value=0.9, system="dolphin", scale=None, corpus="sea"):
    low, high = value - 0.1, value + 0.1
    evaluation.record(system, metric, corpus, value, low, high, 5, 0.5, None, "04_x", scale)


def events(*spans):
    return pd.DataFrame(spans, columns=["start", "stop"], dtype=float)


def test_record_replaces_the_row_of_the_same_key_and_sorts():
    record("silence_accuracy", 0.9, scale="paper")
    record("tone_f1", 0.7, system="beeps")
    record("cluster_ari", 0.6)
    record("silence_accuracy", 0.8, scale="paper")
    table = evaluation.results()
    assert table["metric"].tolist() == ["cluster_ari", "silence_accuracy", "tone_f1"]
    assert table["value"].tolist() == [0.6, 0.8, 0.7]
    assert table["scale"].tolist() == ["laptop", "paper", "laptop"]


def test_record_takes_the_scale_from_the_environment(monkeypatch):
    monkeypatch.setenv("SCALE", "paper")
    record()
    assert evaluation.results()["scale"].tolist() == ["paper"]


def test_results_survive_a_round_trip_byte_for_byte():
    record(value=1 / 3)
    first = evaluation.results_path().read_bytes()
    record(value=1 / 3)
    assert evaluation.results_path().read_bytes() == first
    assert b"0.333333,0.233333,0.433333,5,0.5,,04_x" in first


def test_an_interrupted_write_keeps_the_old_table(monkeypatch):
    record(value=0.5)

    def disk_full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", disk_full)
    with pytest.raises(OSError, match="No space"):
        record(value=0.6)
    assert evaluation.results()["value"].tolist() == [0.5]
    assert len(list(evaluation.figures_folder().iterdir())) == 1


@pytest.mark.parametrize(
    "bad", [{"system": "whales"}, {"value": np.nan}, {"low": 2.0}, {"n": 0}, {"high": np.inf}]
)
def test_record_refuses_what_is_no_score(bad):
    row = dict(value=0.9, low=0.8, high=1.0, n=5, baseline=None, source=None, notebook="x")
    with pytest.raises(ValueError, match="unknown|no score"):
        evaluation.record(**({"system": "dolphin", "metric": "m", "corpus": "sea"} | row | bad))
    assert evaluation.results().empty


def test_results_with_foreign_columns_are_refused(tmp_path):
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="other columns"):
        evaluation.results(tmp_path / "results.csv")


def test_outside_band_finds_the_row_that_left_its_interval():
    record("a", 0.5)
    record("b", 0.5)
    record("ratio", 2.0, system="performance")
    published = evaluation.results()
    recorded = published.assign(value=[0.64, 0.66, 9.0])
    assert evaluation.outside_band(recorded, published)["metric"].tolist() == ["b"]
    recorded = published.assign(value=[0.34, 0.36, 9.0])
    assert evaluation.outside_band(recorded, published)["metric"].tolist() == ["a"]


def test_outside_band_leaves_two_points_where_there_is_no_width():
    evaluation.record("dolphin", "a", "sea", 1.0, 1.0, 1.0, 6, None, None, "04")
    published = evaluation.results()
    assert evaluation.outside_band(published.assign(value=0.985), published).empty
    assert len(evaluation.outside_band(published.assign(value=0.975), published)) == 1


def test_bootstrap_fast_path_equals_the_general_one():
    rng = np.random.default_rng(1)
    values, groups = rng.random(60), rng.integers(9, size=60)
    fast = evaluation.bootstrap(values, groups, n=200)
    slow = evaluation.bootstrap(values, groups, statistic=lambda v: v.mean(), n=200)
    np.testing.assert_allclose(fast, slow)


def test_bootstrap_over_groups_is_wider_when_groups_differ():
    groups = np.repeat(np.arange(10), 50)
    values = np.random.default_rng(2).random(10)[groups]
    _, low, high = evaluation.bootstrap(values)
    _, group_low, group_high = evaluation.bootstrap(values, groups)
    assert group_high - group_low > 3 * (high - low)


def test_bootstrap_interval_covers_the_mean_about_95_times_in_100():
    rng = np.random.default_rng(3)
    intervals = [evaluation.bootstrap(rng.normal(size=50), n=300)[1:] for _ in range(300)]
    covered = np.mean([low <= 0 <= high for low, high in intervals])
    assert 0.90 <= covered <= 0.98


def test_bootstrap_of_pairs_hands_both_to_the_statistic():
    truth, predicted = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
    value, low, high = evaluation.bootstrap((truth, predicted), statistic=accuracy_score)
    assert value == 0.75 and low < value < high


@pytest.mark.parametrize("values, groups", [([], None), (([1, 2], [1]), None), ([1, 2], [1])])
def test_bootstrap_refuses_unequal_lengths(values, groups):
    with pytest.raises(ValueError, match="please"):
        evaluation.bootstrap(values, groups)


def test_interval_over_seeds_is_students():
    value, low, high = evaluation.interval_over_seeds([1.0, 2.0, 3.0])
    assert value == 2
    # t(0.975, 2) = 4.3027, from any printed table
    np.testing.assert_allclose([low, high], [2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5], rtol=1e-4)
    with pytest.raises(ValueError, match="2 or more"):
        evaluation.interval_over_seeds([1.0])


def test_match_events_by_overlap_uses_each_event_once():
    reference = events((0, 1), (2, 3), (5, 6))
    estimated = events((0.1, 1.1), (0.2, 1.0), (2.6, 3.6))
    assert evaluation.match_events(reference, estimated, overlap=0.5) in ([(0, 0)], [(0, 1)])
    both = evaluation.match_events(reference, estimated, overlap=0.2)
    assert sorted(pair[0] for pair in both) == [0, 1]


def test_match_events_counts_the_edge_of_the_overlap_in():
    assert evaluation.match_events(events((0, 3)), events((0, 2)), overlap=2 / 3) == [(0, 0)]
    assert evaluation.match_events(events((0, 3)), events((0, 1.99)), overlap=2 / 3) == []


def test_match_events_by_tolerance_looks_at_starts_only():
    assert evaluation.match_events(events((1, 2)), events((1.04, 9)), tolerance=0.05) == [(0, 0)]
    assert evaluation.match_events(events((1, 2)), events((1.06, 2)), tolerance=0.05) == []


def test_event_scores():
    scores = evaluation.event_scores(events((0, 1), (2, 3)), events((0, 1), (4, 5), (6, 7)))
    assert scores == pytest.approx({"precision": 1 / 3, "recall": 1 / 2, "f1": 2 / 5})
    nothing = events()
    assert evaluation.event_scores(nothing, events((0, 1)))["precision"] == 0
    assert evaluation.event_scores(events((0, 1)), nothing)["recall"] == 0
    assert evaluation.event_scores(nothing, nothing)["f1"] == 1


def test_group_split_keeps_groups_whole_and_shares_right():
    groups = np.repeat([f"recording {i}" for i in range(20)], 7)
    split = evaluation.group_split(groups, seed=4)
    evaluation.check_disjoint(groups, split)
    sizes = pd.Series(split[::7]).value_counts().to_dict()
    assert sizes == {"train": 12, "validation": 4, "test": 4}
    assert (split == evaluation.group_split(groups, seed=4)).all()
    assert (split != evaluation.group_split(groups, seed=5)).any()


def test_group_split_fills_every_split_or_says_it_cannot():
    assert set(evaluation.group_split([1, 2, 3])) == {"train", "validation", "test"}
    for shares in [(0.98, 0.01, 0.01), (0.01, 0.98, 0.01), (0.5, 0.01, 0.49)]:
        fractions = dict(zip("abc", shares, strict=True))
        assert set(evaluation.group_split(np.arange(10), fractions)) == {"a", "b", "c"}
    with pytest.raises(ValueError, match="2 groups cannot fill 3"):
        evaluation.group_split([1, 2, 2])


def test_a_group_in_two_splits_is_an_error():
    with pytest.raises(ValueError, match="1 groups are in two splits .b."):
        evaluation.check_disjoint(["a", "b", "b"], ["train", "train", "test"])


def test_group_folds_never_share_a_group():
    groups = np.repeat(np.arange(6), 3)
    folds = list(evaluation.group_folds(groups, 3))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(18))
    assert not any(set(groups[train]) & set(groups[test]) for train, test in folds)


def test_neighbour_hits_against_the_naive_loop():
    rng = np.random.default_rng(5)
    codes, labels, groups = rng.normal(size=(40, 3)), rng.integers(3, size=40), np.arange(40) // 4
    naive = []
    for i in range(40):
        distance = np.linalg.norm(codes - codes[i], axis=1)
        distance[groups == groups[i]] = np.inf
        naive.append(np.mean(labels[np.argsort(distance)[:3]] == labels[i]))
    np.testing.assert_allclose(evaluation.neighbour_hits(codes, labels, groups, k=3), naive)


def test_purity_ignores_neighbours_of_the_same_recording():
    codes = np.array([[0.0], [0.1], [5.0], [5.1]])
    labels = np.array(["whistle", "whistle", "click", "click"])
    assert evaluation.nearest_neighbour_purity(codes, labels)[0] == 1
    assert evaluation.nearest_neighbour_purity(codes, labels, groups=[0, 0, 1, 1])[0] == 0
    assert evaluation.chance_purity(labels) == 0.5


def test_cluster_scores_equal_scikit_learn():
    rng = np.random.default_rng(6)
    truth = rng.integers(4, size=80)
    clusters = np.where(rng.random(80) < 0.6, truth, rng.integers(-1, 5, size=80))
    scores = evaluation.cluster_scores(truth, clusters, n=50)
    assert scores["v_measure"][0] == pytest.approx(v_measure_score(truth, clusters), abs=1e-6)
    assert scores["ari"][0] == pytest.approx(adjusted_rand_score(truth, clusters), abs=1e-6)
    assert all(low < value < high for value, low, high in scores.values())


def test_cluster_replicates_equal_a_plain_bootstrap():
    rng = np.random.default_rng(7)
    truth, groups = rng.integers(3, size=60), rng.integers(8, size=60)
    clusters = np.where(rng.random(60) < 0.7, truth, 0)
    ours = evaluation.cluster_scores(truth, clusters, groups, n=100)
    pairs = (truth, clusters)
    plain = evaluation.bootstrap(pairs, groups, statistic=v_measure_score, n=100)
    np.testing.assert_allclose(ours["v_measure"], plain, atol=1e-5)
    plain = evaluation.bootstrap(pairs, groups, statistic=adjusted_rand_score, n=100)
    np.testing.assert_allclose(ours["ari"], plain, atol=1e-5)


@pytest.mark.parametrize("clusters", [[0, 0, 0, 0], [0, 1, 2, 3], [1, 1, 0, 0]])
@pytest.mark.parametrize("truth", [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 1, 1]])
def test_degenerate_clusterings_score_as_in_scikit_learn(truth, clusters):
    table = np.zeros((4, 4), np.float32)
    np.add.at(table, (truth, clusters), 1)
    assert v_measure(table) == pytest.approx(v_measure_score(truth, clusters), abs=1e-6)
    assert adjusted_rand(table) == pytest.approx(adjusted_rand_score(truth, clusters), abs=1e-6)


def test_stability_is_the_mean_over_pairs():
    rng = np.random.default_rng(8)
    runs = [rng.integers(3, size=50) for _ in range(3)]
    expected = np.mean([adjusted_rand_score(runs[i], runs[j]) for i, j in [(0, 1), (0, 2), (1, 2)]])
    assert evaluation.stability(runs, n=50)[0] == pytest.approx(expected)
    assert evaluation.stability([runs[0], runs[0]], n=50) == pytest.approx((1, 1, 1))
