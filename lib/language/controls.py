"""What a score may be made of besides the language: three corpora without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lib.language.features import SpeechFeatures
from lib.language.scores import Scored, evaluate
from lib.language.training import train


def averaged(speech: SpeechFeatures) -> SpeechFeatures:
    """Every frame replaced by the mean of its clip: the long-term spectrum, nothing else."""
    frames = [
        np.broadcast_to(f[loud].mean(axis=0), f.shape).astype(np.float32)
        for f, loud in zip(speech.frames, speech.speech, strict=True)
    ]
    return replace(speech, frames=frames, phones=None)


def pauses(speech: SpeechFeatures, shortest: int = 20) -> SpeechFeatures:
    """Only the frames that are no speech, one after another: room, microphone and codec.

    Clips with fewer than `shortest` such frames are left out.

    Raises
    ------
    ValueError
        If no clip has enough.
    """
    quiet = [f[~loud] for f, loud in zip(speech.frames, speech.speech, strict=True)]
    enough = [i for i, frames in enumerate(quiet) if len(frames) >= shortest]
    if not enough:
        raise ValueError(f"No clip of {speech.name} has {shortest} frames without speech.")
    kept = speech.select(np.array(enough))
    frames = [quiet[i] for i in enough]
    # All that is left counts, or no fragment would pass as speech.
    return replace(kept, frames=frames, speech=[np.ones(len(f), bool) for f in frames], phones=None)


def shuffled(speech: SpeechFeatures, seed: int = 0) -> SpeechFeatures:
    """The speech frames of each clip in random order: the same sounds, no sequence."""
    rng = np.random.default_rng(seed)
    frames = [f[loud] for f, loud in zip(speech.frames, speech.speech, strict=True)]
    frames = [rng.permutation(f) for f in frames]
    return replace(
        speech, frames=frames, speech=[np.ones(len(f), bool) for f in frames], phones=None
    )


CONTROLS = {"spectrum only": averaged, "pauses only": pauses, "shuffled": shuffled}


def leak_controls(
    speech: SpeechFeatures, model: str = "lstm", seed: int = 0, epochs: int | None = None
) -> dict[str, dict[str, Scored]]:
    """Train and score the same classifier on the speech and on each control corpus.

    A control that scores above chance is an explanation of the score that needs no language.

    Returns
    -------
    dict
        Name of the corpus ("whole", "spectrum only", "pauses only", "shuffled") -> what
        `evaluate` gives. A control that the corpus cannot make (no pauses) is left out.

    Notes
    -----
    Used by notebook 06.
    """
    scored = {}
    for name, change in {"whole": lambda same: same, **CONTROLS}.items():
        try:
            corpus = change(speech)
            classifier = train(corpus, model, epochs=epochs, seed=seed)
        except ValueError:
            if name != "pauses only":
                raise
            continue
        scored[name] = evaluate(classifier, corpus, seconds=())
    return scored


def shares_explained(scored: dict[str, dict[str, Scored]], unit: str = "fragment") -> pd.DataFrame:
    """Accuracy of each control, and its share of the whole corpus's gain over chance."""
    whole = scored["whole"][unit]
    gain = whole.accuracy()[0] - 1 / len(whole.classes)
    rows = []
    for name, answers in scored.items():
        value, low, high = answers[unit].accuracy()
        share = (value - 1 / len(whole.classes)) / gain if gain > 0 else np.nan
        rows.append((name, value, low, high, max(share, 0.0)))
    return pd.DataFrame(rows, columns=["corpus", "accuracy", "low", "high", "share explained"])
