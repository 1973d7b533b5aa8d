"""From a folder of real recordings to a corpus, one function a corpus.

The same code reads the public originals as `lib.fetch` brings them and re-encoded copies of them
(FLAC for wav, grey pictures for RGB).
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree

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
    points = _short_contours(short[0]) if short else _original_contours(folder)
    whistles = points.groupby("item", sort=False)
    table = whistles.agg(
        group=("group", "first"),
        label=("label", "first"),
        duration=("time", "max"),
        low=("frequency", "min"),
        high=("frequency", "max"),
    ).reset_index()
    table.insert(2, "split", table["group"].map(_split_of_day))
    return Corpus("whistle_contours", table, contours=points[["item", "time", "frequency"]])


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


def from_folder(
    path: str | Path,
    pattern: str = "*.wav",
    errors: str = "raise",
    check_samples: bool = True,
    shortest: float = 0.0,
    allow_low_rate: bool = False,
) -> FileCorpus:
    """Your own recordings, wherever they lie in a folder and below it.

    Parameters
    ----------
    path : path
    pattern : str
        File names to take, whatever their case; hidden files are left out.
    errors : {"raise", "report"}
        Stop at the first bad file, or go on and list the bad ones in ``corpus.report``.
    check_samples : bool
        Read every file to its end (NaN, damage); without it only headers are looked at.
    shortest : float
        Least duration in s.
    allow_low_rate : bool
        Also take rates below 32 kHz, which leave the upper band empty.

    Returns
    -------
    FileCorpus
        ``item`` is the path below the folder, ``label`` the subfolder, ``group`` the file.

    Raises
    ------
    FileNotFoundError
        If the folder is not there or no name fits.
    lib.audio.AudioError
        For the first bad file, with ``errors="raise"``.
    """
    if errors not in ("raise", "report"):
        raise ValueError(f"errors is {errors!r}; choose raise or report.")
    folder = Path(path)
    rows, problems = [], []
    for file in _matching_files(folder, pattern):
        item = file.relative_to(folder).as_posix()
        try:
            duration = audio.inspect(file, shortest, allow_low_rate, check_samples)
        except audio.AudioError as error:
            if errors == "raise":
                raise
            problems.append((file, str(error)))
        else:
            label = file.relative_to(folder).parent.as_posix().strip(".")
            rows.append((item, item, split_of(item), label, duration, file))
    columns = ["item", "group", "split", "label", "duration", "path"]
    table = pd.DataFrame(rows, columns=columns)
    return FileCorpus(
        folder.name, table, report=report_table(problems), allow_low_rate=allow_low_rate
    )


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


def _original_contours(folder: Path) -> pd.DataFrame:
    """Points of all whistles, times counted from each whistle's start."""
    types = sorted(folder.rglob("contours_with_category.csv"))
    lines = {path.name: path for path in folder.rglob("all/*.json")}
    if not types or not lines:
        raise FileNotFoundError(f"{folder} holds no traced whistles: fetch the corpus again.")
    whistles = pd.read_csv(types[0], index_col=0, dtype={"file": str})
    parts = []
    for name, recording, label in zip(
        whistles.index, whistles["file"], whistles["category"], strict=True
    ):
        line = json.loads(lines[name].read_text())
        time = [t - line["time"][0] for t in line["time"]]
        part = pd.DataFrame({"time": time, "frequency": line["frequency"]})
        parts.append(part.assign(item=Path(name).stem, group=recording, label=label))
    return pd.concat(parts, ignore_index=True)


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


def _matching_files(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: check the path.")
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    found = sorted(p for p in files if fnmatch(p.name.lower(), pattern.lower()))
    if not found:
        there = ", ".join(sorted({p.suffix or p.name for p in files})) or "nothing"
        raise FileNotFoundError(f"No file in {folder} fits {pattern}; it holds {there}.")
    return found
