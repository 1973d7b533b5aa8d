"""The study of tone networks: parts of the real minute, minutes in place of unseen ones."""

import numpy as np
import pytest

from lib.beeps import homes, reports, studied_tones, tones
from lib.beeps.frontend import SAMPLE_RATE

N_WINDOWS = 11_971


def test_the_parts_share_no_sample_and_both_have_two_groups():
    rows = {name: studied_tones.part_rows(name, N_WINDOWS) for name in studied_tones.PARTS}
    samples = {name: {k * tones.STEP // 80 for k in part} for name, part in rows.items()}
    first, second = samples.values()
    width = tones.WINDOW // 80
    covered = {k + d for k in first for d in range(width)}
    assert not covered & {k + d for k in second for d in range(width)}
    assert len(first) + len(second) > 0.99 * N_WINDOWS
    share = studied_tones.eye_share(N_WINDOWS)
    for part in rows.values():
        sounding = share[part] >= homes.FULL
        assert 190 < sounding.sum() < 210
        assert (np.diff(np.flatnonzero(sounding)) > 1).sum() == 1


def test_windows_by_eye_are_full_in_a_group_and_empty_in_a_pause():
    share = studied_tones.eye_share(N_WINDOWS)
    at = lambda second: share[round((second - 0.075) * SAMPLE_RATE / tones.STEP)]
    assert at(56.5) == pytest.approx(1) and at(57.0) == 0 and at(30) == 0
    assert at(56.32) == pytest.approx(0.5, abs=0.03)


def test_a_confusion_counts_all():
    answer, truth = np.array([1, 1, 0, 0, 0], bool), np.array([1, 0, 1, 0, 0], bool)
    row = studied_tones.confusion(answer, truth)
    assert row == {"tn": 2, "fp": 1, "fn": 1, "tp": 1, "accuracy": 0.6}


def test_unseen_minutes_have_one_sequence_and_the_level_of_the_real_one():
    heard = studied_tones.unseen_minute(studied_tones.MINUTES[1], -3.5)
    assert len(heard.windows) == len(heard.rule) == 1_497
    assert 40 < heard.truth.sum() < 60 and (heard.rule & heard.truth).sum() > 40
    options = dict(sequences_per_minute=1.5, decoys_per_minute=0, snr=(10, 30))
    for seed in studied_tones.MINUTES:
        home = homes.washer_home(seed, 60.0, **options)
        assert len(home.sequences) == 1


def test_band_energy_learns_its_threshold_and_every_trial_is_counted(tmp_path, monkeypatch):
    home = homes.washer_home(
        7_603, 60.0, sequences_per_minute=1.5, decoys_per_minute=0, snr=(20, 20)
    )
    monkeypatch.setattr(studied_tones, "real_minute", lambda: home.signal)
    monkeypatch.setattr(studied_tones, "MINUTES", (7_603,))
    monkeypatch.setattr(studied_tones, "eye_share", lambda n: homes.share_of_beep(home)[:n])
    begin = home.sequences["start"].iloc[0]
    halves = {"first part": ((0.0, begin + 1.8),), "second part": ((begin + 1.8, 60.0),)}
    monkeypatch.setattr(studied_tones, "PARTS", halves)
    table = studied_tones.study_tones(tmp_path, [("band energy", tuple(halves), 1)])
    known = table[table["truth"] == "known"]
    assert (known["tp"] > 0.9 * (known["tp"] + known["fn"])).all() and (known["fp"] < 9).all()
    again = studied_tones.study_tones(tmp_path, [("band energy", tuple(halves), 1)])
    assert len(again) == len(table) == 8
    counts = reports.tone_counts(table, "band energy", "part", "known")
    own = known[known["tried on"].str.contains("part")]
    assert counts.tolist() == [
        [own["tn"].sum(), own["fp"].sum()],
        [own["fn"].sum(), own["tp"].sum()],
    ]
