"""The whole comparison as tables: ``python -m lib.language.study`` at the scale of ``SCALE``.

Each table is kept as a small CSV as soon as it is there, and one that is there is not made again,
so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from lib import corpora
from lib.audio import atomic
from lib.corpora.languages import LANGUAGES
from lib.evaluation import bootstrap, record
from lib.language.controls import CONTROLS, averaged, pauses, shuffled
from lib.language.features import SpeechFeatures, joined, speech_features
from lib.language.identification import SHIPPED
from lib.language.phonotactics import (
    LAGS,
    load_phonotactic,
    phone_pairs,
    train_phonotactic,
)
from lib.language.scores import Scored, evaluate, summary
from lib.language.training import train
from lib.language.validation import (
    cross_validate,
    cross_validate_phonotactic,
    cross_validate_vectors,
)
from lib.training import keep_freed_memory, scale

KEPT = Path(__file__).resolve().parents[2] / "data" / "language_study"
SIZES = {
    "laptop": dict(train=24, validation=8, test=12),
    "paper": dict(train=72, validation=12, test=24),
}
NOISE_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
REPEATS = {"laptop": 1, "paper": 5}
# What the source reports: of the ANN per frame, of the LSTM per fragment.
SOURCE = {
    ("voices-2", "ann", "frame"): 0.6671,
    ("voices-2", "lstm", "fragment"): 0.7653,
    ("voices-3", "ann", "frame"): 0.4359,
    ("voices-3", "lstm", "fragment"): 0.5315,
}
# Speakers, pitches and texts of the corpus behind the shipped network; others than the tests'.
SHIPPED_SEED, SHIPPED_TAKES = 7, 2


def voices(name: str, at: str | None = None, **options) -> corpora.Corpus:
    """A corpus of voices at a scale."""
    return corpora.load(name, **{**SIZES[at or scale()], **options})


def models(name: str, kinds=("ann", "lstm", "pooled")) -> pd.DataFrame:
    """Scores of each network on one corpus of voices, by frame, fragment and clip."""
    speech = speech_features(voices(name), cmn=True)
    tables = []
    for kind in kinds:
        classifier = train(speech, kind, cmn=True)
        tables.append(summary(evaluate(classifier, speech)).assign(corpus=name, model=kind))
    return pd.concat(tables, ignore_index=True)


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
    """Every training clip once, at one of the levels in turn."""
    number = range(len(corpus))
    parts = []
    for place, noisy in enumerate(levels.values()):
        turn = [i % len(levels) == place for i in number]
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


def unseen_words(name: str = "voices-2") -> pd.DataFrame:
    """A network of clips on speakers and words that training never had."""
    speech = speech_features(voices(name), cmn=True)
    classifier = train(speech, "pooled", cmn=True)
    tables = []
    for words, unseen in (("seen", False), ("unseen", True)):
        scored = evaluate(classifier, voices(name, unseen_words=unseen).part("test"), seconds=())
        tables.append(summary(scored).assign(corpus=name, model="pooled", words=words))
    return pd.concat(tables, ignore_index=True)


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
    tables = []
    for control, (clips, vectors) in without.items():
        scored = cross_validate_vectors(np.stack(vectors), clips, repeats=REPEATS[scale()])
        tables.append(summary({"clip": scored}).assign(control=control))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(corpus=f"voxlingua107-{'-'.join(languages)}", model="linear")


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


TABLES = {
    "models-2": lambda: models("voices-2"),
    "models-3": lambda: models("voices-3"),
    "order": order,
    "controls": controls,
    "models-8": lambda: models("voices-8", ("pooled",)),
    "real-en-de": real,
    "real-en-de-ru": lambda: real(("en", "de", "ru")),
    "real-controls": real_controls,
    "noise": lambda: noise(kinds=("lstm", "pooled")),
    "unseen-words": unseen_words,
    "real-published": published_on_real,
}


def record_models(table: pd.DataFrame, notebook: str, at: str | None = None) -> None:
    """Record fragments and clips of a table; the best model's rows bear the corpus's plain name."""
    metrics = {unit: f"{unit}_accuracy" for unit in ("frame", "fragment", "clip")}
    for row in table[table["unit"].isin(metrics)].itertuples():
        best = row.model in ("pooled", "pairs of phones")
        corpus = row.corpus if best else f"{row.corpus}/{row.model.replace(' ', '-')}"
        figure = SOURCE.get((row.corpus, row.model, row.unit))
        if best:
            # The source's best network, per fragment as well.
            figure = SOURCE.get((row.corpus, "lstm", row.unit))
        numbers = (row.accuracy, row.low, row.high, row.groups, row.chance, figure)
        record("language", metrics[row.unit], corpus, *numbers, notebook, at)


def record_controls(table: pd.DataFrame, unit: str, notebook: str, at: str | None = None) -> None:
    """Record what is left of a score on each corpus without language."""
    chosen = table[(table["unit"] == unit) & (table["control"] != "whole")]
    for row in chosen.itertuples():
        metric = f"{row.control.replace(' ', '_')}_accuracy"
        numbers = (row.accuracy, row.low, row.high, row.groups, row.chance, None)
        record("language", metric, row.corpus, *numbers, notebook, at)


def table(name: str) -> pd.DataFrame:
    """A kept table of the study; FileNotFoundError with the way to make it."""
    path = KEPT / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: make it with `SCALE=paper python -m lib.language.study {name}`."
        )
    return pd.read_csv(path)


def kept(*names: str) -> pd.DataFrame:
    """Those of some tables that are kept, one below the other; what is missing is said."""
    there = [name for name in names if (KEPT / f"{name}.csv").exists()]
    for name in sorted(set(names) - set(there)):
        print(f"Not kept: {name}; make it with `SCALE=paper python -m lib.language.study {name}`.")
    return pd.concat([table(name) for name in there or names], ignore_index=True)


def main() -> None:
    """Make the tables that are not there yet, or the shipped classifier."""
    parser = argparse.ArgumentParser(prog="python -m lib.language.study", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"ship, or of {', '.join(TABLES)}; default all")
    parser.add_argument("--output", type=Path, default=KEPT)
    arguments = parser.parse_args()
    keep_freed_memory()
    for name in arguments.names or TABLES:
        path = arguments.output / f"{name}.csv"
        if name == "ship":
            ship()
        elif not path.exists():
            made = TABLES[name]().round(5)
            with atomic(path) as temporary:
                made.to_csv(temporary, index=False)
            print(made.to_string(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
