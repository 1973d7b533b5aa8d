"""The linear baseline, the examination of reconstructions, filters and pitch pairs."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax, softmax
from sklearn.metrics import roc_auc_score

from lib import encoder as room
from lib.encoder import baselines, examination, filters, finetune, pictures, pitch
from lib.encoder.autoencoder import peak_cross_entropy
from lib.features import normalise


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_pca_equals_the_singular_value_decomposition(rng):
    windows = (rng.normal(size=(40, 3)) @ rng.normal(size=(3, 48))).reshape(40, 6, 8)
    windows += 0.01 * rng.normal(size=windows.shape)
    flat = windows.reshape(40, 48)
    u, s, vt = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    expected = (u[:, :3] * s[:3]) @ vt[:3] + flat.mean(0)
    drawn = baselines.fit_pca(windows, size=3).reconstruct(windows)
    np.testing.assert_allclose(drawn.reshape(40, 48), expected, atol=1e-3)


def test_pca_learns_to_draw_other_targets(rng):
    windows = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 48))
    windows = windows.reshape(50, 6, 8)
    drawn = baselines.fit_pca(windows, 3.0 - 2.0 * windows, size=2).reconstruct(windows[..., None])
    np.testing.assert_allclose(drawn, 3.0 - 2.0 * windows, atol=1e-3)


@pytest.mark.parametrize("n, shape", [(2, (2, 6, 8)), (9, (9, 6, 7))])
def test_pca_refuses_too_few_windows_and_other_targets(rng, n, shape):
    with pytest.raises(ValueError, match="at least 3"):
        baselines.fit_pca(rng.normal(size=(n, 6, 8)), np.zeros(shape), size=3)


def test_clean_variance_is_one_for_the_truth_and_none_for_its_mean(rng):
    targets, groups = rng.normal(size=(12, 6, 8)), np.repeat(["a", "b", "c"], 4)
    assert examination.clean_variance(targets, targets, groups) == pytest.approx((1, 1, 1))
    value, *_ = examination.clean_variance(np.full_like(targets, targets.mean()), targets, groups)
    assert value == pytest.approx(0)
    half = targets.copy()
    half[:6] = targets.mean()
    value, low, high = examination.clean_variance(half, targets, groups)
    assert low < value < high and 0.3 < value < 0.7


def test_hit_rate_counts_frames_and_draws_recordings():
    pictures = np.zeros((2, 128, 256))
    pictures[0, :, 50], pictures[1, :, 60] = 1, 1
    contours = np.full((2, 128, 3), np.nan)
    contours[0, :64, 0], contours[1, :32, 1] = 53, 64
    value, low, high = examination.hit_rate(pictures, contours, np.array(["a", "b"]))
    assert (value, low, high) == pytest.approx((64 / 96, 0, 1))


def test_moved_pictures_keep_what_they_hold_where_the_move_says(rng):
    bright = np.zeros((40, 128, 256), np.float32)
    bright[:, 60, 100] = 5.0
    moves = pictures.random_moves(40, rng)
    frame, bins = np.array(
        [np.argwhere(copy == 5.0)[0] for copy in pictures.moved(bright, moves)]
    ).T
    started = np.where(moves.ways > 0, 60, 67)
    np.testing.assert_array_equal(frame, (started + moves.frames) % 128)
    np.testing.assert_array_equal(bins, 100 + moves.bins)
    assert bins.min() >= 80 and bins.max() <= 120 and len({*bins}) > 5 and len({*frame}) > 5


def test_every_other_picture_lies_under_another_where_that_is_louder(rng):
    bright, covers = np.zeros((40, 128, 256), np.float32), np.full((3, 128, 256), -1, np.float32)
    bright[:, 60, 100], covers[:, 64] = 5.0, 3.0
    hidden = pictures.covered(bright, covers, rng)
    under = (hidden == 3.0).any(axis=(1, 2))
    assert 8 <= under.sum() <= 32 and (hidden[:, 60, 100] == 5.0).all()
    np.testing.assert_array_equal(hidden[~under], bright[~under])
    assert (bright.sum(axis=(1, 2)) == 5.0).all() and hidden.min() == 0.0
    np.testing.assert_array_equal(pictures.covered(bright, covers[:0], rng), bright)


def test_a_click_leaves_a_whitened_picture_and_a_whistle_stays(rng):
    raw = rng.normal(size=(8, 128, 256)) - 60.0
    raw[0, 40] += 30.0
    raw[0, :, 90] += 10.0
    raw[:, :, :20] += 15.0
    white = pictures.whitened(raw, np.repeat(["a", "b"], 4))
    assert np.abs(white[0, 40, 120:].mean()) < 0.5 and np.abs(white[:, :, :20].mean()) < 0.5
    assert 9 < white[0, :, 90].mean() < 11


def whistling_pictures(rng, n=24):
    """Noise; in the first half a loud tone each, of a bin of its own."""
    white = 0.5 * rng.normal(size=(n, 128, 256)).astype(np.float32)
    for picture, k in zip(white[: n // 2], rng.integers(40, 220, n), strict=False):
        picture[:, k] += 4.0
    return white, np.arange(n) < n // 2


def test_batches_move_targets_along_and_end_an_epoch_with_others(rng):
    white, sounds = whistling_pictures(rng)
    targets = np.where(white > 2.5, 1.0, 0.0).astype(np.float32)
    batches = finetune.PictureBatches(white, sounds, targets, whistle_share=0.75, steps=3)
    inputs, wanted = batches[1]
    assert inputs.shape == wanted.shape == (32, 128, 256, 1) and len(batches) == 3
    with_whistle = wanted.mean(axis=(1, 2, 3)) > 0.003
    assert with_whistle.sum() == 24
    loudest = inputs[with_whistle].mean(axis=1).argmax(axis=1)
    np.testing.assert_array_equal(loudest, wanted[with_whistle].mean(axis=1).argmax(axis=1))
    np.testing.assert_array_equal(batches[1][0], inputs)
    batches.on_epoch_end()
    assert not np.array_equal(batches[1][0], inputs)


class PictureCorpus:
    """Two recordings of whistling pictures; its validation part says nothing of its labels."""

    def __init__(self, split=None):
        white, sounds = whistling_pictures(np.random.default_rng(1), 16)
        self.pictures, labels = white - 60.0, np.where(sounds, "POS", "NEG")
        if split == "validation":
            labels = ["unknown"] * 16
        self.table = pd.DataFrame({"group": np.repeat(["a", "b"], 8), "label": labels})

    def part(self, split):
        return PictureCorpus(split)

    def stack(self):
        return self.pictures


def test_fine_tuning_goes_on_from_the_shipped_encoder_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(finetune.corpora, "load", lambda name: PictureCorpus())
    shipped = room.load_encoder().get_weights()
    model = finetune.fine_tune("pictures", 2, tmp_path)
    learnt = model.encoder.get_weights()
    change = [np.abs(new - old).max() for new, old in zip(learnt, shipped, strict=True)]
    assert 0 < max(change) < 0.1
    again = finetune.fine_tune("pictures", 2, tmp_path).encoder.get_weights()
    for ours, theirs in zip(learnt, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(pd.read_csv(tmp_path / "log.csv")) == 1


def test_a_detector_of_pictures_learns_with_its_encoder(rng):
    keras.utils.set_random_seed(0)
    encoder = room.build_encoder(version="4.4")
    before = encoder.get_weights()
    white, sounds = whistling_pictures(rng)
    model = finetune.fine_tune_detector(encoder, white, sounds, steps=40)
    unheard, kinds = whistling_pictures(np.random.default_rng(7))
    answer = model.predict(normalise(unheard)[..., None], verbose=0)[:, 0]
    assert roc_auc_score(kinds, answer) > 0.95
    for weights, old in zip(encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, old)
    learnt = model.get_layer(encoder.name).get_weights()
    assert not np.array_equal(learnt[0], before[0])


@pytest.mark.parametrize("sounds", [[True] * 4, [True, False]])
def test_a_detector_of_pictures_needs_both_kinds_and_a_label_each(sounds):
    encoder = room.build_encoder(version="4.4")
    with pytest.raises(ValueError, match="needs one label a window"):
        finetune.fine_tune_detector(encoder, np.zeros((4, 128, 256)), sounds)


def test_peak_cross_entropy_asks_for_the_brightest_bin_of_sounding_frames(rng):
    targets = np.zeros((2, 8, 16, 1), np.float32)
    targets[0, :4, 5] = 3.0
    silent = float(peak_cross_entropy(np.zeros_like(targets), targets))
    right, wrong = (float(peak_cross_entropy(targets, np.roll(targets, k, 2))) for k in (0, 3))
    assert silent == 0 and right < 0.1 and wrong > 5
    logits, wanted = 3.0 * np.roll(targets, 3, 2)[0, :4, :, 0], 3.0 * targets[0, :4, :, 0]
    naive = -(softmax(wanted, axis=1) * log_softmax(logits, axis=1)).sum() / 5
    assert wrong == pytest.approx(naive, rel=1e-4)


class OneWhistle:
    """A corpus of one recording: 1 s of weak noise with a tone of 10 kHz in its middle third."""

    table = pd.DataFrame({"group": ["only"]})

    def recording(self, i):
        time = np.arange(48_000) / 48_000
        clean = 0.1 * np.sin(2 * np.pi * 10_000 * time) * ((time > 0.33) & (time < 0.67))
        self.clean = clean.astype(np.float32)
        self.signal = self.clean + np.float32(1e-3) * np.random.default_rng(0).normal(size=48_000)
        self.events = pd.DataFrame({"start": [0.33], "stop": [0.67], "snr_db": [20.0]})
        frames = (np.arange(250, 490) * 64 + 281) / 48_000
        self.contours = pd.DataFrame({"event": 0, "time": frames, "frequency": 10_000.0})
        return self


@pytest.mark.parametrize("version", ["4.2", "4.4"])
def test_whistle_windows_hold_the_whistle_and_its_clean_target(version):
    test = examination.whistle_windows(OneWhistle(), version, step=64, least_snr_db=5.0)
    starts = np.arange(0, 742 - 127, 64)
    held = [np.sum((np.arange(250, 490) >= t) & (np.arange(250, 490) < t + 128)) for t in starts]
    assert len(test.inputs) == sum(n >= 16 for n in held) and set(test.groups) == {"only"}
    for windows in (test.inputs, test.targets):
        assert examination.hit_rate(windows, test.contours, test.groups)[0] > 0.95
    np.testing.assert_allclose(test.inputs.mean(axis=(1, 2)), 0, atol=1e-3)
    with pytest.raises(ValueError, match="no whistle"):
        examination.whistle_windows(OneWhistle(), version, step=64, least_snr_db=25.0)


def line(slope_degrees: float) -> np.ndarray:
    """A kernel with a bright line through its middle: bins a frame = tan(slope)."""
    t, f = np.mgrid[-3.5:4, -3.5:4]
    angle = np.radians(slope_degrees)
    away = f * np.cos(angle) - t * np.sin(angle)
    return np.exp(-(away**2) / 2)


def test_filters_are_told_apart_by_the_slope_of_their_line():
    slopes = {0: "tone", 45: "upsweep", 90: "click", 135: "downsweep"}
    kernels = np.stack([line(s) for s in slopes], axis=-1)[:, :, None]
    table = filters.filter_kinds(kernels).set_index("filter").sort_index()
    assert table["kind"].tolist() == list(slopes.values())
    np.testing.assert_allclose(table["angle"], list(slopes), atol=6)
    assert (table["focus"] > 0.5).all()
    noise = np.random.default_rng(0).normal(size=(8, 8, 1, 50))
    assert filters.filter_kinds(noise)["focus"].mean() < 0.4


def test_strongest_patches_are_those_of_a_plain_search(rng):
    kernels, windows = rng.normal(size=(4, 3, 1, 5)), rng.normal(size=(6, 10, 12))
    found = filters.strongest_patches(kernels, windows, [1, 4], n=2)
    assert found.shape == (2, 2, 4, 3)
    for which, patches in zip([1, 4], found, strict=True):
        best = []
        for window in windows:
            cuts = [window[t : t + 4, f : f + 3] for t in range(7) for f in range(10)]
            best.append(max(cuts, key=lambda cut: np.sum(cut * kernels[:, :, 0, which])))
        best.sort(key=lambda cut: -np.sum(cut * kernels[:, :, 0, which]))
        np.testing.assert_allclose(patches, best[:2])


@pytest.mark.parametrize("version", ["4.2", "4.4"])
def test_pitch_pairs_differ_by_the_shift_alone(version):
    low, high = pitch.pitch_pairs(4, 3_000.0, version)
    assert low.shape == high.shape == (4, 128, 256)
    moved = np.median(high.argmax(axis=2) - low.argmax(axis=2), axis=1)
    np.testing.assert_allclose(moved, 3_000 * 562 / 48_000, atol=1.5)


def small_encoder(layer) -> keras.Model:
    window = keras.Input((128, 256, 1))
    return keras.Model(window, layer(window))


def test_a_code_without_pitch_has_no_distance_and_a_picture_has():
    low, high = pitch.pitch_pairs(4, 3_000.0, "4.4")
    pool, flat = keras.layers.MaxPooling2D, keras.layers.Flatten()
    named = keras.layers.Identity(name="code_mean")
    blind = small_encoder(lambda w: named(flat(pool((16, 256))(w))))
    assert pitch.relative_distances(low, high, blind).mean() < 0.6
    named = keras.layers.Identity(name="code_mean")
    seeing = small_encoder(lambda w: named(flat(pool((16, 4))(w))))
    assert pitch.relative_distances(low, high, seeing).mean() > 0.8
