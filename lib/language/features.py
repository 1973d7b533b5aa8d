"""Cepstra of a whole corpus, computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib import audio
from lib.corpora import Corpus
from lib.evaluation import check_disjoint

SAMPLE_RATE = 16_000
FRAME_LENGTH, HOP_LENGTH, N_FFT = 400, 320, 512
FRAMES_A_SECOND = SAMPLE_RATE // HOP_LENGTH
N_MELS = N_MFCC = 40
LOWEST_HZ, HIGHEST_HZ = 60.0, 7_600.0
FLOOR_DB = 45.0
# A frame counts as speech within this range of the loudest tenth of its clip.
SPEECH_RANGE_DB = 30.0


def mfcc(
    signal: np.ndarray, sample_rate: int = SAMPLE_RATE, floor_db: float | None = FLOOR_DB
) -> np.ndarray:
    """40 mel-frequency cepstral coefficients of each 25 ms frame, 20 ms apart.

    Parameters
    ----------
    signal : array (samples,)
        Mono at 16 kHz; frame t covers samples ``t * 320`` onwards, without padding.
    floor_db : float or None
        As in `log_mel`.

    Returns
    -------
    float32 array (frames, 40), the first being the frame's level

    Raises
    ------
    ValueError
        For another rate, a signal of more than one axis, non-finite samples or fewer than 400.

    Notes
    -----
    Source: the language classifier's 40 MFCC; its frame rate is not published. `librosa` gives the
    same to rounding (tests/test_language_features.py). Used by notebook 06.
    """
    from scipy.fft import dct

    return dct(log_mel(signal, sample_rate, floor_db), norm="ortho", axis=1).astype(np.float32)


def log_mel(
    signal: np.ndarray, sample_rate: int = SAMPLE_RATE, floor_db: float | None = None
) -> np.ndarray:
    """Power of each frame in 40 mel bands in dB, float32 (frames, 40).

    With a `floor_db`, an even floor so far below the sound's mean is added: digital silence, the
    hiss of a microphone and the empty upper half of a telephone's band then look alike.
    """
    import librosa

    signal = audio.samples(signal, sample_rate, SAMPLE_RATE, FRAME_LENGTH)
    frames = np.lib.stride_tricks.sliding_window_view(signal, FRAME_LENGTH)[::HOP_LENGTH]
    window = np.hanning(FRAME_LENGTH + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, N_FFT, axis=1)) ** 2
    bank = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ
    )
    bands = power.astype(np.float32) @ bank.T + 1e-8
    if floor_db is not None:
        bands += bands.mean() * 10 ** (-floor_db / 10)
    return 10 * np.log10(bands)


def is_speech(frames: np.ndarray) -> np.ndarray:
    """Which frames (n, 40 MFCC) are within 30 dB of the clip's loud ones: bool (n,).

    The first coefficient is the mean of the bands in dB times the root of their number.
    """
    level = frames[:, 0] / np.sqrt(N_MELS)
    return level > np.percentile(level, 90) - SPEECH_RANGE_DB


@dataclass(frozen=True)
class SpeechFeatures:
    """Cepstra of the clips of a corpus.

    Parameters
    ----------
    name : str
        Of the corpus.
    frames : list of float32 arrays (frames, coefficients)
        One a clip; clips may differ in length.
    speech : list of bool arrays (frames,)
        Which frames are loud enough to be speech.
    labels, groups, split, items : arrays (clips,)
        Language, speaker or video, part and name of each clip.
    phones : list of str arrays (frames,), optional
        The sound at each frame, where a synthetic voice told it.
    """

    name: str
    frames: list[np.ndarray]
    speech: list[np.ndarray]
    labels: np.ndarray
    groups: np.ndarray
    split: np.ndarray
    items: np.ndarray
    phones: list[np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def classes(self) -> list[str]:
        """Languages, sorted."""
        return sorted(set(self.labels.tolist()))

    def select(self, rows) -> SpeechFeatures:
        """The clips where ``rows`` (mask or row numbers) says so."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        arrays = {
            name: getattr(self, name)[rows] for name in ("labels", "groups", "split", "items")
        }
        return replace(
            self,
            frames=[self.frames[i] for i in rows],
            speech=[self.speech[i] for i in rows],
            phones=None if self.phones is None else [self.phones[i] for i in rows],
            **arrays,
        )

    def part(self, split: str) -> SpeechFeatures:
        """The clips of one split; ValueError if there are none."""
        part = self.select(self.split == split)
        if not len(part):
            raise ValueError(f"The {split} part of {self.name} is empty.")
        return part


def speech_features(corpus: Corpus, deltas: bool = False, cmn: bool = False) -> SpeechFeatures:
    """Cepstra of every clip of a corpus, computed once.

    Parameters
    ----------
    corpus : Corpus
        Of sound; what is not at 16 kHz is resampled.
    deltas : bool
        Append the slopes over five frames: 80 coefficients.
    cmn : bool
        Take each clip's mean away from its coefficients, and with it a steady microphone.

    Raises
    ------
    ValueError
        If a group is in two splits, or a clip is too short or not finite, naming it.

    Notes
    -----
    Used by notebook 06.
    """
    table = corpus.table
    check_disjoint(table["group"], table["split"])
    frames, speech = [], []
    for i, item in enumerate(table["item"]):
        try:
            cepstra = mfcc(_at_16_khz(corpus, i))
        except ValueError as error:
            raise ValueError(f"{item} of {corpus.name}: {error}") from error
        speech.append(is_speech(cepstra))
        frames.append(prepared(cepstra, deltas, cmn))
    columns = (table[name].to_numpy(str) for name in ("label", "group", "split", "item"))
    phones = _phones(corpus, [len(f) for f in frames])
    return SpeechFeatures(corpus.name, frames, speech, *columns, phones)


def joined(*parts: SpeechFeatures) -> SpeechFeatures:
    """Several sets of clips as one; phones are kept where all parts have them."""
    first = parts[0]
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("labels", "groups", "split", "items")
    }
    told = all(part.phones is not None for part in parts)
    return replace(
        first,
        frames=[f for part in parts for f in part.frames],
        speech=[s for part in parts for s in part.speech],
        phones=[p for part in parts for p in part.phones] if told else None,
        **arrays,
    )


def _phones(corpus: Corpus, lengths: list[int]) -> list[np.ndarray] | None:
    """Phone at the middle of each frame, without its stress; None where nobody wrote them down."""
    events = corpus.events
    if events is None or not (events["kind"] == "phoneme").all():
        return None
    by_item, phones = dict(list(events.groupby("item"))), []
    for item, n in zip(corpus.table["item"], lengths, strict=True):
        table = by_item[item]
        middles = (np.arange(n) * HOP_LENGTH + FRAME_LENGTH / 2) / SAMPLE_RATE
        place = np.searchsorted(table["start"].to_numpy(), middles, side="right") - 1
        names = table["type"].str.strip("ˈˌ").to_numpy(str)
        phones.append(names[np.maximum(place, 0)])
    return phones


def prepared(cepstra: np.ndarray, deltas: bool = False, cmn: bool = False) -> np.ndarray:
    """Cepstra with the options of `speech_features`."""
    if cmn:
        cepstra = cepstra - cepstra.mean(axis=0)
    if deltas:
        cepstra = np.concatenate([cepstra, slopes(cepstra)], axis=1)
    return cepstra


def slopes(cepstra: np.ndarray) -> np.ndarray:
    """Least-squares slope over five frames, edges repeated, as deltas are defined."""
    padded = np.pad(cepstra, ((2, 2), (0, 0)), mode="edge")
    n = len(cepstra)
    return (padded[3 : n + 3] - padded[1 : n + 1] + 2 * (padded[4:] - padded[:n])) / 10


def _at_16_khz(corpus: Corpus, i: int) -> np.ndarray:
    from lib import audio

    rate = getattr(corpus, "sample_rate", audio.SAMPLE_RATE)
    return audio.resample(corpus.signal(i), rate, SAMPLE_RATE)
