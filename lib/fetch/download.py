"""Download one file so that a cut connection costs nothing: a downloader for pooch."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from tqdm.auto import tqdm

CHUNK = 1 << 16
# Worth another attempt: the server is busy, or the proxy before it.
PASSING = (429, 500, 502, 503, 504)


class FetchError(OSError):
    """A corpus could not be brought or proved; the message says what to do."""


class _CutError(Exception):
    """The connection ended before the file did."""


class ResumingDownloader:
    """Called by `pooch.retrieve`; goes on where an earlier download stopped.

    Parameters
    ----------
    part : Path
        Where the part so far is kept, also over program runs.
    progress : bool
        Show a progress bar.
    tries : int
        Attempts before giving up; the part is kept even then.
    pause : float
        Seconds before the second attempt, doubled with every further one.
    timeout : float
        Seconds without a byte that count as cut.
    """

    def __init__(
        self,
        part: Path,
        progress: bool = True,
        tries: int = 6,
        pause: float = 1.0,
        timeout: float = 30.0,
    ):
        self.part = part
        self.progress = progress
        self.tries = tries
        self.pause = pause
        self.timeout = timeout

    def __call__(self, url: str, output_file: str, pooch) -> None:
        for attempt in range(self.tries):
            try:
                self._go_on(url)
                os.replace(self.part, output_file)
                return
            except _CutError as error:
                reason = error
            if attempt < self.tries - 1:
                time.sleep(self.pause * 2**attempt)
        raise FetchError(
            f"{url} could not be brought in {self.tries} tries ({reason}). "
            f"{_megabytes(self._have())} are kept: run the same command again to go on from there."
        )

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _go_on(self, url: str) -> None:
        """Append what is missing to the part; `_CutError` if some is missing still."""
        with self._answer(url) as answer:
            if answer.status_code == 416:
                self._check_beyond_end(answer)
                return
            resumed = answer.status_code == 206
            have = self._have() if resumed else 0
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            with open(self.part, "ab" if resumed else "wb") as file:
                file.writelines(self._chunks(answer, have, total))
        if total is not None and self._have() != total:
            raise _CutError(f"{self._have()} of {total} bytes came")

    def _answer(self, url: str) -> requests.Response:
        headers = {"Accept-Encoding": "identity"}
        if have := self._have():
            headers["Range"] = f"bytes={have}-"
        try:
            answer = requests.get(url, headers=headers, stream=True, timeout=self.timeout)
        except requests.RequestException as error:
            raise FetchError(
                f"{url} cannot be reached: check the network connection and run the same command "
                f"again; {_megabytes(have)} are kept. ({_innermost(error)})"
            ) from error
        if answer.status_code in PASSING:
            raise _CutError(f"the server answers {answer.status_code}")
        if answer.status_code >= 400 and answer.status_code != 416:
            raise FetchError(
                f"{url} answers {answer.status_code} {answer.reason}: the original is not there "
                "any more or not for everybody. Look for a newer version of this project, or bring "
                "the corpus by hand."
            )
        return answer

    def _check_beyond_end(self, answer: requests.Response) -> None:
        """The part is at least as long as the file: it is the file, or it is of no use."""
        if answer.headers.get("Content-Range") != f"bytes */{self._have()}":
            self.part.unlink()
            raise _CutError("the part kept was longer than the file, and was deleted")

    def _chunks(self, answer: requests.Response, have: int, total: int | None) -> Iterator[bytes]:
        options = {"unit": "B", "unit_scale": True, "disable": not self.progress}
        with tqdm(total=total, initial=have, desc=self.part.stem, **options) as bar:
            try:
                for chunk in answer.iter_content(CHUNK):
                    yield chunk
                    bar.update(len(chunk))
            except requests.RequestException as error:
                raise _CutError(_innermost(error)) from error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _innermost(error: BaseException) -> str:
    """The error that started it; requests wraps the plain reason several times."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return f"{type(error).__name__}: {error}"
