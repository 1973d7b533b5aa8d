"""The source's network written out by hand against the Keras original."""

import keras
import numpy as np
import pandas as pd
import pytest

from lib.sequences import models, moments, stability
from lib.sequences.loops import kernels
from lib.sequences.twin import SourceTwin


def naive_lstm(projected, recurrent, activation):
    """States (time, batch, units), gate by gate."""
    act = np.tanh if activation == "tanh" else lambda x: np.maximum(x, 0)
    h = c = np.zeros((projected.shape[1], recurrent.shape[0]))
    states = []
    for x in projected.astype(np.float64):
        i, f, a, o = np.split(x + h @ recurrent, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * act(a)
        h = o * act(c)
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_loops_agree_with_the_naive_recurrence_and_its_differences(activation):
    rng = np.random.default_rng(0)
    projected = rng.normal(size=(7, 3, 8)).astype(np.float32)
    recurrent = rng.normal(scale=0.4, size=(2, 8)).astype(np.float32)
    forward, backward = kernels(activation)
    states, memories, gates = forward(projected, recurrent)
    np.testing.assert_allclose(states, naive_lstm(projected, recurrent, activation), atol=1e-6)
    upstream = rng.normal(size=states.shape).astype(np.float32)
    slopes = backward(upstream, memories, gates, np.ascontiguousarray(recurrent.T))
    for at in [(0, 0, 0), (3, 1, 5), (2, 2, 3), (6, 0, 7)]:
        nudged = projected.astype(np.float64)
        sums = []
        for sign in (1, -1):
            nudged = projected.astype(np.float64)
            nudged[at] += sign * 1e-5
            sums.append((naive_lstm(nudged, recurrent, activation) * upstream).sum())
        assert slopes[at] == pytest.approx((sums[0] - sums[1]) / 2e-5, abs=2e-4)


@pytest.mark.parametrize(
    "switches, clip", [({}, None), ({"activation": "tanh", "batch_normalisation": False}, 0.05)]
)
def test_twin_trains_as_the_keras_original(switches, clip):
    keras.utils.set_random_seed(1)
    model = models.source_model(30, dropout=0.0, **switches)
    models.compile_as_source(model, clip)
    twin = SourceTwin(clip=clip, dropout=0.0, **switches)
    assert [v.shape for v in twin.weights.values()] == [w.shape for w in model.trainable_weights]
    for name, weight in zip(twin.weights, model.trainable_weights, strict=True):
        twin.weights[name] = weight.numpy()
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(24, 30)).astype(np.float32), rng.integers(3, size=24)
    np.testing.assert_allclose(twin.predict(x), model.predict(x[..., None], verbose=0), atol=1e-5)
    for _ in range(3):
        loss, _ = twin.step(x, y)
        kept = model.train_on_batch(x[..., None], y)
    assert loss == pytest.approx(float(kept[0]), abs=1e-4)
    for mine, keras_own in zip(twin.weights.values(), model.trainable_weights, strict=True):
        np.testing.assert_allclose(mine, keras_own, atol=2e-4)
    expected = model.predict(x[..., None], verbose=0)
    np.testing.assert_allclose(twin.predict(x), expected, atol=1e-3)


def test_moments_of_the_batch_are_those_of_training():
    twin, rng = SourceTwin(dropout=0.0, seed=1), np.random.default_rng(3)
    x, y = rng.normal(size=(64, 20)).astype(np.float32), rng.integers(3, size=64)
    as_tested, as_trained = (twin.predict(x, how) for how in ("moving", "batch"))
    np.testing.assert_allclose(twin.step(x, y)[1], as_trained, atol=1e-6)
    assert np.abs(as_tested - as_trained).max() > 0.01
    with pytest.raises(ValueError, match="not 'none'"):
        twin.predict(x, "none")


def test_moments_are_compared_on_one_training_and_resumed(tmp_path, monkeypatch):
    monkeypatch.setitem(stability.RECIPES, "tiny", stability.Recipe(epochs=2))
    table = moments.moments_study([(0, 0)], ["tiny"], tmp_path, n=300)
    runs, _ = stability.ablation({"tiny": stability.RECIPES["tiny"]}, [(0, 0)], n=300)
    assert table["moving"][0] == pytest.approx(runs["macro_f1"][0], abs=1e-4)
    assert table["moving"][0] != table["batch"][0]
    both = moments.moments_study([(0, 0), (1, 1)], ["tiny"], tmp_path, n=300)
    assert len(both) == 2 and both["batch"][0] == pytest.approx(table["batch"][0], abs=1e-4)


def test_each_way_to_fail_is_told_from_the_curve():
    curves = {
        "good": ([0.5, 1.0], 1.0),
        "stuck": ([0.3, 0.5], 0.5),
        "broke": ([0.99, 0.4], 0.4),
        "lost": ([0.9, 0.95], 0.3),
    }
    keys = {"weights_seed": 0, "draw": 0}
    runs = [
        {"name": n, "macro_f1": test, "accuracy": test} | keys for n, (_, test) in curves.items()
    ]
    logs = [
        {"name": n, "epoch": e, "accuracy": a} | keys
        for n, (accuracies, _) in curves.items()
        for e, a in enumerate(accuracies)
    ]
    table = moments.ways_to_fail(pd.DataFrame(runs), pd.DataFrame(logs[::-1]))
    assert (table["runs"] == 1).all()
    assert table["collapsed"].tolist() == [0, 1, 1, 1]
    assert table["never learnt"].tolist() == [0, 1, 0, 0]
    assert table["broke in training"].tolist() == [0, 0, 1, 0]
    assert table["lost in the test"].tolist() == [0, 0, 0, 1]


def test_parameters_are_as_many_as_the_source_counts():
    model = models.source_model()
    assert model.count_params() == 4259
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 4195
    assert sum(w.size for w in SourceTwin().weights.values()) == 4195
