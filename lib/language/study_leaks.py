"""What the best networks' scores on voices are made of, and where and how surely they err."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd

from lib.audio import atomic_folder
from lib.corpora.corpus import cache_folder
from lib.evaluation import bootstrap
from lib.language.classifier import LanguageClassifier, load_classifier
from lib.language.controls import averaged, leak_table, pauses, shuffled
from lib.language.features import SpeechFeatures, prepared, speech_features
from lib.language.places import FRAGMENT
from lib.language.scores import Scored, evaluate, summary
from lib.language.study_voices import MANY, SIZES, voices
from lib.language.training import MANY_VOICES, Recipe, train

CORPORA = ("voices-2", "voices-3", "voices-8")
# Of the voices of `MANY`, and so often heard; with eight languages these are the reported network's.
LEAK_VOICES = 100
LEAK_PASSES = {"voices-2": 9, "voices-3": 6, "voices-8": 6}


def leaks(name: str) -> pd.DataFrame:
    """The network of clips on all of a corpus and on each one that lacks something.

    Every one learns from the same 100 voices by the same recipe. The mean of each clip is taken
    away as in the reported network, but not where it is all there is to hear.
    """
    plain = _few(speech_features(voices(name, "paper", **MANY[name])))
    speech, passes = _centred(plain), LEAK_PASSES[name]
    quiet = replace(MANY_VOICES, lengths=(FRAGMENT,))
    plans = {
        "whole": (speech, MANY_VOICES, passes),
        "shuffled": (shuffled(speech), MANY_VOICES, passes),
        "spectrum only": (_short(averaged(plain)), MANY_VOICES, passes),
        "pauses only": (pauses(plain), quiet, None),
    }
    scored = {}
    for control, (corpus, recipe, epochs) in plans.items():
        classifier = _kept(control, corpus, recipe, epochs)
        scored[control] = evaluate(classifier, corpus, seconds=())
    return leak_table(scored).assign(corpus=name, model="pooled", voices=LEAK_VOICES)


def network(name: str) -> tuple[LanguageClassifier, SpeechFeatures]:
    """The network of `leaks` that heard everything, and the test part of its corpus."""
    speech = _few(speech_features(voices(name, "paper", **MANY[name]), cmn=True))
    return _kept("whole", speech, MANY_VOICES, LEAK_PASSES[name]), speech.part("test")


def _few(speech: SpeechFeatures) -> SpeechFeatures:
    """The first of the speakers to learn from, all of the others."""
    learnt = pd.unique(speech.groups[speech.split == "train"])[:LEAK_VOICES]
    return speech.select((speech.split != "train") | np.isin(speech.groups, learnt))


def answers(names=CORPORA) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts of every answer by speaker, and confidence against truth in ten bins."""
    counts, bins = [], []
    for name in names:
        scored = evaluate(*network(name), seconds=(3.0,))
        for unit, s in scored.items():
            counts.append(counted(s).assign(corpus=name, unit=unit))
            bins.append(s.calibration().reset_index().assign(corpus=name, unit=unit))
    return pd.concat(counts, ignore_index=True), pd.concat(bins, ignore_index=True)


def counted(scored: Scored) -> pd.DataFrame:
    """How often each language was taken for each, a row for each speaker and pair."""
    names = np.array(scored.classes)
    table = pd.DataFrame(
        {
            "speaker": scored.groups,
            "true": names[scored.truth],
            "predicted": names[scored.predicted],
        }
    )
    return table.value_counts(sort=False).rename("n").reset_index()


def unseen_words(name: str = "voices-2") -> pd.DataFrame:
    """The same network on the same unheard speakers, saying words of training and others.

    The rows ``loss`` are the difference, its interval over speakers.
    """
    classifier, seen = network(name)
    only_test = dict(train=0, validation=0, test=SIZES["paper"]["test"])
    other = voices(name, "paper", **only_test, unseen_words=True)
    unseen = speech_features(other, cmn=True)
    scored = {w: evaluate(classifier, s) for w, s in {"seen": seen, "unseen": unseen}.items()}
    tables = [summary(answers).assign(words=words) for words, answers in scored.items()]
    rows = [(u, *_loss(scored["seen"][u], scored["unseen"][u]), "loss") for u in scored["seen"]]
    tables.append(pd.DataFrame(rows, columns=["unit", "accuracy", "low", "high", "words"]))
    return pd.concat(tables, ignore_index=True).assign(corpus=name, model="pooled")


def _loss(first: Scored, second: Scored) -> tuple[float, float, float]:
    """Mean over speakers of what the second answers are less often right."""
    right = [pd.Series(s.predicted == s.truth).groupby(s.groups).mean() for s in (first, second)]
    return bootstrap((right[0] - right[1]).to_numpy())


def _kept(
    control: str, speech: SpeechFeatures, recipe: Recipe, epochs: int | None
) -> LanguageClassifier:
    """The network of clips trained on some speech; one that was trained before is taken again."""
    settings = (control, speech.name, recipe, epochs, speech.items.tolist(), FRAGMENT)
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:16]
    folder = cache_folder() / f"language-{digest}"
    if not folder.exists():
        cmn = control not in ("spectrum only", "pauses only")
        classifier = train(speech, "pooled", epochs=epochs, cmn=cmn, recipe=recipe)
        with atomic_folder(folder) as temporary:
            classifier.save(temporary)
    return load_classifier(folder)


def _centred(speech: SpeechFeatures) -> SpeechFeatures:
    return replace(speech, frames=[prepared(frames, cmn=True) for frames in speech.frames])


def _short(speech: SpeechFeatures, length: int = max(MANY_VOICES.lengths)) -> SpeechFeatures:
    """The first frames of each clip for training: where all are the same, these are enough."""
    few = [slice(length if split != "test" else None) for split in speech.split]
    frames = [f[cut] for f, cut in zip(speech.frames, few, strict=True)]
    masks = [m[cut] for m, cut in zip(speech.speech, few, strict=True)]
    return replace(speech, frames=frames, speech=masks)
