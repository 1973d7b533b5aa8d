"""The synthetic corpus of keywords: thirty words by many eSpeak NG voices, kept once rendered."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.audio import atomic
from lib.corpora.clips import ClipCorpus
from lib.corpora.corpus import SPLITS, cache_folder
from lib.synthesis import keywords, speech
from lib.synthesis.keywords import ACCENTS, WORDS, Booth, keyword_clip

# Speakers of each split; no voice variant is in two splits.
SPEAKERS = {"train": 72, "validation": 24, "test": 24}
# Says the same word another way the next time. Others only breathe differently.
UNSTEADY = {"Alicia"}
# Clips in one file of the cache.
BLOCK = 300


def load_voices(
    train: int = 12_600,
    validation: int = 6_300,
    test: int = 6_300,
    words: Sequence[str] = WORDS,
    booth: Booth | None = None,
    seed: int = 0,
) -> ClipCorpus:
    """Keywords said by 120 synthetic speakers, all splits with speakers of their own.

    Parameters
    ----------
    train, validation, test : int
        Clips; words and speakers take turns, so both are equally frequent. The first so many
        clips are the same whatever the number. The default allows the paper's draws.
    words : sequence of str
    booth : Booth, optional
    seed : int

    Returns
    -------
    ClipCorpus

    Raises
    ------
    ValueError
        For a number below 1, fewer than two words, or a word twice.

    Notes
    -----
    A thousand clips take some ten seconds, once. Used by notebook 07.
    """
    counts = {"train": train, "validation": validation, "test": test}
    if min(counts.values()) < 1 or len(words) < 2 or len(set(words)) < len(words):
        raise ValueError(f"{counts} clips of {len(words)} words: 1 clip and 2 words, each once.")
    booth = booth or Booth()
    tables, sounds = [], []
    for split in SPLITS:
        table = _cast(split, counts[split], tuple(words), seed)
        sounds.append(_rendered(split, table, booth, seed))
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    table["clip"] = np.arange(len(table))
    return ClipCorpus("voices", table.drop(columns=["speaker", "accent"]), np.concatenate(sounds))


def _cast(split: str, n: int, words: tuple[str, ...], seed: int) -> pd.DataFrame:
    """Who says what: one row a clip; each word comes once in each round, by another speaker."""
    drawn = speech.speakers(SPEAKERS[split] + 4, seed, split)
    cast = [who for who in drawn if who.voice_variant not in UNSTEADY][: SPEAKERS[split]]
    accents = np.random.default_rng([seed, *split.encode()]).choice(ACCENTS, len(cast))
    order, who = _decks(len(words), n, [seed, 1]), _decks(len(cast), n, [seed, 2])
    names = [f"{cast[i]}-{accents[i]}" for i in who]
    return pd.DataFrame(
        {
            "item": [f"{split}-{i:05d}" for i in range(n)],
            "group": names,
            "split": split,
            "label": np.asarray(words)[order],
            "duration": 1.0,
            "speaker": [cast[i] for i in who],
            "accent": accents[who],
        }
    )


def _decks(size: int, n: int, seed: list[int]) -> np.ndarray:
    """Numbers 0..size-1 from shuffled decks, one after the other: even use in no fixed order."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(size) for _ in range(-(-n // size))])[:n]


def _rendered(split: str, table: pd.DataFrame, booth: Booth, seed: int) -> np.ndarray:
    """Clips of a split, int16 (n, 16000); blocks of 300 are kept in the cache."""
    source = inspect.getsource(keywords)
    blocks = [table.iloc[start : start + BLOCK] for start in range(0, len(table), BLOCK)]
    return np.concatenate([_block(block, booth, seed, source) for block in blocks])


def _block(rows: pd.DataFrame, booth: Booth, seed: int, source: str) -> np.ndarray:
    """Some clips from the cache, rendered first if they are not there."""
    stamp = f"{booth}{seed}{source}" + rows[["item", "label", "group"]].to_csv()
    digest = hashlib.sha256(stamp.encode()).hexdigest()[:24]
    path = cache_folder() / "voices" / f"{digest}.npy"
    if not path.exists():
        clips = [_render(row, booth, seed) for row in rows.itertuples()]
        with atomic(path) as temporary, open(temporary, "wb") as file:
            np.save(file, np.stack(clips))
    return np.load(path)


def _render(row, booth: Booth, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, *row.item.encode()])
    clip = keyword_clip(row.label, row.speaker, rng, row.accent, booth)
    return np.round(clip * 32767).astype(np.int16)
