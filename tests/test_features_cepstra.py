import time

import librosa
import numpy as np
import pytest

from lib import features


@pytest.fixture(scope="module")
def clips():
    """A tone, noise, a click in silence, silence, and a tone that stops."""
    time_s = np.arange(16_000) / 16_000
    tone = 0.5 * np.sin(2 * np.pi * 440 * time_s)
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    click = np.zeros(16_000)
    click[8_000] = 1.0
    return np.stack([tone, noise, click, np.zeros(16_000), tone * (time_s < 0.4)]).astype("f")


@pytest.mark.parametrize("n_fft, hop_length, n_mels", [(2048, 512, 128), (1025, 512, 128)])
def test_mel_spectrograms_are_librosas(clips, n_fft, hop_length, n_mels):
    options = dict(n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
    fast = features.mel_spectrogram(clips, **options)
    naive = [librosa.feature.melspectrogram(y=c, sr=16_000, **options) for c in clips]
    assert fast.shape == (5, 128, 32) and fast.dtype == np.float32
    np.testing.assert_allclose(fast, naive, rtol=1e-3, atol=1e-5 * np.max(naive))


def test_mfcc_is_librosas_with_its_defaults(clips):
    fast = features.mfcc(clips)
    naive = [librosa.feature.mfcc(y=clip, sr=16_000) for clip in clips]
    assert fast.shape == (5, 20, 32)
    np.testing.assert_allclose(fast, naive, atol=0.05)


def test_log_mel_is_librosas(clips):
    naive = [
        librosa.power_to_db(
            librosa.feature.melspectrogram(y=c, sr=16_000, n_fft=512, hop_length=160, n_mels=40)
        )
        for c in clips
    ]
    np.testing.assert_allclose(features.log_mel(clips), naive, atol=0.05)


def test_integers_are_floats_times_32768_and_blocks_have_no_seam(clips):
    many = np.tile(clips, (9, 1))
    integers = np.round(many * 32_767).astype(np.int16)
    expected = features.mfcc(integers.astype(np.float32) / 32_768)
    np.testing.assert_allclose(features.mfcc(integers), expected, atol=1e-3)
    np.testing.assert_allclose(features.mfcc(many)[-1], features.mfcc(many[-1])[0], atol=1e-3)


def test_many_clips_take_a_third_of_librosas_time():
    clips = np.random.default_rng(0).normal(0, 0.1, (100, 16_000)).astype(np.float32)
    fast = least_seconds(lambda: features.mfcc(clips))
    loop = least_seconds(lambda: [librosa.feature.mfcc(y=clip, sr=16_000) for clip in clips])
    assert loop > 3 * fast


def least_seconds(work, repeats=3):
    """Processor time of the best of some calls: the machine may have other things to do."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


@pytest.mark.parametrize(
    "clips, message",
    [
        (np.zeros((0, 16_000), "f"), "Expected clips"),
        (np.zeros((2, 3, 4), "f"), "Expected clips"),
        (np.full((1, 16_000), np.nan, "f"), "NaN"),
        (np.zeros((1, 16_000), np.int32), "int32"),
    ],
)
def test_bad_clips_are_refused(clips, message):
    with pytest.raises(ValueError, match=message):
        features.mfcc(clips)


def test_impossible_numbers_of_bands_are_refused(clips):
    with pytest.raises(ValueError, match="choose 1 to 128"):
        features.mfcc(clips, n_mfcc=200)
    with pytest.raises(ValueError, match="take fewer bands"):
        features.mel_spectrogram(clips, n_fft=64, n_mels=128)
