"""pyproject.toml, requirements.lock and environment.yml agree, and name what the code imports."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lib import check

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = {canonicalize_name(r.name): r for r in map(Requirement, PROJECT["dependencies"])}
LOCK = [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]
# Used from the command line, or by another package on our behalf (pandas writes Parquet files
# through pyarrow), not by an import.
TOOLS = {"ipykernel", "jupyterlab", "nbval", "pyarrow", "ruff"}
# Locked already for what comes next.
AWAITED = {"dask", "umap-learn"}
# The extra of dask is a distribution of its own.
EXTRAS = {"distributed": "dask"}
REQUIRED = {
    *("tensorflow", "keras", "librosa", "pandas", "numpy", "scikit-learn"),
    *("seaborn", "umap-learn", "jupyterlab", "nbval"),
}
PYTHONS = ["3.11", "3.12", "3.13"]
PLATFORMS = {"linux": ("Linux", "x86_64"), "darwin": ("Darwin", "arm64")}


def pins(python: str, platform: str) -> dict[str, Requirement]:
    """The lock's lines for one interpreter and system."""
    system, machine = PLATFORMS[platform]
    surroundings = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "os_name": "posix",
        "sys_platform": platform,
        "platform_system": system,
        "platform_machine": machine,
    }
    lines = [line for line in LOCK if not line.marker or line.marker.evaluate(surroundings)]
    names = [canonicalize_name(line.name) for line in lines]
    assert len(names) == len(set(names)), "two pins of one package apply at once"
    return dict(zip(names, lines, strict=True))


def conda() -> list[str]:
    """The lines of environment.yml's list, without comments."""
    text = (ROOT / "environment.yml").read_text()
    return [m.group(1).strip() for m in re.finditer(r"^ +- ([^#\n]+)", text, re.MULTILINE)]


def test_the_big_ones_are_direct():
    assert set(DIRECT) >= REQUIRED


def test_every_direct_dependency_has_a_lower_bound_and_no_pin():
    for requirement in DIRECT.values():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert ">=" in operators and "==" not in operators, requirement


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_pins_every_direct_dependency_within_its_range(python, platform):
    locked = pins(python, platform)
    for name, requirement in DIRECT.items():
        (pin,) = locked[name].specifier
        assert pin.operator == "==" and requirement.specifier.contains(pin.version), name


def test_the_lock_holds_pins_only():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert re.match(r"[a-z0-9-]+==[\w.]+( ; .+)?$", line), line


def test_the_conda_twin_lists_the_same_names_under_the_same_lock():
    names = {canonicalize_name(Requirement(line).name) for line in _pip_lines()}
    assert names == set(DIRECT)
    extras = {r.name: r.extras for r in DIRECT.values() if r.extras}
    assert {r.name: r.extras for r in map(Requirement, _pip_lines()) if r.extras} == extras
    assert "--constraint requirements.lock" in conda() and "--editable ." in conda()


def test_the_conda_twin_says_what_each_line_is_for():
    lines = (ROOT / "environment.yml").read_text().splitlines()
    listed = [line for line in lines if re.match(r" +- (?!pip:|conda-forge)", line)]
    assert [line for line in listed if not re.search(r"\S  # \w", line)] == []


def test_the_conda_twin_has_a_supported_python():
    (python,) = [line for line in conda() if line.startswith("python=")]
    assert python.removeprefix("python=") in PYTHONS
    assert PROJECT["requires-python"] == ">=3.11,<3.14"


def _pip_lines() -> list[str]:
    lines = conda()
    after_pip = lines[lines.index("pip:") + 1 :]
    return [line for line in after_pip if not line.startswith("-")]


def imported() -> set[str]:
    """Top-level names that lib, tests and notebooks import from outside the standard library."""
    sources = [
        path.read_text() for part in ("lib", "tests") for path in (ROOT / part).rglob("*.py")
    ]
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        code = [
            re.sub(r"^\s*[%!].*$", "", c.source, flags=re.MULTILINE)
            for c in cells
            if c.cell_type == "code"
        ]
        sources.append("\n".join(code))
    names = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    helpers = {path.stem for path in (ROOT / "tests").glob("*.py")}
    return names - set(sys.stdlib_module_names) - {"lib"} - helpers


@cache
def distributions() -> dict[str, list[str]]:
    """Names to import and who ships them: seconds of reading, so once."""
    return metadata.packages_distributions()


def owners_of(name: str) -> set[str]:
    """Distributions that an imported name may come from."""
    owners = distributions().get(name, [name])
    return {canonicalize_name(EXTRAS.get(owner, owner)) for owner in owners}


def test_what_is_imported_is_a_direct_dependency():
    strangers = {name for name in imported() if not owners_of(name) & set(DIRECT)}
    assert strangers == set(), "imported, but not in pyproject.toml"


def test_every_direct_dependency_is_used():
    used = set().union(*map(owners_of, imported()))
    assert set(DIRECT) - used - TOOLS - AWAITED == set()


def test_check_finds_what_is_missing_or_too_old(monkeypatch):
    assert check._package(Requirement("numpy>=1"))[0] is True
    assert check._package(Requirement("numpy>=99"))[0] is False
    state, text = check._package(Requirement("no-such-package>=1"))
    assert state is False and "run make again" in text


def test_check_prints_one_marked_line_each_and_its_status_tells(monkeypatch, capsys):
    lines = [(True, "numpy 2"), (None, "corpus orca: not here")]
    monkeypatch.setattr(check, "checks", lambda: iter(lines))
    assert check.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "[OK]   numpy 2",
        "[--]   corpus orca: not here",
    ]
    lines.append((False, "0.5 GB of memory (needs 6)"))
    assert check.main() == 1
    assert "[FAIL] 0.5 GB" in capsys.readouterr().out


def test_check_covers_every_direct_dependency(monkeypatch):
    monkeypatch.setattr(check, "_tensorflow", lambda: (True, "TensorFlow computes"))
    text = "\n".join(text for _, text in check.checks())
    assert all(requirement.name in text for requirement in DIRECT.values())
    assert "cores" in text and "memory" in text and "disk" in text and "corpus sea" in text
    assert str(ROOT) not in text
