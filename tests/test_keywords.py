"""The keyword room on clips whose words are tones: cheap, and separable by design."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from lib import audio, evaluation, keywords
from lib.corpora import ClipCorpus
from lib.keywords import (
    anchors,
    cost,
    experiment,
    heads,
    networks,
    pictures,
    report,
    representations,
    ship,
    streams,
    tables,
)
from lib.keywords.fitting import Trainer

WORDS = ("high", "low", "rise")
SMALL = keywords.Sizes(unlabelled=120, labelled=60, test=60)
LESS = keywords.Sizes(unlabelled=60, labelled=40, test=60)


def sung(word, speaker, rng):
    """A tone whose course is the word and whose pitch is the speaker."""
    time = np.arange(16_000) / 16_000
    course = {"high": 3 + 0 * time, "low": 0.8 + 0 * time, "rise": 0.8 + 2.2 * time}[word]
    pitch = 500 * (1 + 0.01 * speaker) * course
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / 16_000)
    gate = (time > 0.2) & (time < 0.8)
    return 0.3 * tone * gate + rng.normal(0, 0.01, 16_000)


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(0)
    parts = {"train": 8, "validation": 4, "test": 4}
    rows, clips, speaker = [], [], 0
    for split, n_speakers in parts.items():
        for _ in range(n_speakers):
            for i in range(15):
                word = WORDS[i % 3]
                rows.append((f"{speaker}-{i}", f"s{speaker:02d}", split, word, 1.0, len(rows)))
                clips.append(sung(word, speaker, rng))
            speaker += 1
    table = pd.DataFrame(rows, columns=["item", "group", "split", "label", "duration", "clip"])
    return ClipCorpus("tones", table, np.round(np.stack(clips) * 32767).astype(np.int16))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("WTW_CACHE", str(tmp_path_factory.getbasetemp() / "kw-cache"))


# Draws


def test_a_large_corpus_is_drawn_as_in_the_paper(corpus):
    drawn = keywords.draw(corpus, 0, SMALL)
    split = corpus.table["split"].to_numpy()
    assert len(drawn.unlabelled) == 120 and set(split[drawn.unlabelled]) == {"train"}
    assert len(drawn.train) == len(drawn.stop) == 30
    assert set(split[drawn.train]) == set(split[drawn.stop]) == {"validation"}
    assert not set(drawn.train) & set(drawn.stop)
    assert set(split[drawn.test]) == {"test"} and len(drawn.test) == 60


def test_every_repeat_draws_anew_and_the_same_again(corpus):
    first, again, other = (keywords.draw(corpus, i, LESS) for i in (0, 0, 1))
    for part in ("unlabelled", "train", "stop"):
        a, b, c = (getattr(d, part) for d in (first, again, other))
        assert np.array_equal(a, b) and set(a) != set(c)


def test_a_small_corpus_pools_training_and_validation_speakers(corpus):
    drawn = keywords.draw(corpus, 0, keywords.Sizes(labelled=1000))
    speakers = corpus.table["group"].to_numpy()
    sets = [set(speakers[getattr(drawn, part)]) for part in ("train", "stop", "test")]
    assert [len(s) for s in sets] == [9, 3, 4] and len(set.union(*sets)) == 16


def test_too_few_labels_are_refused(corpus):
    few = corpus.select(~((corpus.table["label"] == "low") & (corpus.table["split"] != "test")))
    with pytest.raises(ValueError, match="Too few labels in tones for low"):
        keywords.draw(few)
    with pytest.raises(ValueError, match="has no test part"):
        keywords.draw(corpus.select(corpus.table["split"] != "test"))
    with pytest.raises(ValueError, match="2 labels are too few for 3 words"):
        experiment.few_labels(np.array([0, 1, 2, 0, 1, 2]), 2, 0)


def test_few_labels_share_out_the_words():
    words = np.array([0] * 50 + [1] * 5 + [2] * 50)
    chosen = words[experiment.few_labels(words, 12, 0)]
    assert np.bincount(chosen).tolist() == [4, 4, 4]


# Networks and their training


def test_the_networks_have_the_published_shapes():
    model = networks.build_autoencoder()
    assert model.get_layer("code").output.shape == (None, 75)
    assert [o.shape[1] for o in model.outputs] == [640, 1]
    sizes = [layer.units for layer in model.layers if hasattr(layer, "units")]
    assert sorted(sizes) == sorted([300, 150, 75, 300, 640, 50, 1])
    assert networks.build_dense_head(75, 30).layers[1].units == (75 + 30) // 2
    assert networks.build_supervised(30).count_params() < 100_000


def test_the_compiled_loop_is_keras_fit():
    import keras

    def build():
        keras.utils.set_random_seed(3)
        x = keras.Input((6,))
        hidden = keras.layers.BatchNormalization()(keras.layers.Dense(8, use_bias=False)(x))
        both = keras.layers.PReLU()(hidden)
        return keras.Model(x, [keras.layers.Dense(6)(both), keras.layers.Dense(1)(both)])

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(64, 6)).astype("f")
    targets = [inputs, inputs[:, :1] ** 2]
    loss = keras.losses.mean_squared_error
    trainer = Trainer(build, keras.optimizers.Adamax, [loss, loss])
    model, log = trainer.fit(inputs, targets, epochs=3, seed=5)
    twin, rng = build(), np.random.default_rng(5)
    twin.compile("adamax", loss=[loss, loss])
    for epoch in range(3):
        order = rng.permutation(64)
        shuffled = [target[order] for target in targets]
        history = twin.fit(inputs[order], shuffled, batch_size=32, shuffle=False, verbose=0)
        assert log["loss"][epoch] == pytest.approx(history.history["loss"][0], rel=1e-3)
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)
    again, _ = trainer.fit(inputs, targets, epochs=3, seed=5)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_training_refuses_what_it_cannot_learn_from():
    import keras

    def build():
        x = keras.Input((2,))
        return keras.Model(x, keras.layers.Dense(1)(x))

    trainer = Trainer(build, keras.optimizers.Adam, [keras.losses.mean_squared_error])
    good, bad = np.ones((4, 2), "f"), np.full((4, 1), np.nan, "f")
    with pytest.raises(ValueError, match="NaN"):
        trainer.fit(good, [bad], 1)
    with pytest.raises(ValueError, match="lengths"):
        trainer.fit(good, [bad[:2]], 1)
    with pytest.raises(ValueError, match="2 targets for 1 outputs"):
        trainer.fit(good, [good, good], 1)


# Representations


def test_a_position_is_the_cosine_distance():
    mel = np.random.default_rng(0).random((5, 8)).astype("f")
    anchor = representations.mean_anchor(mel)
    naive = [1 - a @ anchor[0] / np.sqrt((a @ a) * (anchor[0] @ anchor[0])) for a in mel]
    np.testing.assert_allclose(representations.positions(mel, anchor)[:, 0], naive, atol=1e-6)
    np.testing.assert_allclose(cost.anchor_distances(mel), naive, atol=1e-6)
    pairs = cost.all_pairs(mel)
    assert pairs[1, 3] == pytest.approx(
        1 - mel[1] @ mel[3] / np.sqrt((mel[1] @ mel[1]) * (mel[3] @ mel[3])), abs=1e-5
    )


def test_unknown_representations_and_too_few_clips_are_refused(corpus):
    clips = keywords.features_of(corpus)
    with pytest.raises(ValueError, match="take one of mfcc"):
        representations.fit("wavelets", clips, np.arange(100))
    with pytest.raises(ValueError, match="40 unlabelled clips"):
        representations.fit("pca-75", clips, np.arange(40))


def test_places_are_the_naive_distances(corpus):
    log_mel = keywords.features_of(corpus).log_mel[:30]
    places = anchors.Places(log_mel, np.random.default_rng(0))
    level = anchors.levelled(log_mel[:1])[0]
    near = []
    for start in range(0, 101 - anchors.WIDTH + 1, anchors.STRIDE):
        # The windows lie band by band in memory.
        piece = level[start : start + anchors.WIDTH].T.ravel()
        white = (piece - places.mean) @ places.whitening
        distance = np.array([np.linalg.norm(white - a) for a in places.anchors])
        near.append(np.maximum(distance.mean() - distance, 0))
    edges = np.linspace(0, len(near), anchors.SEGMENTS + 1).round().astype(int)
    segments = [np.mean(near[a:b], axis=0) for a, b in pairwise(edges)]
    naive = [segment @ places.reduction for segment in segments]
    np.testing.assert_allclose(places(log_mel[:1])[0], np.ravel(naive), atol=2e-3)


def test_hearing_again_without_any_change_is_hearing(monkeypatch):
    log_mel = np.random.default_rng(0).normal(-40, 5, (4, 101, 40)).astype("f")

    class Still:
        uniform = staticmethod(
            lambda low, high, size: np.full(size, 60 if high == 60 else (low + high) / 2)
        )
        normal = staticmethod(lambda mean, deviation, size: np.zeros(size))
        standard_exponential = staticmethod(lambda shape, kind: np.zeros(shape, kind))

    np.testing.assert_allclose(anchors.hear_again(log_mel, Still()), log_mel, atol=1e-3)
    changed = anchors.hear_again(log_mel, np.random.default_rng(1))
    assert np.abs(changed - log_mel).mean() > 1 and np.isfinite(changed).all()


def test_invariant_directions_drop_what_hearings_change():
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(500, 3))
    again = [plain + rng.normal(size=(500, 3)) * [5.0, 0.1, 0.1] for _ in range(2)]
    mean, directions = anchors.invariant_directions(plain, again, 2)
    assert mean.shape == (3,) and directions.shape == (3, 2)
    assert np.abs(directions[0]).max() < 0.1 * np.abs(directions[1:]).max()


# The experiment


@pytest.fixture(scope="module")
def counts(corpus, tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept") / "counts.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WTW_CACHE", str(tmp_path_factory.getbasetemp() / "kw-cache"))
        for repeat in range(2):
            names = ("mfcc", "pca-75", "position-ae", "ours")
            found = keywords.run_repeat(
                corpus, repeat, names, SMALL, epochs=3, label_steps=(3, 6), kept=kept
            )
    return found, kept


def test_the_experiment_counts_every_test_clip(counts):
    found, kept = counts
    assert (found.groupby(experiment.KEY)["clips"].sum() == 60).all()
    heads_of = found.groupby("representation")["head"].unique().map(set)
    assert heads_of["mfcc"] == {"linear", "dense", "cnn"}
    assert heads_of["ours"] == {"linear", "dense"}
    assert set(found["labels"]) == {3, 6, 30}
    pd.testing.assert_frame_equal(keywords.read_counts(kept), found, check_dtype=False)


def test_tones_are_told_apart(counts):
    share, low, high = keywords.accuracy(counts[0], representation="ours", head="linear", labels=30)
    assert low <= share <= high and share > 0.9


def test_a_killed_run_goes_on(counts, corpus, monkeypatch):
    found, kept = counts
    monkeypatch.setattr(representations, "fit", lambda *a: pytest.fail("it was there already"))
    again = keywords.run_repeat(corpus, 1, ("mfcc", "ours"), SMALL, kept=kept)
    assert len(again) == len(found)


def test_gain_is_the_difference_on_the_same_clips(counts):
    ways = [dict(representation=n, head="linear", labels=30) for n in ("ours", "mfcc")]
    value, low, high = keywords.gain(counts[0], *ways)
    shares = [keywords.accuracy(counts[0], **way)[0] for way in ways]
    assert value == pytest.approx(shares[0] - shares[1]) and low <= value <= high
    with pytest.raises(ValueError, match="Nothing was counted"):
        keywords.accuracy(counts[0], representation="none")


def test_a_head_needs_each_word():
    values, words = np.zeros((4, 3), "f"), np.array([0, 0, 2, 2])
    with pytest.raises(ValueError, match="No label for word number 1"):
        heads.fit("linear", (values, words), (values, words), 3)
    with pytest.raises(ValueError, match="take one of linear"):
        heads.fit("forest", (values, words), (values, words), 3)


# The paper's results file


def test_precision_and_recall_are_the_right_way_round():
    # "yes" is answered three times, right once; it occurs once.
    rows = [("yes", "yes", 1), ("no", "yes", 2), ("no", "no", 7)]
    counted = pd.DataFrame(rows, columns=["word", "predicted", "clips"])
    scores = tables.precision_recall(counted)
    assert scores.loc["yes", "precision"] == pytest.approx(1 / 3)
    assert scores.loc["yes", "recall"] == 1
    from sklearn.metrics import precision_score

    truth, answer = (np.repeat(counted[k], counted["clips"]) for k in ("word", "predicted"))
    assert precision_score(truth, answer, pos_label="yes") == pytest.approx(1 / 3)
    # The source's call: precision of (answer, truth), which is the recall.
    assert precision_score(answer, truth, pos_label="yes") == scores.loc["yes", "recall"]


def test_the_results_file_has_the_papers_columns(counts, tmp_path, monkeypatch):
    monkeypatch.setenv("FIGURES_DIR", str(tmp_path))
    path = tables.write(counts[0], "tones")
    table = pd.read_csv(path)
    assert ",".join(table.columns) == (
        "wercm,cmpresi,cmrecal,cmavpresi,cmavrecal,wer_v_p,appresi,aprecal,apavpresi,apavrecal"
    )
    errors = [
        1 - keywords.accuracy(counts[0], representation="mfcc", head="cnn", labels=30, repeat=r)[0]
        for r in range(2)
    ]
    np.testing.assert_allclose(table["wercm"], errors, atol=1e-5)
    assert table[["wercm", "wer_v_p"]].max(axis=None) <= 1
    summed = pd.read_csv(path.with_name("tones_summary.csv"), index_col=0)
    assert summed.loc["wercm", "mean"] == pytest.approx(np.mean(errors), abs=1e-5)
    with pytest.raises(ValueError, match="no position-ae with the dense head"):
        tables.paper_table(counts[0][counts[0]["representation"] == "mfcc"])


def test_all_pairs_cost_grows_with_the_square():
    mel = np.random.default_rng(0).random((400, 512)).astype("f")
    measured = cost.measure(mel, (100, 400))
    pairs = measured[measured["way"] == "all pairs"].set_index("clips")
    anchor = measured[measured["way"] == "anchor"].set_index("clips")
    assert pairs.loc[400, "distances"] == 400 * 399 // 2 and anchor.loc[400, "distances"] == 400
    assert pairs.loc[400, "megabytes"] >= 400 * 400 * 4 / 1e6
    assert anchor.loc[400, "megabytes"] < pairs.loc[400, "megabytes"]
    with pytest.raises(ValueError, match="500 clips were asked for"):
        cost.measure(mel, (500,))


# Training and spotting


@pytest.fixture(scope="module")
def spotter(corpus, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WTW_CACHE", str(tmp_path_factory.getbasetemp() / "kw-cache"))
        return keywords.train(corpus, sizes=SMALL)


def test_train_and_evaluate_on_a_corpus(corpus, spotter):
    scores = keywords.evaluate(spotter, corpus)
    assert scores["accuracy"][0] > 0.9 and scores["baseline"] == pytest.approx(1 / 3)
    assert scores["answers"]["speaker"].nunique() == 4
    with pytest.raises(ValueError, match="does not go with"):
        keywords.train(corpus, "ours", "cnn")
    with pytest.raises(ValueError, match="does not know low, rise"):
        keywords.evaluate(keywords.Spotter(["high"], None), corpus)


def by_crossings(clips):
    """Probabilities of high, low and nothing by loud samples and their zero crossings."""
    rows = []
    for clip in clips.clips:
        # A whole word has 0.6 s of tone; its sine is above 0.1 for about 0.78 of that.
        share = min(1.0, (np.abs(clip) > 0.1).sum() / (0.78 * 0.6 * 16_000))
        crossings = (np.diff(np.sign(clip[np.abs(clip) > 0.1])) != 0).sum() / 2
        high = crossings > 600 * share
        rows.append([share * high, share * (not high), 1 - share])
    return np.array(rows)


def test_spot_finds_the_words_of_a_recording_at_their_times():
    spotter = keywords.Spotter(["high", "low", keywords.NOTHING], by_crossings)
    rng = np.random.default_rng(9)
    quiet = rng.normal(0, 0.01, 24_000)
    pieces = [quiet, sung("high", 2, rng), quiet, sung("low", 2, rng), quiet]
    recording = np.concatenate(pieces).astype("f")
    found = keywords.spot(recording, 16_000, spotter, threshold=0.8)
    assert found["word"].tolist() == ["high", "low"]
    assert np.abs(found["start"] - [1.5, 4.0]).max() <= 0.3
    assert (found["score"] > 0.8).all() and np.allclose(found["stop"] - found["start"], 1)
    assert keywords.spot(quiet, 16_000, spotter).empty


def test_words_of_recordings_are_counted_by_speaker(corpus):
    table = corpus.part("test").table.query("label != 'rise'").reset_index(drop=True)
    part = ClipCorpus("two words", table, corpus.sounds)
    spotter = keywords.Spotter(["high", "low", keywords.NOTHING], by_crossings)
    counts = streams.counted(part, spotter, n=6, threshold=0.8)
    assert counts["speaker"].nunique() == 4 and (counts["words"] == 10).all()
    table = streams.scores(counts)
    assert (table["value"] > 0.9).all() and (table["low"] <= table["value"]).all()
    mute = keywords.Spotter(["high", "low"], lambda clips: np.full((len(clips), 2), 0.5))
    none = streams.scores(streams.counted(part, mute, n=2, threshold=0.8))
    assert (none["value"] == 0).all()


def test_a_word_is_found_once_and_only_at_its_time():
    truth = pd.DataFrame({"time": [1.0, 4.0], "word": ["high", "low"]})
    found = pd.DataFrame(
        [(0.4, 1.4, "high"), (0.7, 1.7, "high"), (4.2, 5.2, "low"), (3.5, 4.5, "high")],
        columns=["start", "stop", "word"],
    )
    assert streams.matches(found, truth) == 1
    assert streams.matches(found.assign(start=found["start"] - 0.5), truth) == 2


def test_a_window_between_two_words_holds_no_whole_word():
    rng = np.random.default_rng(0)
    clips = np.zeros((4, 16_000), np.int16)
    clips[:, 5000:11_000] = 20_000
    windows, words = ship._cut_off(clips, 60, rng)
    assert set(words) == {keywords.NOTHING} and windows.dtype == np.int16
    loud = windows > 15_000
    # Half of the 6,000 samples at either end, or both.
    assert set(loud.sum(axis=1) // 1500) <= {2, 4} and loud[:, 4000:12_000].sum() == 0
    assert 10 < (loud.sum(axis=1) > 4000).sum() < 30


def test_a_clip_gets_one_answer_at_any_rate(spotter):
    clip = sung("rise", 1, np.random.default_rng(0)).astype("f")
    for signal, rate in (
        (clip, 16_000),
        (audio.resample(clip, 16_000, 48_000), 48_000),
        (clip[: int(0.85 * 16_000)], 16_000),
    ):
        (row,) = keywords.spot(signal, rate, spotter).itertuples()
        assert row.word == "rise" and row.start == 0


@pytest.mark.parametrize(
    "signal, rate, message",
    [
        (np.zeros(16_000), 16_000, "only zeros"),
        (np.full(16_000, np.nan), 16_000, "NaN"),
        (np.ones((2, 16_000)), 16_000, "one channel"),
        (np.ones(100), 16_000, "shorter than the 0.100 s"),
        (np.ones(8_000), 8_000, "has 8000 Hz; keywords need 16000"),
    ],
)
def test_bad_sound_is_refused(signal, rate, message):
    with pytest.raises(audio.AudioError, match=message):
        keywords.spot(signal, rate)


def test_a_clip_too_long_is_sent_to_spot(spotter):
    with pytest.raises(ValueError, match="lib.keywords.spot takes any length"):
        spotter.probabilities(np.ones((1, 20_000), "f"))
    with pytest.raises(ValueError, match="choose 0 to 1"):
        keywords.spot(np.ones(16_000), 16_000, spotter, threshold=60)


def test_a_spotter_is_saved_whole_and_found_again(tmp_path):
    model = networks.build_supervised(3)
    log = pd.DataFrame({"epoch": [0], "loss": [1.0], "val_loss": [1.0]})
    ship.save(model, ["a", "b", keywords.NOTHING], log, tmp_path / "kept")
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == [
        "log.csv",
        "model.keras",
        "words.json",
    ]
    loaded = keywords.load_spotter(tmp_path / "kept")
    clip = np.random.default_rng(0).normal(0, 0.1, 16_000)
    (row,) = keywords.spot(clip, 16_000, loaded).itertuples()
    assert row.word in ("a", "b")
    with pytest.raises(FileNotFoundError, match="python -m lib.keywords.ship"):
        keywords.load_spotter(tmp_path)


# Numbers and figures


def test_rows_are_recorded_with_their_corpus_and_baseline(counts, tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTS_CSV", str(tmp_path / "results.csv"))
    report.record(counts[0], "tones", "laptop", "07_keyword_spotting")
    rows = evaluation.results().set_index(["metric", "corpus"])
    assert rows.loc[("linear_accuracy", "tones/ours"), "value"] > 0.9
    assert rows.loc[("cnn_accuracy", "tones/mfcc"), "baseline"] == pytest.approx(1 / 3)
    assert rows.loc[("ours_gain", "tones"), "source"] == report.CLAIMED_GAIN
    assert ("dense_accuracy", "tones/position-ae") in rows.index
    one = counts[0][counts[0]["speaker"] == counts[0]["speaker"].iloc[0]]
    report.record(one, "alone", "laptop", "07_keyword_spotting")
    assert not evaluation.results()["corpus"].str.startswith("alone").any()
    # There was no autoencoder without position, so nothing says what the position adds.
    assert ("position_gain", "tones") not in rows.index


def test_figures_show_what_was_counted(counts):
    found, names = counts[0], ["mfcc", "pca-75", "position-ae", "ours"]
    figure = pictures.accuracies(found, names, 1 / 3)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == names
    ways = {"benchmark": tables.BENCHMARK, "proposed": tables.PROPOSED}
    figure = pictures.per_word(found, "recall", ways)
    assert {text.get_text() for text in figure.axes[0].get_xticklabels()} == set(WORDS)
    figure = pictures.differences(found, "precision", tables.PROPOSED, tables.BENCHMARK)
    assert len(figure.axes[0].patches) == 3
    figure = pictures.label_curves(found, {"ours": ("ours", "linear"), "not run": ("no", "no")})
    assert figure.axes[0].lines[0].get_xdata().tolist() == [3, 6, 30]
    figure = pictures.at_step(found, {"ours": ("ours", "linear"), **ways}, 1)
    assert len(figure.axes[0].patches) == 1 and "6 labelled" in figure.axes[0].get_title()
    figure = pictures.class_means({"a": np.eye(6, 4), "b": np.ones((6, 3))}, np.repeat(WORDS, 2))
    assert len(figure.axes) == 2
