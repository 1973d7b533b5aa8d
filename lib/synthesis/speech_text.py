"""What the voices say: sentences of frequent words and numbers, and languages that never were."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

N_WORDS = 4000
# The most frequent words belong to every text; of the others one in five can be kept aside.
ALWAYS_SHARED = 100
RESERVED_SHARE = 0.2
NUMBER_SHARE = 0.06


@lru_cache(maxsize=64)
def words(language: str, reserved: bool | None = None) -> tuple[str, ...]:
    """The most frequent words of a language, the most frequent first.

    Parameters
    ----------
    language : str
        Two-letter code.
    reserved : bool, optional
        True: only the fifth that is kept aside (by a hash of the word), for texts that share no
        content word with training. False: all but those. By default all.

    Raises
    ------
    ValueError
        For a language that wordfreq does not count.

    Notes
    -----
    Source: wordfreq. Used by notebook 06.
    """
    import wordfreq

    if language not in wordfreq.available_languages():
        known = ", ".join(sorted(wordfreq.available_languages()))
        raise ValueError(f"No word list for language {language!r}; there are {known}.")
    listed = wordfreq.top_n_list(language, N_WORDS)
    # One letter would be spelled, and digits are `num2words`' business.
    usable = [word for word in listed if word.isalpha() and len(word) > 1]
    if reserved is None:
        return tuple(usable)
    aside = {word for word in usable[ALWAYS_SHARED:] if _hashed_share(word) < RESERVED_SHARE}
    return tuple(word for word in usable if (word in aside) == reserved)


def sentence(language: str, rng: np.random.Generator, reserved: bool = False) -> str:
    """Four to nine words drawn by their frequency, now and then a number, with a full stop.

    The order of the words means nothing: only sounds, syllables and words are those of the
    language.
    """
    known, weights = _weighted(language, reserved)
    drawn = rng.choice(known, rng.integers(4, 10), p=weights)
    said = [_number(language, rng) if rng.random() < NUMBER_SHARE else str(w) for w in drawn]
    return f"{' '.join(said)}."


@dataclass(frozen=True)
class ArtificialLanguage:
    """Syllables whose vowels go round a circle: the order is all that tells one from another.

    Consonants are drawn freely. The vowel moves `step` places round the circle a, e, i, o, u, so
    with steps 1 and -1 every sound has the same share, every neighbourhood of a vowel and a
    consonant too, and any run of syllables holds the same set of vowels. Only the direction
    differs.

    Parameters
    ----------
    step : int
        1 to 4; 4 is -1, the mirror of 1, and 3 the mirror of 2.
    """

    step: int

    VOWELS = ("a", "e", "i", "o", "u")
    CONSONANTS = ("p", "t", "k", "m", "n", "s", "l", "f")

    def __post_init__(self):
        if self.step % len(self.VOWELS) == 0:
            raise ValueError(f"With step {self.step} the vowel never changes; choose 1 to 4.")

    def syllables(self, n: int, rng: np.random.Generator) -> list[str]:
        """`n` syllables of consonant and vowel, from a random place of the circle."""
        vowels = (rng.integers(5) + self.step * np.arange(n)) % len(self.VOWELS)
        consonants = rng.choice(self.CONSONANTS, n)
        return [str(c) + self.VOWELS[v] for c, v in zip(consonants, vowels, strict=True)]

    def sentence(self, rng: np.random.Generator, n_words: int = 5) -> str:
        """Words of two to four syllables in eSpeak's mnemonics (for ``phonetic=True``)."""
        lengths = rng.integers(2, 5, n_words)
        syllables = self.syllables(int(lengths.sum()), rng)
        ends = np.cumsum(lengths)
        return " ".join(
            "'" + "".join(syllables[a:b]) for a, b in zip(ends - lengths, ends, strict=True)
        )


def _hashed_share(word: str) -> float:
    return int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) / 16**8


@lru_cache(maxsize=64)
def _weighted(language: str, reserved: bool) -> tuple[np.ndarray, np.ndarray]:
    import wordfreq

    known = words(language, reserved)
    # The square root lets rarer words speak too: a third of real text is ten words.
    weights = np.sqrt([wordfreq.word_frequency(word, language) for word in known])
    return np.array(known), weights / weights.sum()


def _number(language: str, rng: np.random.Generator) -> str:
    from num2words import num2words

    return num2words(int(rng.integers(10 ** rng.integers(1, 5))), lang=language)
