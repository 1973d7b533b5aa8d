"""A headless Chromium for tests, driven over WebDriver's plain HTTP; no package is needed for it."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--window-size=1366,768", "--hide-scrollbars"),
    *("--autoplay-policy=no-user-gesture-required", "--use-angle=swiftshader"),
    "--enable-unsafe-swiftshader",
]


def programs() -> tuple[str | None, str | None]:
    """Chromium and its driver, where they are."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return chromium, os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")


def required() -> bool:
    """Whether a missing browser is an error: where ``NEED_BROWSER`` is set, as in CI."""
    return bool(os.environ.get("NEED_BROWSER"))


class Browser:
    """One session: pages, scripts, keys and the mouse."""

    def __init__(self, address: str, chromium: str, profile: Path):
        options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        # JupyterLab is never done loading; what is waited for is said in `until`.
        wanted = {
            "browserName": "chrome",
            "pageLoadStrategy": "none",
            "goog:chromeOptions": options,
        }
        self.address, self.session = address, ""
        self.session = self._post("session", capabilities={"alwaysMatch": wanted})["sessionId"]

    def open(self, url: str) -> None:
        self._post("url", url=url)

    def run(self, script: str, *arguments):
        """What a script returns, such as ``return document.title``."""
        return self._post("execute/sync", script=script, args=list(arguments))

    def until(self, script: str, seconds: float = 20.0, *arguments):
        """What a script returns as soon as that is true; an assertion with the script if never."""
        end = time.monotonic() + seconds
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < end, f"after {seconds} s still not: {script}"
            time.sleep(0.1)
        return found

    def chord(self, modifier: str, key: str) -> None:
        """Press a key while another is held."""
        strokes = [("keyDown", modifier), ("keyDown", key), ("keyUp", key), ("keyUp", modifier)]
        actions = [{"type": way, "value": value} for way, value in strokes]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def keys(self, *keys: str) -> None:
        """Press and release keys on whatever has the focus."""
        strokes = [{"type": t, "value": key} for key in keys for t in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": strokes})

    def mouse(self, *places: tuple[float, float], press: bool = True, pace: int = 20) -> None:
        """Move to the first place of the window, press, go through the others, release; pace in ms."""
        moves = [
            {"type": "pointerMove", "duration": pace, "x": round(x), "y": round(y)}
            for x, y in places
        ]
        down, up = (
            [{"type": f"pointer{way}", "button": 0}] if press else [] for way in ("Down", "Up")
        )
        steps = [moves[0], *down, *moves[1:], *up]
        self._act({"type": "pointer", "id": "mouse", "actions": steps})

    def click(self, selector: str) -> None:
        found = self._post("element", using="css selector", value=selector)[ELEMENT]
        self._post(f"element/{found}/click")

    def type_into(self, selector: str, text: str) -> None:
        found = self._post("element", using="css selector", value=selector)[ELEMENT]
        self._post(f"element/{found}/value", text=text)

    def devtools(self, command: str, **parameters):
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def size(self, width: int, height: int) -> None:
        self._post("window/rect", width=width, height=height)

    def screenshot(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._get("screenshot")))
        return path

    def close(self) -> None:
        requests.delete(f"{self.address}/session/{self.session}", timeout=20)

    def _act(self, source: dict) -> None:
        self._post("actions", actions=[source])

    def _get(self, command: str):
        return self._answer(requests.get(self._url(command), timeout=60))

    def _post(self, command: str, **body):
        return self._answer(requests.post(self._url(command), json=body, timeout=45))

    def _url(self, command: str) -> str:
        return (
            f"{self.address}/session/{self.session}/{command}"
            if self.session
            else (f"{self.address}/{command}")
        )

    @staticmethod
    def _answer(response: requests.Response):
        value = response.json()["value"]
        assert response.ok, f"{value.get('error')}: {value.get('message', '')[:500]}"
        return value


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile; skips the test with the reason where there is none."""
    chromium, driver = programs()
    if not (chromium and driver):
        missing = "chromium and chromedriver (Debian: apt install chromium chromium-driver)"
        (pytest.fail if required() else pytest.skip)(f"no browser to test with: install {missing}")
    port = free_port()
    process = subprocess.Popen(
        [driver, f"--port={port}", "--log-level=SEVERE"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/status")
        browser = Browser(f"http://127.0.0.1:{port}", chromium, folder / "profile")
        try:
            yield browser
        finally:
            browser.close()
    finally:
        process.terminate()
        process.wait(10)


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
