"""What this machine offers against what the notebooks need: ``python -m lib.check``.

Made to be pasted into a bug report, so it names versions and sizes but no paths.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "whistle-to-word"
MIN_CORES, MIN_MEMORY_GB, MIN_DISK_GB = 2, 6, 5
# True is needed and here, False is needed and missing, None is missing but optional.
MARKS = {True: "[OK]  ", False: "[FAIL]", None: "[--]  "}
Line = tuple[bool | None, str]


def checks() -> Iterator[Line]:
    """One line for each requirement, cheap ones first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    yield _python(project["requires-python"])
    yield _installed_from_here()
    for text in project["dependencies"]:
        yield _package(Requirement(text))
    yield _tensorflow()
    yield from _machine()
    yield from _corpora()


def _python(allowed: str) -> Line:
    version = platform.python_version()
    system = f"{platform.system()} {platform.machine()}"
    return version in SpecifierSet(allowed), f"Python {version} on {system} (needs {allowed})"


def _installed_from_here() -> Line:
    """A folder that was copied or moved still runs the lib of the old one."""
    found = metadata.distributions(name=PACKAGE)
    # Only what pip installed has a direct_url.json; the build's own folder here has none.
    origins = [distribution.read_text("direct_url.json") or "" for distribution in found]
    if any(f'"{ROOT.as_uri()}"' in origin for origin in origins):
        return True, "lib is installed from this folder"
    return False, "lib is installed from another folder: delete .venv and run make again"


def _package(needed: Requirement) -> Line:
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return False, f"{needed.name} is not installed (needs {needed.specifier}): run make again"
    return needed.specifier.contains(version), f"{needed.name} {version} (needs {needed.specifier})"


def _tensorflow() -> Line:
    """In a process of its own: on a processor without AVX the import ends it."""
    code = "import lib, keras; assert float(keras.ops.sum(keras.ops.ones(3))) == 3"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    if run.returncode == 0:
        return True, "TensorFlow computes"
    last = run.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
    return False, f"TensorFlow does not compute (status {run.returncode}): {last[0]}"


def _machine() -> Iterator[Line]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield cores >= MIN_CORES, f"{cores} cores (needs {MIN_CORES})"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    yield memory >= MIN_MEMORY_GB, f"{memory:.1f} GB of memory (needs {MIN_MEMORY_GB})"
    disk = shutil.disk_usage(ROOT).free / 1e9
    yield disk >= MIN_DISK_GB, f"{disk:.1f} GB of disk free (needs {MIN_DISK_GB})"


def _corpora() -> Iterator[Line]:
    from lib import corpora

    yield True, "corpus sea: synthetic, made on the spot"
    for name in corpora.READERS:
        if corpora.available(name):
            yield True, f"corpus {name}: found"
        else:
            yield None, f"corpus {name}: not here; optional, fetch it with `make data`"


def main() -> int:
    """Print all lines; the status is 1 if something needed is missing."""
    failed = False
    for state, text in checks():
        print(MARKS[state], text, flush=True)
        failed |= state is False
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
