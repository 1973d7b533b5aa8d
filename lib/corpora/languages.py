"""Corpora of speech: synthetic voices in many languages, rendered once, and real recordings."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio, synthesis
from lib.corpora.corpus import SPLITS, Corpus, FileCorpus, cache_folder, split_of

SAMPLE_RATE = 16_000
# Corpus -> its languages; steps 1 and 4 are the artificial languages that mirror each other.
LANGUAGES = {
    "voices-2": ("en", "de"),
    "voices-3": ("en", "de", "ru"),
    "voices-8": ("en", "de", "ru", "es", "fr", "it", "pl", "nl"),
    "voices-order": ("step1", "step4"),
}
# The modules of lib.synthesis that rendered speech depends on.
GENERATOR = ("speech", "speech_engine", "speech_text")


class Telephoned:
    """Speech that can be had as a telephone passes it on."""

    # None is as recorded; else whether an old line (True) or only the rate of 8 kHz limits it.
    line: bool | None = None

    def through_telephone(self, line: bool = False):
        """The same clips without anything above 4 kHz, or as `speech_room.telephone` with a line."""
        narrow = copy.copy(self)
        narrow.line = line
        return narrow

    def _heard(self, signal: np.ndarray) -> np.ndarray:
        from lib.synthesis import speech_room

        return signal if self.line is None else speech_room.telephone(signal, self.line)


class VoicesCorpus(Telephoned, Corpus):
    """Clips of equal length spoken by synthetic voices.

    ``label`` is the language, ``group`` the speaker, and every speaker speaks every language, so
    that a voice tells nothing about the language. Events are the phonemes: ``kind`` "phoneme" and
    ``type`` the IPA, "" in pauses.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self, name: str, table: pd.DataFrame, folder: Path, noise: float = 0.0):
        super().__init__(name, table)
        self.folder, self.noise = folder, noise
        self.recorder_seed: int | None = None

    def signal(self, i: int) -> np.ndarray:
        """Sound of clip ``i``, float32 mono at 16 kHz, with the noise or the recorder asked for."""
        from lib.synthesis import speech_room

        number = int(self.table["number"].iloc[i])
        speech = self._sounds()[number].astype(np.float32) / 32768
        if self.recorder_seed is None:
            rng = np.random.default_rng([number, round(1000 * self.noise)])
            return self._heard(speech_room.mix(speech, self.noise, rng))
        # Played slower or faster: a longer or a shorter throat.
        stretched = audio.resample(speech, SAMPLE_RATE, round(SAMPLE_RATE * self._stretch(number)))
        rng = np.random.default_rng([number, self.recorder_seed])
        return self._heard(speech_room.recorder(stretched, rng))

    def through_recorder(self, seed: int = 0) -> VoicesCorpus:
        """The same clips with other throats in other rooms: `speech_room.recorder`, and each clip
        played up to 13 % slower or faster. For training that has to work on real recordings."""
        recorded = copy.copy(self)
        recorded.recorder_seed = seed
        return recorded

    def _stretch(self, number: int) -> float:
        if self.recorder_seed is None:
            return 1.0
        rng = np.random.default_rng([number, self.recorder_seed, 1])
        return float(np.exp(rng.uniform(-0.13, 0.13)))

    def with_noise(self, level: float) -> VoicesCorpus:
        """The same clips with background noise at `level` times their RMS."""
        noisy = copy.copy(self)
        noisy.noise = level
        return noisy

    def truth(self):
        """Phonemes of all clips here, and None."""
        events = pd.read_parquet(self.folder / "phonemes.parquet")
        numbers = self.table.set_index("item")["number"]
        events = events[events["item"].isin(numbers.index)].reset_index(drop=True)
        stretch = events["item"].map({item: self._stretch(n) for item, n in numbers.items()})
        return events.assign(start=events["start"] * stretch, stop=events["stop"] * stretch), None

    def _selected_truth(self):
        return None

    def _sounds(self) -> np.ndarray:
        return np.load(self.folder / "sounds.npy", mmap_mode="r")


class RecordedSpeech(Telephoned, FileCorpus):
    """Recordings of speech, read at 16 kHz; telephone and radio rates pass too."""

    sample_rate = SAMPLE_RATE

    def signal(self, i: int) -> np.ndarray:
        """Sound of clip ``i``, float32 mono at 16 kHz."""
        return self._heard(audio.read(self.table["path"].iloc[i], SAMPLE_RATE, allow_low_rate=True))


def load_languages(
    name: str,
    languages: tuple[str, ...],
    train: int = 24,
    validation: int = 8,
    test: int = 12,
    clips: int = 1,
    seconds: float = 10.0,
    seed: int = 0,
    noise: float = 0.0,
    unseen_words: bool = False,
) -> VoicesCorpus:
    """Random sentences of several languages, or artificial languages, by synthetic voices.

    Parameters
    ----------
    languages : tuple of str
        Two-letter codes, or ``"step1"`` ... ``"step4"`` for
        `lib.synthesis.speech_text.ArtificialLanguage`.
    train, validation, test : int
        Speakers of each split; no two splits share a voice variant.
    clips : int
        Of each speaker in each language.
    seconds, seed
        Length of a clip; seed of speakers and texts.
    noise : float
        Level of background noise, as `VoicesCorpus.with_noise`.
    unseen_words : bool
        Say only words that the other corpora never use, and no numbers.
    """
    if len(languages) < 2:
        raise ValueError(f"{len(languages)} language cannot be told from another; name 2 or more.")
    counts = {"train": train, "validation": validation, "test": test}
    plan = _plan(languages, counts, clips, seed)
    said = "no word of training" if unseen_words else False
    settings = (languages, counts, clips, seconds, seed, said)
    folder = cache_folder() / f"voices-{_key(settings)}"
    if not folder.exists():
        _render(plan, seconds, seed, unseen_words, folder)
    table = plan.drop(columns="speaker").assign(duration=seconds)
    return VoicesCorpus(name, table, folder, noise)


def read_voxlingua107(folder: Path, languages: tuple[str, ...] = ("en", "de")) -> RecordedSpeech:
    """Speech from web videos in several languages; ``group`` is the video.

    One item a file below the folder of its language. The first 11 characters of the name are the
    video's; clips of one video never part.
    """
    rows = []
    for language in languages:
        paths = sorted(p for p in (folder / language).glob("*") if p.suffix in audio.SUFFIXES)
        if not paths:
            there = ", ".join(sorted(p.name for p in folder.iterdir() if p.is_dir())) or "nothing"
            raise FileNotFoundError(f"{folder} has no recordings of {language!r}; it has {there}.")
        for path in paths:
            video = path.stem[:11]
            rows.append((path.stem, video, split_of(video), language, audio.duration(path), path))
    columns = ["item", "group", "split", "label", "duration", "path"]
    name = f"voxlingua107-{'-'.join(languages)}"
    return RecordedSpeech(name, pd.DataFrame(rows, columns=columns))


def _plan(languages, counts, clips: int, seed: int) -> pd.DataFrame:
    """Who says how much of which language."""
    from lib.synthesis.speech import speakers

    drawn = [(s, who) for s in SPLITS if counts[s] for who in speakers(counts[s], seed, s)]
    rows = [
        (f"{who}-{language}-{k}", str(who), split, language, who)
        for split, who in drawn
        for language in languages
        for k in range(clips)
    ]
    plan = pd.DataFrame(rows, columns=["item", "group", "split", "label", "speaker"])
    return plan.assign(number=np.arange(len(plan)))


def _key(settings) -> str:
    """Hash of the settings and of the generator's source."""
    digest = hashlib.sha256(repr(settings).encode())
    for module in GENERATOR:
        digest.update(Path(synthesis.__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()[:16]


def _render(plan: pd.DataFrame, seconds: float, seed: int, unseen: bool, folder: Path) -> None:
    """Speak all clips into a temporary folder and rename it."""
    sounds = np.zeros((len(plan), round(seconds * SAMPLE_RATE)), np.int16)
    tables = []
    for row in plan.itertuples():
        rng = np.random.default_rng([seed, row.number, int(unseen)])
        signal, phonemes = _clip(row.label, row.speaker, sounds.shape[1], unseen, rng)
        sounds[row.number] = np.round(32767 * signal)
        tables.append(phonemes.assign(item=row.item))
    events = pd.concat(tables, ignore_index=True).rename(columns={"phoneme": "type"})
    events = events.assign(kind="phoneme", label=events["type"])
    with audio.atomic_folder(folder) as temporary:
        np.save(temporary / "sounds.npy", sounds)
        events.to_parquet(temporary / "phonemes.parquet")


def _clip(language, speaker, n_samples: int, unseen: bool, rng) -> tuple[np.ndarray, pd.DataFrame]:
    """Sentences one after another until the clip is full; the last one is cut off."""
    from lib.synthesis.speech import utter
    from lib.synthesis.speech_text import ArtificialLanguage, sentence, words

    artificial = language.startswith("step")
    parts, tables, length = [], [], 0
    while length < n_samples:
        if artificial:
            text = ArtificialLanguage(int(language.removeprefix("step"))).sentence(rng)
        else:
            text = sentence(language, rng, unseen)
            # The words of a number are those of every other number.
            while unseen and not set(text.rstrip(".").split()) <= set(words(language, True)):
                text = sentence(language, rng, unseen)
        # The artificial languages borrow Spanish vowels, which never weaken.
        spoken = "es" if artificial else language
        signal, phonemes = utter(text, spoken, speaker, phonetic=artificial)
        start = length / SAMPLE_RATE
        tables.append(
            phonemes.assign(start=phonemes["start"] + start, stop=phonemes["stop"] + start)
        )
        parts.append(signal)
        length += len(signal)
    table = pd.concat(tables, ignore_index=True)
    end = n_samples / SAMPLE_RATE
    table = table[table["start"] < end]
    return np.concatenate(parts)[:n_samples], table.assign(stop=table["stop"].clip(upper=end))
