"""The comparison on real speech, whole videos left out, and the classifier that is shipped."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib import corpora
from lib.corpora.languages import LANGUAGES
from lib.language.controls import averaged, leak_table, pauses, shuffled
from lib.language.features import SpeechFeatures, joined, speech_features
from lib.language.identification import SHIPPED
from lib.language.phonotactics import (
    LAGS,
    load_phonotactic,
    phone_pairs,
    train_phonotactic,
)
from lib.language.scores import summary
from lib.language.training import train
from lib.language.validation import (
    cross_validate,
    cross_validate_phonotactic,
    cross_validate_vectors,
)
from lib.training import scale

REPEATS = {"laptop": 1, "paper": 5}
# Speakers, pitches and texts of the corpus behind the shipped network; others than the tests'.
SHIPPED_SEED, SHIPPED_TAKES = 7, 2


def real(languages: tuple[str, ...] = ("en", "de"), repeats: int | None = None) -> pd.DataFrame:
    """voxlingua107, whole videos left out: pairs of phones, single phones, and pairs on clips at
    16 and at 8 kHz together."""
    both = _both_bands(languages)
    network = load_phonotactic(SHIPPED).network
    heard = [network.phone_posteriors(frames) for frames in both.frames]
    n = len(both) // 2
    plain = both.select(np.arange(n))
    tables = []
    for name, speech, lags in (
        ("pairs of phones", plain, LAGS),
        ("single phones", plain, ()),
        ("pairs of phones at 16 and 8 kHz", both, LAGS),
    ):
        options = dict(repeats=repeats or REPEATS[scale()], lags=lags)
        scored = cross_validate_phonotactic(
            network, speech, posteriors=heard[: len(speech)], **options
        )
        tables.append(summary(scored).assign(model=name))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(corpus=f"voxlingua107-{'-'.join(languages)}")


def published_on_real(languages: tuple[str, ...] = ("en", "de")) -> pd.DataFrame:
    """The source's two networks trained on voxlingua107 itself, whole videos left out."""
    speech = speech_features(corpora.load("voxlingua107", languages=languages))
    tables = [
        summary(cross_validate(speech, kind, epochs=12)).assign(model=kind)
        for kind in ("ann", "lstm")
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(corpus=f"voxlingua107-{'-'.join(languages)}")


def real_controls(languages: tuple[str, ...] = ("en", "de")) -> pd.DataFrame:
    """What a linear classifier scores on voxlingua107 when there is no language left in it."""
    corpus = corpora.load("voxlingua107", languages=languages)
    plain, speech = speech_features(corpus), speech_features(corpus, cmn=True)
    network = load_phonotactic(SHIPPED).network
    mixed = shuffled(speech)
    without = {
        "whole": (speech, [phone_pairs(network.phone_posteriors(f)) for f in speech.frames]),
        "shuffled": (mixed, [phone_pairs(network.phone_posteriors(f)) for f in mixed.frames]),
        "spectrum only": (plain, [f.mean(axis=0) for f in averaged(plain).frames]),
        "pauses only": (pauses(plain), [_moments(f) for f in pauses(plain).frames]),
    }
    if _fewest_videos(without["pauses only"][0], corpus) < 5:
        print(f"{corpus.name} has too few videos with pauses for five folds.")
        del without["pauses only"]
    scored = {
        control: {"clip": cross_validate_vectors(np.stack(v), clips, repeats=REPEATS[scale()])}
        for control, (clips, v) in without.items()
    }
    return leak_table(scored).assign(corpus=f"voxlingua107-{'-'.join(languages)}", model="linear")


def _fewest_videos(speech: SpeechFeatures, corpus) -> int:
    """Videos of the language that has the fewest of them left."""
    left = [set(speech.groups[speech.labels == name]) for name in set(corpus.table["label"])]
    return min(map(len, left))


def _moments(frames: np.ndarray) -> np.ndarray:
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def ship(epochs: int = 14) -> None:
    """Train what `lib.language.identify` uses: the network on voices, the pairs on real speech."""
    corpus = corpora.load("voices-3", train=96, validation=12, test=12, seed=SHIPPED_SEED)
    takes = [corpus.part("train").through_recorder(k) for k in range(1, SHIPPED_TAKES)]
    voices_heard = [corpus.through_recorder(0), *takes]
    speech = joined(*(speech_features(part, cmn=True) for part in voices_heard))
    network = train(speech, "pooled", epochs=epochs, cmn=True, verbose=2)
    train_phonotactic(network, _both_bands(tuple(LANGUAGES["voices-3"]))).save(SHIPPED)


def _both_bands(languages: tuple[str, ...]) -> SpeechFeatures:
    """voxlingua107 as it is, and once more as a telephone would pass it on."""
    corpus = corpora.load("voxlingua107", languages=languages)
    return joined(*(speech_features(c, cmn=True) for c in (corpus, corpus.through_telephone())))
