"""Measure on homes that nothing was trained on: ``python -m lib.beeps.study events|windows|speed``.

What takes long is written down, row by row, as candidates with their scores: every threshold can be
tried on them later. A run that was stopped goes on where it ended.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lib.audio import atomic
from lib.beeps.alarm_table import COLUMNS
from lib.beeps.detector import BeepDetector, load_detector
from lib.beeps.frontend import SAMPLE_RATE
from lib.beeps.matched import band_energy, bank_candidates, pattern_candidates
from lib.beeps.pattern import Pattern
from lib.synthesis.soundscape import soundscape
from lib.synthesis.soundscape_beeps import Appliance

DATA = Path(__file__).resolve().parents[2] / "data"
EVENTS = DATA / "beeps_events"
# Homes of the test: no seed of training or validation is among them.
TEST_SEEDS = range(11_000, 11_066)
LAPTOP_SEEDS = range(9_900, 9_901)
# Bins of the SNR in dB in which misses are counted.
SNR_EDGES = (-10, -7.5, -5, -2.5, 0, 2.5, 5, 10, 15, 20)
GENERAL = ("detector", "matched filter")
TAUGHT = ("taught detector", "taught matched filter")
# Candidates below are of no use at any threshold that one would choose.
LEAST_SCORE = {"detector": 0.02, "matched filter": 0.1}


def hear_home(seed: int, detector: BeepDetector) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Candidates of all systems in one home, and its truth.

    Returns
    -------
    candidates : DataFrame[seed, system, appliance, start, stop, score, tone, groups, decided]
        ``appliance`` is empty for the general systems; the taught ones were given its pattern.
    truth : DataFrame[seed, seconds, start, stop, appliance, kind, tone, groups, period, snr_db]
        A home without events has one row of NaN, so that its hours count.
    """
    home = soundscape(seed)
    heard = detector.hear(home.signal)
    energy = band_energy(heard.contrast)
    tables = {
        ("detector", ""): heard.candidates[COLUMNS],
        ("matched filter", ""): bank_candidates(energy),
    }
    for appliance in home.appliances:
        pattern = Pattern.of(appliance)
        for system, tones in zip(TAUGHT, (heard.probability, energy), strict=True):
            tables[system, appliance.name] = pattern_candidates(tones, pattern)
    parts = [
        table[table["score"] >= LEAST_SCORE.get(system, 0.2)].assign(system=system, appliance=name)
        for (system, name), table in tables.items()
    ]
    candidates = pd.concat(parts, ignore_index=True)
    truth = home.truth if len(home.truth) else home.truth.reindex([0])
    facts = dict(seed=seed, seconds=home.seconds)
    columns = ["seed", "system", "appliance"]
    candidates = candidates.assign(seed=seed)
    rest = [name for name in candidates.columns if name not in columns]
    return candidates[columns + rest], truth.assign(**facts)


def hear_homes(
    seeds: Iterable[int] = TEST_SEEDS,
    folder: str | Path | None = None,
    detector: BeepDetector | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`hear_home` for many; with a folder, homes that it holds already are not heard again."""
    detector = detector or load_detector()
    candidates, truth = read_homes(folder) if folder else (pd.DataFrame(), pd.DataFrame())
    known = set(truth["seed"]) if len(truth) else set()
    for seed in seeds:
        if seed in known:
            continue
        new = hear_home(seed, detector)
        candidates, truth = (
            pd.concat([old, more], ignore_index=True) if len(old) else more
            for old, more in zip((candidates, truth), new, strict=True)
        )
        if folder:
            _write_homes(candidates, truth, Path(folder))
    return candidates, truth


def read_homes(folder: str | Path = EVENTS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Candidates and truth that `hear_homes` wrote; empty tables if there are none."""
    paths = [Path(folder) / name for name in ("candidates.csv.gz", "truth.csv")]
    if not all(path.exists() for path in paths):
        return pd.DataFrame(), pd.DataFrame()
    return tuple(pd.read_csv(path, keep_default_na=True) for path in paths)


def _write_homes(candidates: pd.DataFrame, truth: pd.DataFrame, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for table, name in ((candidates, "candidates.csv.gz"), (truth, "truth.csv")):
        with atomic(folder / name) as temporary:
            kind = dict(method="gzip", mtime=0) if name.endswith("gz") else None
            table.to_csv(temporary, index=False, float_format="%.5g", compression=kind)


def per_home(
    candidates: pd.DataFrame, truth: pd.DataFrame, system: str
) -> tuple[list[pd.DataFrame], list[pd.DataFrame], float]:
    """Candidates and sequences of each home for one system, and the hours that it listened.

    A taught system listens once for each of the two appliances of a home, and only its own
    appliance's sequences count; the other's are decoys to it.
    """
    mine = candidates[candidates["system"] == system]
    tables, truths = [], []
    for seed, events in truth.groupby("seed"):
        sequences = events[events["kind"] == "sequence"]
        heard = mine[mine["seed"] == seed]
        names = [f"appliance-{seed}-{k}" for k in range(2)] if system in TAUGHT else [None]
        for name in names:
            own = heard if name is None else heard[heard["appliance"] == name]
            wanted = sequences if name is None else sequences[sequences["appliance"] == name]
            tables.append(own.sort_values("decided", kind="stable").reset_index(drop=True))
            truths.append(wanted.reset_index(drop=True))
    hours = truth.groupby("seed")["seconds"].first().sum() / 3600
    return tables, truths, hours * (2 if system in TAUGHT else 1)


def sequence_at(snr: float, detector: BeepDetector, seed: int = 9_949) -> tuple:
    """A short home with one sequence of the source's washer at an SNR (dB).

    Returns
    -------
    home : Soundscape
        The same but for the level of the beeps, whatever the SNR.
    candidates : DataFrame
        What the detector makes of it.
    """
    rates = dict(sequences_per_minute=3.0, decoys_per_minute=0.0, disturbances_per_minute=6.0)
    home = soundscape(seed, 20.0, [Appliance(tone=3_950.0)], snr=(snr, snr), **rates)
    return home, detector.candidates(home.signal)


def measure_speed(seconds: float = 120.0, repeats: int = 10, seed: int = 9_990) -> pd.DataFrame:
    """How many times faster than real time the detector listens, on one thread.

    Counted in the processor's time, so that other work on the machine does not slow it down.

    Returns
    -------
    DataFrame[way, repeat, factor]
        ``whole`` for `detect` of a whole recording, ``stream`` for `feed` in chunks of 0.1 s.
    """
    from threadpoolctl import threadpool_limits

    signal = soundscape(seed, seconds).signal
    detector, rows = load_detector(), []
    chunk = SAMPLE_RATE // 10
    with threadpool_limits(1):
        for repeat in range(repeats):
            started = time.process_time()
            detector.detect(signal, SAMPLE_RATE)
            rows.append(("whole", repeat, seconds / (time.process_time() - started)))
            detector.reset()
            started = time.process_time()
            for first in range(0, len(signal), chunk):
                detector.feed(signal[first : first + chunk])
            rows.append(("stream", repeat, seconds / (time.process_time() - started)))
    return pd.DataFrame(rows, columns=["way", "repeat", "factor"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lib.beeps.study", description=__doc__)
    parser.add_argument("what", choices=["events", "windows", "tones", "speed"])
    parser.add_argument("--output", type=Path, help="folder, by default its own in data/")
    options = parser.parse_args()
    folder = options.output or DATA / f"beeps_{options.what}"
    folder.mkdir(parents=True, exist_ok=True)
    if options.what == "events":
        hear_homes(TEST_SEEDS, folder)
    elif options.what == "speed":
        table = measure_speed()
        with atomic(folder / "speed.csv") as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
        print(table.to_string(index=False))
    else:
        from lib.beeps import studied_tones, studied_windows

        measure = {"windows": studied_windows.windows, "tones": studied_tones.study_tones}
        print(measure[options.what](folder).to_string(index=False))


if __name__ == "__main__":
    main()
