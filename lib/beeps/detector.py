"""The detector: alarms from a recording or a stream, in constant memory, without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import soxr

from lib.beeps.alarm_table import alarm_table
from lib.beeps.frontend import SAMPLE_RATE, FrontEnd, as_mono
from lib.beeps.stream import Engine
from lib.beeps.tonenet import ToneStream
from lib.beeps.weights import Weights, load_weights

# Beeps reach up to 5 kHz; sound of a lower rate does not hold them.
LOWEST_RATE = 10_000
# A whole recording is worked through in pieces, so that memory does not grow with its length.
PIECE_SECONDS = 30.0


class Heard(NamedTuple):
    """A recording as the detector hears it: candidates, and two maps of (frames, 172).

    Tone probabilities, and the level of each channel above its neighbours (see `compressed`), with
    2 s of silence after the end.
    """

    candidates: pd.DataFrame
    probability: np.ndarray
    contrast: np.ndarray


class BeepDetector:
    """Find end-of-cycle beeps: tones of 2 to 5 kHz in three groups or more at a steady pace.

    Parameters
    ----------
    pattern : Pattern, optional
        Listen for this appliance only, whatever its rhythm is; see `from_example`.
    threshold : float, optional
        Least score of an alarm, 0 to 1; by default the one that training chose.
    sample_rate : int
        Rate of the chunks given to `feed` in Hz, 10,000 or more.
    weights : Weights, optional
        By default the shipped ones.

    Raises
    ------
    ValueError
        For a rate or a threshold out of range.
    FileNotFoundError
        If the shipped weights are missing.

    Notes
    -----
    Source: the washing machine of Reece Robinson (2016). Used by notebook 05.
    """

    def __init__(self, pattern=None, threshold=None, sample_rate=SAMPLE_RATE, weights=None):
        if not sample_rate >= LOWEST_RATE:
            raise ValueError(
                f"Sound at {sample_rate} Hz holds nothing above {sample_rate / 2000:g} kHz, beeps "
                f"reach 5 kHz: record at {LOWEST_RATE} Hz or more, best at 16,000 Hz."
            )
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}; it must lie between 0 and 1.")
        self.pattern, self.sample_rate = pattern, sample_rate
        self.weights = load_weights() if weights is None else weights
        default = self.weights.threshold if pattern is None else self.weights.pattern_threshold
        self.threshold = default if threshold is None else threshold
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next chunk is the first of another."""
        self._engine = Engine(self)

    def feed(self, chunk: np.ndarray) -> pd.DataFrame:
        """Take the next samples of a stream; alarms that they complete.

        Parameters
        ----------
        chunk : array (samples,) or (samples, channels)
            Floats in -1..1 or 16- or 32-bit integers, any number of samples.

        Returns
        -------
        DataFrame[start, stop, score, tone, groups, decided, onsets]
            Times in s from the start of the stream; ``tone`` in Hz, ``groups`` heard, ``decided``
            the time of the alarm, ``onsets`` a tuple of the start of each group.

        Raises
        ------
        ValueError
            For NaN or infinite samples, another type or shape. The stream stays as it was.
        """
        return alarm_table(self._engine.feed(as_mono(chunk)))

    def finish(self) -> pd.DataFrame:
        """End the stream; alarms of a sequence that ended with it. The detector is then reset."""
        alarms = alarm_table(self._engine.finish())
        self.reset()
        return alarms

    def detect(self, signal: np.ndarray, sample_rate: int) -> pd.DataFrame:
        """Alarms of a whole recording; the stream that `feed` works on is not touched.

        Parameters
        ----------
        signal : array (samples,) or (samples, channels)
            As in `feed`; any length.
        sample_rate : int
            In Hz.

        Returns
        -------
        DataFrame[start, stop, score, tone, groups, decided, onsets]
            As `feed` gives them, all at once.
        """
        other = BeepDetector(self.pattern, self.threshold, sample_rate, self.weights)
        signal = np.asarray(signal)
        if signal.ndim == 0:
            as_mono(signal)
        if signal.ndim == 2 and signal.shape[0] < signal.shape[1]:
            signal = signal.T
        length = round(PIECE_SECONDS * sample_rate)
        pieces = (signal[k : k + length] for k in range(0, max(len(signal), 1), length))
        alarms = [alarm for piece in pieces for alarm in other._engine.feed(as_mono(piece))]
        return alarm_table(alarms + other._engine.finish())

    def candidates(self, signal: np.ndarray, sample_rate: int = SAMPLE_RATE) -> pd.DataFrame:
        """All that might be a sequence with its score, so that thresholds can be tried later.

        `accepted` gives the alarms for any threshold. Overlapping rows are readings of one sound.
        """
        return self.hear(signal, sample_rate).candidates

    def hear(self, signal: np.ndarray, sample_rate: int = SAMPLE_RATE) -> Heard:
        """Candidates of a recording together with what led to them; for measurements."""
        other = BeepDetector(self.pattern, 0.0, sample_rate, self.weights)
        engine = other._engine
        engine.kept = []
        found = engine.feed(as_mono(signal)) + engine.finish()
        maps = (np.concatenate(parts) for parts in zip(*engine.kept, strict=True))
        return Heard(alarm_table(found), *maps)

    def probabilities(self, signal: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """Tone probabilities of a recording, (frames, 172): a frame each 20 ms; for pictures."""
        signal = soxr.resample(as_mono(signal), sample_rate, SAMPLE_RATE)
        return ToneStream(self.weights.tone).feed(FrontEnd().feed(signal))

    @classmethod
    def from_example(
        cls,
        signal: np.ndarray,
        sample_rate: int,
        threshold: float | None = None,
        stream_rate: int = SAMPLE_RATE,
        weights: Weights | None = None,
    ) -> BeepDetector:
        """Learn a new appliance from one recording of its sequence.

        Parameters
        ----------
        signal, sample_rate
            One sequence with a second or more before and after it; as in `detect`.
        threshold, stream_rate, weights
            Of the new detector; ``stream_rate`` is its ``sample_rate``.

        Raises
        ------
        ValueError
            If there are no two tones in it.
        """
        # Teaching listens with a detector of its own, so it cannot be imported before this one is.
        from lib.beeps.learning import learn_pattern

        pattern = learn_pattern(signal, sample_rate, weights)
        return cls(pattern, threshold, stream_rate, weights)


def load_detector(path: str | Path | None = None, **options) -> BeepDetector:
    """The trained detector; `options` are those of `BeepDetector`.

    Raises
    ------
    FileNotFoundError
        If there is none at `path` (by default the shipped one).
    ValueError
        If the file is damaged.
    """
    return BeepDetector(weights=load_weights(path), **options)
