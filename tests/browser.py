"""A headless Chromium for tests: Playwright drives the one that the system has."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import BrowserContext, sync_playwright

FLAGS = [
    *("--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    "--autoplay-policy=no-user-gesture-required",
]


def program() -> str | None:
    """Chromium, where there is one; ``CHROMIUM`` names another."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def required() -> bool:
    """Whether a missing browser is an error: where ``NEED_BROWSER`` is set, as in CI."""
    return bool(os.environ.get("NEED_BROWSER"))


class Browser:
    """One page: scripts, keys and the mouse."""

    def __init__(self, context: BrowserContext):
        self.context, self.page = context, context.pages[0]

    def open(self, url: str) -> None:
        # JupyterLab is never done loading; what is waited for is said in `until`.
        self.page.goto(url, wait_until="commit")

    def run(self, script: str, *arguments):
        """What a script returns, such as ``return document.title``."""
        return self.page.evaluate(_function(script), list(arguments))

    def until(self, script: str, seconds: float = 20.0, *arguments):
        """What a script returns as soon as that is true; an assertion with the script if never."""
        end = time.monotonic() + seconds
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < end, f"after {seconds} s still not: {script}"
            self.page.wait_for_timeout(100)
        return found

    def keys(self, *keys: str) -> None:
        """Press and release keys, or chords such as "Control+Enter", on what has the focus."""
        for key in keys:
            self.page.keyboard.press(key)

    def mouse(self, *places: tuple[float, float], press: bool = True, pace: int = 20) -> None:
        """Move to the first place of the window, press, go through the others, release; pace in ms."""
        self.page.mouse.move(*places[0])
        if press:
            self.page.mouse.down()
        for place in places[1:]:
            self.page.wait_for_timeout(pace)
            self.page.mouse.move(*place, steps=5)
        if press:
            self.page.mouse.up()

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()

    def type_into(self, selector: str, text: str) -> None:
        self.page.locator(selector).first.press_sequentially(text)

    def offline(self, off: bool = True) -> None:
        """Without a network, or with it again."""
        self.context.set_offline(off)

    def size(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def screenshot(self, path: Path) -> Path:
        self.page.screenshot(path=path)
        return path


def _function(script: str) -> str:
    """The body of a function, as one that Playwright calls with a list of arguments."""
    return f"(values) => (function () {{ {script} }}).apply(null, values)"


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile; skips the test with the reason where there is none."""
    chromium = program()
    if not chromium:
        missing = "chromium (Debian: apt install chromium)"
        (pytest.fail if required() else pytest.skip)(f"no browser to test with: install {missing}")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder / "profile", executable_path=chromium, args=FLAGS, chromium_sandbox=False
        )
        with contextlib.closing(context):
            yield Browser(context)


def wait_for(url: str, seconds: float = 60.0) -> None:
    """Until a server on this machine answers."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=5).ok:
                return
        assert time.monotonic() < end, f"no answer from {url.partition('?')[0]} in {seconds} s"
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
