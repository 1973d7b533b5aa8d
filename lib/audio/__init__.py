"""Sound in and out: read, check, resample, cut, and write without ever leaving half a file."""

from lib.audio.reading import (
    SAMPLE_RATE,
    SUFFIXES,
    AudioError,
    blocks,
    check,
    check_rate,
    duration,
    inspect,
    open_sound,
    read,
    resample,
    samples,
)
from lib.audio.regions import as_regions, cut, join, merge_regions
from lib.audio.writing import atomic, atomic_folder, write, write_labels, write_snippets

__all__ = [
    "SAMPLE_RATE",
    "SUFFIXES",
    "AudioError",
    "as_regions",
    "atomic",
    "atomic_folder",
    "blocks",
    "check",
    "check_rate",
    "cut",
    "duration",
    "inspect",
    "join",
    "merge_regions",
    "open_sound",
    "read",
    "resample",
    "samples",
    "write",
    "write_labels",
    "write_snippets",
]
