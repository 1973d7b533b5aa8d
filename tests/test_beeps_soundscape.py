"""Soundscapes: what the truth says is in the sound, and decoys are what they claim to be."""

from dataclasses import replace

import numpy as np
import pytest

from lib.synthesis.soundscape import TRUTH_COLUMNS, in_a_room, soundscape
from lib.synthesis.soundscape_beeps import (
    DECOYS,
    SOUNDSCAPE_RATE,
    Appliance,
    decoy,
    group_starts,
    random_appliance,
    sequence,
)
from lib.synthesis.soundscape_noise import band_level, disturbance, machine_noise

WASHER = Appliance(tone=3_950.0)


def loudness(sound, seconds=0.02):
    """RMS in steps of 20 ms."""
    step = round(seconds * SOUNDSCAPE_RATE)
    frames = sound[: len(sound) // step * step].reshape(-1, step)
    return np.sqrt((frames**2).mean(axis=1))


def home_with(sequences, seconds, appliances, **options):
    """The first home with so many sequences."""
    homes = (soundscape(seed, seconds, appliances, **options) for seed in range(30))
    return next(home for home in homes if len(home.sequences) >= sequences)


def test_a_home_is_the_same_each_time_and_another_with_another_seed():
    first, again, other = soundscape(5, 30), soundscape(5, 30), soundscape(6, 30)
    np.testing.assert_array_equal(first.signal, again.signal)
    assert first.truth.equals(again.truth)
    assert not np.array_equal(first.signal, other.signal)
    assert first.signal.dtype == np.float32 and np.abs(first.signal).max() <= 1


def test_the_truth_is_in_order_apart_and_complete():
    home = soundscape(3, 120, sequences_per_minute=3, decoys_per_minute=3)
    assert list(home.truth.columns) == TRUTH_COLUMNS
    assert (home.truth["start"].to_numpy()[1:] > home.truth["stop"].to_numpy()[:-1] + 5).all()
    assert home.truth["stop"].max() < home.seconds
    assert set(home.truth["kind"]) <= {"sequence", *DECOYS}
    assert set(home.truth["appliance"]) <= {a.name for a in home.appliances}


def test_beeps_sound_when_the_truth_says_so_and_at_no_other_time():
    home = home_with(2, 60, [WASHER], sequences_per_minute=3, decoys_per_minute=0)
    inside = np.zeros(len(home.beeps), bool)
    for event in home.sequences.itertuples():
        part = slice(int(event.start * SOUNDSCAPE_RATE), int(event.stop * SOUNDSCAPE_RATE) + 1)
        inside[part] = True
        assert np.abs(home.beeps[part][: SOUNDSCAPE_RATE // 20]).max() > 0
    assert np.abs(home.beeps[~inside]).max() == 0


def test_the_snr_is_that_of_the_truth_in_the_band_of_the_beeps():
    rates = dict(sequences_per_minute=3, decoys_per_minute=0, disturbances_per_minute=0)
    home = home_with(1, 30, [replace(WASHER, beeps=1, on=0.5)], **rates, snr=(20, 20))
    event = home.sequences.iloc[0]
    begin = int(event["start"] * SOUNDSCAPE_RATE)
    beep = home.signal[begin : begin + SOUNDSCAPE_RATE // 2]
    before = home.signal[begin - SOUNDSCAPE_RATE : begin - 1_000]
    measured = 20 * np.log10(band_level(beep) / band_level(before))
    assert measured == pytest.approx(20, abs=3)


def test_a_sequence_has_its_tone_its_groups_and_its_pace():
    sound = sequence(WASHER, np.random.default_rng(0))
    assert len(sound) / SOUNDSCAPE_RATE == pytest.approx(WASHER.seconds, abs=0.01)
    spectrum = np.abs(np.fft.rfft(sound))
    loudest = spectrum.argmax() * SOUNDSCAPE_RATE / len(sound)
    # Beeps 100 ms apart: the line may lie on a side band 10 Hz away.
    assert loudest == pytest.approx(3_950, abs=11)
    on = loudness(sound) > 0.3
    rises = np.flatnonzero(np.diff(on.astype(int)) == 1) * 0.02
    for group in (1.0, 2.0, 3.0):
        assert np.abs(rises - group).min() < 0.05
    pauses = loudness(sound)[np.r_[27:48, 77:98]]
    assert pauses.max() == 0


@pytest.mark.parametrize("seed", range(5))
def test_random_appliances_are_within_what_is_promised(seed):
    appliance = random_appliance(np.random.default_rng(seed))
    assert 2_000 <= appliance.tone <= 5_000
    assert 3 <= appliance.groups <= 8
    assert appliance.period - appliance.group_seconds >= 0.25
    starts = group_starts(appliance, np.random.default_rng(seed))
    assert starts[0] == 0 and np.abs(np.diff(starts) - appliance.period).max() < 0.1


@pytest.mark.parametrize("kind", DECOYS)
def test_every_decoy_differs_from_a_sequence_as_it_should(kind):
    sounds = [decoy(kind, WASHER, np.random.default_rng(seed)) for seed in range(4)]
    for sound in sounds:
        seconds = len(sound) / SOUNDSCAPE_RATE
        assert np.isfinite(sound).all() and np.abs(sound).max() > 0.5
        expected = {
            "single": seconds < 0.6,
            "half": 1.4 < seconds < 1.6,
            "endless": seconds >= 19.4,
            "music": seconds >= 8,
        }
        assert expected.get(kind, seconds > 0.5)


def test_uneven_decoys_have_no_pace():
    for seed in range(5):
        sound = decoy("rhythm", WASHER, np.random.default_rng(seed))
        on = np.flatnonzero(loudness(sound) > 0.2) * 0.02
        starts = on[np.r_[True, np.diff(on) > 0.12]]
        ratios = np.abs(np.log(np.diff(starts)[1:] / np.diff(starts)[:-1]))
        assert (ratios > np.log(1.1)).any()


def test_unknown_decoys_and_too_short_homes_are_refused():
    with pytest.raises(ValueError, match="single, half"):
        decoy("doorbell", WASHER, np.random.default_rng(0))
    with pytest.raises(ValueError, match="10 s or more"):
        soundscape(0, 5)


def test_a_room_rings_on_but_keeps_the_direct_sound():
    sound = np.zeros(800, np.float32)
    sound[100] = 1
    wet = in_a_room(sound, np.random.default_rng(1))
    assert wet[100] == pytest.approx(1, abs=1e-5)
    assert len(wet) > len(sound) + 0.04 * SOUNDSCAPE_RATE
    assert np.abs(wet[:100]).max() < 1e-5 < np.abs(wet[900:]).max()


def test_noise_and_disturbances_are_finite_and_of_the_length_asked():
    rng = np.random.default_rng(2)
    noise = machine_noise(20 * SOUNDSCAPE_RATE, rng)
    assert noise.dtype == np.float32 and len(noise) == 20 * SOUNDSCAPE_RATE
    assert np.isfinite(noise).all() and loudness(noise).min() > 0
    for _ in range(20):
        sound = disturbance(rng)
        assert np.isfinite(sound).all() and np.abs(sound).max() == pytest.approx(1)


def test_band_level_is_that_of_a_tone_inside_and_nothing_outside():
    time = np.arange(8_000) / SOUNDSCAPE_RATE
    assert band_level(np.sin(2 * np.pi * 3_000 * time)) == pytest.approx(0.5**0.5, rel=0.01)
    assert band_level(np.sin(2 * np.pi * 500 * time)) < 0.01
