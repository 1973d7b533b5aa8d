"""The source's two stages: its recipe, its labels, its numbers, and what they hide."""

import numpy as np
import pytest

from lib import corpora
from lib.beeps import homes, sequences, studied_windows, tones


def tone(seconds=0.5, frequency=4_000, level=0.5, rate=16_000):
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(
        np.float32
    )


def test_spectra_are_those_of_the_formula():
    signal = np.random.default_rng(0).standard_normal(4_000).astype(np.float32)
    windows = tones.tone_windows(signal)
    assert windows.shape == (21, 2_400)
    naive = 20 * np.log10(
        np.abs(np.fft.rfft(windows[3] * np.blackman(2_400), 4_800))[:2_400] + 1e-6
    )
    np.testing.assert_allclose(tones.tone_spectra(windows)[3], naive, atol=1e-3)


def test_the_rule_and_band_energy_hear_the_tone_and_nothing_else():
    heard = tones.tone_spectra(tones.tone_windows(tone()))
    low = tones.tone_spectra(tones.tone_windows(tone(frequency=1_000)))
    assert tones.rule(heard).all() and not tones.rule(low).any()
    assert tones.band_energy(heard).min() > tones.band_energy(low).max() + 20
    loudest = heard.argmax(axis=1) * tones.BIN_HZ
    np.testing.assert_allclose(loudest, 4_000, atol=tones.BIN_HZ)


def test_working_in_blocks_changes_nothing():
    windows = tones.tone_windows(np.random.default_rng(1).standard_normal(30_000).astype("f"))
    np.testing.assert_array_equal(
        tones.by_block(windows, tones.rule), tones.rule(tones.tone_spectra(windows))
    )


def test_sounds_without_a_window_are_refused():
    with pytest.raises(ValueError, match="150 ms"):
        tones.tone_windows(np.zeros(160))
    with pytest.raises(ValueError, match="one channel|150 ms"):
        tones.tone_windows(np.zeros((2, 5_000)))


def test_the_networks_have_the_published_and_the_small_size():
    published, small = tones.build_published_net(), tones.build_small_net()
    assert published.count_params() == 2_021_905 and published.output_shape == (None, 1)
    assert small.count_params() < 2_000


def test_the_small_network_learns_the_tone_from_noise():
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((120, 2_400)).astype("f") * 0.1
    noise[:60] += tone(0.15)[:2_400] * rng.uniform(0.2, 1, (60, 1)).astype("f")
    truth = np.arange(120) < 60
    import keras

    keras.utils.set_random_seed(0)
    model = tones.build_small_net()
    history = tones.train_tone(model, tones.tone_spectra(noise)[::2], truth[::2], epochs=12)
    assert history["loss"][-1] < history["loss"][0]
    answers = tones.answers_of(model, noise[1::2])
    assert np.mean((answers > 0.5) == truth[1::2]) > 0.9


def test_every_twentieth_answer_and_windows_of_forty():
    stream = sequences.reduce_answers(np.arange(2_000) % 40 < 20)
    assert stream.shape == (100,) and stream[:4].tolist() == [True, False, True, False]
    values = (np.random.default_rng(0).random(103) < 0.5).astype(int)
    windows = sequences.stream_windows(values, stride=10)
    assert windows.shape == (11, 40)
    np.testing.assert_array_equal(windows[3], values[30:70])
    np.testing.assert_array_equal(windows[10], np.r_[values[100:], np.zeros(37)])
    with pytest.raises(ValueError, match="0 and 1"):
        sequences.stream_windows(np.array([0.5, 1]))


def test_nineteen_ones_are_a_response():
    windows = np.zeros((3, 40), int)
    windows[0, :18], windows[1, :19], windows[2] = 1, 1, 1
    assert sequences.responses(windows).tolist() == [0, 1, 1]


def test_the_published_network_has_its_size():
    assert sequences.build_sequence_lstm().count_params() == 19_721


def test_always_no_scores_the_published_accuracy():
    truth = np.repeat([1, 0], [5, 655])
    scores = sequences.window_scores(truth, np.full(660, 0.01))
    assert scores["accuracy"] == 655 / 660 and round(scores["accuracy"], 4) == 0.9924
    assert scores["recall"] == 0 and scores["found"] == 0


def test_one_per_cent_is_seventy_two_false_alarms_an_hour():
    assert sequences.false_alarms_per_hour(0.01) == pytest.approx(72)


def test_the_best_threshold_lies_in_the_gap():
    truth, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])
    assert sequences.best_threshold(truth, score) == pytest.approx(0.4)
    equal = sequences.best_threshold(np.array([1, 0, 0]), np.array([0.5, 0.5, 0.1]))
    assert equal <= 0.5


def test_the_matched_filter_prefers_the_rhythm_to_a_steady_tone():
    rhythm = np.tile([1] * 6 + [0] * 4, 4)
    rows = np.stack([rhythm, np.roll(rhythm, 5), np.ones(40, int), np.zeros(40, int)])
    score = sequences.matched_score(rows)
    assert score[0] == pytest.approx(1) and score[:2].min() > score[2:].max() + 0.3


def test_training_one_class_is_refused():
    with pytest.raises(ValueError, match="both classes"):
        sequences.train_sequence(np.zeros((5, 40)), np.zeros(5))


def test_the_network_learns_the_count_and_can_be_repeated():
    rng = np.random.default_rng(3)
    windows = (rng.random((256, 40)) < rng.uniform(0, 1, (256, 1))).astype(int)
    truth = sequences.responses(windows)
    recipe = sequences.Recipe("adam", 1e-2, epochs=6)
    (model, log), (again, _) = (sequences.train_sequence(windows, truth, recipe, 1) for _ in "ab")
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    score = sequences.predict(model, windows)
    assert sequences.window_scores(truth, score)["AUC"] > 0.9
    np.testing.assert_allclose(score, sequences.predict(again, windows), atol=1e-4)


def test_equal_weights_are_taken_back():
    score = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    np.testing.assert_allclose(sequences.unweighted(score, 0.5), score)
    rare = sequences.unweighted(score, 0.01)
    assert rare[2] == pytest.approx(0.01) and (np.diff(rare) > 0).all()
    assert rare[[0, -1]].tolist() == [0, 1]


def test_the_stream_of_a_clean_sequence_is_its_groups():
    home = homes.washer_home(7_300, 30.0, snr=(15, 20), sequences_per_minute=8,
                                       decoys_per_minute=0, disturbances_per_minute=0)  # fmt: skip
    stream = homes.tone_stream(home.signal)
    begin = home.sequences["start"].iloc[0]
    first = round(10 * (begin - 0.075)) + 1
    assert abs(len(stream) - 300) < 4 and not stream[: first - 3].any()
    heard = stream[first - 3 : first + 36]
    # Four groups; what the room adds to each is less than 0.3 s.
    assert np.sum(np.diff(heard) == 1) == 4 and 18 <= heard.sum() <= 30


def test_streams_of_homes_have_both_classes_and_keep_homes_apart():
    windows, truth, first = studied_windows.stream_data([7_000], [7_100])
    assert windows.shape[1] == 40 and len(windows) == len(truth) > first > 0
    assert 0 < truth.mean() < 0.2


def test_parts_in_time_hold_whole_sequences_and_all_rows():
    truth = np.zeros(100, int)
    truth[[10, 11, 12, 30, 31, 60, 61, 90]] = 1
    parts = studied_windows.time_parts(truth, 4)
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(100))
    assert [truth[part].sum() for part in parts] == [3, 2, 2, 1]
    with pytest.raises(ValueError, match="4 sequences"):
        studied_windows.time_parts(truth, 5)


def test_rows_kept_out_share_no_answer_with_those_trained_on(monkeypatch):
    rng = np.random.default_rng(5)
    truth = np.zeros(300, int)
    for start in (20, 100, 180, 260):
        truth[start : start + 3] = 1
    windows, seen = np.arange(300)[:, None].repeat(40, axis=1), []

    def score(known, answers, others, recipe, seed):
        reach = sequences.WIDTH // sequences.STRIDE
        assert np.abs(known[:, :1] - others[:, 0]).min() > reach and answers.sum() == 9
        seen.extend(others[:, 0])
        return rng.random(len(others))

    monkeypatch.setattr(studied_windows, "trained_score", score)
    tables = {("source-table", 5): (windows, truth, 290)}
    row = studied_windows.held_out_scores(tables, "source-table", 5, "published", 0)
    assert sorted(seen) == list(range(290)) and row["log-loss"] > 0


def test_the_least_loss_on_rows_kept_out_chooses():
    import pandas as pd

    rows = [("a", "one", 0.2), ("a", "one", 0.4), ("a", "two", 0.1), ("a", "two", 0.6)]
    table = pd.DataFrame(rows, columns=["corpus", "recipe", "log-loss"])
    assert studied_windows.chosen_recipes(table).to_dict() == {"a": "one"}


def test_a_stopped_study_goes_on(tmp_path, monkeypatch):
    made = []

    def scores(data, recipe, seed):
        made.append((recipe, seed))
        return {"log-loss": 0.1 * seed}

    monkeypatch.setattr(studied_windows, "recipe_scores", scores)
    monkeypatch.setattr(studied_windows, "table_data", lambda stride: None)
    plan = [("source-table", 5, "published", 2)]
    studied_windows.windows(tmp_path, plan, choice=False)
    plan = [("source-table", 5, "published", 3), ("source-table", 10, "Adam", 1)]
    table = studied_windows.windows(tmp_path, plan, choice=False)
    assert made == [("published", 0), ("published", 1), ("published", 2), ("Adam", 0)]
    assert table["stride"].tolist() == [5, 5, 5, 10]


@pytest.mark.real("beeps")
def test_the_source_table_is_the_published_one():
    windows, truth, first = studied_windows.table_data()
    assert windows.shape == (2_760, 40) and truth.sum() == 17 and truth[first:].sum() == 5
    np.testing.assert_array_equal(sequences.responses(windows), truth)
    stream = corpora.load("beeps").reduced_stream()
    np.testing.assert_array_equal(sequences.stream_windows(stream)[:2_756], windows[:2_756])
    assert len(studied_windows.table_data(10)[0]) == 1_380


@pytest.mark.real("beeps")
def test_counting_ones_is_the_label_itself():
    table = studied_windows.baseline_scores(studied_windows.table_data()).set_index("recipe")
    assert table.loc["count of ones", "average precision"] == 1
    assert table.loc["always no", "accuracy"] == 655 / 660


def test_tables_that_are_missing_or_others_are_named(tmp_path):
    import soundfile

    folder = tmp_path / "beeps"
    folder.mkdir()
    soundfile.write(folder / "washer.wav", tone(1.0), 16_000)
    corpus = corpora.load("beeps", tmp_path)
    assert len(corpus.signal(0)) == 16_000 and corpus.table["split"].tolist() == ["test"]
    with pytest.raises(FileNotFoundError, match="labeled_rnn_input_data"):
        corpus.source_table()
    (folder / "labeled_rnn_input_data.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="fetch"):
        corpus.source_table()
    (folder / "labeled_rnn_input_data.csv").write_text("")
    with pytest.raises(ValueError, match="no table"):
        corpus.source_table()


def test_household_noise_is_grouped_by_recording_and_reports_strangers(tmp_path):
    import soundfile

    folder = tmp_path / "household_noise" / "001 - Dog bark"
    folder.mkdir(parents=True)
    for name in ("1-100032-A", "1-100032-B", "mine"):
        soundfile.write(folder / f"{name}.wav", tone(0.2, rate=44_100), 44_100)
    corpus = corpora.load("household_noise", tmp_path)
    assert corpus.table["group"].tolist() == ["100032", "100032"]
    assert corpus.table["label"].tolist() == ["Dog bark"] * 2 and len(corpus.report) == 1
    assert len(corpus.signal(0)) == pytest.approx(3_200, abs=2)


@pytest.mark.parametrize("name", ["beeps", "household_noise"])
def test_an_empty_folder_is_named(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(FileNotFoundError, match="fetch"):
        corpora.load(name, tmp_path)
