"""The comparison of the networks on synthetic voices, one table a question."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib import corpora
from lib.evaluation import bootstrap
from lib.language.controls import CONTROLS
from lib.language.features import FRAMES_A_SECOND, SpeechFeatures, joined, speech_features
from lib.language.places import fragments
from lib.language.scores import Scored, evaluate, scored_at, summary
from lib.language.training import MANY_VOICES, train
from lib.training import scale

SIZES = {
    "laptop": dict(train=24, validation=8, test=12),
    "paper": dict(train=72, validation=12, test=24),
}
# Where networks are compared, far more speakers are learnt from, in fewer passes: it is the number
# of voices that counts. Test speakers are those of above.
MANY = {
    "voices-2": dict(train=600, validation=36),
    "voices-3": dict(train=300, validation=24),
    "voices-8": dict(train=100, validation=12),
}
PASSES = {"ann": 3, "lstm": 3, "pooled": 6}
# Frames of other fragments than the source's.
LENGTHS = (5, 10, 40, 80)
NOISE_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)


def voices(name: str, at: str | None = None, **options) -> corpora.Corpus:
    """A corpus of voices at a scale."""
    return corpora.load(name, **{**SIZES[at or scale()], **options})


def models(name: str, kinds=("ann", "lstm", "pooled"), many: bool | None = None) -> pd.DataFrame:
    """Scores of each network on one corpus of voices, by frame, fragment and clip.

    With `many` (by default at the scale ``paper``) training has the voices of `MANY`.
    """
    many = scale() == "paper" if many is None else many
    speech = speech_features(voices(name, **(MANY[name] if many else {})), cmn=True)
    tables = []
    for kind in kinds:
        classifier = train(
            speech,
            kind,
            epochs=PASSES[kind] if many else None,
            cmn=True,
            recipe=MANY_VOICES if many else None,
        )
        scored = evaluate(classifier, speech)
        if kind == "pooled":
            scored |= other_lengths(classifier, speech)
        tables.append(summary(scored).assign(corpus=name, model=kind))
    return pd.concat(tables, ignore_index=True)


def growth(name: str = "voices-2", counts=(72, 200)) -> pd.DataFrame:
    """The network of clips on the first so many of the many speakers, in as many steps each."""
    speech = speech_features(voices(name, **MANY[name]), cmn=True)
    learnt = pd.unique(speech.groups[speech.split == "train"])
    tables = []
    for n in counts:
        few = speech.select((speech.split != "train") | np.isin(speech.groups, learnt[:n]))
        passes = round(PASSES["pooled"] * len(learnt) / n)
        classifier = train(few, "pooled", epochs=passes, cmn=True, recipe=MANY_VOICES)
        scored = evaluate(classifier, few, seconds=())
        tables.append(summary(scored).assign(corpus=name, model="pooled", speakers=n))
    return pd.concat(tables, ignore_index=True)


def other_lengths(classifier, speech: SpeechFeatures) -> dict[str, Scored]:
    """Answers to shorter and longer fragments of the test part, at least half of each speech."""
    test, scored = speech.part("test"), {}
    for length in LENGTHS:
        places = fragments(test, length, length)
        scored[f"{length / FRAMES_A_SECOND:g} s"] = scored_at(classifier, test, places)
    return scored


def noise(name: str = "voices-2", kinds=("ann", "lstm", "pooled")) -> pd.DataFrame:
    """Scores over the source's noise levels, of networks trained on all the levels mixed."""
    corpus = voices(name)
    levels = {level: corpus.with_noise(level) for level in NOISE_LEVELS}
    learn = _mixed_levels(corpus, levels)
    tables = []
    for kind in kinds:
        classifier = train(learn, kind, cmn=True)
        for level, noisy in levels.items():
            scored = evaluate(classifier, noisy.part("test"), seconds=())
            tables.append(summary(scored).assign(corpus=name, model=kind, level=level))
    return pd.concat(tables, ignore_index=True)


def _mixed_levels(corpus, levels) -> SpeechFeatures:
    """Every training clip once, at one of the levels: a speaker keeps it in all languages, or the
    level would tell the language."""
    speaker = pd.factorize(corpus.table["group"])[0]
    parts = []
    for place, noisy in enumerate(levels.values()):
        turn = speaker % len(levels) == place
        chosen = noisy.select((corpus.table["split"] != "test").to_numpy() & turn)
        parts.append(speech_features(chosen, cmn=True))
    return joined(*parts)


def controls(name: str = "voices-2", kind: str = "lstm") -> pd.DataFrame:
    """The network's score on the whole corpus and on each one without language."""
    speech = speech_features(voices(name))
    tables = []
    for control, change in {"whole": lambda same: same, **CONTROLS}.items():
        changed = change(speech)
        scored = evaluate(train(changed, kind), changed, seconds=())
        tables.append(summary(scored).assign(corpus=name, model=kind, control=control))
    return pd.concat(tables, ignore_index=True)


def order() -> pd.DataFrame:
    """Artificial languages that differ in the order of their sounds: frames against fragments."""
    speech = speech_features(voices("voices-order"), cmn=True)
    scored = {k: evaluate(train(speech, k, cmn=True), speech) for k in ("ann", "lstm")}
    tables = [summary(scored[kind]).assign(model=kind) for kind in scored]
    gain = order_gain(scored["ann"]["fragment"], scored["lstm"]["fragment"])
    n_groups = tables[0]["groups"].iloc[0]
    row = ("fragment", *gain, 0.0, n_groups, "order gain")
    columns = ["unit", "accuracy", "low", "high", "chance", "groups", "model"]
    tables.append(pd.DataFrame([row], columns=columns))
    return pd.concat(tables, ignore_index=True).assign(corpus="voices-order")


def order_gain(without: Scored, with_order: Scored) -> tuple[float, float, float]:
    """Accuracy that hearing the order adds on the same fragments, its interval over speakers."""
    right = [(s.predicted == s.truth).astype(float) for s in (without, with_order)]
    return bootstrap(right[1] - right[0], with_order.groups)
