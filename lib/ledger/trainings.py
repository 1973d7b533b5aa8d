"""What it takes to train each system, in processor minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from lib import corpora
from lib.ledger.steps import step_times
from lib.ledger.timing import timed

# What notebook 02 trains at full scale: steps of so many windows.
ENCODERS = {"4.2": (3_200, 10), "4.4": (3_000, 32)}


def training_times(names: Iterable[str] = ()) -> pd.DataFrame:
    """Processor minutes of one training of each network, at the scale of a laptop.

    The encoders are timed for three steps and the rest follows from their number; the others are
    trained whole, on data that is there already.

    Parameters
    ----------
    names : iterable of str
        Of `TRAININGS`; all by default.

    Returns
    -------
    DataFrame[system, training, minutes]

    Notes
    -----
    Used by notebook 09.
    """
    names = list(names) or list(TRAININGS)
    rows = [(TRAININGS[name][0], name, TRAININGS[name][1]() / 60) for name in names]
    return pd.DataFrame(rows, columns=["system", "training", "minutes"])


def _encoder(version: str) -> float:
    steps, batch = ENCODERS[version]
    return steps * step_times(batch, 3, ("fused",), version)["cpu_seconds"].median()


def _beep_sequence() -> float:
    from lib.beeps import sequences

    windows = (np.random.default_rng(0).random((sequences.FIRST_TEST_ROW, 40)) < 0.4).astype(int)
    return _spent(lambda: sequences.train_sequence(windows, sequences.responses(windows)))


def _keywords(representation: str) -> float:
    from lib.keywords import draw, features_of, representations
    from lib.keywords.run import sizes

    voices = corpora.load("voices")
    clips, drawn = features_of(voices), draw(voices, 0, sizes("laptop"))
    return _spent(lambda: representations.fit(representation, clips, drawn.unlabelled))


def _language(model: str) -> float:
    from lib.language import speech_features, train
    from lib.language.study_voices import voices

    speech = speech_features(voices("voices-2", "laptop"), cmn=True)
    return _spent(lambda: train(speech, model, cmn=True))


def _signals(recipe: str) -> float:
    from lib.sequences.stability import RECIPES, Runner

    return Runner(RECIPES[recipe]).run(0, 0)[0]["cpu_seconds"]


def _kinds(model: str) -> float:
    from lib.sequences import train

    corpus = corpora.load("kinds-8")
    return _spent(lambda: train(corpus, model))


def _spent(call: Callable) -> float:
    return timed(call)[2]


TRAININGS: dict[str, tuple[str, Callable[[], float]]] = {
    "encoder v4.2, 3,200 steps of 10 windows": ("dolphin", lambda: _encoder("4.2")),
    "encoder v4.4, 3,000 steps of 32 windows": ("dolphin", lambda: _encoder("4.4")),
    "sequence network, 2,100 windows": ("beeps", _beep_sequence),
    "position autoencoder, 900 clips": ("keywords", lambda: _keywords("position-ae")),
    "our representation, 900 clips": ("keywords", lambda: _keywords("ours")),
    "LSTM of fragments, 24 voices": ("language", lambda: _language("lstm")),
    "pooled network, 24 voices": ("language", lambda: _language("pooled")),
    "source's network, 4,000 signals": ("sequences", lambda: _signals("source, clean")),
    "cured network, 4,000 signals": ("sequences", lambda: _signals("cure, clean")),
    "MiniRocket, twelve kinds": ("sequences", lambda: _kinds("MiniRocket")),
    "LSTM, twelve kinds": ("sequences", lambda: _kinds("LSTM")),
}
