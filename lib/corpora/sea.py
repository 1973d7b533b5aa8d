"""The synthetic seas as corpora: rendered when first heard, then kept on disk."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio, synthesis
from lib.corpora.corpus import SPLITS, Corpus, cache_folder
from lib.synthesis import Sea, SeaRecording, sea_recording

# The modules of lib.synthesis that a rendered recording depends on.
GENERATOR = ("contours", "noise", "recording", "sea", "sounds")
# Far apart, so that a longer training part never reaches into the test recordings.
FIRST_INDEX = {"train": 0, "validation": 100_000, "test": 200_000}
# Steep ends above this would leave the recipe's band even without jitter.
HIGHEST_SHAPE_HZ = 23_000.0


class SeaCorpus(Corpus):
    """Recordings of a sea (or of one sea a split), with clean sound, events and contours."""

    def __init__(self, name: str, seas: dict[str, Sea], counts: dict[str, int]):
        rows = [
            (f"{name}-{split}-{k:03d}", split, "recording", seas[split].duration, k)
            for split in SPLITS
            for k in range(counts[split])
        ]
        table = pd.DataFrame(rows, columns=["item", "split", "label", "duration", "number"])
        table.insert(1, "group", table["item"])
        self.seas = seas
        super().__init__(name, table)
        self._truth = None

    def recording(self, i: int) -> SeaRecording:
        """Recording ``i`` with its truth, from the cache if it was rendered before."""
        row = self.table.iloc[i]
        return rendered(self.seas[row["split"]], FIRST_INDEX[row["split"]] + int(row["number"]))

    def signal(self, i: int) -> np.ndarray:
        return np.array(self.recording(i).signal)

    def clean(self, i: int) -> np.ndarray:
        return np.array(self.recording(i).clean)

    def truth(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Events and contours of all recordings here; rendered at the first call.

        ``contours.event`` is the row number in ``events``.
        """
        if self._truth is None:
            self._truth = _joined_truth([self.recording(i) for i in range(len(self))], self.table)
        return self._truth

    def _selected_truth(self):
        return None


def load_sea(sea: Sea | None = None, train: int = 12, validation: int = 4, test: int = 6):
    """The parametric sea: recordings of all splits share the whistle types of ``sea.seed``."""
    counts = {"train": train, "validation": validation, "test": test}
    return SeaCorpus("sea", dict.fromkeys(SPLITS, sea or Sea()), counts)


def load_real_contours(
    whistles: Corpus,
    sea: Sea | None = None,
    train: int = 12,
    validation: int = 4,
    test: int = 6,
    n_types: int = 10,
    examples: int = 5,
) -> SeaCorpus:
    """The sea with traced whistles of wild dolphins: real shapes and types, synthetic water.

    Each split uses only whistles of its own field days, and a type lives in one split, so neither
    a contour nor a type of the test was ever seen in training.

    Parameters
    ----------
    whistles : Corpus
        ``whistle_contours``.
    sea : Sea, optional
        The water and the pace; its own types are not used.
    train, validation, test : int
        Recordings of each split.
    n_types : int
        Types of each split, those with the most examples first.
    examples : int
        Least number of traced whistles of a type.
    """
    counts = {"train": train, "validation": validation, "test": test}
    water = sea or Sea()
    shapes = {split: real_shapes(whistles, split, n_types, examples) for split in SPLITS}
    seas = {split: dataclasses.replace(water, shapes=shapes[split]) for split in SPLITS}
    return SeaCorpus("sea-real-contours", seas, counts)


def real_shapes(whistles: Corpus, split: str, n_types: int, examples: int) -> dict[int, list]:
    """Type -> list of (time in s, frequency in Hz) traced on the days of a split, for `Sea.shapes`.

    A few types were heard in two splits; only the split with most of its whistles keeps such a one.
    """
    table = whistles.table
    usable = table[(table["label"] > 0) & (table["high"] <= HIGHEST_SHAPE_HZ)]
    counts = pd.crosstab(usable["label"], usable["split"])
    numbers = counts.loc[counts.idxmax(axis=1) == split, split]
    usable = usable[usable["split"] == split]
    # Ties by type number, so that the choice is the same everywhere.
    order = numbers[numbers >= examples].sort_index().sort_values(ascending=False, kind="stable")
    lines = dict(list(whistles.contours.groupby("item")))
    return {
        int(number): [_shape(lines[item]) for item in usable.loc[usable["label"] == number, "item"]]
        for number in order.index[:n_types]
    }


def rendered(sea: Sea, index: int) -> SeaRecording:
    """Recording ``index`` of a sea from the cache, rendered first if it is not there.

    The arrays are mapped from disk, so a corpus costs no memory until it is heard.
    """
    folder = cache_folder() / f"sea-{sea_key(sea)}" / str(index)
    if not folder.exists():
        _render(sea, index, folder)
    return SeaRecording(
        np.load(folder / "signal.npy", mmap_mode="r"),
        np.load(folder / "clean.npy", mmap_mode="r"),
        pd.read_parquet(folder / "events.parquet"),
        pd.read_parquet(folder / "contours.parquet"),
    )


def sea_key(sea: Sea) -> str:
    """Hash of every knob, of real shapes, and of the generator's source."""
    digest = hashlib.sha256(repr(sea).encode())
    for number, shapes in sea.contours.items() if sea.shapes is not None else ():
        digest.update(str(number).encode())
        for shape in shapes:
            digest.update(np.asarray(shape, np.float64).tobytes())
    # A cache that outlives a change of the generator would give old sound for new code.
    for module in GENERATOR:
        digest.update(Path(synthesis.__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()[:16]


def _render(sea: Sea, index: int, folder: Path) -> None:
    """Write a recording's files into a temporary folder and rename it."""
    recording = sea_recording(sea, index)
    with audio.atomic_folder(folder) as temporary:
        np.save(temporary / "signal.npy", recording.signal)
        np.save(temporary / "clean.npy", recording.clean)
        recording.events.to_parquet(temporary / "events.parquet")
        recording.contours.to_parquet(temporary / "contours.parquet")


def _joined_truth(recordings: list[SeaRecording], table: pd.DataFrame):
    events, contours, first = [], [], 0
    for item, recording in zip(table["item"], recordings, strict=True):
        line = recording.contours
        events.append(recording.events.assign(item=item))
        contours.append(line.assign(item=item, event=line["event"] + first))
        first += len(recording.events)
    return pd.concat(events, ignore_index=True), pd.concat(contours, ignore_index=True)


def _shape(line: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Time and frequency of one contour; the last point may repeat the time of the one before."""
    line = line.drop_duplicates("time", keep="last")
    return line["time"].to_numpy(), line["frequency"].to_numpy(float)
