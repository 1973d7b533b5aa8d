"""The command line of `lib.notebooks`."""

from __future__ import annotations

import argparse
import subprocess
import sys

from lib.notebooks.cleaning import ROOT, clean_file
from lib.notebooks.running import RunFailed, paths, run_all, run_tests


def main() -> int:
    """Run one command; the exit status tells make how it went."""
    arguments = _parser().parse_args()
    if arguments.command == "lab":
        return subprocess.call([sys.executable, "-m", "jupyterlab", "notebooks"], cwd=ROOT)
    if arguments.command == "test":
        return run_tests(arguments.names)
    if arguments.command == "clean-outputs":
        for path in paths(arguments.names):
            clean_file(path)
        return 0
    try:
        run_all(arguments.names, arguments.in_place)
    except (RunFailed, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Finished notebooks are kept; run again to start over.")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib.notebooks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "run": "run them in order and write the figures",
        "test": "run copies under nbval, changing no committed file",
        "clean-outputs": "take sounds, stderr and paths out of committed outputs",
        "lab": "open JupyterLab",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "names", nargs="*", help="beginnings of names, such as 01 04; all without"
        )
        if name == "run":
            command.add_argument(
                "--in-place", action="store_true", help="over the committed ones, cleaned"
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
