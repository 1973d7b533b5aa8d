"""The detector: streams equal recordings, real beeps are found, bad input is refused."""

import io
import json
import sys
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from lib import corpora
from lib.beeps import BeepDetector, Pattern, accepted, load_detector, stream
from lib.beeps import __main__ as command
from lib.beeps.alarm_table import COLUMNS
from lib.beeps.frontend import FRAME_LENGTH, HOP_LENGTH, FrontEnd, as_mono, channel_frequencies
from lib.beeps.matched import band_energy, bank_candidates
from lib.beeps.pattern import PatternMatcher
from lib.beeps.pulses import Pulse, PulseTracker, TrainFinder
from lib.beeps.rhythm import best_chain
from lib.beeps.tonenet import ToneStream, build_tone_net, tone_frequencies
from lib.beeps.verifier import FEATURES, Verifier
from lib.beeps.weights import load_weights
from lib.synthesis.soundscape_beeps import Appliance, decoy, sequence

RATE = 16_000
WASHER = Appliance(tone=3_950.0)
OVEN = Appliance(tone=2_600.0, beeps=1, on=0.25, off=0.0, period=0.6, groups=6, name="oven")
# Read off the spectrograms by eye, before the detector was run: start of each group in s.
ONSETS_4S = (0.60, 1.59, 2.59, 3.58)
ONSETS_60S = (56.32, 57.32, 58.31, 59.31)


def recording(sound, before=3.0, after=3.0, snr=15.0, rate=RATE, seed=0):
    """A sound in steady noise; the SNR is that of the whole band."""
    rng = np.random.default_rng(seed)
    silence = [np.zeros(round(s * RATE), np.float32) for s in (before, after)]
    clean = np.concatenate([silence[0], sound, silence[1]])
    noise = rng.standard_normal(len(clean)) * 10 ** (-snr / 20)
    mixed = 0.1 * (clean + noise).astype(np.float32)
    if rate == RATE:
        return mixed
    import soxr

    return soxr.resample(mixed, RATE, rate)


def washer(seed=0, **options):
    return recording(sequence(WASHER, np.random.default_rng(seed)), seed=seed, **options)


@pytest.fixture(scope="module")
def detector():
    return load_detector()


def streamed(detector, signal, sizes):
    """Alarms of a stream whose chunks have sizes drawn from `sizes`."""
    import pandas as pd

    detector.reset()
    rng, first, parts = np.random.default_rng(0), 0, []
    while first < len(signal):
        size = int(rng.choice(sizes))
        parts.append(detector.feed(signal[first : first + size]))
        first += size
    return pd.concat([*parts, detector.finish()], ignore_index=True)


def test_contrast_in_chunks_is_that_of_the_whole():
    signal = np.random.default_rng(0).standard_normal(20_000).astype("f")
    whole = FrontEnd().feed(signal)
    assert whole.shape == (1 + (20_000 - FRAME_LENGTH) // HOP_LENGTH, 180, 2)
    front, parts = FrontEnd(), []
    for first in range(0, 20_000, 777):
        parts.append(front.feed(signal[first : first + 777]))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_a_tone_stands_out_in_its_own_channel():
    tone = np.sin(2 * np.pi * 3_000 * np.arange(RATE) / RATE)
    contrast = FrontEnd().feed(tone + 0.01 * np.random.default_rng(0).standard_normal(RATE))
    loudest = contrast[-1, :, 0].argmax()
    assert abs(channel_frequencies()[loudest] - 3_000) < 32


def test_the_tone_stream_equals_the_keras_network():
    import keras

    keras.utils.set_random_seed(0)
    model = build_tone_net()
    contrast = np.random.default_rng(0).standard_normal((60, 180, 2)).astype("f")
    expected = np.asarray(model(contrast[None]))[0, ..., 0]
    stream = ToneStream(model.get_weights())
    ours = np.concatenate([stream.feed(contrast[:1]), stream.feed(contrast[1:45])])
    ours = np.concatenate([ours, stream.feed(contrast[45:])])
    assert ours.shape == (57, 172)
    # The first three answers have silence before them, which Keras is not told of.
    np.testing.assert_allclose(ours[3:], expected, atol=1e-5)


def test_the_verifier_equals_the_trees_of_scikit_learn():
    from lib.beeps.train import train_verifier, tree_arrays

    rng = np.random.default_rng(0)
    # Whole numbers lie on thresholds of trees that others have grown.
    features = rng.normal(0, 2, (400, len(FEATURES))).round().astype("f")
    labels = features[:, 3] + features[:, 5] * features[:, 7] > 1
    model = train_verifier(features, labels, np.ones(400), trees=30)
    others = rng.normal(0, 2, (300, len(FEATURES))).astype("f")
    others[:100] = others[:100].round() + 0.5
    expected = model.predict_proba(others)[:, 1]
    np.testing.assert_allclose(Verifier(tree_arrays(model))(others), expected, atol=1e-6)
    assert np.ptp(expected) > 0.5


def test_homes_give_trains_whether_they_are_sequences_and_what_mistakes_cost():
    from lib.beeps.train import labelled_trains

    scene = dict(seconds=40.0, sequences_per_minute=4.0, snr=(15.0, 25.0))
    features, labels, costs = labelled_trains([20_000, 20_001], load_weights(), **scene)
    assert features.shape == (len(labels), len(FEATURES)) and len(costs) == len(labels)
    assert np.isfinite(features).all() and 0 < labels.sum() < len(labels)
    assert np.isin(costs, np.float32([0.3, 0.5, 1.0])).all()


def tracked(level, channel=80):
    """Pulses of one tone whose level (dB) in each frame is given; below 0 dB nothing is heard."""
    level = np.asarray(level, float)
    probability, levels = np.zeros((2, len(level), 172), np.float32)
    probability[:, channel], levels[:, channel] = np.where(level >= 0, 0.9, 0.0), level
    pulses = PulseTracker().feed(probability, levels / 10, levels)
    return [(round(p.start / 0.02), round(p.stop / 0.02)) for p in pulses]


def test_a_ringing_room_makes_pulses_neither_longer_nor_one():
    # 10 frames of a beep, then a ringing of 2 dB a frame that fills the pause.
    beep, ringing = np.full(10, 40.0), 40 - 2 * np.arange(1, 14)
    starts = [k for k, _ in tracked(np.concatenate([beep, ringing, beep, ringing, -np.ones(20)]))]
    assert np.diff(starts).tolist() == [23]
    for start, stop in tracked(np.concatenate([beep, ringing, beep, ringing, -np.ones(20)])):
        # 12 dB of ringing, six frames, are taken for the beep.
        assert stop - start == 15


def test_a_flutter_is_one_pulse_and_what_follows_the_ringing_another():
    flutter = 40 - 8.0 * (np.arange(20) % 2)
    assert len(tracked(np.concatenate([flutter, -np.ones(5)]))) == 1
    softer = np.concatenate([np.full(10, 40.0), -np.ones(15), np.full(10, 20.0), -np.ones(5)])
    assert len(tracked(softer)) == 2


def test_a_pace_is_not_guessed_from_one_trembling_interval():
    starts = (0.03, 0.59, 1.19, 1.81, 2.37, 3.01)
    spans = [(start, start + 0.32) for start in starts]
    assert best_chain(spans, 5) == [0, 1, 2, 3, 4, 5]
    uneven = [(start, start + 0.1) for start in (1.0, 1.45, 4.0, 4.6)]
    assert len(best_chain(uneven, 3)) < 3


def test_a_train_waits_for_the_pause_of_its_own_pace():
    beeps = [Pulse(5 + 1.1 * g, 5.48 + 1.1 * g, 80, 0.9, 3) for g in range(6)]
    stray = Pulse(beeps[-2].stop + 0.4, beeps[-2].stop + 0.45, 80, 0.6, 1)
    for train in train_finder_on([*beeps, stray]):
        if len(train.starts) == 6:
            assert train.decided - train.stops[-1] > 0.62


def test_a_crackle_before_a_group_does_not_hide_the_one_after_it():
    spans = [(0.0, 0.82), (1.4, 2.24), (2.8, 3.66), (4.16, 5.08), (5.64, 6.5)]
    # The last group begins at 7.06; what sounds before it pulls its start to 6.84.
    spans += [(6.84, 7.92), (8.5, 8.72)]
    assert best_chain(spans[:-1], 5) == [0, 1, 2, 3, 4, 5]
    assert len(best_chain(spans, 5)) < 6


def test_a_train_waits_for_a_group_as_late_as_the_latest_was():
    # The first group is heard in part only, so the first interval is short.
    starts = (5.29, 5.91, 6.67, 7.48, 8.27, 9.06, 9.85)
    beeps = [Pulse(t, (5.49 if t == 5.29 else t + 0.42), 80, 0.9, 3) for t in starts]
    trains = train_finder_on(beeps)
    assert trains and all(train.stops[-1] == beeps[-1].stop for train in trains)


def with_noise(signal, start, stop, level=1.0):
    noisy, part = signal.copy(), slice(round(start * RATE), round(stop * RATE))
    noisy[part] += level * np.random.default_rng(1).standard_normal(len(noisy[part])).astype("f")
    return noisy


def test_an_alarm_does_not_end_where_a_noise_covers_one_group(monkeypatch):
    endless = replace(OVEN, groups=20)
    # The ninth group sounds from 7.8 to 8.05 s.
    signal = with_noise(recording(sequence(endless, np.random.default_rng(0))), 7.7, 8.15)
    ends = BeepDetector(threshold=0.0).candidates(signal)["stop"]
    assert len(ends) and (ends > 14).all()
    monkeypatch.setattr(stream, "COVERED_DB", -99.0)
    assert (BeepDetector(threshold=0.0).candidates(signal)["stop"] < 8).any()


def test_a_sequence_before_a_noise_is_found_an_interval_later(detector):
    # Its last group ends at 6.25 s; the next one would come at 6.6 s.
    plain = recording(sequence(OVEN, np.random.default_rng(0)), after=6.0)
    (alarm,) = detector.detect(with_noise(plain, 6.5, 7.0), RATE).itertuples()
    assert alarm.stop == pytest.approx(6.25, abs=0.1)
    (sooner,) = detector.detect(plain, RATE).itertuples()
    assert 0.4 < alarm.decided - sooner.decided < 0.9


def train_finder_on(pulses):
    finder, trains, now = TrainFinder(), [], 0.0
    pulses = sorted(pulses, key=lambda p: p.stop)
    while now < 20:
        now += 0.1
        new = [p for p in pulses if now - 0.1 <= p.stop < now]
        still = [
            SimpleNamespace(first=1, last=2, channel=p.channel)
            for p in pulses
            if p.start < now <= p.stop
        ]
        trains += finder.feed(new, still, now)
    return trains


def test_trains_are_steady_groups_whatever_falls_between_them():
    beeps = [
        Pulse(5 + g + 0.1 * b, 5.09 + g + 0.1 * b, 80, 0.9, 3) for g in range(4) for b in (0, 1)
    ]
    noise = [Pulse(t, t + 0.05, c, 0.6, 1) for t, c in ((4.4, 80), (6.5, 80.5), (7.6, 60))]
    (train,) = [t for t in train_finder_on(beeps + noise) if len(t.starts) == 4]
    np.testing.assert_allclose(train.starts, [5, 6, 7, 8])
    assert train.counts.tolist() == [2, 2, 2, 2] and train.strangers == 1
    assert 0.9 < train.decided - train.stops[-1] < 1.1


def test_without_a_pace_there_is_no_train():
    uneven = [Pulse(t, t + 0.1, 80, 0.9, 3) for t in (1.0, 1.45, 4.0, 4.6)]
    assert train_finder_on(uneven) == []
    assert train_finder_on(uneven[:2]) == []


def test_the_washer_is_found_where_it_is(detector):
    alarms = detector.detect(washer(), RATE)
    assert len(alarms) == 1
    alarm = alarms.iloc[0]
    assert list(alarms.columns[:3]) == ["start", "stop", "score"]
    assert alarm["start"] == pytest.approx(3, abs=0.06)
    assert alarm["stop"] == pytest.approx(3 + WASHER.seconds, abs=0.06)
    assert alarm["tone"] == pytest.approx(3_950, abs=35) and alarm["groups"] == 4
    assert 0 < alarm["decided"] - alarm["stop"] < 1


@pytest.mark.parametrize("kind", ["single", "half", "chime", "music", "endless"])
def test_decoys_raise_no_alarm(detector, kind):
    for seed in range(3):
        sound = decoy(kind, WASHER, np.random.default_rng(seed))
        assert len(detector.detect(recording(sound, seed=seed), RATE)) == 0, seed


@pytest.mark.parametrize("sizes", [[1600], [7, 300, 5_000], [40_000]])
def test_a_stream_gives_what_the_recording_gives(detector, sizes):
    signal = np.concatenate([washer(1), washer(2, snr=5)])
    whole = detector.detect(signal, RATE)
    stream = streamed(detector, signal, sizes)
    assert len(whole) == len(stream) == 2
    np.testing.assert_allclose(stream[COLUMNS], whole[COLUMNS], atol=0.02)


def test_the_end_of_a_recording_ends_a_sequence(detector):
    signal = washer(after=0.1)
    assert len(detector.detect(signal, RATE)) == 1


@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100, 48_000])
def test_any_rate_gives_the_same_alarm(detector, rate):
    alarms = detector.detect(washer(rate=rate), rate)
    assert len(alarms) == 1 and alarms["start"][0] == pytest.approx(3, abs=0.06)
    stream = BeepDetector(sample_rate=rate)
    assert len(streamed(stream, washer(rate=rate), [1_000])) == 1


def test_channels_types_and_levels_do_not_matter(detector):
    signal = washer()
    variants = {
        "stereo": np.stack([signal, 0.5 * signal], axis=1),
        "channels first": np.stack([signal, signal]),
        "int16": (signal * 32_767).astype(np.int16),
        "int32": (signal * 2**30).astype(np.int32),
        "float64": signal.astype(float),
        "quiet": signal * 0.01,
        "DC offset": signal + 0.3,
        "clipped": np.clip(signal * 30, -1, 1),
    }
    for name, variant in variants.items():
        alarms = detector.detect(variant, RATE)
        assert len(alarms) == 1, name
        assert alarms["start"][0] == pytest.approx(3, abs=0.06), name


def test_silence_nothing_and_a_moment_raise_no_alarm(detector):
    for signal in (np.zeros(5 * RATE), np.zeros(0), washer()[:160], np.full(RATE, 0.5)):
        assert len(detector.detect(signal, RATE)) == 0
    assert len(detector.feed(np.zeros(0))) == 0


BAD = {
    "NaN": (np.r_[np.zeros(10), np.nan], "NaN or infinite, the first is number 10"),
    "infinite": (np.r_[np.inf, np.zeros(10)], "NaN or infinite"),
    "text": (np.array(["a", "b"]), "type <U1"),
    "complex": (np.zeros(10, complex), "complex128"),
    "bytes": (np.zeros(10, np.uint8), "uint8"),
    "bool": (np.zeros(10, bool), "bool"),
    "three axes": (np.zeros((2, 2, 2)), "shape"),
    "a number": (np.float32(1), "shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_sound_is_refused(detector, name):
    signal, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        detector.feed(signal)
    with pytest.raises(ValueError):
        detector.detect(signal, RATE)


def test_a_refused_chunk_leaves_the_stream_as_it_was(detector):
    signal = washer()
    detector.reset()
    detector.feed(signal[: 4 * RATE])
    with pytest.raises(ValueError):
        detector.feed(np.array([np.nan]))
    rest = detector.feed(signal[4 * RATE :])
    assert len(rest) + len(detector.finish()) == 1


def test_telephone_sound_is_refused_with_the_reason(detector):
    for rate in (8_000, 0, -1, float("nan")):
        with pytest.raises(ValueError, match="record at 10000 Hz or more"):
            detector.detect(np.zeros(8_000), rate)
    with pytest.raises(ValueError, match="between 0 and 1"):
        BeepDetector(threshold=1.5)


def test_an_endless_stream_takes_no_more_memory(detector):
    rng = np.random.default_rng(0)
    beeps = washer(snr=0)
    detector.reset()

    def hear(seconds):
        for _ in range(seconds // 10):
            detector.feed(np.concatenate([beeps, 0.1 * rng.standard_normal(RATE)]).astype("f"))

    hear(50)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    hear(150)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    trains = detector._engine.finder._trains
    assert len(trains.recent) <= 512 and len(trains.tracks) < 100
    detector.reset()
    # What was heard meanwhile is 9.6 MB of samples; what is kept are the latest pulses.
    assert grown < 1_000_000


def test_thresholds_can_be_tried_later(detector):
    signal = np.concatenate([washer(3), washer(4, snr=0)])
    candidates = detector.candidates(signal)
    alarms = accepted(candidates, detector.threshold)
    np.testing.assert_allclose(alarms[COLUMNS], detector.detect(signal, RATE)[COLUMNS])
    assert len(accepted(candidates, 1.01)) == 0


def test_one_example_teaches_an_appliance(detector):
    example = recording(sequence(OVEN, np.random.default_rng(0)), snr=20)
    taught = BeepDetector.from_example(example, RATE)
    assert len(taught.pattern.groups()) == 6
    np.testing.assert_allclose(taught.pattern.groups()[:, 0], 0.6 * np.arange(6), atol=0.03)
    again = recording(sequence(OVEN, np.random.default_rng(5)), before=5, snr=5, seed=5)
    alarms = taught.detect(again, RATE)
    assert len(alarms) == 1 and alarms["start"][0] == pytest.approx(5, abs=0.06)
    assert len(taught.detect(washer(), RATE)) == 0
    for groups in (3, 20):
        other = sequence(replace(OVEN, groups=groups), np.random.default_rng(1))
        assert len(taught.detect(recording(other), RATE)) == 0, groups
    stream = streamed(taught, again, [3_000])
    np.testing.assert_allclose(stream[COLUMNS], alarms[COLUMNS], atol=0.02)


def test_a_tune_of_several_tones_can_be_taught():
    notes = [2_093, 2_637, 3_136, 2_637]
    tune = replace(OVEN, period=0.4, groups=4)
    sound = sequence(tune, np.random.default_rng(0), tones=notes)
    taught = BeepDetector.from_example(recording(sound, snr=20), RATE)
    assert len({round(tone) for *_, tone in taught.pattern.pulses}) == 3
    again = recording(sequence(tune, np.random.default_rng(3), tones=notes), snr=10, seed=3)
    assert len(taught.detect(again, RATE)) == 1
    backwards = sequence(tune, np.random.default_rng(3), tones=[3_136, 2_637, 2_093, 3_136])
    assert len(taught.detect(recording(backwards), RATE)) == 0


def test_an_example_without_beeps_is_refused():
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    with pytest.raises(ValueError, match="nearer to the appliance"):
        BeepDetector.from_example(noise, RATE)


@pytest.mark.parametrize(
    "pulses, message",
    [
        (((0, 0.1, 3_000),), "two pulses"),
        (((0, 0.1, 3_000), (0.5, 0.4, 3_000)), "stop after"),
        (((0, 0.1, 3_000), (0.5, 0.6, 300)), "lie between"),
        (((0, 0.1, 3_000), (0.5, float("nan"), 3_000)), "two pulses"),
    ],
)
def test_patterns_that_cannot_be_are_refused(pulses, message):
    with pytest.raises(ValueError, match=message):
        Pattern(pulses)


def test_a_pattern_fits_itself_and_not_its_half():
    pattern = Pattern.regular()
    assert len(pattern.groups()) == 4 and pattern.seconds == pytest.approx(3.49)
    channel = int(np.argmin(np.abs(tone_frequencies() - 4_000)))
    heard = np.zeros((700, 172), np.float32)
    for group in range(4):
        heard[200 + 50 * group : 224 + 50 * group, channel] = 1
    assert PatternMatcher(pattern).feed(heard).max() > 0.9
    half = heard.copy()
    half[:300] = 0
    assert PatternMatcher(pattern).feed(half).max() < 0.6
    assert len(pattern.of(WASHER).pulses) == 20


def test_the_matched_filter_bank_finds_a_loud_sequence(detector):
    energy = band_energy(detector.hear(washer(snr=10)).contrast)
    best = bank_candidates(energy).sort_values("score").iloc[-1]
    assert best["stop"] == pytest.approx(3 + WASHER.seconds, abs=0.5)
    assert best["tone"] == pytest.approx(3_950, abs=40)


def test_weights_that_are_missing_or_damaged_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="lib.beeps.train"):
        load_weights(tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="damaged"):
        load_weights(tmp_path / "bad.npz")


def test_the_shipped_network_is_that_of_the_weights():
    import keras

    from lib.beeps.weights import SHIPPED

    tone = keras.saving.load_model(SHIPPED.with_name("tone_net.keras"), compile=False)
    for ours, theirs in zip(load_weights().tone, tone.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_samples_become_mono_floats():
    np.testing.assert_allclose(as_mono(np.array([-32_768, 16_384], np.int16)), [-1, 0.5])
    assert as_mono(np.ones((4, 2))).tolist() == [1, 1, 1, 1]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "washer.wav"
    soundfile.write(path, washer(rate=44_100), 44_100)
    return path


def test_the_command_prints_one_line_for_each_alarm(file, capsys):
    assert command.main([str(file)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    alarm = json.loads(line)
    assert alarm["file"] == str(file) and alarm["groups"] == 4
    assert alarm["start"] == pytest.approx(3, abs=0.06)


def test_the_command_tells_by_its_status(file, tmp_path, capsys):
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, np.zeros(RATE), RATE)
    assert command.main([str(quiet)]) == 1
    assert command.main([str(tmp_path / "none.wav"), str(file)]) == 2
    out = capsys.readouterr()
    assert "none.wav does not exist" in out.err and len(out.out.splitlines()) == 1
    (tmp_path / "text.wav").write_text("no sound")
    assert command.main([str(tmp_path / "text.wav")]) == 2
    assert command.main([str(file), "--threshold", "7"]) == 2
    assert command.main([str(file), "--rate", "8000"]) == 2
    with pytest.raises(SystemExit) as stop:
        command.main([])
    assert stop.value.code == 2


class Raw:
    """Standard input that gives a few bytes at a time."""

    def __init__(self, data):
        self.buffer = self
        self._data = io.BytesIO(data)

    def read1(self, size):
        return self._data.read(min(size, 1_001))


def test_the_command_reads_raw_sound(monkeypatch, capsys):
    data = (washer() * 32_767).astype("<i2").tobytes()
    monkeypatch.setattr(sys, "stdin", Raw(data))
    assert command.main(["-"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == "-"
    monkeypatch.setattr(sys, "stdin", Raw(data[:-1]))
    assert command.main(["-"]) == 2
    assert "within a sample" in capsys.readouterr().err


def test_the_command_learns_from_an_example(file, tmp_path, capsys):
    example = tmp_path / "oven.wav"
    soundfile.write(example, recording(sequence(OVEN, np.random.default_rng(0)), snr=20), RATE)
    assert command.main([str(example), "--example", str(example)]) == 0
    assert command.main([str(file), "--example", str(example)]) == 1


@pytest.mark.real("beeps")
@pytest.mark.parametrize(
    "item, onsets",
    [("washer_beep_sequence_4s", ONSETS_4S), ("washer_end_of_cycle_60s", ONSETS_60S)],
)
def test_the_real_washer_is_found_and_nothing_else(detector, item, onsets):
    corpus = corpora.load("beeps")
    signal = corpus.signal(corpus.table["item"].tolist().index(item))
    alarms = detector.detect(signal, RATE)
    assert len(alarms) == 1 and alarms["groups"][0] == 4
    np.testing.assert_allclose(alarms["onsets"][0], onsets, atol=0.05)


@pytest.mark.real("beeps")
def test_one_real_recording_teaches_the_other(detector):
    corpus = corpora.load("beeps")
    short, long = (corpus.signal(k) for k in corpus.table["duration"].argsort())
    alarms = BeepDetector.from_example(short, RATE).detect(long, RATE)
    assert len(alarms) == 1 and alarms["start"][0] == pytest.approx(ONSETS_60S[0], abs=0.05)


@pytest.mark.real("household_noise")
def test_everyday_sound_raises_no_alarm(detector):
    corpus = corpora.load("household_noise")
    alarmed = [
        corpus.table["item"][i]
        for i in range(len(corpus))
        if len(detector.detect(corpus.signal(i), RATE))
    ]
    assert alarmed == []
