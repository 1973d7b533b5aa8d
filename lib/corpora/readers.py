"""From a folder of real recordings to a corpus, one function a corpus.

The same code reads the public originals as `lib.fetch` brings them and re-encoded copies of them
(FLAC for wav, grey pictures for RGB).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from lib import audio
from lib.corpora.corpus import Corpus, FileCorpus, PictureCorpus, report_table, split_of

PICTURE_SIZE = (300, 150)
PICTURE_NAME = re.compile(r"(POS|NEG)_(\d{8}_\d{6})_\d+_(\d+)\.png")
# The held-out recordings hold both classes; the other recordings serve for training.
OLTREMARE_VALIDATION = ("20211121_064831",)
OLTREMARE_TEST = ("20211121_072335", "20211121_082342")
# By field day, since few whistle types were heard on two: 2022 is the test.
VALIDATION_DAYS = ("2020-07-17", "2020-07-18", "2021")
TEST_DAYS = ("2022",)


def read_oltremare(
    folder: Path,
    validation: tuple[str, ...] = OLTREMARE_VALIDATION,
    test: tuple[str, ...] = OLTREMARE_TEST,
) -> PictureCorpus:
    """Spectrogram pictures of a dolphinarium's hydrophone, POS with whistle and NEG without.

    One item a picture; ``group`` is the recording. A slice lasts about 0.8 s and starts 0.4 s
    after the one before, so neighbours share half of their sound: never split by slice.
    ``slice`` is its number in the recording.

    Parameters
    ----------
    folder : path
    validation, test : tuple of str
        Recordings held out; choose others for a cross-validation.

    Raises
    ------
    ValueError
        For a damaged picture or one of another size, naming it.
    """
    splits = dict.fromkeys(validation, "validation") | dict.fromkeys(test, "test")
    rows, problems = [], []
    for path in sorted(folder.rglob("*.png")):
        if match := PICTURE_NAME.fullmatch(path.name):
            label, recording, number = match.groups()
            split = splits.get(recording, "train")
            rows.append((path.stem, recording, split, label, int(number), path))
        else:
            problems.append((path, "the name is not POS_ or NEG_, recording and slice"))
    table = _table(rows, ["item", "group", "split", "label", "slice", "path"], folder, "*.png")
    for path in table["path"]:
        _check_picture(path)
    return PictureCorpus("oltremare", table, report=report_table(problems))


def read_whistle_contours(folder: Path) -> Corpus:
    """Traced whistles of wild common dolphins: contours without sound.

    One item a whistle; ``label`` is its manually verified type (0: not typed), ``group`` the
    recording, split by field day. ``low`` and ``high`` are its extremes in Hz, ``duration`` in s.
    Reads ``contours.csv.gz``, or the public original (one JSON a whistle and a table of types).
    """
    short = sorted(folder.rglob("contours.csv.gz"))
    points, odd = (_short_contours(short[0]), []) if short else _original_contours(folder)
    whistles = points.groupby("item", sort=False)
    table = whistles.agg(
        group=("group", "first"),
        label=("label", "first"),
        duration=("time", "max"),
        low=("frequency", "min"),
        high=("frequency", "max"),
    ).reset_index()
    table.insert(2, "split", table["group"].map(_split_of_day))
    points = points[["item", "time", "frequency"]]
    return Corpus("whistle_contours", table, contours=points, report=report_table(odd))


def read_birdsong(folder: Path) -> FileCorpus:
    """Songs of Bengalese finches with every syllable labelled.

    One item a song; events are the syllables (``type`` and ``label`` are the annotator's). Split
    by song. Songs that the annotation lists and the folder lacks are in the report.
    """
    annotations = sorted(folder.rglob("Annotation.xml"))
    rows, syllables, problems = [], [], []
    for annotation in annotations:
        for name, notes in _annotated_songs(annotation).items():
            item = f"{annotation.parent.name}-{Path(name).stem}"
            path = _sound_file(annotation.parent / "Wave", Path(name).stem)
            if path is None:
                problems.append((annotation.parent / "Wave" / name, "annotated, but not there"))
                continue
            with audio.open_sound(path) as sound:
                rate, duration = sound.samplerate, sound.frames / sound.samplerate
            rows.append((item, item, split_of(item), annotation.parent.name, duration, path))
            syllables += [(item, a / rate, b / rate, "syllable", int(c), c) for a, b, c in notes]
    columns = ["item", "group", "split", "label", "duration", "path"]
    table = _table(rows, columns, folder, "Annotation.xml with Wave/*.wav or .flac")
    events = pd.DataFrame(syllables, columns=["item", "start", "stop", "kind", "type", "label"])
    return FileCorpus("birdsong", table, events, report=report_table(problems))


def read_orca(folder: Path) -> FileCorpus:
    """Ford-Osborne catalogue of southern-resident killer-whale calls; the name holds the type."""
    rows = []
    for path in _sound_files(folder):
        call = re.match(r"FO-(S\d+)", path.stem)
        label = call[1] if call else path.stem
        rows.append((path.stem, label, split_of(label), label, audio.duration(path), path))
    columns = ["item", "group", "split", "label", "duration", "path"]
    return FileCorpus("orca", _table(rows, columns, folder, "FO-*.flac or .wav"))


def _table(rows: list, columns: list[str], folder: Path, wanted: str) -> pd.DataFrame:
    if not rows:
        raise FileNotFoundError(f"{folder} holds no {wanted}: fetch the corpus again.")
    return pd.DataFrame(rows, columns=columns)


def _check_picture(path: Path) -> None:
    try:
        with Image.open(path) as picture:
            size = picture.size
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{path} is not a picture ({error}): fetch it again.") from error
    if size != PICTURE_SIZE:
        raise ValueError(f"{path} has {size} pixels instead of {PICTURE_SIZE}: fetch it again.")


def _short_contours(path: Path) -> pd.DataFrame:
    points = pd.read_csv(path, dtype={"contour": str, "recording": str})
    names = {"contour": "item", "recording": "group", "type": "label"}
    return points.rename(columns=names | {"time_s": "time", "frequency_hz": "frequency"})


def _original_contours(folder: Path) -> tuple[pd.DataFrame, list]:
    """Points of all whistles, times from each whistle's start; whistles without line or type."""
    tables = sorted(folder.rglob("contours_with_category.csv"))
    paths = {path.name: path for path in folder.rglob("all/*.json")}
    if not tables or not paths:
        raise FileNotFoundError(f"{folder} holds no traced whistles: fetch the corpus again.")
    types = pd.read_csv(tables[0], index_col=0, dtype={"file": str})
    names = [name for name in types.index if name in paths]
    lines = [json.loads(paths[name].read_text()) for name in names]
    points = pd.DataFrame(
        {
            "item": np.repeat([Path(n).stem for n in names], [len(x["time"]) for x in lines]),
            "time": np.concatenate([np.asarray(x["time"]) - x["time"][0] for x in lines]),
            "frequency": np.concatenate([x["frequency"] for x in lines]),
        }
    )
    types.index = [Path(name).stem for name in types.index]
    points["group"] = points["item"].map(types["file"])
    points["label"] = points["item"].map(types["category"])
    odd = sorted(set(paths) ^ {f"{stem}.json" for stem in types.index})
    return points, [(folder / name, "no line of that name, or no type for it") for name in odd]


def _split_of_day(recording: str) -> str:
    if recording.startswith(TEST_DAYS):
        return "test"
    return "validation" if recording.startswith(VALIDATION_DAYS) else "train"


def _annotated_songs(annotation: Path) -> dict[str, list[tuple[int, int, str]]]:
    """Song's file name -> its notes (first sample, last sample, label).

    A note counts from its sequence, and a sequence from the start of the file.
    """
    songs: dict[str, list] = {}
    for sequence in ElementTree.parse(annotation).getroot().iter("Sequence"):
        start = int(sequence.findtext("Position"))
        notes = songs.setdefault(sequence.findtext("WaveFileName"), [])
        for note in sequence.iter("Note"):
            first = start + int(note.findtext("Position"))
            notes.append((first, first + int(note.findtext("Length")), note.findtext("Label")))
    return songs


def _sound_file(folder: Path, stem: str) -> Path | None:
    found = [folder / f"{stem}{suffix}" for suffix in audio.SUFFIXES]
    return next((path for path in found if path.exists()), None)


def _sound_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in audio.SUFFIXES)
