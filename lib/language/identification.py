"""Which language is this? One recording in, probabilities out, or a refusal that says why."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio
from lib.language.classifier import LanguageClassifier
from lib.language.features import (
    FRAMES_A_SECOND,
    SAMPLE_RATE,
    SpeechFeatures,
    is_speech,
    log_mel,
    mfcc,
    prepared,
)
from lib.language.phonotactics import PhonotacticClassifier, load_phonotactic
from lib.language.places import whole_clips

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "language_en_de_ru"
LEAST_SPEECH = 2.0
# Syllables come two to eight a second. Measured (notebook 06): speech from web videos has a share
# of 0.2 and more of its bands' modulation there, steady music less; rain, sea and engines hardly
# any modulation at all.
SYLLABLES_HZ = (2.0, 8.0)
LEAST_SYLLABIC_SHARE, LEAST_MODULATION_DB = 0.2, 0.95


def identify(
    sound: str | Path | np.ndarray,
    sample_rate: int = SAMPLE_RATE,
    classifier: LanguageClassifier | PhonotacticClassifier | None = None,
) -> pd.Series:
    """Probability of each language that the classifier knows, the most likely first.

    Parameters
    ----------
    sound : path or array (samples,)
        A recording of any format and rate, or mono sound at `sample_rate`.
    sample_rate : int
        Of an array; a file says its own.
    classifier : LanguageClassifier or PhonotacticClassifier, optional
        The shipped one for English, German and Russian by default.

    Raises
    ------
    lib.audio.AudioError
        For a file that cannot be used.
    ValueError
        For silence, less than two seconds of speech, and sound without the rhythm of syllables,
        such as steady music, rain or an engine.

    Notes
    -----
    A language it was not trained on is given to the nearest one that it knows. Used by notebook 06.
    """
    name = "The sound" if isinstance(sound, np.ndarray) else str(sound)
    signal = _signal(sound, sample_rate, name)
    check_speech(signal, name)
    classifier = classifier or shipped_classifier()
    cepstra = mfcc(signal)
    loud = is_speech(cepstra)
    frames = prepared(cepstra, classifier.deltas, classifier.cmn)
    one = np.array([name])
    speech = SpeechFeatures(name, [frames], [loud], one, one, one, one)
    scores = classifier.score(speech, whole_clips(speech))[0]
    return pd.Series(
        np.exp(scores.astype(float)), classifier.classes, name="probability"
    ).sort_values(ascending=False)


@lru_cache(maxsize=1)
def shipped_classifier() -> PhonotacticClassifier:
    """The classifier that comes with the repository (data/README.md says how it was trained)."""
    return load_phonotactic(SHIPPED)


def check_speech(signal: np.ndarray, name: str = "The sound") -> None:
    """ValueError if 16 kHz sound is silent, too short, or lacks the rhythm of syllables."""
    audio.check(signal, name, SAMPLE_RATE, allow_silence=False)
    if len(signal) < LEAST_SPEECH * SAMPLE_RATE:
        raise ValueError(
            f"{name} lasts {len(signal) / SAMPLE_RATE:.1f} s, too little speech to tell a language: "
            f"use {LEAST_SPEECH:g} s or more."
        )
    share, depth = syllabic_modulation(signal)
    if share < LEAST_SYLLABIC_SHARE or depth < LEAST_MODULATION_DB:
        raise ValueError(
            f"{name} has not the rhythm of speech ({share:.0%} of its modulation at the pace of "
            f"syllables, {depth:.1f} dB deep): music, noise or an engine? Use speech."
        )
    seconds = is_speech(mfcc(signal)).sum() / FRAMES_A_SECOND
    if seconds < LEAST_SPEECH:
        raise ValueError(
            f"{name} holds {seconds:.1f} s of sound above its background, too little speech to "
            f"tell a language: use {LEAST_SPEECH:g} s or more."
        )


def syllabic_modulation(signal: np.ndarray) -> tuple[float, float]:
    """How much the mel bands swell and fall at the pace of syllables.

    Returns
    -------
    share : float
        Of the modulation power above 0.3 Hz, the part from 2 to 8 Hz, over all bands.
    depth : float
        Its size in dB, mean over bands.
    """
    bands = log_mel(signal)
    bands = (bands - bands.mean(axis=0)) * np.hanning(len(bands))[:, None]
    power = np.abs(np.fft.rfft(bands, axis=0)) ** 2
    rates = np.fft.rfftfreq(len(bands), 1 / FRAMES_A_SECOND)
    syllabic = power[(rates >= SYLLABLES_HZ[0]) & (rates <= SYLLABLES_HZ[1])]
    share = syllabic.sum() / max(power[rates >= 0.3].sum(), 1e-12)
    return float(share), float(np.sqrt(2 * syllabic.sum(axis=0)).mean() / len(bands))


def _signal(sound, sample_rate: int, name: str) -> np.ndarray:
    if not isinstance(sound, np.ndarray):
        return audio.read(sound, SAMPLE_RATE, allow_low_rate=True)
    if sound.ndim != 1 or not len(sound):
        raise ValueError(f"Expected one channel of sound, got shape {sound.shape}.")
    audio.check(np.asarray(sound, np.float32), name, sample_rate)
    return audio.resample(sound, sample_rate, SAMPLE_RATE)
