"""eSpeak NG by ctypes: the library and its voices come with the wheel espeakng-loader.

eSpeak keeps state from one utterance to the next (the phase of a voice, its flutter, its echo), so
the second time a sentence is not quite the same sound. Here every utterance is spoken by a freshly
loaded library: that costs 0.7 ms and makes the sound a function of its arguments alone.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

# From speak_lib.h of eSpeak NG 1.52.
SYNCHRONOUS = 2
PHONEME_EVENTS, PHONEME_IPA, DO_NOT_EXIT = 0x1, 0x2, 0x8000
UTF8, PHONEME_INPUT = 0x1, 0x100
RATE, VOLUME, PITCH = 1, 2, 3
END_OF_LIST, PHONEME = 0, 7
CURE = "run `make` again, which installs the wheel espeakng-loader"

# The library is one per process and keeps global state.
_lock = threading.Lock()


class _Identity(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("rest", ctypes.c_ubyte * 13),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def synthesise(
    text: str, voice: str, rate: int, pitch: int, phonetic: bool = False
) -> tuple[np.ndarray, int, list[tuple[int, str]]]:
    """Speak a text; int16 samples, their rate in Hz, and each phoneme as (first sample, IPA).

    A phoneme is empty where the voice pauses.
    """
    sound, phonemes = [], []

    def collect(samples, n, events):
        if n:
            sound.append(ctypes.string_at(samples, 2 * n))
        i = 0
        while events[i].type != END_OF_LIST:
            if events[i].type == PHONEME:
                phonemes.append((events[i].sample, events[i].id.string.decode("utf-8", "ignore")))
            i += 1
        return 0

    # The library holds only a pointer: this name keeps the callback alive while it speaks.
    callback = _Callback(collect)
    encoded = text.encode("utf-8")
    flags = UTF8 | (PHONEME_INPUT if phonetic else 0)
    with _loaded() as (library, sample_rate):
        library.espeak_SetSynthCallback(callback)
        _set_voice(library, voice)
        library.espeak_SetParameter(RATE, rate, 0)
        library.espeak_SetParameter(PITCH, pitch, 0)
        size = ctypes.c_size_t(len(encoded) + 1)
        status = library.espeak_Synth(encoded, size, 0, 1, 0, flags, None, None)
    if status != 0:
        raise RuntimeError(f"eSpeak NG could not speak {text[:40]!r} (status {status}).")
    return np.frombuffer(b"".join(sound), np.int16), sample_rate, phonemes


def to_phonemes(text: str, voice: str) -> str:
    """IPA of a text, one line a clause, as the voice would say it."""
    with _loaded() as (library, _):
        _set_voice(library, voice)
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rest = ctypes.c_char_p(text.encode("utf-8"))
        clauses = []
        while rest.value:
            clauses.append(library.espeak_TextToPhonemes(ctypes.byref(rest), UTF8, PHONEME_IPA))
    return "\n".join(clause.decode("utf-8").strip() for clause in clauses if clause)


@lru_cache(maxsize=1)
def voices() -> dict[str, str]:
    """Language code (the name of its voice file) -> its name in English."""
    found = {}
    with _loaded() as (library, _):
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        listed = library.espeak_ListVoices(None)
        i = 0
        while listed[i]:
            voice = listed[i].contents
            # Such as "gmw/en-US"; the codes inside the file are not all found by name.
            code = voice.identifier.decode("utf-8").rpartition("/")[2]
            found[code] = voice.name.decode("utf-8").strip()
            i += 1
    return dict(sorted(found.items()))


@lru_cache(maxsize=1)
def variants() -> tuple[str, ...]:
    """Names of all voice variants that come with the library, sorted."""
    _, data = _paths()
    return tuple(sorted(path.name for path in (data / "voices" / "!v").iterdir()))


@contextmanager
def _loaded() -> Iterator[tuple[ctypes.CDLL, int]]:
    """The library in its first state and its sample rate; unloaded at the end."""
    import _ctypes

    path, data = _paths()
    with _lock:
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            raise RuntimeError(f"{path.name} does not load ({error}): {CURE}.") from error
        try:
            options = PHONEME_EVENTS | PHONEME_IPA | DO_NOT_EXIT
            rate = library.espeak_Initialize(SYNCHRONOUS, 0, str(data).encode(), options)
            if rate <= 0:
                raise RuntimeError(f"eSpeak NG does not start with the voices in {data}: {CURE}.")
            yield library, rate
            library.espeak_Terminate()
        finally:
            if hasattr(_ctypes, "dlclose"):
                _ctypes.dlclose(library._handle)


def _paths() -> tuple[Path, Path]:
    """The library and its folder of voices; RuntimeError with the cure if either is missing."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise RuntimeError(f"eSpeak NG is not installed: {CURE}.") from error
    library = Path(espeakng_loader.get_library_path())
    data = library.with_name("espeak-ng-data")
    for path in (library, data / "phontab"):
        if not path.exists():
            raise RuntimeError(f"eSpeak NG is not whole, {path.name} is missing: {CURE}.")
    return library, data


def _set_voice(library: ctypes.CDLL, voice: str) -> None:
    if library.espeak_SetVoiceByName(voice.encode("utf-8")) != 0:
        raise ValueError(f"eSpeak NG has no voice {voice!r}; see lib.synthesis.speech.languages().")
