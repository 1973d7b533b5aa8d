"""The sound behind a table of regions: pieces and whole recordings, from wherever they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio

# Adults hear best below this; sounds that reach higher are played slower.
COMFORTABLE_HZ = 12_000
SLOWER = (1, 2, 4, 8, 16, 32)
# Signals kept in memory: a minute at 48 kHz is 12 MB.
KEPT = 16


class Sounds:
    """Reads regions of recordings by name.

    Parameters
    ----------
    sound : Corpus, mapping or callable
        A corpus with ``signal(i)``; a mapping of item to path or signal; or a function from item
        to signal. Files are read at their own rate and only where they are needed, so recordings
        may be hours long and may hold ultrasound.
    sample_rate : int
        Of the signals that are not files, in Hz.
    """

    def __init__(self, sound, sample_rate: int = audio.SAMPLE_RATE):
        self.find, self.known = _finder(sound)
        self.sample_rate = sample_rate
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()

    def recording(self, item: str) -> tuple[np.ndarray, int]:
        """A whole recording, float32 (samples,), and its rate in Hz."""
        source = self._source(item)
        if isinstance(source, Path):
            with audio.open_sound(source) as file:
                return _mono(file.read(dtype="float32", always_2d=True)), file.samplerate
        return source, self.sample_rate

    def piece(self, item: str, start: float, stop: float) -> tuple[np.ndarray, int]:
        """The sound from start to stop in s, cut at the recording's ends, and its rate in Hz.

        Raises
        ------
        AudioError
            If the recording is not there, cannot be read, or ends before ``start``.
        """
        source = self._source(item)
        if isinstance(source, Path):
            piece, rate = _read_piece(source, start, stop)
        else:
            rate = self.sample_rate
            piece = source[max(0, round(start * rate)) : max(0, round(stop * rate))]
        if not len(piece):
            raise audio.AudioError(
                f"{item} has no sound from {start:.3f} to {stop:.3f} s: is the table of another "
                "version of this recording?"
            )
        return audio.check(np.asarray(piece, np.float32), str(item), rate), rate

    def seconds(self, item: str) -> float:
        """Duration of a recording in s."""
        source = self._source(item)
        if isinstance(source, Path):
            return audio.duration(source)
        return len(source) / self.sample_rate

    def rate(self, item: str) -> int:
        """Rate of a recording in Hz."""
        source = self._source(item)
        if isinstance(source, Path):
            with audio.open_sound(source) as file:
                return file.samplerate
        return self.sample_rate

    def missing(self, items) -> list[str]:
        """Those of the items for which there is no sound, without reading any."""
        if self.known is None:
            return []
        here = {item: self.known(item) for item in dict.fromkeys(items)}
        return [item for item, found in here.items() if not found]

    def _source(self, item: str) -> Path | np.ndarray:
        """Path or signal of an item; the last few signals are kept."""
        if item in self._kept:
            self._kept.move_to_end(item)
            return self._kept[item]
        try:
            source = self.find(item)
        except (KeyError, OSError) as error:
            raise audio.AudioError(
                f"There is no sound for the recording {item} ({error}): check the names in the "
                "table's column item, or leave its rows out."
            ) from error
        if isinstance(source, str | Path):
            return Path(source)
        self._kept[item] = _mono(np.asarray(source, np.float32))
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[item]


def slow_factor(sample_rate: int) -> int:
    """How many times slower a sound is played, so that its band ends below 12 kHz."""
    return next((n for n in SLOWER if sample_rate / 2 / n <= COMFORTABLE_HZ), SLOWER[-1])


def _finder(sound) -> tuple[Callable, Callable | None]:
    """How to find an item's sound, and how to know without reading whether it is there."""
    if hasattr(sound, "signal") and isinstance(getattr(sound, "table", None), pd.DataFrame):
        rows = {item: i for i, item in enumerate(sound.table["item"])}
        return lambda item: sound.signal(rows[item]), rows.__contains__
    if isinstance(sound, Mapping):
        return sound.__getitem__, lambda item: item in sound and _is_there(sound[item])
    if callable(sound):
        return sound, None
    raise ValueError(
        f"sound is a {type(sound).__name__}; give a corpus, a mapping of item to path or signal, "
        "or a function from item to signal."
    )


def _is_there(source) -> bool:
    return not isinstance(source, str | Path) or Path(source).exists()


def _read_piece(path: Path, start: float, stop: float) -> tuple[np.ndarray, int]:
    with audio.open_sound(path) as file:
        rate = file.samplerate
        first = min(max(0, round(start * rate)), file.frames)
        file.seek(first)
        wanted = max(0, min(round(stop * rate), file.frames) - first)
        return _mono(file.read(wanted, dtype="float32", always_2d=True)), rate


def _mono(signal: np.ndarray) -> np.ndarray:
    return signal.mean(axis=1, dtype=np.float32) if signal.ndim == 2 else signal
