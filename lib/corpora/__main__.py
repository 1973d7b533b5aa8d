"""``python -m lib.corpora fetch NAME|all`` and ``python -m lib.corpora list``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lib.corpora import corpora_folder
from lib.fetch import ORIGINALS, FetchError, ForeignFolderError, fetch


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if every corpus asked for is there, else 1."""
    parser = argparse.ArgumentParser(prog="python -m lib.corpora", description=__doc__)
    parser.add_argument("--root", type=Path, help="folder of the corpora ($CORPORA_DIR)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what there is, where from, and whether it is here")
    bring = commands.add_parser("fetch", help="bring corpora and prove them")
    bring.add_argument("name", choices=["all", *ORIGINALS])
    options = parser.parse_args(arguments)
    root = corpora_folder(options.root)
    if options.command == "list":
        return _list(root)
    names = [n for n, o in ORIGINALS.items() if not o.by_name_only]
    names = names if options.name == "all" else [options.name]
    return 1 if sum(not _fetch(name, root) for name in names) else 0


def _fetch(name: str, root: Path) -> bool:
    """Bring one corpus and say how it went; a failure does not keep the others from coming."""
    try:
        print("[OK]  ", fetch(ORIGINALS[name], root))
    except ForeignFolderError as error:
        print("[KEPT]", error)
    except FetchError as error:
        print("[FAIL]", f"{name}: {error}")
        return False
    return True


def _list(root: Path) -> int:
    print(f"Corpora in {root}")
    for name, original in ORIGINALS.items():
        here = "here" if (root / name).is_dir() else "not here"
        how = "by name only" if original.by_name_only else "with all"
        print(f"{name:22} {here:9} {how:13} {original.licence}; {original.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
