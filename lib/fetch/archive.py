"""Unpack an archive without trusting it, and prove what came out of it."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zlib
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from lib.fetch.download import FetchError
from lib.fetch.originals import Original


class Listing(NamedTuple):
    """What proves a folder: number of files, their bytes, and the hash of the sorted list."""

    files: int
    size: int
    sha256: str


def unpack(archive: Path, folder: Path, original: Original) -> None:
    """Write the files that a corpus needs from a .tar.gz archive into a new folder.

    Raises
    ------
    FetchError
        If any path leaves the folder, if a file wanted is a link or a device, if more comes out
        than the corpus holds, or if the archive is damaged.
    """
    written = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                path = PurePosixPath(*_safe_parts(member.name, archive)[original.strip :])
                if member.isdir() or not _wanted(path, original.patterns):
                    continue
                if not member.isreg():
                    raise FetchError(f"{archive.name} holds the link {member.name!r}: refused.")
                written += member.size
                if original.size is not None and written > original.size:
                    raise FetchError(f"{archive.name} holds more than the corpus: refused.")
                _write_member(tar, member, folder / path)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        # A full disk or our own refusal is no damage of the archive.
        if isinstance(error, FetchError) or getattr(error, "errno", None):
            raise
        raise FetchError(f"{archive.name} is damaged ({error}).") from error


def listing(folder: Path) -> Listing:
    """Number, bytes and list hash of all files in a folder and below."""
    lines, size = [], 0
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            lines.append((path.relative_to(folder).as_posix(), path.stat().st_size, sha256))
            size += path.stat().st_size
    text = "".join("{}\t{}\t{}\n".format(*line) for line in sorted(lines))
    return Listing(len(lines), size, hashlib.sha256(text.encode()).hexdigest())


def _safe_parts(name: str, archive: Path) -> tuple[str, ...]:
    """Parts of a member's path, or `FetchError` for one that could leave the folder anywhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive:
        raise FetchError(f"{archive.name} holds a path that leaves the folder, {name!r}: refused.")
    return path.parts


def _wanted(path: PurePosixPath, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path.as_posix(), pattern) for pattern in patterns)


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(member) as source, open(path, "xb") as target:
        shutil.copyfileobj(source, target)
