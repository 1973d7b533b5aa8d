"""Scores of alarms: what counts as found, as false, at which rate, and what the study stores."""

import numpy as np
import pandas as pd
import pytest

from lib.beeps import alarms, load_detector, pictures, reports, study
from lib.beeps.alarm_table import COLUMNS, accepted
from lib.synthesis.soundscape_beeps import DECOYS


def events(*spans, snr=10.0):
    table = pd.DataFrame(spans, columns=["start", "stop"], dtype=float)
    return table.assign(snr_db=snr)


def candidates(*rows):
    """Rows of (start, stop, score), decided half a second after the stop."""
    table = pd.DataFrame(rows, columns=["start", "stop", "score"], dtype=float)
    return table.assign(tone=3_000.0, groups=4.0, decided=table["stop"] + 0.5)[COLUMNS]


def test_a_second_alarm_for_one_sequence_is_false():
    found = candidates((10, 14, 0.9), (10.5, 14, 0.8), (50, 54, 0.7))
    sequences, judged = alarms.outcomes(found, events((10, 14), (90, 94)))
    assert sequences["found"].tolist() == [True, False]
    assert sequences["delay"].iloc[0] == pytest.approx(0.5) and np.isnan(sequences["delay"].iloc[1])
    assert judged["right"].sum() == 1


def test_counting_without_tables_says_the_same():
    rng = np.random.default_rng(4)
    for _ in range(20):
        starts = np.sort(rng.uniform(0, 100, 12))
        found = candidates(
            *zip(starts, starts + rng.uniform(1, 6, 12), rng.random(12), strict=True)
        )
        begins = np.arange(0, 100, 9.0)
        truth = events(*zip(begins, begins + rng.uniform(2, 6, len(begins)), strict=True))
        known, judged = alarms.outcomes(accepted(found, 0.4), truth)
        row = alarms.sequences_at([found], [truth], 0.4)
        pd.testing.assert_frame_equal(row.drop(columns="recording"), known)
        assert alarms.false_alarms([found], [truth], 0.4).tolist() == [np.sum(~judged["right"])]


def test_the_threshold_allows_just_so_many_false_alarms():
    tables = [candidates((10, 14, 0.9), (30, 34, 0.6), (50, 54, 0.7), (70, 74, 0.2))]
    truth = [events((10, 14))]
    for per_hour, expected in ((0, 0), (1, 1), (2, 2), (3, 3)):
        threshold = alarms.threshold_at(tables, truth, 1.0, per_hour)
        assert alarms.false_alarms(tables, truth, threshold).sum() == expected
        assert alarms.sequences_at(tables, truth, threshold)["found"].all()
    never = [candidates((30, 34, 0.9), (10, 14, 0.5))]
    strict = alarms.threshold_at(never, truth, 1.0, 0)
    assert not alarms.sequences_at(never, truth, strict)["found"].any()


def test_scores_are_pooled_over_recordings_that_never_mix():
    tables = [candidates((10, 14, 0.9)), candidates((40, 44, 0.9))]
    truths = [events((40, 44)), events((10, 14))]
    crossed = alarms.onset_counts(tables, truths, 0.5)
    assert crossed.tolist() == [[0, 1, 1], [0, 1, 1]] and alarms.pooled_scores(crossed)["f1"] == 0
    right = alarms.pooled_scores(alarms.onset_counts(tables, truths[::-1], 0.5))
    assert right == {"precision": 1, "recall": 1, "f1": 1}
    late = alarms.onset_counts([candidates((10.6, 14, 0.9))], [events((10, 14))], 0.5)
    assert alarms.pooled_scores(late)["recall"] == 0


def test_misses_over_snr_have_an_interval_even_where_nothing_is_missed():
    table = pd.concat([events((0, 1), (2, 3), snr=-5.0), events((4, 5), snr=12.0)])
    table["found"] = [False, True, True]
    curve = alarms.misses_over_snr(table, (-10, 0, 10, 20))
    assert curve["value"].tolist() == [0.5, 0.0] and curve["x"].tolist() == [-5, 15]
    assert curve["high"].iloc[1] > 0.3 and curve["low"].iloc[0] < 0.5 < curve["high"].iloc[0]


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("homes")
    detector = load_detector()
    first = study.hear_homes([9_800], folder, detector)
    return folder, first, study.hear_homes([9_800, 9_801], folder, detector)


def test_homes_that_were_heard_are_not_heard_again(heard, monkeypatch):
    folder, _, both = heard
    monkeypatch.setattr(study, "hear_home", lambda *_: pytest.fail("heard again"))
    again = study.hear_homes([9_800, 9_801], folder, detector=object())
    for stored, table in zip(again, both, strict=True):
        assert stored.shape == table.shape


def test_each_system_listens_to_its_own(heard):
    _, _, (found, truth) = heard
    assert set(found["system"]) <= {*study.GENERAL, *study.TAUGHT}
    assert set(truth["kind"].dropna()) <= {"sequence", *DECOYS}
    general, known, hours = study.per_home(found, truth, "detector")
    taught, own, more = study.per_home(found, truth, "taught detector")
    assert len(general) == 2 and len(taught) == 4 and more == 2 * hours == pytest.approx(2 / 3)
    assert sum(map(len, own)) == sum(map(len, known)) > 0
    row = reports.f1_row(found, truth, 0.5)
    assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1 and row["corpus"] == "soundscape"
    table = reports.miss_rows(found, truth)
    assert set(table["metric"]) == {
        "miss_rate_at_0.1_fa_per_hour",
        "miss_rate_at_0.5_fa_per_hour",
        "alarm_delay_seconds",
    }
    assert table["value"].between(0, 2).all() and (table["low"] <= table["high"]).all()


def test_the_shipped_study_has_hours_of_homes_that_training_never_had():
    from lib.beeps.tonetrain import CHECK_SEEDS, TRAIN_SEEDS
    from lib.beeps.train import VALIDATION_SEEDS, VERIFIER_SEEDS

    _, truth = study.read_homes()
    seeds = set(truth["seed"])
    assert truth.groupby("seed")["seconds"].first().sum() >= 3 * 3_600
    for others in (VALIDATION_SEEDS, VERIFIER_SEEDS, CHECK_SEEDS, TRAIN_SEEDS):
        assert not seeds & set(others)


def test_an_alarm_can_be_heard():
    mixed = pictures.with_alarm(np.zeros(16_000), [0.9])
    assert len(mixed) > 16_000 and np.abs(mixed[:14_000]).max() == 0 < np.abs(mixed[15_000:]).max()


def test_rows_of_windows_need_two_seeds_and_keep_the_published_figures():
    one = dict(corpus="source-table", stride=5, recipe="weights and steps", share=0.01)
    one |= {"always no log-loss": 0.04, "average precision": 1.0, "chosen recall": 1.0}
    one |= {"chosen found": 5}
    runs = [one | {"seed": seed, "log-loss": 0.004 + seed / 1_000} for seed in range(3)]
    alone = one | {"corpus": "soundscape", "seed": 0, "log-loss": 0.1}
    other = one | {"recipe": "Adam", "seed": 0, "log-loss": 9.0}
    chosen = dict.fromkeys(["source-table", "soundscape"], "weights and steps")
    rows = reports.window_rows(pd.DataFrame([*runs, alone, other]), chosen).set_index("metric")
    assert set(rows["corpus"]) == {"source-table"} and len(rows) == 3
    assert rows.loc["window_log_loss", "value"] == pytest.approx(0.005)
    assert rows.loc["window_log_loss", ["baseline", "source"]].tolist() == [0.04, 0.0123]
    # Five of five in every seed: the interval is that of five trials, not of none.
    assert rows.loc["window_recall", "value"] == 1 and 0.5 < rows.loc["window_recall", "low"] < 0.6


def test_mistakes_are_blamed_on_what_sounded_meanwhile():
    truth = pd.DataFrame(
        [(10.0, 14.0, "sequence", 3.0), (30.0, 40.0, "endless", 9.0)],
        columns=["start", "stop", "kind", "snr_db"],
    ).assign(seed=1, seconds=600.0, appliance="appliance-1-0")
    spans = [(10.1, 14.0, 0.99), (31.0, 36.0, 0.8), (50.0, 55.0, 0.9), (60.0, 66.0, 0.1)]
    candidates = pd.DataFrame(spans, columns=["start", "stop", "score"]).assign(
        seed=1, system="detector", appliance="", tone=3_000.0, groups=4.0
    )
    candidates["decided"] = candidates["stop"] + 0.5
    wrong = reports.mistakes(candidates, truth, 0.5)
    assert wrong["kind"].tolist() == ["none", "endless"] and wrong["start"].tolist() == [50, 31]
    assert wrong.loc[1, "snr_db"] == 9
    assert len(reports.mistakes(candidates, truth, 0.95)) == 0
