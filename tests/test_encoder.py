"""The V4 encoders: parameter counts, what goes through them, and what is said of bad input."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lib import encoder as room
from lib import features


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(1).normal(size=(3, 128, 256)).astype(np.float32)


@pytest.fixture(scope="module")
def v42():
    return room.build_encoder()


@pytest.fixture(scope="module")
def v44():
    return room.build_encoder(version="4.4")


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize(
    ("variational", "total", "decoded"), [(True, 641_024, 805_377), (False, 609_024, 411_649)]
)
def test_parameter_counts_are_the_published_ones(variational, stock, total, decoded):
    encoder = room.build_encoder(variational, stock=stock)
    assert encoder.count_params() == total
    assert room.build_decoder(variational, stock=stock).count_params() == decoded
    trainable = sum(int(np.prod(w.shape)) for w in encoder.trainable_weights)
    assert trainable == (641_024 if variational else 608_512)


def test_weights_come_in_the_order_of_the_source(v42):
    kernel, bias, *recurrent = (tuple(w.shape) for w in v42.weights)
    assert kernel == (8, 8, 1, 256)
    assert bias == (256,)
    assert recurrent[-4:] == [(128, 128), (128,), (128, 128), (128,)]
    assert len(recurrent) == 6 + 3 + 4


@pytest.mark.parametrize("variational", [True, False])
def test_fused_and_stock_encoders_and_decoders_agree(variational, windows):
    for build, shape in ((room.build_encoder, (2, 128, 256, 1)), (room.build_decoder, (2, 128))):
        stock, fused = build(variational, stock=True), build(variational)
        fused.set_weights(stock.get_weights())
        inputs = np.random.default_rng(2).normal(size=shape).astype(np.float32)
        left, right = stock(inputs), fused(inputs)
        if isinstance(left, dict):
            left, right = left["code_mean"], right["code_mean"]
        np.testing.assert_allclose(left, right, atol=1e-4)


def test_variational_encoder_names_its_outputs_and_samples_only_in_training(v42, windows):
    codes = v42(windows[..., None])
    assert set(codes) == {"code_mean", "code_log_variance", "code"}
    np.testing.assert_array_equal(codes["code"], codes["code_mean"])
    drawn = v42(windows[..., None], training=True)
    assert np.abs(drawn["code"] - drawn["code_mean"]).max() > 0.1


def test_improved_encoder_tells_pitch_where_the_published_one_is_blind(v42, v44):
    # A horizontal line, and the same line 40 bins (3.4 kHz) higher, away from the edges.
    lines = np.zeros((2, 128, 256), np.float32)
    lines[0, :, 80:83], lines[1, :, 120:123] = 5.0, 5.0
    low, high = room.embed(lines, v42)
    assert np.linalg.norm(low - high) < 1e-3 * np.linalg.norm(low)
    low, high = room.embed(lines, v44)
    assert np.linalg.norm(low - high) > 0.05 * np.linalg.norm(low)


def test_unknown_version_is_refused():
    with pytest.raises(ValueError, match="unknown"):
        room.build_encoder(version="5")


def test_embedding_a_recording_equals_embedding_its_windows(v42, v44, rng):
    signal = rng.normal(0, 0.1, 24_000).astype(np.float32)
    by_window = room.embed(features.spectrogram_windows(signal, step=50), v42)
    np.testing.assert_allclose(room.embed(signal, v42, hop=50), by_window, atol=1e-4)
    assert room.embed(signal, v44, hop=50).shape == by_window.shape == (5, 128)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 100, 256)), "Windows are"),
        (np.full((1, 128, 256), np.nan), "NaN"),
        (np.zeros(4_000), "shorter"),
        (np.full(24_000, np.nan), "NaN"),
    ],
)
def test_embed_says_what_is_wrong(v42, given, message):
    with pytest.raises(ValueError, match=message):
        room.embed(given, v42)


def test_zero_signal_has_finite_codes(v42, v44):
    for model in (v42, v44):
        assert np.isfinite(room.embed(np.zeros(12_000, np.float32), model)).all()


@pytest.mark.parametrize("version", ["4.2", "4.4"])
def test_detector_trains_only_the_last_layer_of_a_copy(version, windows):
    encoder = room.build_encoder(version=version)
    before = [w.copy() for w in encoder.get_weights()]
    detector = room.build_silence_detector(encoder)
    copy = next(layer for layer in detector.layers if layer.name == encoder.name)
    assert [w.shape for w in copy.trainable_weights] == [
        w.shape for w in encoder.get_layer("code_mean").weights
    ]
    start = [w.copy() for w in copy.get_weights()]
    detector.fit(windows[..., None], np.array([1.0, 0.0, 1.0]), epochs=2, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(start, copy.get_weights(), strict=True)]
    assert 1 <= sum(changed) <= 2
    for a, b in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_published_loss_is_a_thousand_squared_errors_plus_divergence(windows):
    model = room.build_autoencoder("4.2")
    target = windows[..., None]
    predicted = model(target)
    loss = float(model.compute_loss(y=target, y_pred=predicted))
    mean, log_variance = (np.asarray(predicted[k]) for k in ("code_mean", "code_log_variance"))
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1).mean()
    error = ((target - np.asarray(predicted["reconstruction"])) ** 2).mean()
    assert loss == pytest.approx(1000 * error + divergence, rel=1e-4)


def test_warm_up_raises_the_divergence_weight_step_by_step(windows):
    model = room.build_autoencoder("4.2", warm_up=4)
    model.compile("adam")
    weights = [float(model._warmed_weight())]
    for _ in range(2):
        model.train_on_batch(windows[..., None], windows[..., None])
        weights.append(float(model._warmed_weight()))
    assert weights == [0.0, 0.25, 0.5]


@pytest.mark.parametrize("version", ["4.1", "4.2", "4.4"])
def test_saved_models_load_in_safe_mode_in_a_new_process(tmp_path, version, windows):
    model = room.build_autoencoder(version)
    room.save_autoencoder(model, tmp_path)
    np.save(tmp_path / "windows.npy", windows)
    code = (
        "import sys, numpy as np; from lib import encoder;"
        "folder, version = sys.argv[1:];"
        "model = encoder.load_encoder(folder, version);"
        "decoder = encoder.load_decoder(folder, version);"
        "codes = encoder.embed(np.load(folder + '/windows.npy'), model);"
        "np.save(folder + '/codes.npy', codes); assert decoder(codes).shape == (3, 128, 256, 1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), version], check=True, timeout=240)
    np.testing.assert_allclose(
        np.load(tmp_path / "codes.npy"), room.embed(windows, model.encoder), atol=1e-5
    )


def test_missing_damaged_and_other_models_are_told_apart(tmp_path, v42):
    with pytest.raises(FileNotFoundError, match="train it: python -m lib.encoder.train"):
        room.load_encoder(tmp_path, "4.2")
    v42.save(tmp_path / "encoder.keras")
    with pytest.raises(ValueError, match="not 'encoder_v4_4'"):
        room.load_encoder(tmp_path, "4.4")
    whole = (tmp_path / "encoder.keras").read_bytes()
    (tmp_path / "encoder.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged"):
        room.load_encoder(tmp_path, "4.2")


def test_a_full_disk_leaves_the_older_model_whole(tmp_path, v42, monkeypatch):
    (tmp_path / "encoder.keras").write_bytes(b"old")

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(v42, "save", full, raising=False)
    holder = type("Holder", (), {"encoder": v42, "decoder": v42})
    with pytest.raises(OSError, match="[Ss]pace|full"):
        room.save_autoencoder(holder, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["encoder.keras"]
    assert (tmp_path / "encoder.keras").read_bytes() == b"old"


def test_contour_hits_count_frames_near_any_fundamental():
    pictures = np.zeros((1, 4, 256))
    pictures[0, range(4), [10, 50, 103, 200]] = 1.0
    contours = np.array([[[10, 90], [54, np.nan], [np.nan, 100], [np.nan, np.nan]]])
    assert room.contour_hits(pictures, contours).tolist() == [True, False, True]


def test_frame_contours_lie_on_the_frames_and_respect_the_level():
    times = features.frame_times(5)
    contours = pd.DataFrame({"event": [0, 0, 1], "time": times[[1, 2, 2]], "frequency": 10_000.0})
    events = pd.DataFrame({"snr_db": [10.0, 0.0]})
    table = room.frame_contours(contours, events, 5)
    assert np.isfinite(table).sum(axis=1).tolist() == [0, 1, 2, 0, 0]
    loud = room.frame_contours(contours, events, 5, least_snr_db=5.0)
    assert np.isfinite(loud).sum(axis=1).tolist() == [0, 1, 1, 0, 0]
    assert loud[1, 0] == pytest.approx(features.frequency_to_bin(10_000.0), abs=1e-3)


def test_batches_are_normalised_reproducible_and_aligned_with_their_targets(rng):
    noisy = [rng.normal(3.0, 2.0, (400, 256)).astype(np.float16) for _ in range(2)]
    clean = [n * 2 for n in noisy]
    sounding = [np.arange(400) > 200] * 2
    batches = room.WindowBatches(noisy, clean, sounding, batch_size=8, steps=2, quiet=0.0)
    windows, targets = batches[1]
    assert windows.shape == targets.shape == (8, 128, 256, 1)
    np.testing.assert_allclose(windows.mean(axis=(1, 2)), 0.0, atol=1e-3)
    np.testing.assert_allclose(windows.std(axis=(1, 2)), 1.0, atol=1e-2)
    # The target is the clean window over the noisy one's deviation: twice the noisy, mean kept.
    shift = targets - 2 * windows
    np.testing.assert_allclose(shift, shift.mean(axis=(1, 2), keepdims=True) + 0 * shift, atol=0.02)
    np.testing.assert_array_equal(batches[1][0], windows)
    batches.on_epoch_end()
    assert not np.array_equal(batches[1][0], windows)
