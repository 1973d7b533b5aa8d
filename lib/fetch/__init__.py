"""Bring the public originals of the real corpora, proved, whole or not at all."""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import secrets
import shutil
from pathlib import Path

import pooch

from lib.audio import atomic
from lib.fetch.archive import Listing, listing, unpack
from lib.fetch.download import FetchError, ResumingDownloader
from lib.fetch.originals import ORIGINALS, Original

__all__ = ["ORIGINALS", "FetchError", "ForeignFolderError", "Original", "fetch", "listing"]

_READ_ONLY = "Set CORPORA_DIR to a folder that you may write."
CURES = {
    errno.ENOSPC: "Free some space and run the same command again.",
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EROFS: _READ_ONLY,
}


class ForeignFolderError(FetchError):
    """A folder of that name is there, but this downloader did not make it."""


def fetch(original: Original, root: Path, progress: bool = True, **options) -> str:
    """Bring one corpus to ``root / original.name`` and prove it; do nothing if it is there.

    The archive is downloaded (a cut download goes on where it stopped, even in another run),
    unpacked into a temporary folder and proved there; only then it gets its name.

    Parameters
    ----------
    original : Original
    root : Path
        Folder of the corpora.
    progress : bool
    **options
        Of `lib.fetch.download.ResumingDownloader`.

    Returns
    -------
    str
        What was done, in one line.

    Raises
    ------
    FetchError
        No network, not found, cut off, wrong hash, unsafe archive, no room, no right to write.
    ForeignFolderError
        For a folder there that is another version; it is left as it is.
    """
    folder = root / original.name
    if folder.is_dir():
        return _already_there(original, folder)
    pooch.get_logger().setLevel("WARNING")
    try:
        archive = _download(original, root, progress, options)
        return _arrive(original, archive, folder)
    except OSError as error:
        if error.errno in CURES:
            raise FetchError(f"{root}: {error.strerror}. {CURES[error.errno]}") from error
        raise


def _download(original: Original, root: Path, progress: bool, options: dict) -> Path:
    folder = root / ".downloads"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{original.name}.tar.gz"
    downloader = ResumingDownloader(folder / f"{name}.part", progress, **options)
    try:
        path = pooch.retrieve(original.url, original.archive, name, folder, downloader=downloader)
    except ValueError as error:
        raise FetchError(
            f"{original.url} has not the SHA-256 that is known for it; the download was deleted. "
            f"Try again; if it stays so, the original was changed. ({error})"
        ) from error
    return Path(path)


def _arrive(original: Original, archive: Path, folder: Path) -> str:
    """Unpack, prove, rename; the archive goes in any case but a full disk."""
    temporary = folder.with_name(f".{secrets.token_hex(4)}-{folder.name}")
    temporary.mkdir()
    try:
        unpack(archive, temporary, original)
        found = listing(temporary)
        remark = _prove(original, found, folder)
        _write_record(original, found, folder)
        os.rename(temporary, folder)
    except FetchError as error:
        archive.unlink()
        raise FetchError(f"{error} The download was deleted; {folder} was not made.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    archive.unlink()
    with contextlib.suppress(OSError):
        archive.parent.rmdir()
    return f"{original.name}: {found.files} files, {found.size / 1e6:.1f} MB; {remark}"


def _prove(original: Original, found: Listing, folder: Path) -> str:
    """Say how the files were proved, or raise `FetchError`."""
    if original.listing:
        expected = Listing(original.files, original.size, original.listing)
        _compare(original, found, expected, "the public original")
        return "proved file by file"
    if not found.files:
        raise FetchError(f"No file of {original.url} fits {', '.join(original.patterns)}.")
    if original.archive:
        return "proved by the archive's SHA-256"
    if record := _record(folder):
        expected = Listing(record["files"], record["size"], record["listing"])
        _compare(original, found, expected, f"what was seen first, on {record['seen']},")
        return "no hash is known for it; the same as seen first"
    return f"no hash is known for it; the one seen is recorded in {_record_path(folder).name}"


def _already_there(original: Original, folder: Path) -> str:
    found = listing(folder)
    record = _record(folder)
    if original.listing == found.sha256:
        return f"{original.name}: already there, proved file by file"
    if record is None:
        raise ForeignFolderError(
            f"{folder} holds {found.files} files that this downloader did not bring; left as it is."
        )
    if record["listing"] != found.sha256:
        raise FetchError(
            f"{folder} was changed since it was brought ({found.files} files instead of "
            f"{record['files']}, or other contents): delete the folder and fetch it again."
        )
    return f"{original.name}: already there, as it was brought"


def _compare(original: Original, found: Listing, expected: Listing, what: str) -> None:
    if found != expected:
        raise FetchError(
            f"{original.name} is not {what} ({found.files} files, {found.size} bytes, list "
            f"{found.sha256[:12]} instead of {expected.files}, {expected.size}, "
            f"{expected.sha256[:12]})."
        )


def _record_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _record(folder: Path) -> dict | None:
    path = _record_path(folder)
    return json.loads(path.read_text()) if path.exists() else None


def _write_record(original: Original, found: Listing, folder: Path) -> None:
    """Keep what was seen; an earlier sighting stays."""
    if _record(folder):
        return
    today = datetime.date.today().isoformat()
    content = {"url": original.url, "licence": original.licence, "seen": today}
    content |= {"files": found.files, "size": found.size, "listing": found.sha256}
    with atomic(_record_path(folder)) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
