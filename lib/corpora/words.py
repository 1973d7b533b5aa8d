"""Readers of the two real corpora of spoken words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lib import audio
from lib.corpora.clips import ClipCorpus, read_clips
from lib.corpora.corpus import split_of

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
DIGIT_NAME = re.compile(r"(\d)_([^_]+)_(\d+)")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLUMNS = ["item", "group", "split", "label", "path"]


def read_speech_commands(folder: Path, words: Sequence[str] | None = None) -> ClipCorpus:
    """Google Speech Commands (v0.01, v0.02 or a part): a folder a word, a second a clip.

    Parameters
    ----------
    folder : path
    words : sequence of str, optional
        Words to take; by default all folders but those that begin with an underscore.

    Returns
    -------
    ClipCorpus
        ``group`` is the speaker, the name before ``_nohash_``. Split by the official lists where
        they lie in the folder, else by the speaker's hash.

    Raises
    ------
    FileNotFoundError
        If there is no word in the folder.
    ValueError
        If a wanted word has no folder, or a folder no clip.

    Notes
    -----
    Source: the keyword-spotting paper uses v0.01, 30 words. Used by notebook 07.
    """
    folders = {p.name: p for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] not in "_."}
    if not folders:
        raise FileNotFoundError(f"{folder} holds no folder of a word: fetch the corpus again.")
    wanted = list(folders) if words is None else list(words)
    if missing := sorted(set(wanted) - set(folders)):
        raise ValueError(
            f"{folder} has no folder for {', '.join(missing)}; it holds {', '.join(folders)}."
        )
    listed = _listed(folder)
    rows = [row for word in wanted for row in _clips_of(folders[word], listed)]
    return read_clips("speech_commands", pd.DataFrame(rows, columns=COLUMNS))


def _clips_of(folder: Path, listed: dict[str, str] | None) -> list[tuple]:
    """Rows of one word's clips; ValueError for an empty folder."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in audio.SUFFIXES)
    if not paths:
        raise ValueError(f"{folder} holds no clip: leave the word {folder.name!r} out or fill it.")
    rows = []
    for path in paths:
        item, speaker = f"{folder.name}/{path.stem}", path.stem.split("_nohash_")[0]
        split = split_of(speaker) if listed is None else listed.get(item, "train")
        rows.append((item, speaker, split, folder.name, path))
    return rows


def _listed(folder: Path) -> dict[str, str] | None:
    """Item -> split by the official lists, or None where they are not there."""
    paths = {split: folder / name for split, name in LISTS.items()}
    if not all(path.exists() for path in paths.values()):
        return None
    return {
        line.strip().rsplit(".", 1)[0]: split
        for split, path in paths.items()
        for line in path.read_text().splitlines()
        if line.strip()
    }


def read_fsdd(folder: Path, test: str | None = None, validation: str | None = None) -> ClipCorpus:
    """Free Spoken Digit Dataset: ten digits, six speakers, 8 kHz, brought to 16 kHz.

    Parameters
    ----------
    folder : path
    test, validation : str, optional
        Speakers left out; by default the last and the last but one in the alphabet.

    Raises
    ------
    FileNotFoundError
        If no file is named ``{digit}_{speaker}_{n}``.
    ValueError
        For a speaker who is not there, or one speaker in both places.

    Notes
    -----
    Used by notebook 07, which leaves each speaker out once.
    """
    rows = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in audio.SUFFIXES):
        if match := DIGIT_NAME.fullmatch(path.stem):
            rows.append((path.stem, match[2], DIGITS[int(match[1])], path))
    if not rows:
        raise FileNotFoundError(
            f"{folder} holds no recordings named like 7_theo_0.wav: fetch the corpus again."
        )
    table = pd.DataFrame(rows, columns=["item", "group", "label", "path"])
    speakers = sorted(table["group"].unique())
    test = test or speakers[-1]
    validation = validation or [s for s in speakers if s != test][-1]
    if {test, validation} - set(speakers) or test == validation:
        raise ValueError(
            f"test={test!r} and validation={validation!r} must be two of {', '.join(speakers)}."
        )
    table["split"] = table["group"].map({test: "test", validation: "validation"}).fillna("train")
    return read_clips("fsdd", table[COLUMNS])
