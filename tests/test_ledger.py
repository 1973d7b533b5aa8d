"""The ledger: its ways compute the same, its tables are whole, and it goes on where it stopped."""

import numpy as np
import pandas as pd
import pytest

from lib import discovery, ledger
from lib.ledger import listening, steps
from lib.ledger.measures import MEASURES, read

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("way", ["scipy", "librosa", "ours"])
def test_every_spectrogram_is_that_of_the_loop(way):
    signal = RNG.normal(0, 0.01, 9_600).astype(np.float32)
    expected = listening.SPECTROGRAMS["loop over frames"](signal)
    actual = listening.SPECTROGRAMS[way](signal)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_every_warping_gives_the_same_distance():
    a, b = RNG.normal(size=(9, 4)), RNG.normal(size=(13, 4))
    ours = discovery.distance_matrix([a, b])[0, 1]
    assert listening.loop_distance(a, b) == pytest.approx(ours)
    assert listening.librosa_distance(a, b) == pytest.approx(ours)


def test_times_of_warping_are_those_of_a_pair():
    table = ledger.warping_times(n=20, pairs=10, repeats=1).set_index("way")["cpu_seconds"]
    assert set(table.index) == {"Python loop", "librosa", "dtaidistance", "ours"}
    assert table["Python loop"] > 10 * table["ours"] > 0


def test_calls_take_turns_after_an_uncounted_round():
    order = []
    calls = {("a",): lambda: order.append("a"), ("b",): lambda: order.append("b")}
    table = ledger.in_turn(calls, ("way",), 2)
    assert order == ["a", "b"] * 3
    assert table[["way", "repeat"]].values.tolist() == [["a", 0], ["b", 0], ["a", 1], ["b", 1]]
    assert (table[["seconds", "cpu_seconds"]] >= 0).all(axis=None)


def test_ratios_are_round_by_round():
    rows = [("slow", 0, 6.0), ("fast", 0, 2.0), ("slow", 1, 8.0), ("fast", 1, 4.0)]
    table = pd.DataFrame(rows, columns=["way", "repeat", "cpu_seconds"])
    assert ledger.ratios(table, "fast")["slow"].tolist() == [3.0, 2.0]


@pytest.mark.parametrize("part", steps.PARTS)
def test_stock_and_fused_parts_have_the_same_weights_and_answer(part):
    stock, fused = steps.part_model(part, True), steps.part_model(part, False)
    fused.set_weights(stock.get_weights())
    window = RNG.normal(size=(1, 128, 256, 1)).astype(np.float32)
    expected = np.squeeze(stock(window))
    np.testing.assert_allclose(np.squeeze(fused(window)), expected, atol=1e-4)


def test_the_fused_step_is_faster_and_smaller_than_the_stock_one():
    """Far below the ratios of the ledger: this must hold on any machine, however busy."""
    times = ledger.layer_times(1, 1, ("deconvolution",), ("stock, compiled", "fused"))
    assert ledger.ratios(times, "fused", ("part",))["stock, compiled"].iloc[0] > 1.5
    memory = ledger.step_memory(2).set_index("way")["megabytes"]
    assert memory["stock"] > 2 * memory["fused"] > 0


def test_the_roofline_compares_with_the_fastest_product():
    speed = pd.DataFrame({"dtype": "float32", "rows": [1, 1, 2], "gflops": [50.0, 100.0, 20.0]})
    columns = ["part", "way", "batch", "cpu_seconds"]
    times = pd.DataFrame([("deconvolution", "fused", 10, 1.0)], columns=columns)
    table = ledger.roofline(speed, times).set_index("part")
    # Four products of 128 x 256 patches of 64 with 256 filters, at 75 GFLOP/s.
    assert table.loc["deconvolution", "floor_ms"] == pytest.approx(57.27, abs=0.01)
    assert table.loc["deconvolution", "share"] == pytest.approx(0.573, abs=0.001)


def test_what_was_measured_is_kept_until_asked_again(tmp_path, monkeypatch):
    runs = []
    monkeypatch.setitem(MEASURES, "machine", lambda: runs.append(1) or pd.DataFrame({"x": runs}))
    assert ledger.measure(["machine"], tmp_path) == ["machine"]
    assert ledger.measure(["machine"], tmp_path) == []
    assert ledger.measure(["machine"], tmp_path, again=True) == ["machine"]
    assert read("machine", tmp_path)["x"].tolist() == [1, 1]


def test_a_measurement_that_stops_leaves_nothing(tmp_path, monkeypatch):
    def stops():
        raise KeyboardInterrupt

    monkeypatch.setitem(MEASURES, "machine", stops)
    with pytest.raises(KeyboardInterrupt):
        ledger.measure(["machine"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_and_missing_measurements_say_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="no such measurement"):
        ledger.measure(["weather"], tmp_path)
    with pytest.raises(FileNotFoundError, match="python -m lib.ledger speed"):
        ledger.read("speed", tmp_path)


def test_a_longer_file_takes_hardly_more_memory():
    table = ledger.length_memory(minutes=(1, 3))
    short, long = table["megabytes"]
    assert long < 1.3 * short and (table["seconds"] > 0).all()


def test_trainings_are_timed_in_minutes():
    table = ledger.training_times(["MiniRocket, twelve kinds"])
    assert table["system"].tolist() == ["sequences"] and 0 < table["minutes"][0] < 10
