"""The fused layers against the stock ones they stand for."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from lib import layers

# Pictures (batch, time, frequency) with patches a block: odd sizes, blocks that do not divide.
SHAPES = [((1, 37, 53), 300), ((3, 16, 24), 4096), ((2, 5, 9), 1)]


def stock_conv_max(picture, filters=6):
    volume = keras.layers.Conv2D(filters, 8, padding="same", activation="relu")(picture)
    return keras.ops.max(volume, axis=2)


def stock_deconvolution(picture, filters=6):
    volume = keras.layers.Conv2DTranspose(filters, 8, padding="same", activation="relu")(picture)
    return keras.layers.Conv2DTranspose(1, 1, padding="same")(volume)


STOCK = {layers.ConvMax: stock_conv_max, layers.FusedDeconvolution: stock_deconvolution}
both_layers = pytest.mark.parametrize("layer", STOCK)


def build_pair(layer, frames, bins, chunk_patches=100):
    """The stock and the fused model with the same random weights, biases included."""
    picture = keras.Input((frames, bins, 1))
    stock = keras.Model(picture, STOCK[layer](picture))
    fused = keras.Model(picture, layer(6, chunk_patches=chunk_patches)(picture))
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.3, weight.shape) for weight in stock.get_weights()]
    for model in (stock, fused):
        model.set_weights(weights)
    return stock, fused


def value_and_gradients(model, picture, upstream):
    picture = tf.convert_to_tensor(picture)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        value = model(picture)
        loss = tf.reduce_sum(value * upstream)
    return [value, *tape.gradient(loss, [picture, *model.trainable_variables])]


def assert_close(actual, expected, tolerance=1e-4):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def assert_same_gradients(fused, stock, *arguments):
    expected = value_and_gradients(stock, *arguments)
    for ours, theirs in zip(value_and_gradients(fused, *arguments), expected, strict=True):
        assert_close(ours, theirs)


@both_layers
@pytest.mark.parametrize(("shape", "chunk_patches"), SHAPES)
def test_value_and_every_gradient_equal_the_stock_layers(layer, shape, chunk_patches):
    rng = np.random.default_rng(1)
    stock, fused = build_pair(layer, *shape[1:], chunk_patches)
    picture = rng.normal(size=(*shape, 1)).astype(np.float32)
    upstream = rng.normal(size=stock(picture).shape).astype(np.float32)
    assert_same_gradients(fused, stock, picture, upstream)


@both_layers
def test_full_size_window_equals_the_stock_layers(layer):
    """In double precision: of 8 million sums some lie so near the kink of the ReLU that single
    precision puts them on either side, and a gradient jumps there."""
    keras.config.set_dtype_policy("float64")
    try:
        rng = np.random.default_rng(2)
        picture = keras.Input((128, 256, 1))
        stock = keras.Model(picture, STOCK[layer](picture, 256))
        fused = keras.Model(picture, layer(256)(picture))
    finally:
        keras.config.set_dtype_policy("float32")
    fused.set_weights(stock.get_weights())
    data = rng.normal(size=(1, 128, 256, 1))
    upstream = rng.normal(size=stock(data).shape)
    assert_same_gradients(fused, stock, data, upstream)


@both_layers
def test_full_size_window_gives_the_value_of_the_stock_layers(layer):
    picture = keras.Input((128, 256, 1))
    stock = keras.Model(picture, STOCK[layer](picture, 256))
    fused = keras.Model(picture, layer(256)(picture))
    fused.set_weights(stock.get_weights())
    data = np.random.default_rng(2).normal(size=(1, 128, 256, 1)).astype(np.float32)
    assert_close(fused(data), stock(data))


@both_layers
def test_weights_move_both_ways(layer):
    stock, fused = build_pair(layer, 16, 24)
    assert [w.shape for w in stock.weights] == [w.shape for w in fused.weights]
    weights = [weight + 1 for weight in fused.get_weights()]
    stock.set_weights(weights)
    fused.set_weights(stock.get_weights())
    for ours, original in zip(fused.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, original)


@both_layers
def test_training_follows_the_stock_layers_with_mixed_batch_sizes(layer):
    stock, fused = build_pair(layer, 16, 24)
    rng = np.random.default_rng(3)
    data = rng.normal(size=(7, 16, 24, 1)).astype(np.float32)
    target = rng.normal(size=stock(data).shape).astype(np.float32)
    for model in (stock, fused):
        model.compile(keras.optimizers.SGD(0.01), "mse")
        model.fit(data, target, batch_size=3, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(fused.get_weights(), stock.get_weights(), strict=True):
        assert_close(ours, theirs, 1e-3)
    assert_close(fused.predict(data, batch_size=5, verbose=0), stock(data), 1e-3)


@both_layers
def test_saved_model_answers_the_same_in_a_fresh_process(layer, tmp_path):
    _, fused = build_pair(layer, 9, 11)
    data = np.random.default_rng(4).normal(size=(2, 9, 11, 1)).astype(np.float32)
    fused.save(tmp_path / "model.keras")
    np.save(tmp_path / "data.npy", data)
    code = (
        "import keras, numpy as np\nfrom lib import layers\n"
        "model = keras.models.load_model('model.keras', safe_mode=True)\n"
        "np.save('answer.npy', model(np.load('data.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), fused(data), rtol=1e-6)


@both_layers
def test_two_runs_with_one_seed_give_the_same_weights(layer):
    def train():
        keras.utils.set_random_seed(5)
        picture = keras.Input((16, 24, 1))
        model = keras.Model(picture, layer(6, chunk_patches=100)(picture))
        data = np.random.default_rng(5).normal(size=(6, 16, 24, 1)).astype(np.float32)
        model.compile("adam", "mse")
        model.fit(data, np.ones_like(model(data)), batch_size=3, epochs=2, verbose=0)
        return model.get_weights()

    for first, second in zip(train(), train(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_position_is_that_of_the_maximum_and_zero_where_silent():
    stock, _ = build_pair(layers.ConvMax, 16, 24)
    stock.set_weights([stock.get_weights()[0], np.linspace(-9, 1, 6)])
    layer = layers.ConvMax(6, return_position=True, chunk_patches=100)
    data = np.random.default_rng(6).normal(size=(2, 16, 24, 1)).astype(np.float32)
    layer.build(data.shape)
    layer.set_weights(stock.get_weights())
    value, position = layer(data)
    volume = keras.ops.convert_to_numpy(stock.layers[1](data))
    expected = np.where(volume.max(axis=2) > 0, volume.argmax(axis=2) / 23, 0)
    assert 0 < (expected > 0).mean() < 0.99
    np.testing.assert_allclose(position, expected, rtol=1e-6)
    assert_close(value, stock(data))
    assert layer.compute_output_shape((None, 16, 24, 1)) == ((None, 16, 6), (None, 16, 6))


def build_recurrent_pair(options, steps=11, inputs=5):
    """A stock and a fused LSTM in both directions, or in one, with the same random weights."""
    sequence = keras.Input((steps, inputs))
    models = []
    for layer in (keras.layers.LSTM, layers.FusedLSTM):
        recurrent = layer(6, **{k: v for k, v in options.items() if k != "both"})
        both = keras.layers.Bidirectional(recurrent) if options.get("both") else recurrent
        models.append(keras.Model(sequence, both(sequence)))
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=weight.shape) for weight in models[0].get_weights()]
    for model in models:
        model.set_weights(weights)
    return models


@pytest.mark.parametrize(
    "options",
    [
        {"return_sequences": True},
        {},
        {"return_sequences": True, "go_backwards": True},
        {"return_sequences": True, "both": True},
        {"activation": "relu"},
    ],
)
def test_recurrent_value_and_every_gradient_equal_the_stock_layer(options):
    stock, fused = build_recurrent_pair(options)
    rng = np.random.default_rng(7)
    data = rng.normal(size=(3, 11, 5)).astype(np.float32)
    upstream = rng.normal(size=stock(data).shape).astype(np.float32)
    assert_same_gradients(fused, stock, data, upstream)


def test_recurrent_training_and_saving_follow_the_stock_layer(tmp_path):
    stock, fused = build_recurrent_pair({"both": True})
    data = np.random.default_rng(8).normal(size=(7, 11, 5)).astype(np.float32)
    for model in (stock, fused):
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(data, np.ones((7, 12)), batch_size=4, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(fused.get_weights(), stock.get_weights(), strict=True):
        assert_close(ours, theirs)
    fused.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(loaded(data), fused(data), rtol=1e-6)


def test_masked_sequences_take_the_stock_way():
    stock, fused = build_recurrent_pair({"return_sequences": True})
    data = np.random.default_rng(9).normal(size=(2, 11, 5)).astype(np.float32)
    mask = np.arange(11) < np.array([[4], [9]])
    expected = stock.layers[1](data, mask=mask)
    assert_close(fused.layers[1](data, mask=mask), expected)
    assert np.abs(fused(data) - expected).max() > 0.01


def test_sampling_draws_in_training_and_hands_on_the_mean_otherwise():
    mean, log_variance = np.full((4000, 2), 3.0, np.float32), np.full((4000, 2), -1.0, np.float32)
    layer = layers.Sampling(seed=1)
    np.testing.assert_array_equal(layer((mean, log_variance)), mean)
    drawn = np.asarray(layer((mean, log_variance), training=True))
    assert drawn.mean() == pytest.approx(3.0, abs=0.03)
    assert drawn.std() == pytest.approx(np.exp(-0.5), abs=0.03)
    again = np.asarray(layers.Sampling(seed=1)((mean, log_variance), training=True))
    np.testing.assert_array_equal(drawn, again)
    clone = layers.Sampling.from_config(layer.get_config())
    assert clone.seed == 1


def test_kl_divergence_is_that_of_two_normals():
    mean, log_variance = np.array([[0.5, -1.0]]), np.array([[0.3, -0.2]])
    variance = np.exp(log_variance)
    expected = np.sum(np.log(1 / np.sqrt(variance)) + (variance + mean**2) / 2 - 0.5)
    assert float(layers.kl_divergence(mean, log_variance)[0]) == pytest.approx(expected)
    assert float(layers.kl_divergence(np.zeros((1, 3)), np.zeros((1, 3)))[0]) == 0


@both_layers
def test_wrong_input_is_named(layer):
    with pytest.raises(ValueError, match="frequency, 1"):
        layer(4).build((None, 16, 24, 3))
    with pytest.raises(ValueError, match="fixed time"):
        layer(4).build((None, None, 24, 1))
    with pytest.raises(ValueError, match="filters=0"):
        layer(0)
