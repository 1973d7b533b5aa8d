"""The detector: alarms from a recording or a stream, in constant memory, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import soxr

from lib.beeps.evidence import Memory
from lib.beeps.frontend import HOP_SECONDS, SAMPLE_RATE, FrontEnd
from lib.beeps.pattern import Pattern, PatternMatcher
from lib.beeps.pulses import TICK_FRAMES, PulseTracker, Train, TrainFinder
from lib.beeps.tonenet import REACH_CHANNELS, ToneStream, tone_frequencies
from lib.beeps.verifier import Verifier, train_features

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "beeps_detector" / "detector.npz"
COLUMNS = ["start", "stop", "score", "tone", "groups", "decided"]
# One more, which is no number: the start of each group in s.
ONSETS = "onsets"
# Beeps reach up to 5 kHz; sound of a lower rate does not hold them.
LOWEST_RATE = 10_000
# A whole recording is worked through in pieces, so that memory does not grow with its length.
PIECE_SECONDS = 30.0
# Silence after the end of a recording, in which a last sequence is found to be over.
CLOSING_SECONDS = 2.0
# Tones outside are not the business of the general detector.
LOWEST_TONE, HIGHEST_TONE = 1_700.0, 5_500.0
# Nor those so near to half the rate of a recording that its filter ends there.
WHOLE_BAND = 0.455


class Weights(NamedTuple):
    """What training has found: weights of both networks, and the thresholds of the alarms."""

    tone: list
    verifier: list
    threshold: float
    pattern_threshold: float


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
        self._engine = _Engine(self)

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
        return _table(self._engine.feed(as_mono(chunk)))

    def finish(self) -> pd.DataFrame:
        """End the stream; alarms of a sequence that ended with it. The detector is then reset."""
        alarms = _table(self._engine.finish())
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
        return _table(alarms + other._engine.finish())

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
        return Heard(_table(found), *maps)

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


def load_weights(path: str | Path | None = None) -> Weights:
    """Weights from a ``detector.npz``; errors as `load_detector`."""
    return _load(Path(path or SHIPPED))


@lru_cache(maxsize=4)
def _load(path: Path) -> Weights:
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing; train it: python -m lib.beeps.train --output {path.parent}"
        )
    try:
        with np.load(path) as stored:
            parts = [[stored[f"{part}_{k}"] for k in range(n)] for part, n in _PARTS.items()]
            thresholds = [float(stored[name]) for name in ("threshold", "pattern_threshold")]
    except Exception as error:
        raise ValueError(f"{path} is damaged ({error}); train it again or restore it.") from error
    return Weights(*parts, *thresholds)


_PARTS = {"tone": 6, "verifier": 8}


def as_mono(chunk: np.ndarray) -> np.ndarray:
    """Samples of a chunk as mono float32 in -1..1; ValueError that says what is wrong with it."""
    chunk = np.asarray(chunk)
    if chunk.dtype.kind == "i" and chunk.dtype.itemsize in (2, 4):
        chunk = chunk / np.float32(2 ** (8 * chunk.dtype.itemsize - 1))
    elif chunk.dtype.kind != "f":
        raise ValueError(
            f"Samples of type {chunk.dtype} are no sound: give floats in -1..1, int16 or int32."
        )
    if chunk.ndim not in (1, 2):
        raise ValueError(f"Expected (samples,) or (samples, channels), got shape {chunk.shape}.")
    if chunk.ndim == 2:
        chunk = chunk.mean(axis=1, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(chunk))
    if len(bad):
        raise ValueError(
            f"{len(bad)} samples are NaN or infinite, the first is number {bad[0]}: cut them out "
            "or record again."
        )
    return chunk.astype(np.float32, copy=False)


class _Engine:
    """The state of one stream."""

    def __init__(self, detector: BeepDetector):
        self.detector, self.kept = detector, None
        rate = detector.sample_rate
        self._resampler = (
            None
            if rate == SAMPLE_RATE
            else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        )
        self._front, self._tones = FrontEnd(), ToneStream(detector.weights.tone)
        margin = REACH_CHANNELS // 2
        self._margin = slice(margin, -margin)
        self._contrast = np.empty((0, len(tone_frequencies())), np.float32)
        self._waiting = np.empty((0, len(tone_frequencies())), np.float32)
        self._levels = self._front.levels
        self._frame = 0
        if detector.pattern is None:
            self._finder = _Sequences(detector, self)
        else:
            self._finder = _Repeats(detector, self)

    def feed(self, samples: np.ndarray) -> list[tuple]:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return self._hear(samples)

    def finish(self) -> list[tuple]:
        last = np.empty(0, np.float32)
        if self._resampler is not None:
            last = self._resampler.resample_chunk(last, last=True)
        silence = np.zeros(round(CLOSING_SECONDS * SAMPLE_RATE), np.float32)
        return self._hear(np.concatenate([last, silence]))

    def _hear(self, samples: np.ndarray) -> list[tuple]:
        contrast = self._front.feed(samples)
        probability = self._tones.feed(contrast)
        contrast = contrast[:, self._margin, 0]
        if self.kept is not None:
            self.kept.append((probability, contrast))
        self._contrast = np.concatenate([self._contrast, contrast])
        self._waiting = np.concatenate([self._waiting, probability])
        self._levels = np.concatenate([self._levels, self._front.levels])
        ready = len(self._waiting) // TICK_FRAMES * TICK_FRAMES
        alarms = []
        for start in range(0, ready, TICK_FRAMES):
            part = slice(start, start + TICK_FRAMES)
            self._frame += TICK_FRAMES
            heard = self._waiting[part], self._contrast[part], self._levels[part]
            alarms += self._finder.feed(*heard, self.now)
        for name in ("_waiting", "_contrast", "_levels"):
            # A copy: a view would keep the whole piece alive.
            setattr(self, name, getattr(self, name)[ready:].copy())
        return alarms

    @property
    def now(self) -> float:
        """Time in s up to which all frames have been looked at."""
        return self._frame * HOP_SECONDS


class _Sequences:
    """Alarms for trains that the verifier takes for sequences."""

    def __init__(self, detector: BeepDetector, engine: _Engine):
        self._detector, self._engine = detector, engine
        self._pulses, self._trains = PulseTracker(), TrainFinder()
        self._verify = Verifier(detector.weights.verifier)
        self._memory = Memory()
        self._highest = min(HIGHEST_TONE, WHOLE_BAND * detector.sample_rate)
        self._last_stop = -1.0

    def feed(self, probability, contrast, levels, now: float) -> list[tuple]:
        alarms = []
        # Of several readings that are due at once, the one with the most groups counts.
        due = sorted(
            self.trains(probability, contrast, levels, now), key=lambda t: -len(t[0].starts)
        )
        for train, features in due:
            score = float(self._verify(features[None])[0])
            if score < self._detector.threshold:
                continue
            # One sound is one alarm, whatever its harmonics and other readings say.
            if self._engine.kept is not None or train.starts[0] > self._last_stop:
                self._last_stop = max(self._last_stop, train.stops[-1])
                alarms.append(_alarm(train, score))
        return alarms

    def trains(self, probability, contrast, levels, now) -> Iterator[tuple[Train, np.ndarray]]:
        self._memory.add(probability, levels)
        pulses = self._pulses.feed(probability, contrast)
        for train in self._trains.feed(pulses, self._pulses.open, now):
            if LOWEST_TONE <= _tone(train) <= self._highest:
                yield train, train_features(train, self._trains.recent, self._memory)


class _Repeats:
    """Alarms where a stream fits the pattern of one appliance, at the best-fitting moment."""

    def __init__(self, detector: BeepDetector, engine: _Engine):
        self._detector, self._engine = detector, engine
        self._matcher = PatternMatcher(detector.pattern)
        self._best: tuple[float, float] | None = None
        self._silent_until, self._time = -1.0, 0.0

    def feed(self, probability, contrast, levels, now: float) -> list[tuple]:
        alarms = []
        for score in self._matcher.feed(probability):
            self._time += HOP_SECONDS
            better = score >= self._detector.threshold and (not self._best or score > self._best[1])
            if better and self._time >= self._silent_until:
                self._best = self._time, float(score)
            # Five frames later nothing fits better: this was it.
            if self._best and self._time - self._best[0] >= TICK_FRAMES * HOP_SECONDS:
                alarms.append(self._raise())
        return alarms

    def _raise(self) -> tuple:
        pattern, (when, score) = self._detector.pattern, self._best
        stop = when - self._matcher.delay
        self._best, self._silent_until = None, self._time + pattern.seconds / 2
        tone = float(np.median([tone for *_, tone in pattern.pulses]))
        start = stop - pattern.seconds
        onsets = tuple((start + pattern.groups()[:, 0]).tolist())
        return (start, stop, score, tone, len(onsets), self._time, onsets)


def _tone(train: Train) -> float:
    channel = np.mean([p.channel for p in train.pulses])
    return float(np.interp(channel, np.arange(len(tone_frequencies())), tone_frequencies()))


def _alarm(train: Train, score: float) -> tuple:
    start, stop = float(train.starts[0]), float(train.stops[-1])
    onsets = tuple(train.starts.tolist())
    return (start, stop, score, _tone(train), len(onsets), train.decided, onsets)


def _table(alarms: list[tuple]) -> pd.DataFrame:
    # A stream asks ten times a second, and mostly there is nothing.
    return _as_table(alarms) if alarms else _no_alarms().copy(deep=False)


@lru_cache(maxsize=1)
def _no_alarms() -> pd.DataFrame:
    return _as_table([])


def _as_table(alarms: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(alarms, columns=[*COLUMNS, ONSETS])
    return table.astype(dict.fromkeys(COLUMNS, float))


def accepted(candidates: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Alarms among `BeepDetector.candidates` for a threshold, as the detector would raise them."""
    rows, last_stop = [], -1.0
    spans = candidates[["start", "stop"]].to_numpy(float)
    for number in np.flatnonzero(candidates["score"].to_numpy(float) >= threshold):
        start, stop = spans[number]
        if start > last_stop:
            last_stop = max(last_stop, stop)
            rows.append(number)
    return candidates.iloc[rows].reset_index(drop=True)


def trains_of(signal: np.ndarray, weights: Weights) -> list[tuple[Train, np.ndarray]]:
    """All trains of a 16 kHz recording with their features: what the verifier is trained on."""
    detector = BeepDetector(weights=weights)
    found: list[tuple[Train, np.ndarray]] = []
    finder = detector._engine._finder

    def gather(*heard):
        found.extend(finder.trains(*heard))
        return []

    finder.feed = gather
    detector.feed(signal)
    detector._engine.finish()
    return found


def learn_pattern(signal: np.ndarray, sample_rate: int, weights: Weights | None = None) -> Pattern:
    """Pattern of the sequence in one recording; see `BeepDetector.from_example`."""
    detector = BeepDetector(sample_rate=sample_rate, weights=weights)
    signal = soxr.resample(as_mono(signal), sample_rate, SAMPLE_RATE)
    verify = Verifier(detector.weights.verifier)
    trains = trains_of(signal, detector.weights)
    scores = [float(verify(features[None])[0]) for _, features in trains]
    if scores and max(scores) >= 0.5:
        sure = [train for (train, _), s in zip(trains, scores, strict=True) if s >= 0.5]
        pulses = max(sure, key=lambda train: len(train.pulses)).pulses
    else:
        pulses = _main_pulses(signal, detector.weights)
    if len(pulses) < 2:
        raise ValueError(
            "No two tones between 0.5 and 5.9 kHz are in the example: record one whole sequence "
            "nearer to the appliance."
        )
    begin = pulses[0].start
    frequencies = tone_frequencies()
    tones = [float(frequencies[round(p.channel)]) for p in pulses]
    return Pattern(
        tuple((p.start - begin, p.stop - begin, t) for p, t in zip(pulses, tones, strict=True))
    )


def _main_pulses(signal: np.ndarray, weights: Weights) -> list:
    """The clear pulses at the pitches that sound longest: an appliance plays few notes."""
    contrast = FrontEnd().feed(np.concatenate([signal, np.zeros(SAMPLE_RATE, np.float32)]))
    probability = ToneStream(weights.tone).feed(contrast)
    margin = REACH_CHANNELS // 2
    tracker = PulseTracker()
    pulses = tracker.feed(probability, contrast[: len(probability), margin:-margin, 0])
    clear = [p for p in pulses if p.probability > 0.75]
    sounded = np.zeros(len(tone_frequencies()))
    for pulse in clear:
        sounded[round(pulse.channel)] += pulse.stop - pulse.start
    near = np.convolve(sounded, np.ones(3), mode="same")
    return sorted(p for p in clear if near[round(p.channel)] >= 0.2 * near.max(initial=0))
