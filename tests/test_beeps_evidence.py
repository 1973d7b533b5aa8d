"""What the map of the last half minute says about a train: known levels in, known numbers out."""

import numpy as np
import pytest

from lib.beeps.evidence import EVIDENCE, Memory, evidence
from lib.beeps.frontend import HOP_SECONDS, SAMPLE_RATE
from lib.beeps.pulses import CENTRE_SECONDS, Pulse, Train
from lib.beeps.train import narrowed
from lib.beeps.verifier import FEATURES

CHANNEL, TONE_DB, NOISE_DB = 60, -20.0, -50.0
STARTS = np.array([4.0, 5.0, 6.0, 7.0])


def beeping(groups=STARTS, length=0.4):
    """A train of one beep a group, and a map on which exactly these beeps sound."""
    pulses = [Pulse(s, s + length, CHANNEL, 0.9, 2.0) for s in groups]
    stops = np.asarray(groups) + length
    train = Train(np.asarray(groups), stops, np.ones(len(groups), int), pulses, 0, [], 8.2)
    tones = np.zeros((500, 172), np.float32)
    levels = np.full((500, 181), NOISE_DB, np.float32)
    for pulse in pulses:
        mark(tones, levels, pulse.start, pulse.stop)
    return train, tones, levels


def mark(tones, levels, start, stop, channel=CHANNEL, level=TONE_DB):
    rows = slice(
        *(round((t - CENTRE_SECONDS) / HOP_SECONDS) + k for k, t in enumerate((start, stop)))
    )
    tones[rows, channel] = 0.9
    levels[rows, channel + 4] = level


def said(train, tones, levels):
    memory = Memory()
    memory.add(tones, levels)
    return dict(zip(EVIDENCE, evidence(train, memory), strict=True))


def test_a_clear_sequence_has_empty_pauses_and_steady_beeps():
    facts = said(*beeping())
    assert facts["tone in the pauses"] == 0 and facts["tone in the slot before"] == 0
    for name in ("headroom before", "headroom after", "headroom in the pauses", "lift"):
        assert facts[name] == pytest.approx(TONE_DB - NOISE_DB), name
    for name in ("level range of groups", "decay in a pulse", "pitch spread of groups"):
        assert facts[name] == pytest.approx(0, abs=1e-5), name
    assert facts["lower lift"] == 0 and facts["higher lift"] == 0


def test_a_drowned_pause_is_not_an_empty_one():
    train, tones, levels = beeping()
    levels[round(7.45 / HOP_SECONDS) :] = TONE_DB - 2
    facts = said(train, tones, levels)
    assert facts["headroom after"] < 4 and facts["headroom before"] > 25


def test_one_more_group_before_is_seen_though_the_train_lacks_it():
    train, tones, levels = beeping()
    mark(tones, levels, 3.0, 3.4)
    facts = said(train, tones, levels)
    assert facts["tone in the slot before"] > 0.7 and facts["tone two slots before"] == 0


def test_a_group_that_is_missing_where_it_would_be_heard_tells():
    facts = said(*beeping(np.array([4.0, 5.0, 7.0])))
    assert facts["headroom of missing groups"] == pytest.approx(TONE_DB - NOISE_DB)


def test_a_deeper_sound_at_the_same_pace_is_seen():
    train, tones, levels = beeping()
    for start in STARTS:
        mark(tones, levels, start, start + 0.4, channel=20, level=TONE_DB + 6)
    facts = said(train, tones, levels)
    assert facts["lower lift"] == pytest.approx(36, abs=0.5) and facts["higher lift"] == 0


def test_fading_and_gliding_beeps_are_told():
    train, tones, levels = beeping()
    for start in STARTS:
        first = round((start - CENTRE_SECONDS) / HOP_SECONDS)
        levels[first : first + 20, CHANNEL + 4] -= np.arange(20)
    assert said(train, tones, levels)["decay in a pulse"] == pytest.approx(-9, abs=1)
    train, tones, levels = beeping()
    for start in STARTS:
        first = round((start + 0.2 - CENTRE_SECONDS) / HOP_SECONDS)
        levels[first : first + 11, CHANNEL + 4 : CHANNEL + 6] = (NOISE_DB, TONE_DB)
    assert said(train, tones, levels)["glide in a pulse"] > 0.7


def test_evidence_is_finite_where_the_memory_ends():
    train, tones, levels = beeping()
    for first in (0, 380, 460):
        facts = said(train, tones[first:], levels[first:])
        assert len(facts) == len(EVIDENCE) and np.isfinite(list(facts.values())).all()
    assert len(FEATURES) == 64 == len(set(FEATURES))


def test_the_memory_keeps_the_last_half_minute_whatever_the_pieces():
    rng = np.random.default_rng(0)
    tones, levels = rng.random((4_000, 172), "f"), rng.random((4_000, 181), "f")
    memory, first = Memory(), 0
    size = memory._tones.nbytes + memory._levels.nbytes
    while first < 4_000:
        n = int(rng.integers(1, 9))
        memory.add(tones[first : first + n], levels[first : first + n])
        first += n
        held, heights, start = memory.maps()
        stop = min(first, 4_000)
        assert start + len(held) == stop and len(held) >= min(stop, 1_500)
        np.testing.assert_array_equal(held[-100:], tones[max(stop - 100, 0) : stop][-100:])
        np.testing.assert_array_equal(heights[0], levels[start])
    assert size == memory._tones.nbytes + memory._levels.nbytes < 5e6


def test_each_fifth_home_ends_at_a_lower_edge():
    noise = np.random.default_rng(0).standard_normal(5 * SAMPLE_RATE).astype("f")
    assert narrowed(noise, 3) is noise
    cut = narrowed(noise, 5)
    power = np.abs(np.fft.rfft(cut)) ** 2
    # 80,000 samples: bins of 0.2 Hz.
    assert len(cut) == len(noise) and power[38_500:].mean() < 1e-4 * power[:25_000].mean()


def test_a_group_out_of_its_place_is_noticed():
    train, tones, levels = beeping()
    assert said(train, tones, levels)["likest to a group between"] == 0
    mark(tones, levels, 5.5, 5.8)
    mark(tones, levels, 2.45, 2.6)
    facts = said(train, tones, levels)
    assert facts["likest to a group between"] == pytest.approx(1, abs=0.05)
    assert facts["headroom of it"] == pytest.approx(0, abs=0.5)
    assert 0.4 < facts["likest to a group before"] < 0.7
