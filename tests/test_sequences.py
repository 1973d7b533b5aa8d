"""Machine signals, their scaling, and the classifiers of series."""

import numpy as np
import pandas as pd
import pytest

from lib import corpora, sequences
from lib.sequences import ceiling, own, rocket, stability, studies, warping
from lib.sequences.scaling import Scaler, flat_steps
from lib.synthesis import sequences as synthesis


def test_the_three_kinds_are_what_the_source_says():
    values, kinds = synthesis.machine_signals(900, seed=3)
    assert np.bincount(kinds).tolist() == [300, 300, 300]
    common, change, burst = (values[kinds == k] for k in range(3))
    assert abs(common.mean() - 10) < 0.01 and abs(common.std() - 0.1) < 0.005
    assert abs(change[:, 50:].mean() - 30) < 0.1 and abs(change[:, 50:].std() - 1.5) < 0.05
    assert change[:, :50].max() < 11
    lengths = (burst == 500).sum(axis=1)
    assert lengths.min() == 10 and lengths.max() == 20
    for row in burst:
        at = np.flatnonzero(row == 500)
        assert np.array_equal(at, np.arange(at[0], at[-1] + 1))


def test_draws_differ_by_seed_only():
    first, again, other = (synthesis.machine_signals(90, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_the_fault_hides_92_steps_and_caps_every_classifier():
    values, kinds = synthesis.machine_signals_as_published(5000, 0)
    assert (values.max(axis=1) > 1e19).sum() == 3
    scaled = Scaler("published").fit(values).transform(values)
    flat = flat_steps(scaled)
    assert flat.sum() == 92
    assert np.array_equal(np.flatnonzero(~flat), synthesis.LIVE_STEPS)
    x, y, x_test, y_test = scaled[:4000], kinds[:4000], scaled[4000:], kinds[4000:]
    rule = ceiling.two_threshold_rule(x, y, synthesis.LIVE_STEPS, x_test)
    trees = ceiling.tree_ensemble(x, y, x_test, trees=50)
    assert abs((rule == y_test).mean() - 0.855) < 0.035
    assert (trees == y_test).mean() <= (rule == y_test).mean() + 0.01


def test_no_step_is_flat_without_the_fault_and_the_rule_is_perfect():
    values, kinds = synthesis.machine_signals(1000, 0)
    scaled = Scaler("published").fit(values).transform(values)
    assert not flat_steps(scaled).any()
    rule = ceiling.two_threshold_rule(scaled[:800], kinds[:800], range(100), scaled[800:])
    assert (rule == kinds[800:]).mean() > 0.99


def test_robust_scaling_survives_the_fault_and_learns_from_training_rows_only():
    values, _ = synthesis.machine_signals_as_published(600, 0)
    scaler = Scaler("robust").fit(values[:400])
    assert not flat_steps(scaler.transform(values)).any()
    before = scaler.transform(values[:10]).copy()
    scaler.transform(values[400:] * 1000)
    np.testing.assert_array_equal(scaler.transform(values[:10]), before)
    with pytest.raises(ValueError, match="no scaling 'loud'"):
        Scaler("loud")


@pytest.mark.parametrize("kind", synthesis.KINDS)
def test_each_kind_has_its_mark(kind):
    rng = np.random.default_rng(5)
    series = [synthesis.kind_series(kind, rng, noise=0.05, missing=0) for _ in range(40)]
    assert len({len(s) for s in series}) > 10
    median = np.median([s.mean() for s in series])
    marks = {
        "trend up": lambda s: s[-5:].mean() > s[:5].mean() + 0.4,
        "trend down": lambda s: s[-5:].mean() < s[:5].mean() - 0.4,
        "shift up": lambda s: s[-5:].mean() > s[:5].mean() + 0.7,
        "shift down": lambda s: s[-5:].mean() < s[:5].mean() - 0.7,
        "spike": lambda s: 1 <= (s > 11.5).sum() <= 3,
        "drop-out": lambda s: 5 <= (s == 0).sum() <= 15,
        "saturation": lambda s: (s == s.max()).mean() > 0.2,
        "alternation": lambda s: np.corrcoef(s[1:], s[:-1])[0, 1] < -0.9,
        "variance change": lambda s: s[-15:].std() > 3 * s[:12].std(),
        "mixture": lambda s: abs(np.corrcoef(s[1:], s[:-1])[0, 1]) < 0.5 and s.std() > 0.4,
        "cycle": lambda s: s.std() > 0.6 and np.corrcoef(s[1:], s[:-1])[0, 1] > 0.7,
        "normal": lambda s: s.std() < 0.1,
    }
    assert np.isfinite(median) and all(marks[kind](s) for s in series)


def test_kinds_have_gaps_and_bad_requests_are_refused():
    corpus = corpora.load("kinds-8", train=120, validation=24, test=24)
    assert 0.01 < np.mean([np.isnan(s).mean() for s in corpus.all_series()]) < 0.1
    assert corpus.part("test").table["label"].value_counts().tolist() == [2] * 12
    assert not set(corpus.part("train").table["group"]) & set(corpus.part("test").table["group"])
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no kind 'wobble'"):
        synthesis.kind_series("wobble", rng)
    with pytest.raises(ValueError, match="Noise is 0 or more"):
        synthesis.kind_series("cycle", rng, noise=-1)
    with pytest.raises(ValueError, match="cannot hold 3 kinds"):
        synthesis.machine_signals(2)


def naive_rocket(series, dilation, kernel, threshold):
    """Share of steps at which one kernel, step by step with zeros around, is above a threshold."""
    weights = np.full(9, -1.0)
    weights[list(kernel)] = 2.0
    above = 0
    for t in range(len(series)):
        total = 0.0
        for tap in range(9):
            at = t + (tap - 4) * dilation
            total += weights[tap] * series[at] if 0 <= at < len(series) else 0.0
        above += total > threshold
    return above / len(series)


def test_minirocket_agrees_with_the_naive_convolutions():
    rng = np.random.default_rng(1)
    series = [rng.normal(size=n) for n in (40, 55, 47, 60)]
    fitted = rocket.MiniRocket(n_features=84 * 4).fit(series, ["a", "b", "a", "b"])
    features, at = fitted.transform(series[:2]), 0
    assert features.shape == (2, 84 * 4)
    for dilation, thresholds in zip(fitted.dilations, fitted.thresholds, strict=True):
        for kernel in (0, 17, 83):
            for q in range(thresholds.shape[1]):
                expected = [
                    naive_rocket(s, dilation, rocket.KERNELS[kernel], thresholds[kernel, q])
                    for s in series[:2]
                ]
                column = at + kernel * thresholds.shape[1] + q
                # A threshold is a response of one series itself: float32 may tip one step.
                np.testing.assert_allclose(features[:, column], expected, atol=1.01 / 40)
        at += thresholds.size
    assert fitted.dilations[0] == 1 and len(fitted.dilations) > 1


def naive_dtw(a, b, window):
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if abs(i - j) <= window:
                before = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
                cost[i, j] = (a[i - 1] - b[j - 1]) ** 2 + before
    return np.sqrt(cost[-1, -1])


def test_nearest_by_warping_is_the_naive_nearest():
    rng = np.random.default_rng(2)
    series, asked = rng.normal(size=(12, 30)).cumsum(axis=1), rng.normal(size=(5, 30)).cumsum(1)
    near = warping.NearestByWarping(window=0.1).fit(series, np.arange(12))
    units = [[(s - s.mean()) / s.std() for s in group] for group in (series, asked)]
    expected = [np.argmin([naive_dtw(a, b, 3) for b in units[0]]) for a in units[1]]
    assert near.predict(asked).tolist() == expected


def test_gaps_are_bridged():
    np.testing.assert_allclose(rocket.filled([np.nan, 1, np.nan, 3, np.nan]), [1, 1, 2, 3, 3])


def test_train_and_evaluate_beat_the_baseline():
    corpus = corpora.load("kinds-8", train=240, validation=24, test=120)
    scores = sequences.evaluate(sequences.train(corpus, "MiniRocket", n_features=840), corpus, n=50)
    assert scores.loc["macro_f1", "value"] > 0.85
    assert scores.loc["accuracy", "baseline"] == pytest.approx(1 / 12)
    assert (scores["low"] <= scores["value"]).all() and (scores["value"] <= scores["high"]).all()
    with pytest.raises(ValueError, match="no model 'oracle'"):
        sequences.train(corpus, "oracle")
    corpus.table["split"] = "test"
    with pytest.raises(ValueError, match="train part of kinds-8 is empty"):
        sequences.train(corpus)


def test_runs_resume_and_repeat(tmp_path):
    recipe = {"tiny": stability.Recipe(epochs=1)}
    runs, logs = stability.ablation(recipe, [(0, 0), (1, 0)], tmp_path, n=300)
    assert len(runs) == len(logs) == 2 and runs["macro_f1"].between(0, 1).all()
    again, _ = stability.ablation(recipe, [(0, 0), (1, 0), (1, 1)], tmp_path, n=300)
    assert len(again) == 3
    np.testing.assert_allclose(again["macro_f1"][:2], runs["macro_f1"], atol=1e-4)
    alone, _ = stability.ablation(recipe, [(1, 0)], n=300)
    assert alone["macro_f1"][0] == pytest.approx(runs["macro_f1"][1], abs=1e-4)
    table = stability.summary(again)
    assert table.loc["tiny", "runs"] == 3
    assert table.loc["tiny", "minimum"] == again["macro_f1"].min()


def test_variance_is_given_to_what_causes_it():
    rows = [(s, d) for s in range(6) for d in range(6)]
    rng = np.random.default_rng(0)
    by_draw, by_seed = rng.normal(size=(2, 6))
    table = pd.DataFrame(rows, columns=["weights_seed", "draw"])
    of_draw = stability.variance_shares(table.assign(macro_f1=by_draw[table["draw"]]))
    assert of_draw["draw"] == pytest.approx(1)
    both = by_draw[table["draw"]] + by_seed[table["weights_seed"]]
    shares = stability.variance_shares(table.assign(macro_f1=both))
    assert shares["both together"] < 1e-6 and shares.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="Every seed has to meet every draw"):
        stability.variance_shares(table[:-1].assign(macro_f1=0.5))


def test_studies_take_up_what_is_there(tmp_path):
    sizes = {"train": 60, "validation": 12, "test": 24}
    options = dict(noises=[0.1], models=["nearest by DTW"], folder=tmp_path, sizes=sizes)
    first = studies.kinds_study([0], **options)
    both = studies.kinds_study([0, 1], **options)
    assert len(both) == 2
    assert both["train_seconds"][0] == pytest.approx(first["train_seconds"][0], rel=1e-4)
    assert (both["test_seconds"] > 0).all()
    table = studies.interval(both, "macro_f1", ["model", "noise"])
    assert studies.interval(first, "macro_f1", ["model"])["low"].isna().all()
    assert table["n"].tolist() == [2] and (table["low"] <= table["high"]).all()


def own_table(n=40, steps=30):
    rng = np.random.default_rng(0)
    up = np.arange(n) % 2
    values = rng.normal(size=(n, steps)) + up[:, None] * np.linspace(0, 6, steps)
    return pd.DataFrame(values).assign(label=np.where(up, "rising", "level"))


def test_classify_reports_and_saves(tmp_path):
    table = own_table()
    table.iloc[3, 20:30] = np.nan
    report = sequences.classify(
        table, folds=2, epochs=12, units=12, folder=tmp_path / "model", seed=1
    )
    assert report.scores.loc["accuracy", "value"] > 0.85
    assert report.scores.loc["accuracy", "baseline"] == 0.5
    assert sorted(report.predictions["fold"].unique()) == [0, 1]
    series = [row.to_numpy(float) for _, row in table.drop(columns="label").iterrows()][:6]
    loaded = own.load_classifier(tmp_path / "model")
    assert loaded.predict(series[:3]).tolist() == report.model.predict(series[:3]).tolist()
    assert (tmp_path / "model" / "predictions.csv").exists()
    with pytest.raises(FileNotFoundError, match="model.json is missing"):
        own.load_classifier(tmp_path)


def test_classify_keeps_groups_together(tmp_path):
    path = tmp_path / "table.csv"
    own_table().assign(day=np.arange(40) // 2).to_csv(path, index=False)
    report = sequences.classify(path, group="day", model="MiniRocket", n_features=168)
    folds = report.predictions.assign(day=np.arange(40) // 2).groupby("day")["fold"].nunique()
    assert (folds == 1).all()


BAD = {
    "no column 'kind'": lambda t: (t, {"label": "kind"}),
    r"no label in 1 row\(s\) \(4\)": lambda t: (t.assign(label=t["label"].where(t.index != 4)), {}),
    r"no label in 1 row\(s\) \(7\)": lambda t: (t.assign(label=t["label"].where(t.index != 7, " ")), {}),
    "one class only": lambda t: (t.assign(label="same"), {}),
    r"constant in 1 row\(s\) \(2\)": lambda t: (with_cell(t, 2, slice(0, 30), 1.0), {}),
    r"gaps \(NaN\) in 1": lambda t: (with_cell(t, 5, 3, np.nan), {}),
    "infinite in 1": lambda t: (with_cell(t, 5, 3, np.inf), {}),
    "under 5 values in 1": lambda t: (with_cell(t, 5, slice(3, 30), np.nan), {}),
    "text among its values": lambda t: (t.assign(note="fine"), {}),
    "no rows": lambda t: (t[:0], {}),
    "folds need as many": lambda t: (t, {"folds": 50}),
    "no model": lambda t: (t, {"model": "oracle"}),
    "Only the LSTM can be saved": lambda t: (t, {"model": "MiniRocket", "folder": "x"}),
}  # fmt: skip


def with_cell(table, row, column, value):
    table = table.copy()
    table.iloc[row, column] = value
    return table


@pytest.mark.parametrize("message", BAD)
def test_classify_refuses_bad_tables(message):
    table, options = BAD[message](own_table())
    with pytest.raises(ValueError, match=message):
        sequences.classify(table, **options)


def test_classify_names_a_missing_or_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="check the path"):
        sequences.classify(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="no CSV table"):
        sequences.classify(tmp_path / "empty.csv")
