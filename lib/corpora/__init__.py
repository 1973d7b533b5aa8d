"""Corpora: one table each, synthetic or real, from this package, a folder or the network.

``load(name)`` gives a `Corpus`; ``python -m lib.corpora fetch NAME`` brings the real ones.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from lib.corpora.beeps import read_beeps, read_household_noise
from lib.corpora.clips import ClipCorpus
from lib.corpora.corpus import ROOT, SPLITS, Corpus, cache_folder, split_of
from lib.corpora.folder import from_folder
from lib.corpora.languages import LANGUAGES, load_languages, read_voxlingua107
from lib.corpora.readers import (
    read_birdsong,
    read_oltremare,
    read_orca,
    read_whistle_contours,
)
from lib.corpora.sea import load_real_contours, load_sea
from lib.corpora.sequences import load_kinds, load_machine_signals, load_ragas
from lib.corpora.voices import load_voices
from lib.corpora.words import read_fsdd, read_speech_commands

__all__ = [
    "READERS",
    "SPLITS",
    "ClipCorpus",
    "Corpus",
    "available",
    "cache_folder",
    "corpora_folder",
    "from_folder",
    "load",
    "load_voices",
    "split_of",
]

READERS = {
    "oltremare": read_oltremare,
    "whistle_contours": read_whistle_contours,
    "birdsong": read_birdsong,
    "orca": read_orca,
    "speech_commands": read_speech_commands,
    "fsdd": read_fsdd,
    "voxlingua107": read_voxlingua107,
    "beeps": read_beeps,
    "household_noise": read_household_noise,
}
# Made here by a generator; `load` hands its options on.
GENERATED = {
    "sea": load_sea,
    "voices": load_voices,
    "machine-signals": load_machine_signals,
    "machine-signals-as-published": partial(load_machine_signals, published=True),
    "kinds-8": load_kinds,
    "ragas": load_ragas,
    **{name: partial(load_languages, name, languages=codes) for name, codes in LANGUAGES.items()},
}


def load(name: str, root: str | Path | None = None, **options) -> Corpus:
    """Load a corpus by name.

    Parameters
    ----------
    name : str
        One of `GENERATED` such as "sea" or "voices", "sea-real-contours", or one of `READERS`
        such as "oltremare".
    root : path, optional
        Folder that holds the real corpora; default ``$CORPORA_DIR``, else ``data/corpora``.
    **options
        Of the corpus: for voices see `load_voices`, for the seas ``sea`` (a `lib.synthesis.Sea`)
        and the numbers of recordings ``train``, ``validation`` and ``test``; for oltremare the
        recordings held out, for speech_commands the ``words``, for fsdd the speakers held out;
        for sequences and ragas those of `lib.corpora.sequences`; for ``voices-2`` and its kin
        those of `lib.corpora.languages.load_languages`, for voxlingua107 the ``languages``.

    Returns
    -------
    Corpus

    Raises
    ------
    FileNotFoundError
        If a real corpus is not there, with the way to get it.
    ValueError
        For a name that is not known.

    Notes
    -----
    Used by every notebook.
    """
    if name in GENERATED:
        return GENERATED[name](**options)
    if name == "sea-real-contours":
        return load_real_contours(load("whistle_contours", root), **options)
    if name not in READERS:
        known = ", ".join([*GENERATED, "sea-real-contours", *READERS])
        raise ValueError(f"There is no corpus {name!r}; choose one of {known}.")
    folder = corpora_folder(root) / name
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is not there: fetch the corpus with `python -m lib.corpora fetch {name}` or "
            "all of them with `make data`, or set CORPORA_DIR to the folder that holds it."
        )
    return READERS[name](folder, **options)


def available(name: str, root: str | Path | None = None) -> bool:
    """Whether `load` would find the corpus."""
    if name in GENERATED:
        return True
    needed = "whistle_contours" if name == "sea-real-contours" else name
    return needed in READERS and (corpora_folder(root) / needed).is_dir()


def corpora_folder(root: str | Path | None = None) -> Path:
    """Where real corpora are looked for."""
    return Path(root or os.environ.get("CORPORA_DIR") or ROOT / "data" / "corpora")
