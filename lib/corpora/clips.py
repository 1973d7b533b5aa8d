"""Corpora of spoken words: each item a clip of one second at 16 kHz."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio
from lib.corpora.corpus import Corpus, cache_folder, report_table

RATE = 16_000
SAMPLES = RATE
# Peak below which a clip is reported as nearly silent and left out: -40 dB of full scale.
QUIET_PEAK = 0.01
# A keyword clip has a second; anything beyond this is something else.
LONGEST = 3.0


class ClipCorpus(Corpus):
    """Spoken words. ``label`` is the word, ``group`` the speaker.

    Parameters
    ----------
    name, table, report
        As in `Corpus`.
    sounds : int16 array (m, 16000)
        Clips; ``table["clip"]`` says which row belongs to an item.
    """

    def __init__(self, name: str, table: pd.DataFrame, sounds: np.ndarray, report=None):
        super().__init__(name, table, report=report)
        self.sounds = sounds

    @property
    def words(self) -> list[str]:
        """The words in alphabetical order."""
        return sorted(self.table["label"].unique())

    def clip(self, i: int) -> np.ndarray:
        """Item ``i`` as float32 (16000,) at 16 kHz."""
        return self.sounds[self.table["clip"].iloc[i]].astype(np.float32) / 32768.0

    def clips(self) -> np.ndarray:
        """All items in the table's order, int16 (n, 16000)."""
        return self.sounds[self.table["clip"].to_numpy()]

    def signal(self, i: int) -> np.ndarray:
        """Item ``i``, float32 mono at 48 kHz like every corpus; `clip` gives its 16 kHz."""
        return audio.resample(self.clip(i), RATE, audio.SAMPLE_RATE)


def one_second(signal: np.ndarray) -> np.ndarray:
    """A clip padded with zeros to one second, or its second of most energy; float32 (16000,)."""
    if len(signal) <= SAMPLES:
        return np.pad(signal, (0, SAMPLES - len(signal))).astype(np.float32)
    energy = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=np.float64))])
    start = int(np.argmax(energy[SAMPLES:] - energy[:-SAMPLES]))
    return np.asarray(signal[start : start + SAMPLES], np.float32)


def read_clips(name: str, rows: pd.DataFrame) -> ClipCorpus:
    """Read every file of a table once, keep the decoded clips in the cache, and report the bad.

    Parameters
    ----------
    name : str
    rows : DataFrame
        ``item``, ``group``, ``split``, ``label``, ``path``.

    Returns
    -------
    ClipCorpus
        Files that cannot be read, last more than 3 s or hold next to nothing are in the report
        and not in the table. So are all but one side of a recording that is there twice: it stays
        in test rather than validation, in validation rather than train.
    """
    sounds, problems = _decoded(name, rows["path"])
    table = rows.assign(clip=np.arange(len(rows)), duration=problems["duration"].to_numpy())
    bad = problems["problem"] != ""
    report = [*zip(rows["path"][bad.values], problems["problem"][bad], strict=True)]
    table = table[~bad.to_numpy()]
    twins = twins_to_drop(table, sounds)
    report += [(path, "the same recording is in another split") for path in table["path"][twins]]
    table = table[~twins].reset_index(drop=True)
    return ClipCorpus(name, table, sounds, report_table(report))


def twins_to_drop(table: pd.DataFrame, sounds: np.ndarray) -> np.ndarray:
    """True for items whose very samples are also in a split further towards the test."""
    keys = [hashlib.blake2b(sounds[i].tobytes(), digest_size=12).digest() for i in table["clip"]]
    side = table["split"].map({"train": 0, "validation": 1, "test": 2}).to_numpy()
    last = pd.Series(side).groupby(keys).transform("max").to_numpy()
    return side < last


def _decoded(name: str, paths: Iterable[Path]) -> tuple[np.ndarray, pd.DataFrame]:
    """Clips (n, 16000) int16, and of each its duration in s and its problem ("" for none)."""
    paths = [Path(path) for path in paths]
    stamp = "".join(f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}\n" for p in paths)
    stamp += Path(__file__).read_text()
    folder = cache_folder() / "clips"
    stem = f"{name}-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
    kept, log = folder / f"{stem}.npy", folder / f"{stem}.csv"
    if not (kept.exists() and log.exists()):
        found = [_read_one(path) for path in paths]
        with audio.atomic(kept) as temporary, open(temporary, "wb") as file:
            np.save(file, np.stack([clip for clip, _, _ in found]))
        problems = pd.DataFrame([rest for _, *rest in found], columns=["duration", "problem"])
        with audio.atomic(log) as temporary:
            problems.to_csv(temporary, index=False)
    return np.load(kept, mmap_mode="r"), pd.read_csv(log, keep_default_na=False)


def _read_one(path: Path) -> tuple[np.ndarray, float, str]:
    """A clip as int16, its duration, and what is wrong with it."""
    nothing = np.zeros(SAMPLES, np.int16)
    try:
        duration = audio.duration(path)
        if duration > LONGEST:
            return nothing, duration, f"lasts {duration:.1f} s; a keyword clip has one second"
        signal = audio.read(path, RATE, allow_low_rate=True)
    except audio.AudioError as error:
        return nothing, 0.0, str(error)
    clip = one_second(signal)
    peak = float(np.abs(clip).max())
    problem = f"nearly silent: its peak is {peak:.4f} of full scale" if peak < QUIET_PEAK else ""
    return np.clip(np.round(clip * 32768), -32768, 32767).astype(np.int16), duration, problem
