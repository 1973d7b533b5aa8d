"""The sea: its sound agrees with its truth table, and with itself from run to run."""

import numpy as np
import pandas as pd
import pytest

from lib import features
from lib.synthesis import SAMPLE_RATE, Sea, contour_distance, sea_recording, type_shapes
from lib.synthesis.contours import jittered

SHORT = Sea(seed=3, duration=20.0)


@pytest.fixture(scope="module")
def recording():
    return sea_recording(SHORT, 0)


def test_same_seed_and_index_give_the_same_recording(recording):
    again = sea_recording(SHORT, 0)
    np.testing.assert_array_equal(recording.signal, again.signal)
    pd.testing.assert_frame_equal(recording.events, again.events)
    pd.testing.assert_frame_equal(recording.contours, again.contours)


def test_other_index_or_seed_gives_another_recording(recording):
    for other in (sea_recording(SHORT, 1), sea_recording(Sea(seed=4, duration=20.0), 0)):
        assert abs(np.corrcoef(recording.signal, other.signal)[0, 1]) < 0.1
        assert not recording.events.start.isin(other.events.start).any()


def test_first_recording_stays_as_it_was():
    """Guards the truth against a change of drawing order, which would silently move every split."""
    events = sea_recording(Sea(duration=20.0), 0).events
    assert events.kind.value_counts().to_dict() == {"whistle": 11, "burst": 2, "clicks": 1}
    np.testing.assert_allclose(events.start.iloc[:3], [0.16852, 1.19219, 2.54883], atol=1e-4)


def test_layout(recording):
    assert recording.signal.dtype == recording.clean.dtype == np.float32
    assert recording.signal.shape == recording.clean.shape == (20 * SAMPLE_RATE,)
    events = recording.events
    assert list(events.columns) == ["start", "stop", "kind", "type", "snr_db"]
    assert events.start.is_monotonic_increasing and events.start.min() >= 0.0
    assert (events.stop > events.start).all() and events.stop.max() <= 20.0
    assert set(events.kind) <= {"whistle", "clicks", "burst"}
    assert ((events.type >= 0) == (events.kind == "whistle")).all()


def test_clean_is_silent_outside_events_and_sounds_inside(recording):
    inside = np.zeros(len(recording.clean), bool)
    for event in recording.events.itertuples():
        part = slice(round(event.start * SAMPLE_RATE), round(event.stop * SAMPLE_RATE))
        assert np.abs(recording.clean[part]).max() > 0
        inside[part] = True
    assert inside.any() and not inside.all()
    assert not recording.clean[~inside].any()


def test_fundamental_holds_the_energy():
    """Without overlaps the strongest bin of nearly every clean frame lies on the contour."""
    sea = Sea(seed=5, duration=20.0, overlap=0.0, harmonics=(0, 2))
    recording = sea_recording(sea, 2)
    magnitude = features.spectrogram(recording.clean)
    frames = _frame_numbers(recording.contours.time)
    expected = features.frequency_to_bin(recording.contours.frequency)
    distance = np.abs(magnitude[frames].argmax(axis=1) - expected)
    assert len(distance) > 1_000
    assert (distance <= 3).mean() > 0.99


def test_contour_times_are_frame_centres_inside_their_event(recording):
    contours, events = recording.contours, recording.events
    frames = _frame_numbers(contours.time)
    np.testing.assert_allclose(features.frame_times(frames.max() + 1)[frames], contours.time)
    whistle = events.loc[contours.event].reset_index()
    assert (whistle.kind == "whistle").all()
    assert (contours.time >= whistle.start - 1e-9).all()
    assert (contours.time <= whistle.stop + 1e-9).all()
    assert set(contours.event) == set(events.index[events.kind == "whistle"])


def test_snr_is_as_declared():
    """Measured on the mixed sound: events against what is left without them, in the band."""
    recording = sea_recording(Sea(seed=6, duration=30.0, overlap=0.0, ship=0.0, shrimp=(0, 0)), 0)
    noise_rms = _band_rms(recording.signal - recording.clean)
    for event in recording.events.itertuples():
        part = slice(round(event.start * SAMPLE_RATE), round(event.stop * SAMPLE_RATE))
        event_rms = np.sqrt(np.mean(recording.clean[part].astype(float) ** 2))
        assert 20 * np.log10(event_rms / noise_rms) == pytest.approx(event.snr_db, abs=1.0)


def test_snr_covers_its_range():
    snr = pd.concat([sea_recording(SHORT, i).events for i in range(6)]).snr_db
    assert snr.min() >= -5.0 and snr.max() <= 25.0
    assert snr.min() < 0.0 and snr.max() > 20.0


@pytest.mark.parametrize("seed", range(5))
def test_types_are_distinct_and_apart_from_their_repeats(seed):
    shapes = type_shapes(seed, 10)
    between = [contour_distance(a, b) for i, a in enumerate(shapes) for b in shapes[:i]]
    assert len(shapes) == 10 and min(between) >= 1_000.0
    rng = np.random.default_rng(seed)
    repeats = [contour_distance(a, jittered(a, rng, 0.1, 0.02, 0.08)) for a in shapes]
    assert np.median(repeats) < 0.5 * min(between)


def test_shapes_stay_in_their_range():
    for shape in type_shapes(1, 16):
        assert 0.3 <= shape.time[-1] <= 1.1
        assert 4_000 <= shape.frequency.min() and shape.frequency.max() <= 20_000


def test_repeats_differ_but_stay_near():
    shape = type_shapes(0, 4)[3]
    rng = np.random.default_rng(0)
    a, b = (jittered(shape, rng, 0.1, 0.02, 0.08) for _ in range(2))
    assert not np.allclose(a.time, b.time) and not np.allclose(a.frequency, b.frequency)
    assert (np.diff(a.time) > 0).all()
    np.testing.assert_allclose(a.frequency, shape.frequency, rtol=0.1)


def test_default_sea_is_busy_as_promised():
    seas = [sea_recording(Sea(), index) for index in range(4)]
    whistles = np.mean([(s.events.kind == "whistle").sum() for s in seas])
    busy = np.mean([_busy_share(s.events, 60.0) for s in seas])
    assert 25 <= whistles <= 38
    assert 0.3 <= busy <= 0.55


def test_overlap_knob():
    def overlaps(share):
        events = sea_recording(Sea(seed=8, overlap=share, duration=60.0), 0).events
        return (events.start.to_numpy()[1:] < events.stop.cummax().to_numpy()[:-1]).sum()

    assert overlaps(0.0) == 0
    assert overlaps(1.0) > 3


def test_kinds_can_be_switched_off():
    sea = Sea(duration=10.0, whistles=0.0, clicks=0.0, bursts=0.0)
    recording = sea_recording(sea, 0)
    assert len(recording.events) == len(recording.contours) == 0
    assert not recording.clean.any() and np.isfinite(recording.signal).all()
    assert recording.signal.std() > 0


def test_real_contours_are_followed():
    time = np.arange(0, 0.5, 0.01)
    shapes = {
        7: [(time, 8_000 + 4_000 * time), (time, 8_100 + 4_000 * time)],
        9: [(time, 0 * time + 15_000)],
    }
    sea = Sea(duration=20.0, shapes=shapes, warp=0.0, pitch=0.0, stretch=0.0, overlap=0.0)
    recording = sea_recording(sea, 0)
    types = recording.events.type[recording.contours.event].to_numpy()
    frequency = recording.contours.frequency
    assert set(types) == {7, 9}
    assert frequency[types == 9].between(14_999, 15_001).all()
    assert frequency[types == 7].between(7_999, 10_101).all()


@pytest.mark.parametrize(
    "knobs",
    [
        {"snr_db": (10.0, -5.0)},
        {"snr_db": (1.0, 2.0, 3.0)},
        {"duration": 0.0},
        {"duration": float("nan")},
        {"whistles": -1.0},
        {"n_types": 0},
        {"overlap": 1.5},
        {"frequency_range": (4_000.0, 30_000.0)},
        {"click_interval": (0.0, 0.1)},
        {"ambient_rms": 0.0},
        {"bout": (0, 3)},
    ],
)
def test_nonsense_is_refused_by_name(knobs):
    with pytest.raises(ValueError, match=next(iter(knobs))):
        Sea(**knobs)


def test_too_many_types_and_a_negative_index_are_refused():
    with pytest.raises(ValueError, match="fewer types"):
        type_shapes(0, 10, distance_hz=20_000.0)
    with pytest.raises(ValueError, match="index"):
        sea_recording(SHORT, -1)


def _frame_numbers(times) -> np.ndarray:
    frames = (np.asarray(times) * SAMPLE_RATE - features.FRAME_LENGTH / 2) / features.HOP_LENGTH
    return np.round(frames).astype(int)


def _band_rms(signal) -> float:
    spectrum = np.abs(np.fft.rfft(signal)) ** 2
    frequency = np.fft.rfftfreq(len(signal), 1 / SAMPLE_RATE)
    inside = (frequency > 2_135) & (frequency < 23_916)
    return np.sqrt(2 * spectrum[inside].sum()) / len(signal)


def _busy_share(events, duration) -> float:
    grid = np.arange(0, duration, 0.01)
    inside = (grid[:, None] >= events.start.to_numpy()) & (grid[:, None] < events.stop.to_numpy())
    return inside.any(axis=1).mean()
