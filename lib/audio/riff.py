"""How much sound a WAV header promises: libsndfile shortens a truncated file without a word."""

from __future__ import annotations

import struct
from pathlib import Path

# Written by programs that stream and do not know the length beforehand.
UNKNOWN_SIZE = 0xFFFFFFFF


def promised_bytes(path: Path) -> tuple[int, int]:
    """Bytes of sound that the header promises and bytes that are there.

    Both are 0 for anything but RIFF WAVE with a known length. Raises OSError like ``open``.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return 0, 0
        while len(head := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", head)
            if name == b"data":
                present = size - file.tell()
                return (0, 0) if length == UNKNOWN_SIZE else (length, present)
            file.seek(length + length % 2, 1)
    return 0, 0
