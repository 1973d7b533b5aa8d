"""The recipe: equal to the source's loop over frames, faster, and strict about its input."""

import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lib import features
from lib.synthesis import Sea, sea_recording

RNG = np.random.default_rng(0)


def naive_windows(signal: np.ndarray, step: int = 64) -> np.ndarray:
    """The recipe frame by frame and window by window, with NumPy alone."""
    n_frames = 1 + (len(signal) - 562) // 64
    frames = []
    for t in range(n_frames):
        frame = signal[t * 64 : t * 64 + 562]
        spectrum = np.fft.fft(np.hanning(562) * frame)
        frames.append(np.abs(spectrum)[25:281])
    windows = []
    for start in range(0, n_frames - 127, step):
        window = np.array(frames[start : start + 128])
        windows.append((window - window.mean()) / (window.std() + 1 / 32768))
    return np.array(windows)


@pytest.mark.parametrize("step", [12, 64])
def test_vectorised_equals_the_loop_and_is_ten_times_faster(step):
    """Best processor times on one core: other work on the machine hardly counts."""
    signal = RNG.standard_normal(10 * 48_000).astype(np.float32) * 0.01
    with threadpool_limits(1):
        fast, fast_s = _best_time(lambda: features.spectrogram_windows(signal, step=step), 7)
        naive, naive_s = _best_time(lambda: naive_windows(signal, step=step), 2)
    assert fast.shape == naive.shape and fast.dtype == np.float32
    assert np.abs(fast - naive).max() <= 1e-5
    assert naive_s / fast_s >= 10.0, f"only {naive_s / fast_s:.1f} times faster than the loop"


def test_equal_on_the_sea_beside_a_loud_ship():
    """Single precision: 1e-5 of the window's peak, whatever roars below the band."""
    sea = Sea(duration=5.0, ship=1.0, ship_db=(20.0, 20.0))
    signal = sea_recording(sea, 0).signal
    naive = naive_windows(signal)
    difference = np.abs(features.spectrogram_windows(signal) - naive).max()
    assert difference <= 1e-5 * naive.max()


@pytest.mark.parametrize("step", [1, 12, 64, 128])
def test_number_of_windows(step):
    signal = RNG.standard_normal(24_000)
    n_frames = 1 + (24_000 - 562) // 64
    windows = features.spectrogram_windows(signal, step=step)
    assert windows.shape == (1 + (n_frames - 128) // step, 128, 256)


def test_windows_are_normalised_one_by_one():
    signal = np.concatenate([RNG.standard_normal(24_000), 0.01 * RNG.standard_normal(24_000)])
    windows = features.spectrogram_windows(signal)
    np.testing.assert_allclose(windows.mean(axis=(1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(windows.std(axis=(1, 2)), 1.0, atol=2e-3)


@pytest.mark.parametrize("frequency", [3_000.0, 10_000.0, 20_000.0])
def test_a_tone_peaks_at_its_bin(frequency):
    tone = np.sin(2 * np.pi * frequency * np.arange(24_000) / 48_000)
    peaks = features.spectrogram(tone).argmax(axis=1)
    assert (peaks == round(float(features.frequency_to_bin(frequency)))).all()


def test_bins_ascend_over_the_band_of_the_recipe():
    frequencies = features.bin_frequencies()
    assert frequencies.shape == (256,) and (np.diff(frequencies) > 0).all()
    assert frequencies[0] == pytest.approx(2_135, abs=1)
    assert frequencies[-1] == pytest.approx(23_915, abs=1)
    np.testing.assert_allclose(features.frequency_to_bin(frequencies), np.arange(256), atol=1e-9)


def test_frame_times_are_where_a_click_shows():
    signal = np.zeros(24_000, np.float32)
    signal[12_000] = 1.0
    loudest = features.spectrogram(signal).sum(axis=1).argmax()
    assert features.frame_times(400)[loudest] == pytest.approx(12_000 / 48_000, abs=0.001)


def test_whitening_flattens_the_floor_and_keeps_the_tone():
    noise = np.convolve(RNG.standard_normal(96_000), np.ones(8) / 8, mode="same")
    noise[48_000:60_000] += 2 * np.sin(2 * np.pi * 9_000 * np.arange(12_000) / 48_000)
    magnitude = features.spectrogram(noise)
    white = features.whiten(magnitude)
    assert white.dtype == np.float32 and white.shape == magnitude.shape
    quiet = np.median(white[:700], axis=0)
    assert quiet.std() < 0.05 and quiet.mean() == pytest.approx(np.log(2), abs=0.05)
    assert white[800:900].argmax(axis=1) == pytest.approx(features.frequency_to_bin(9_000), abs=1)


def test_whitening_can_take_the_floor_of_another_recording():
    magnitude = np.full((200, 256), 3.0, np.float32)
    np.testing.assert_allclose(features.whiten(magnitude, np.ones(256)), np.log(4.0), rtol=1e-6)


def test_zero_signal_is_finite_everywhere():
    silence = np.zeros(24_000, np.float32)
    assert np.isfinite(features.spectrogram_windows(silence)).all()
    assert np.isfinite(features.whiten(features.spectrogram(silence))).all()


@pytest.mark.parametrize(
    ("signal", "sample_rate", "cure"),
    [
        (np.zeros(500), 48_000, "shorter than one frame"),
        (np.zeros(5_000), 48_000, "use a longer one"),
        (np.r_[np.zeros(24_000), np.nan], 48_000, "repair or cut"),
        (np.r_[np.zeros(24_000), np.inf], 48_000, "repair or cut"),
        (np.zeros((24_000, 2)), 48_000, "mono"),
        (np.zeros((6, 24_000)), 48_000, "mono"),
        (np.zeros(24_000), 8_000, "lib.audio.resample"),
    ],
)
def test_bad_input_names_its_cure(signal, sample_rate, cure):
    with pytest.raises(ValueError, match=cure):
        features.spectrogram_windows(signal, sample_rate)


@pytest.mark.parametrize("step", [0, -1])
def test_bad_step(step):
    with pytest.raises(ValueError, match="step"):
        features.slice_windows(np.zeros((200, 256)), step=step)


def _best_time(work, repeats: int):
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return result, min(times)
