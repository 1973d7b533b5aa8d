"""Long recordings: one convolution for all windows gives what every window on its own gives."""

import tracemalloc

import keras
import numpy as np
import pytest

from lib import audio, features
from lib import encoder as room
from lib.encoder.files import file_frames
from lib.encoder.shared import SharedConvolution, front_of, segments, window_statistics
from lib.encoder.shared_dense import SharedDense, shares_enough

VERSIONS = ("4.1", "4.2", "4.4")


@pytest.fixture(scope="module")
def encoders():
    """Encoders with weights of a trained size, biases too, so that no term is left untested."""
    rng, built = np.random.default_rng(0), {}
    for version in VERSIONS:
        built[version] = room.build_encoder(version=version)
        weights = built[version].get_weights()
        noise = [0.02 * rng.normal(size=w.shape) if w.dtype.kind == "f" else 0 for w in weights]
        built[version].set_weights([w + n for w, n in zip(weights, noise, strict=True)])
    return built


@pytest.fixture(scope="module")
def signal():
    """0.6 s: a whistle that swells out of noise, at a level that changes a hundredfold."""
    rng = np.random.default_rng(1)
    time = np.arange(64 * 320 + 562) / features.SAMPLE_RATE
    whistle = np.sin(2 * np.pi * (9000 * time + 4000 * time**2))
    level = np.exp(-(((time - 0.2) / 0.08) ** 2))
    return (rng.normal(0, 0.005, len(time)) + 0.5 * level * whistle).astype(np.float32)


def naive_front(window, conv, strides, pool):
    """Convolution, ReLU and pooling of one normalised window, from patches and for one layer."""
    kernel = np.asarray(conv.kernel)[:, :, 0]
    padded = window
    for axis, (size, stride) in enumerate(zip(kernel.shape, strides, strict=False)):
        total = (-(-window.shape[axis] // stride) - 1) * stride + size - window.shape[axis]
        border = [(0, 0), (0, 0)]
        border[axis] = (total // 2, total - total // 2)
        padded = np.pad(padded, border)
    patches = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2])
    patches = patches[:: strides[0], :: strides[1]]
    volume = np.maximum(np.tensordot(patches, kernel, 2) + np.asarray(conv.bias), 0)
    shape = (volume.shape[0] // pool[0], pool[0], volume.shape[1] // pool[1], pool[1], -1)
    return volume.reshape(shape).max(axis=(1, 3))


def steps_of(front, blocks, hop, batch):
    return np.concatenate([front.steps_of(piece) for piece in front.pieces(blocks, hop, batch)])


@pytest.mark.parametrize("hop", [1, 12, 64, 128, 150])
@pytest.mark.parametrize("version", ["4.2", "4.4"])
def test_shared_convolution_equals_the_layers_on_each_window(encoders, version, hop):
    frames = np.abs(np.random.default_rng(2).normal(size=(311, 256))).astype(np.float32)
    frames *= np.linspace(0.1, 3.0, len(frames), dtype=np.float32)[:, None]
    conv, _, strides, pool = front_of(encoders[version])
    shared = SharedConvolution(encoders[version], 1e-3)
    blocks = [frames[i : i + 37] for i in range(0, len(frames), 37)]
    pooled = steps_of(shared, blocks, hop, 5)
    windows = features.normalise(features.slice_windows(frames, hop), 1e-3)
    assert len(pooled) == len(windows)
    for i in sorted({0, 1, len(windows) // 2, len(windows) - 1}):
        expected = naive_front(windows[i], conv, strides, pool)
        np.testing.assert_allclose(pooled[i], expected, atol=1e-4)


def varied_frames(n):
    """Frames whose level rises thirtyfold, so that neighbouring windows differ in their mean."""
    frames = np.abs(np.random.default_rng(2).normal(size=(n, 256))).astype(np.float32)
    return frames * np.geomspace(0.1, 3.0, n, dtype=np.float32)[:, None]


@pytest.mark.parametrize("hop", [1, 4, 6, 10, 12, 32])
def test_shared_dense_layer_equals_the_product_with_each_windows_cells(encoders, hop):
    frames = varied_frames(311)
    convolution = SharedConvolution(encoders["4.4"], 1e-3)
    dense = SharedDense(encoders["4.4"], 1e-3)
    pooled = steps_of(convolution, [frames], hop, 7)
    expected = pooled.reshape(*pooled.shape[:2], -1) @ dense.kernel
    blocks = [frames[i : i + 37] for i in range(0, len(frames), 37)]
    projected = steps_of(dense, blocks, hop, 7)
    assert projected.shape == expected.shape
    np.testing.assert_allclose(projected, expected, atol=1e-5 * np.abs(expected).max())


def test_the_dense_layer_is_shared_where_windows_overlap_much(encoders):
    assert all(shares_enough(encoders["4.4"], hop) for hop in (1, 4, 10, 12, 32))
    assert not any(shares_enough(encoders["4.4"], hop) for hop in (36, 64, 140))
    assert not shares_enough(encoders["4.2"], 12)
    with pytest.raises(ValueError, match="no dense layer"):
        SharedDense(encoders["4.2"], 1e-3)


@pytest.mark.parametrize("version", VERSIONS)
def test_embedding_equals_window_by_window_prediction(encoders, signal, version):
    encoder = encoders[version]
    for hop in (12, 100, 140):
        expected = room.embed_by_window(signal, encoder, hop)
        codes = room.embed(signal, encoder, hop)
        assert codes.shape == expected.shape
        np.testing.assert_allclose(codes, expected, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 1e-3


def test_stock_and_fused_encoders_embed_alike(encoders, signal):
    stock = room.build_encoder(version="4.2", stock=True)
    stock.set_weights(encoders["4.2"].get_weights())
    fused = room.embed(signal, encoders["4.2"], 100)
    np.testing.assert_allclose(room.embed(signal, stock, 100), fused, atol=1e-4)


@pytest.mark.parametrize("version", VERSIONS)
def test_detector_in_the_same_pass_gives_its_own_probabilities(encoders, signal, version):
    encoder = encoders[version]
    detector = room.build_silence_detector(encoder)
    # As after training: the code's layer of the copy is no longer the encoder's.
    last = detector.get_layer(encoder.name).get_layer("code_mean")
    last.set_weights([1.5 * w for w in last.get_weights()])
    codes, probabilities = room.embed_and_detect(signal, encoder, detector, 60)
    frames = features.slice_windows(room.frames_of(signal, version), 60)
    windows = features.normalise(frames, 1e-3 if version == "4.4" else features.SD_OFFSET)
    np.testing.assert_allclose(probabilities, detector(windows[..., None])[:, 0], atol=1e-4)
    np.testing.assert_allclose(codes, room.embed(signal, encoder, 60), atol=1e-6)


def test_detector_of_another_encoder_is_refused(encoders, signal):
    detector = room.build_silence_detector(room.build_encoder(version="4.4"))
    with pytest.raises(ValueError, match="not built from this"):
        room.embed_and_detect(signal, encoders["4.4"], detector)
    with pytest.raises(ValueError, match="not built from this"):
        room.embed_and_detect(signal, encoders["4.2"], detector)


def test_weights_changed_after_the_first_call_count(signal):
    encoder = room.build_encoder(version="4.4")
    before = room.embed(signal, encoder, 128)
    encoder.set_weights([0.5 * w for w in encoder.get_weights()])
    after = room.embed(signal, encoder, 128)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, room.embed_by_window(signal, encoder, 128), atol=1e-4)


def test_compiled_graph_gives_the_same(encoders, signal):
    frames = room.frames_of(signal, "4.4")
    parts = room.embed_frames([frames], encoders["4.4"], hop=60, compiled=True, batch=3)
    codes = np.concatenate([codes for codes, _ in parts])
    np.testing.assert_allclose(codes, room.embed(signal, encoders["4.4"], 60), atol=1e-4)


@pytest.mark.parametrize("version", ["4.2", "4.4"])
def test_a_file_in_blocks_equals_the_recording_at_once(
    encoders, signal, version, tmp_path, monkeypatch
):
    monkeypatch.setattr("lib.encoder.files.BLOCK_SECONDS", 0.1)
    audio.write(tmp_path / "a.wav", signal)
    parts = list(room.embed_file(tmp_path / "a.wav", encoders[version], hop=30))
    read = audio.read(tmp_path / "a.wav")
    expected = room.embed(read, encoders[version], 30)
    np.testing.assert_allclose(np.concatenate([c for c, _ in parts]), expected, atol=1e-4)
    assert parts[0][1] is None


def test_noise_floor_of_a_long_file_comes_from_frames_all_over_it(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    noise = rng.normal(size=96_000) * np.repeat([0.01, 0.03], 48_000)
    audio.write(tmp_path / "a.wav", noise.astype(np.float32))
    exact = np.concatenate(list(file_frames(tmp_path / "a.wav")))
    monkeypatch.setattr("lib.encoder.files.FLOOR_FRAMES", 300)
    sampled = np.concatenate(list(file_frames(tmp_path / "a.wav")))
    assert exact.shape == sampled.shape
    assert 0 < np.abs(exact - sampled).mean() < 0.1


@pytest.mark.parametrize(
    ("content", "message"), [(np.zeros(3000), "shorter"), (np.full(30_000, np.nan), "NaN")]
)
def test_a_bad_file_is_named(encoders, tmp_path, content, message):
    import soundfile

    soundfile.write(tmp_path / "bad.wav", content, 48_000, subtype="FLOAT")
    with pytest.raises(audio.AudioError, match=rf"bad\.wav.*{message}"):
        list(room.embed_file(tmp_path / "bad.wav", encoders["4.4"]))


def test_an_error_while_reading_reaches_the_caller(encoders):
    def blocks():
        yield np.ones((600, 256), np.float32)
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        list(room.embed_frames(blocks(), encoders["4.4"], batch=8))


@pytest.mark.parametrize("hop", [0, -3])
def test_a_hop_below_one_frame_is_refused(encoders, signal, hop):
    with pytest.raises(ValueError, match="hop"):
        room.embed(signal, encoders["4.4"], hop)


def test_memory_does_not_grow_with_the_length(encoders):
    def peak(n_blocks):
        shared = SharedConvolution(encoders["4.4"], 1e-3)
        blocks = (np.ones((512, 256), np.float32) for _ in range(n_blocks))
        tracemalloc.start()
        n = sum(len(shared.steps_of(piece)) for piece in shared.pieces(blocks, 64, 8))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return n, most

    (few, small), (many, large) = peak(4), peak(16)
    assert many > 3.5 * few
    assert large < 1.1 * small


def test_segments_hold_whole_windows_once():
    frames = np.arange(1000 * 256, dtype=np.float32).reshape(1000, 256)
    for hop, batch, block in ((12, 5, 100), (64, 3, 1000), (300, 2, 70), (500, 1, 33)):
        blocks = [frames[i : i + block] for i in range(0, 1000, block)]
        firsts = [
            window[0, 0]
            for piece in segments(blocks, hop, batch)
            for window in features.slice_windows(piece, hop)
        ]
        assert firsts == frames[: 1000 - 127 : hop, 0].tolist()


def test_statistics_survive_a_loud_stretch_before_a_quiet_one():
    frames = np.random.default_rng(4).normal(5.0, 1.0, (600, 256)).astype(np.float32)
    frames[:300] *= 1e5
    mean, sd = window_statistics(frames, 50)
    windows = features.slice_windows(frames, 50).astype(np.float64)
    np.testing.assert_allclose(mean, windows.mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(sd, windows.std(axis=(1, 2)), rtol=1e-5)


def test_an_encoder_of_another_kind_is_refused():
    window = keras.Input((128, 256, 1))
    other = keras.Model(window, keras.layers.Flatten()(window), name="encoder_v4_4")
    with pytest.raises(ValueError, match="does not begin"):
        SharedConvolution(other, 1e-3)


def test_cost_table_has_a_row_for_each_hop_and_round(encoders, signal):
    table = room.embedding_cost(
        signal, encoders["4.4"], (64, 128), stock=encoders["4.4"], repeats=2
    )
    assert table.groupby("hop").size().to_dict() == {64: 2, 128: 2}
    assert table.groupby("hop")["windows"].first().tolist() == [4, 2]
    assert (table[["seconds", "plain_seconds", "realtime"]] > 0).all().all()
