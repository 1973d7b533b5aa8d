"""Listen for beeps: ``python -m lib.beeps FILE...``; one line of JSON for each alarm.

``-`` reads raw mono 16-bit little-endian samples from standard input for as long as they come.
Exit status: 0 if there was an alarm, 1 if there was none, 2 if a file could not be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from lib import audio
from lib.beeps.detector import BeepDetector, load_detector
from lib.beeps.frontend import SAMPLE_RATE

ALARM, NO_ALARM, TROUBLE = 0, 1, 2
# An eighth of a second: an alarm is never kept waiting for more.
STREAM_BYTES = 2 * SAMPLE_RATE // 8
FILE_SECONDS = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit status."""
    options = _parser().parse_args(arguments)
    try:
        detector = _detector(options)
    except (ValueError, FileNotFoundError) as error:
        return _complain(error)
    status = NO_ALARM
    for name in options.files:
        try:
            for alarm in _alarms(name, detector, options.rate):
                print(json.dumps(alarm), flush=True)
                status = ALARM if status == NO_ALARM else status
        except BrokenPipeError:
            # The reader has gone, as `head` does: not an error, but nothing may be flushed to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return status
        except KeyboardInterrupt:
            return 130
        except (ValueError, OSError) as error:
            status = _complain(error)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib.beeps",
        description="Find end-of-cycle beeps; one line of JSON for each alarm.",
        epilog="Exit status: 0 alarm, 1 none, 2 trouble.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="sound file, or - for raw 16 bit")
    parser.add_argument("--rate", type=int, default=SAMPLE_RATE, help="of raw sound, Hz")
    parser.add_argument("--threshold", type=float, help="least score of an alarm, 0 to 1")
    parser.add_argument("--example", metavar="FILE", help="learn the appliance from this recording")
    return parser


def _detector(options: argparse.Namespace) -> BeepDetector:
    if options.example is None:
        return load_detector(threshold=options.threshold, sample_rate=options.rate)
    example = audio.read(options.example, SAMPLE_RATE)
    return BeepDetector.from_example(example, SAMPLE_RATE, options.threshold, options.rate)


def _alarms(name: str, detector: BeepDetector, rate: int) -> Iterator[dict]:
    if name != "-":
        detector = BeepDetector(detector.pattern, detector.threshold, weights=detector.weights)
    chunks = _raw() if name == "-" else _pieces(name)
    for chunk in chunks:
        yield from _records(name, detector.feed(chunk))
    yield from _records(name, detector.finish())


def _pieces(name: str) -> Iterator[np.ndarray]:
    for _, piece in audio.blocks(name, FILE_SECONDS, sample_rate=SAMPLE_RATE):
        yield piece


def _raw() -> Iterator[np.ndarray]:
    """Samples from standard input as they come; half a sample at the end is an error."""
    rest = b""
    # read1 gives what is there; read would wait for a whole block and delay alarms.
    while data := sys.stdin.buffer.read1(STREAM_BYTES):
        data = rest + data
        whole = len(data) // 2 * 2
        yield np.frombuffer(data[:whole], "<i2")
        rest = data[whole:]
    if rest:
        raise ValueError("standard input ends within a sample: is it 16-bit sound?")


def _records(name: str, alarms: pd.DataFrame) -> Iterator[dict]:
    for alarm in alarms.itertuples(index=False):
        values = alarm._asdict()
        onsets = [round(onset, 3) for onset in values.pop("onsets")]
        values = {key: round(value, 3) for key, value in values.items()}
        yield {"file": name} | values | {"groups": len(onsets), "onsets": onsets}


def _complain(error: Exception) -> int:
    print(f"python -m lib.beeps: {error}", file=sys.stderr)
    return TROUBLE


if __name__ == "__main__":
    sys.exit(main())
