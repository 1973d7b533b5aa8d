"""The classifier that is shipped, at the rate it was made for and through a telephone."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lib import corpora
from lib.corpora.languages import LANGUAGES
from lib.language.classifier import LanguageClassifier
from lib.language.features import SpeechFeatures, joined, speech_features
from lib.language.identification import SHIPPED
from lib.language.phonotactics import (
    LAGS,
    PhonotacticClassifier,
    load_phonotactic,
    train_phonotactic,
)
from lib.language.places import whole_clips
from lib.language.scores import Scored, evaluate, scored_at, summary
from lib.language.study_voices import MANY, voices
from lib.language.validation import folds, together

# What is heard: the recording, the same at 8 kHz, and the same through an old telephone line.
BANDS = {"16 kHz": None, "8 kHz": False, "telephone line": True}
SECONDS = (3.0, 5.0, 10.0)


def in_band(corpus, band: str) -> SpeechFeatures:
    """Features of a corpus of speech as heard in one of `BANDS`."""
    line = BANDS[band]
    heard = corpus if line is None else corpus.through_telephone(line)
    return speech_features(heard, cmn=True)


def bands_on_voices(classifier: PhonotacticClassifier | None = None) -> pd.DataFrame:
    """The shipped classifier on the validation voices of voices-3, in each band."""
    classifier = classifier or load_phonotactic(SHIPPED)
    corpus = voices("voices-3", "paper", **MANY["voices-3"]).part("validation")
    tables = []
    for band in BANDS:
        heard = in_band(corpus, band)
        for model, judge in {"pairs of phones": classifier, "pooled": classifier.network}.items():
            scored = evaluate(judge, heard, None, SECONDS)
            del scored["fragment"]
            tables.append(summary(scored).assign(model=model, band=band, corpus="voices-3"))
    return pd.concat(tables, ignore_index=True)


def bands_on_real(
    network: LanguageClassifier | None = None,
    languages: Sequence[str] = LANGUAGES["voices-3"],
    repeats: int = 5,
) -> pd.DataFrame:
    """Whole videos of voxlingua107 left out: pairs learnt from one band or from two, in each band."""
    scored = cross_validate_bands(network or load_phonotactic(SHIPPED).network, languages, repeats)
    rows = [
        summary({"clip": answers}).assign(learnt=learnt, band=band)
        for (learnt, band), answers in scored.items()
    ]
    corpus = f"voxlingua107-{'-'.join(languages)}"
    return pd.concat(rows, ignore_index=True).assign(model="pairs of phones", corpus=corpus)


def cross_validate_bands(
    network: LanguageClassifier, languages: Sequence[str], repeats: int = 5
) -> dict[tuple[str, str], Scored]:
    """Answers to every clip in each band, by classifiers of (what they learnt from, band)."""
    corpus = corpora.load("voxlingua107", languages=tuple(languages))
    heard = {band: in_band(corpus, band) for band in BANDS}
    told = {band: [network.phone_posteriors(f) for f in s.frames] for band, s in heard.items()}
    parts: dict[tuple[str, str], list[Scored]] = {}
    for learn, test in folds(heard["16 kHz"], 5, repeats):
        for used in (("16 kHz",), ("16 kHz", "8 kHz")):
            speech = joined(*(heard[band].select(learn) for band in used))
            known = [told[band][i] for band in used for i in learn]
            classifier = train_phonotactic(network, speech, LAGS, posteriors=known)
            for band in BANDS:
                clips, local = heard[band].select(test), [told[band][i] for i in test]
                answers = scored_at(classifier, clips, whole_clips(clips), local)
                parts.setdefault((" and ".join(used), band), []).append(answers)
    return {key: together(answers) for key, answers in parts.items()}
