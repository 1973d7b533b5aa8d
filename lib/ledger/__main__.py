"""``python -m lib.ledger [NAME ...]``: measure this machine into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from lib.ledger.measures import FOLDER, MEASURES, measure


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what training and listening cost here.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--again", action="store_true", help="also what was measured before")
    given = parser.parse_args()
    for name in given.names or MEASURES:
        done = measure([name], given.folder, given.again)
        print(f"{name}: {'measured' if done else 'there already'}", flush=True)


if __name__ == "__main__":
    main()
