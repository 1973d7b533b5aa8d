"""Ragas: grammar, sound, tracking, and models with and without order."""

import itertools

import numpy as np
import pytest

from lib import audio, corpora, sequences
from lib.sequences import ragas, studies, tracking
from lib.synthesis import melodies


def test_there_are_24_ragas_and_allied_ones_share_their_swaras():
    assert len(melodies.RAGAS) == 24
    for first, second in melodies.ALLIED:
        assert melodies.swaras(first) == melodies.swaras(second)
        assert melodies.RAGAS[first] != melodies.RAGAS[second]
    assert melodies.swaras("Mohanam") == (0, 2, 4, 7, 9)


def allowed_steps(raga):
    """Pairs of neighbours in either line, modulo the octave."""
    steps = set()
    for line in melodies.RAGAS[raga]:
        names = [melodies.SEMITONES[s] % 12 for s in line.split()]
        steps |= set(itertools.pairwise(names))
    return steps


@pytest.mark.parametrize("raga", melodies.RAGAS)
def test_melodies_follow_the_lines_and_rest_on_the_tonic(raga):
    for seed in range(5):
        tune = melodies.melody(raga, seed)
        assert tune.notes[0] % 12 == 0 and tune.notes[-1] % 12 == 0 and len(tune.notes) >= 40
        swaras = tune.notes % 12
        assert set(itertools.pairwise(swaras)) <= allowed_steps(raga)
        assert set(swaras) <= set(melodies.swaras(raga))


def test_tempo_tonic_and_seed_do_what_they_say():
    slow, fast = (melodies.melody("Sri", 4, tempo=t) for t in (2.0, 4.0))
    np.testing.assert_allclose(slow.durations, 2 * fast.durations)
    np.testing.assert_array_equal(slow.notes, fast.notes)
    high = melodies.melody("Sri", 4, tonic=2 * 146.8)
    np.testing.assert_allclose(high.midi, fast.midi + 12)
    assert not np.array_equal(melodies.melody("Sri", 5).notes[:40], fast.notes[:40])
    with pytest.raises(ValueError, match="no raga 'Blues'"):
        melodies.melody("Blues", 0)
    with pytest.raises(ValueError, match="Tonic from 40"):
        melodies.melody("Sri", 0, tonic=5.0)


def test_splits_share_no_tonic_tempo_or_seed():
    corpus = corpora.load("ragas", train=5, validation=2, test=3)
    assert len(corpus) == 24 * 10
    for column in ("tonic", "tempo", "seed"):
        values = [set(corpus.part(s).table[column]) for s in ("train", "validation", "test")]
        assert not (values[0] & values[1] or values[0] & values[2] or values[1] & values[2])
    signal = corpus.signal(0)
    assert signal.dtype == np.float32 and np.abs(signal).max() <= 1
    assert len(signal) == int(corpus.melody(0).durations.sum() * 48_000)


def test_what_is_sung_is_tracked_back():
    tune = melodies.melody("Reetigowla", 7, tonic=196.0, tempo=5.0)
    cents = tracking.track(melodies.sing(tune))
    truth = tracking.drawn_contour(tune)
    n = min(len(cents), len(truth))
    assert np.nanmedian(np.abs(cents[:n] - truth[:n])) < 25
    heard = ragas.note_table(*tracking.notes_of(cents))[:, 0]
    written = ragas.note_table(tune.midi, tune.durations)[:, 0]
    written = written[np.concatenate([[True], np.diff(written) != 0])]
    assert abs(len(heard) - len(written)) <= 3
    assert set(heard % 12) == set(written % 12)


def naive_common(a, b):
    if not a or not b:
        return 0
    if a[-1] == b[-1]:
        return 1 + naive_common(a[:-1], b[:-1])
    return max(naive_common(a[:-1], b), naive_common(a, b[:-1]))


def test_notes_kept_fall_with_tempo_and_noise():
    rng = np.random.default_rng(0)
    for _ in range(10):
        a, b = rng.integers(3, size=7), rng.integers(3, size=6)
        assert tracking.common_length(a, b) == naive_common(a.tolist(), b.tolist())
    slow, fast = (melodies.melody("Sri", 3, tempo=tempo) for tempo in (4.0, 16.0))
    assert tracking.notes_kept(slow)[0] > 0.9 > tracking.notes_kept(fast)[0]
    assert tracking.notes_kept(slow, snr_db=-20)[0] < 0.5


def test_tracking_refuses_what_is_no_melody():
    for signal in (np.zeros(8000), np.full(8000, np.nan), np.array([])):
        with pytest.raises(audio.AudioError):
            tracking.track(signal)
    with pytest.raises(audio.AudioError, match="shorter than"):
        tracking.track(np.sin(np.arange(1000)))
    with pytest.raises(ValueError, match="No two steady notes"):
        tracking.notes_of(np.linspace(0, 9000, 100))
    with pytest.raises(ValueError, match="No two steady notes"):
        tracking.notes_of(np.full(100, np.nan))


def test_contours_are_kept_and_damage_is_named(tmp_path):
    path = tmp_path / "contours.npz"
    found = {"a": np.array([0.0, 100, np.nan, 50]), "b": np.array([-1200.0, 3])}
    tracking.write_contours(path, found)
    again = tracking.read_contours(path)
    for name, cents in found.items():
        np.testing.assert_array_equal(again[name], cents)
    with pytest.raises(FileNotFoundError, match="studies contours"):
        tracking.read_contours(tmp_path / "none.npz")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match="damaged"):
        tracking.read_contours(path)


def test_kept_contours_are_those_of_the_corpus(tmp_path):
    """The shipped contours are what tracking the sound gives today."""
    path = studies.SHIPPED / "contours.npz"
    corpus = corpora.load("ragas").part("test")
    kept = tracking.read_contours(path)
    assert set(corpus.table["item"]) <= set(kept)
    item = corpus.table["item"].iloc[5]
    fresh = tracking.track(corpus.signal(5, tracking.RATE))
    np.testing.assert_allclose(kept[item], np.rint(fresh), atol=1)


def test_note_tables_are_relative_to_the_note_of_rest():
    table = ragas.note_table([62.3, 64.3, 69.3, 62.3], [1, 1, 2, 4])
    np.testing.assert_allclose(table[:, 0], [0, 2, 7, 0])
    np.testing.assert_allclose(ragas.histogram(table)[[0, 2, 7]], [5 / 8, 1 / 8, 2 / 8])
    counts = ragas.bigrams(table).reshape(12, 12)
    assert counts[0, 2] == counts[2, 7] == counts[7, 0] == 1 and counts.sum() == 3
    assert ragas.steps(table).shape == (4, 14)
    for notes, lengths in [
        ([60], [1]),
        ([60, np.nan], [1, 1]),
        ([60, 62], [1, 0]),
        ([60, 62], [1]),
    ]:
        with pytest.raises(ValueError):
            ragas.note_table(notes, lengths)


def test_shuffling_keeps_the_histogram_and_breaks_the_order():
    tune = melodies.melody("Sri", 0)
    table = ragas.note_table(tune.midi, tune.durations)
    mixed = ragas.shuffled([table], seed=1)[0]
    np.testing.assert_allclose(ragas.histogram(mixed), ragas.histogram(table))
    assert not np.array_equal(ragas.bigrams(mixed), ragas.bigrams(table))


def test_only_order_tells_allied_ragas_apart():
    corpus = corpora.load("ragas", train=20, validation=1, test=6)
    test = corpus.part("test")
    labels = test.table["label"].to_numpy()
    allied = {
        model: ragas.allied_accuracy(sequences.train(corpus, model), ragas.symbolic(test), labels)
        for model in ("histogram", "bigram")
    }
    assert len(allied["bigram"]) == 16 * 6
    assert allied["bigram"]["right"].mean() > 0.97
    assert allied["bigram"]["right"].mean() > allied["histogram"]["right"].mean() + 0.03


def test_the_network_learns_two_allied_ragas_from_their_order():
    corpus = corpora.load("ragas", train=40, validation=1, test=8)
    corpus = corpus.select(corpus.table["label"].isin(["Sri", "Manirangu"]))
    model = sequences.train(corpus, "LSTM", epochs=20, units=24)
    scores = sequences.evaluate(model, corpus, n=50)
    assert scores.loc["accuracy", "value"] > 0.9


def test_raga_study_runs_shuffled_and_kept_and_resumes(tmp_path):
    corpus = corpora.load("ragas", train=3, validation=1, test=1)
    options = dict(folder=tmp_path, inputs=["symbolic"], epochs=1, units=8)
    table = studies.raga_study(corpus, [0], **options)
    assert len(table) == 6 and table["accuracy"].between(0, 1).all()
    assert len(studies.raga_study(corpus, [0], **options)) == 6
    with pytest.raises(ValueError, match="not 'smelt'"):
        studies.raga_tables(corpus, "smelt")
