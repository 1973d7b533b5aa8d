"""Spoken words and sentences from eSpeak NG: any of its 140 languages, as many voices as wanted.

A speaker is a voice variant (the shape of a throat) at a pitch and a pace. The engine comes with
the wheel espeakng-loader; nothing has to be installed in the system.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

import numpy as np
import pandas as pd

from lib import audio
from lib.synthesis import speech_engine

SAMPLE_RATE = 16_000
RATES = (80, 450)
PITCHES = (0, 99)
# Voices that nobody would take for a person: robots, croaks, echoes; "fast" is the plain voice.
INHUMAN = {
    *("Demonic", "Tweaky", "UniRobot", "anikaRobot", "announcer", "caleb", "croak", "fast"),
    *("klatt2", "klatt6", "whisper", "whisperf", "zac", "AnxiousAndy"),
    *("robosoft", *(f"robosoft{number}" for number in range(2, 9))),
}
# Near-copies of one throat must not end up on two sides of a split, so families are kept whole.
FAMILIES = ("Gene", "RicishayMax", "edward", "iven", "klatt", "rob", "steph", "anika", "grand")


@dataclass(frozen=True, order=True)
class Speaker:
    """Who speaks.

    Parameters
    ----------
    voice_variant : str
        One of `voice_variants`, or "" for the language's plain voice.
    pitch : int
        0 to 99; 50 is the variant's own.
    rate : int
        Words a minute, 80 to 450.
    """

    voice_variant: str = ""
    pitch: int = 50
    rate: int = 175

    def __post_init__(self):
        for name, value, (low, high) in (
            ("pitch", self.pitch, PITCHES),
            ("rate", self.rate, RATES),
        ):
            if not low <= value <= high:
                raise ValueError(f"The {name} of a speaker is {value}; choose {low} to {high}.")

    def __str__(self) -> str:
        return f"{self.voice_variant or 'plain'}-{self.pitch}-{self.rate}"


def voice_variants(split: str | None = None) -> tuple[str, ...]:
    """Names of the human-like voice variants, sorted: all, or those of one split.

    Three of five are for train, one for validation and one for test, families of near-copies whole.
    """
    usable = [name for name in speech_engine.variants() if name not in INHUMAN]
    if split is None:
        return tuple(usable)
    if split not in ("train", "validation", "test"):
        raise ValueError(f"There is no split {split!r}; choose train, validation or test.")
    return tuple(name for name in usable if _splits()[_family(name)] == split)


def speakers(n: int, seed: int = 0, split: str | None = None) -> list[Speaker]:
    """Draw speakers that differ from each other; those of two splits share no voice variant.

    Parameters
    ----------
    n : int
        As many variants as possible are used before one comes again at another pitch and rate.
    seed : int
    split : {"train", "validation", "test"}, optional
        Take the variants of this split only; by default all.

    Notes
    -----
    Used by notebooks 06 and 07.
    """
    if n < 1:
        raise ValueError(f"{n} speakers were asked for; ask for 1 or more.")
    rng = np.random.default_rng([seed, *(split or "").encode()])
    names = np.array(voice_variants(split))
    rounds = [rng.permutation(names) for _ in range(-(-n // len(names)))]
    drawn: dict[Speaker, None] = {}
    for name in np.concatenate(rounds)[:n]:
        speaker = _draw(str(name), rng)
        while speaker in drawn:
            speaker = _draw(str(name), rng)
        drawn[speaker] = None
    return list(drawn)


def languages() -> dict[str, str]:
    """Language code -> English name, of all languages that can be spoken."""
    return dict(speech_engine.voices())


def speak(
    text: str,
    language: str = "en",
    speaker: Speaker | None = None,
    sample_rate: int = SAMPLE_RATE,
    phonetic: bool = False,
) -> np.ndarray:
    """Say a text; the same arguments give the same samples, whatever was said before.

    Parameters
    ----------
    text : str
    language : str
        A code ("de", "en-us") or an English name ("German") of `languages`.
    speaker : Speaker, optional
        The language's plain voice by default.
    sample_rate : int
        Rate of the result in Hz; eSpeak speaks at 22,050 Hz and soxr resamples.
    phonetic : bool
        The text is eSpeak's own phoneme mnemonics, such as ``"h@l'oU"``, instead of spelling.

    Returns
    -------
    float32 array (samples,), in -1..1

    Raises
    ------
    ValueError
        For an empty text or one without a sound, an unknown language, variant, pitch or rate.
    RuntimeError
        If the engine or its voices are not there, with the cure.

    Notes
    -----
    Source: eSpeak NG, whose rules this calls. Used by notebooks 06 and 07.
    """
    return utter(text, language, speaker, sample_rate, phonetic)[0]


def utter(
    text: str,
    language: str = "en",
    speaker: Speaker | None = None,
    sample_rate: int = SAMPLE_RATE,
    phonetic: bool = False,
) -> tuple[np.ndarray, pd.DataFrame]:
    """As `speak`, with the truth: a table of ``start``, ``stop`` (s) and ``phoneme`` (IPA).

    A phoneme is "" where the voice pauses.
    """
    if not text.strip():
        raise ValueError("There is nothing to say: the text is empty.")
    if sample_rate < 1000:
        raise ValueError(f"The sample rate is {sample_rate} Hz; take 1,000 or more, as 16,000.")
    speaker = speaker or Speaker()
    voice = _voice(language_code(language), speaker.voice_variant)
    spelled = f"[[{text}]]" if phonetic else text
    samples, rate, phonemes = speech_engine.synthesise(
        spelled, voice, speaker.rate, speaker.pitch, phonetic
    )
    if not samples.any():
        raise ValueError(f"{text[:40]!r} has no sound in {language}: write words of it.")
    signal = audio.resample(samples.astype(np.float32) / 32768, rate, sample_rate)
    return np.clip(signal, -1, 1), _phoneme_table(phonemes, len(samples), rate)


def phonemes(text: str, language: str = "en") -> str:
    """IPA of a text as the language's voice says it, one line a clause."""
    if not text.strip():
        raise ValueError("There is nothing to say: the text is empty.")
    return speech_engine.to_phonemes(text, language_code(language))


@lru_cache(maxsize=256)
def language_code(language: str) -> str:
    """Code of a language given by code or English name; ValueError if there is none such."""
    known = speech_engine.voices()
    wanted = language.strip().lower()
    by_code = [code for code in known if code.lower() == wanted]
    by_name = [code for code, name in known.items() if name.lower().partition(" (")[0] == wanted]
    if by_code or by_name:
        # The shortest code is the plain language, the longer ones are its accents.
        return (by_code or sorted(by_name, key=len))[0]
    names = {name.lower(): code for code, name in known.items()}
    like = get_close_matches(wanted, names, n=3, cutoff=0.4) or ["english (great britain)"]
    some = ", ".join(f"{names[name]} ({known[names[name]]})" for name in like)
    raise ValueError(f"No language {language!r} can be spoken; among others there are {some}.")


def _voice(code: str, variant: str) -> str:
    if variant and variant not in speech_engine.variants():
        some = ", ".join(voice_variants()[::9])
        raise ValueError(f"There is no voice variant {variant!r}; among others there are {some}.")
    return f"{code}+{variant}" if variant else code


def _draw(variant: str, rng: np.random.Generator) -> Speaker:
    return Speaker(variant, int(rng.integers(30, 71)), int(rng.integers(135, 206)))


def _family(variant: str) -> str:
    return next((family for family in FAMILIES if variant.startswith(family)), variant)


@lru_cache(maxsize=1)
def _splits() -> dict[str, str]:
    """Split of each family of variants, dealt out in a fixed random order."""
    families = sorted({_family(name) for name in voice_variants()})
    order = np.random.default_rng(0).permutation(families)
    dealt = ("train", "validation", "train", "test", "train")
    return {str(name): dealt[place % 5] for place, name in enumerate(order)}


def _phoneme_table(phonemes: list[tuple[int, str]], n_samples: int, rate: int) -> pd.DataFrame:
    starts = np.array([start for start, _ in phonemes], float)
    stops = np.append(starts[1:], n_samples) if len(starts) else starts
    names = [name for _, name in phonemes]
    return pd.DataFrame({"start": starts / rate, "stop": stops / rate, "phoneme": names})
