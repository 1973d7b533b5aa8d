"""``python -m lib.keywords.ship``: train the spotter that comes with the project.

Thirty words and nothing, from synthetic voices and, where they are, real clips. Both kinds of voice
say all words, so the network cannot tell words by the kind of voice. Nothing is: noise, the
background recordings, other words of the synthetic voices, and words cut off by the window's ends.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from lib import audio, corpora, training
from lib.corpora.clips import SAMPLES
from lib.keywords.anchors import hear_again, levelled
from lib.keywords.fitting import Trainer
from lib.keywords.networks import build_supervised
from lib.keywords.protocol import Features
from lib.keywords.spotter import NOTHING, SHIPPED
from lib.synthesis.keywords import WORDS

OTHER_WORDS = (
    *("water", "people", "because", "morning", "little", "question", "music", "very", "garden"),
    *("school", "under", "again", "money", "paper", "story", "white", "animal", "mother", "the"),
    *("window", "number", "river", "second", "table", "answer", "yellow", "summer", "ready", "and"),
)
# Most real clips of one word, so that the words of which there are many do not become the guess.
MOST_OF_A_WORD = 250
BATCH = 64


def training_clips(n: int, seed: int = 0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split -> clips (m, 16000) int16 and their words, of training and validation speakers only."""
    rng = np.random.default_rng(seed)
    voices = corpora.load("voices", train=n, validation=n // 4, test=1)
    others = corpora.load("voices", train=n // 4, validation=n // 16, test=1, words=OTHER_WORDS)
    whole = corpora.load("speech_commands") if corpora.available("speech_commands") else None
    found = {}
    for split, share in (("train", n), ("validation", n // 4)):
        parts = [_some(voices.part(split), share, rng), _some(others.part(split), share // 4, rng)]
        parts[1] = (parts[1][0], np.full(len(parts[1][0]), NOTHING))
        parts.append(_noise(share // 10, rng))
        parts.append(_cut_off(parts[0][0], share // 2, rng))
        if whole is not None:
            parts.append(_real(whole.part(split), rng, 5 if split == "train" else 1))
            parts.append(_cut_off(parts[-1][0], len(parts[-1][0]) // 2, rng))
            parts.append(_background(share // 10, rng))
        clips, words = (np.concatenate(x) for x in zip(*parts, strict=True))
        found[split] = clips, words
    return found


def _some(corpus, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    rows = rng.permutation(len(corpus))[:n]
    return corpus.clips()[rows], corpus.table["label"].to_numpy()[rows]


def _real(corpus, rng, times: int) -> tuple[np.ndarray, np.ndarray]:
    """Real clips, rare words several times (each time they will be heard differently)."""
    clips, words = _some(corpus, len(corpus), rng)
    rank = pd.Series(words).groupby(words).cumcount().to_numpy()
    rare = pd.Series(words).map(pd.Series(words).value_counts()).to_numpy() < 50
    rows = np.flatnonzero(rank < MOST_OF_A_WORD)
    rows = np.concatenate([rows, np.repeat(np.flatnonzero(rare), times - 1)])
    return clips[rows], words[rows]


def _noise(n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Noise of all colours, loud and soft."""
    slope = rng.uniform(0, 1, (n, 1))
    frequency = np.maximum(np.fft.rfftfreq(SAMPLES), 0.004)
    noise = np.fft.irfft(np.fft.rfft(rng.normal(size=(n, SAMPLES))) * frequency**-slope, SAMPLES)
    noise *= rng.uniform(100, 20_000, (n, 1)) / np.abs(noise).max(axis=1, keepdims=True)
    return noise.astype(np.int16), np.full(n, NOTHING)


def _cut_off(clips: np.ndarray, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """What a window between two words holds: the end of one, noise, the beginning of another."""
    energy = np.cumsum(clips.astype(np.float64) ** 2, axis=1)
    middle = (energy > energy[:, -1:] / 2).argmax(axis=1)
    between = _noise(n, rng)[0] * rng.uniform(0, 0.1, (n, 1))
    for window in between:
        last, first = rng.integers(len(clips), size=2)
        # 0 is a beginning alone, 1 an end alone, 2 both.
        which = rng.integers(3)
        if which != 0:
            end = clips[last, middle[last] :][: SAMPLES // 2]
            window[: len(end)] = end
        if which != 1:
            beginning = clips[first, : middle[first]][-SAMPLES // 2 :]
            window[len(window) - len(beginning) :] = beginning
    return between.astype(np.int16), np.full(n, NOTHING)


def _background(n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Seconds from the background recordings of Speech Commands."""
    folder = corpora.corpora_folder() / "speech_commands" / "_background_noise_"
    files = sorted(p for p in folder.glob("*") if p.suffix.lower() in audio.SUFFIXES)
    if not files:
        return np.empty((0, SAMPLES), np.int16), np.empty(0, object)
    sounds = [audio.read(path, SAMPLES) for path in files]
    picks = [sounds[i] for i in rng.integers(len(sounds), size=n)]
    starts = [rng.integers(len(sound) - SAMPLES) for sound in picks]
    clips = [x[s : s + SAMPLES] * rng.uniform(0.1, 1) for x, s in zip(picks, starts, strict=True)]
    return np.round(np.stack(clips) * 32767).astype(np.int16), np.full(n, NOTHING)


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    import keras

    parser = argparse.ArgumentParser(prog="python -m lib.keywords.ship", description=__doc__)
    parser.add_argument("--clips", type=int, default=6000, help="synthetic training clips")
    parser.add_argument("--hearings", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--output", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    training.keep_freed_memory()
    words = [*WORDS, NOTHING]
    sets = training_clips(options.clips)
    numbers = {s: np.array([words.index(w) for w in x[1]], np.int32) for s, x in sets.items()}
    log_mel = {split: Features(clips).log_mel for split, (clips, _) in sets.items()}
    rng = np.random.default_rng(0)
    heard = [
        log_mel["train"],
        *(hear_again(log_mel["train"], rng) for _ in range(options.hearings)),
    ]
    heard = np.concatenate([levelled(block).astype(np.float32) for block in heard])
    steps = options.epochs * -(-len(heard) // BATCH)
    trainer = Trainer(
        lambda: build_supervised(len(words)),
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        [keras.losses.sparse_categorical_crossentropy],
        batch_size=BATCH,
        xla=False,
    )
    held_out = (levelled(log_mel["validation"]), [numbers["validation"]])
    targets = [np.tile(numbers["train"], options.hearings + 1)]
    model, log = trainer.fit(heard, targets, options.epochs, 5, held_out)
    save(model, words, log, options.output)
    print(log.to_string(index=False))


def save(model, words: list[str], log: pd.DataFrame, folder: Path) -> None:
    """Write model, words and log, each whole or not at all."""
    with audio.atomic(folder / "model.keras") as temporary:
        model.save(temporary)
    with audio.atomic(folder / "words.json") as temporary:
        temporary.write_text(json.dumps(words))
    with audio.atomic(folder / "log.csv") as temporary:
        log.to_csv(temporary, index=False, float_format="%.5g", lineterminator="\n")


if __name__ == "__main__":
    main()
