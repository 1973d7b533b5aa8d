"""The source's first stage, measured: networks taught by the rule and by the truth, on a real minute.

There is one real minute only. It is cut in time into two parts with two groups of beeps each: what
was taught by one part is tried on the other, and on synthetic minutes in place of the unseen ones
of the source. `lib.beeps.study` runs this; notebook 05 shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib import corpora
from lib.audio import atomic
from lib.beeps import sequences, tones
from lib.beeps.frontend import SAMPLE_RATE
from lib.beeps.homes import EMPTY, FULL, share_of_beep, washer_home

TONE_SEEDS = range(7_500, 7_512)
# Parts of the real minute in s: the cuts lie between the second group and the third, and half-way
# through what comes before the first. A window belongs to a part if it lies wholly in it.
PARTS = {"first part": ((0.0, 28.1), (58.06, 60.1)), "second part": ((28.1, 58.06),)}
# Every fourth window teaches (neighbours 5 ms apart are nearly the same), in batches of 32: with half
# a minute that makes 46 steps an epoch; the source's whole minute in batches of 256 makes 47.
TAUGHT_EVERY, BATCH, EPOCHS = 4, 32, 10
# Minutes with one sequence each, the first such homes from 7,600 on; every eighth window is tried.
MINUTES, TRIED_EVERY = (7_601, 7_603, 7_605, 7_608), 8
PLAN = (
    ("band energy", ("first part", "second part", "homes"), 1),
    ("small", ("first part", "second part", "homes"), 3),
    ("published", ("first part", "second part"), 1),
)


def tone_examples(
    seeds: Iterable[int] = TONE_SEEDS, per_home: int = 500, seconds: float = 60.0
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra of synthetic windows for training, and their truth; a third of them tones.

    Returns
    -------
    spectra : float32 array (n, 2400)
    truth : bool array (n,)
    """
    spectra, truth = [], []
    for seed in seeds:
        home = washer_home(seed, seconds, sequences_per_minute=4, decoys_per_minute=3)
        rng, share = np.random.default_rng(seed), share_of_beep(home)
        windows = tones.tone_windows(home.signal)
        full, empty = (np.flatnonzero(rows) for rows in (share >= FULL, share < EMPTY))
        chosen = [rng.permutation(full)[: per_home // 3]]
        chosen.append(rng.permutation(empty)[: per_home - len(chosen[0])])
        spectra.append(tones.tone_spectra(windows[np.concatenate(chosen)]))
        truth.append(np.repeat([True, False], [len(part) for part in chosen]))
    return np.concatenate(spectra), np.concatenate(truth)


# Starts of the groups in the real minute and their length (s), read off the spectrogram by eye.
EYE_STARTS, EYE_LENGTH = (56.32, 57.32, 58.31, 59.31), 0.49


def eye_share(n_windows: int, step: int = tones.STEP) -> np.ndarray:
    """Share of each window of the real minute that groups fill, as the eye sees them, (n,)."""
    middle = (np.arange(n_windows) * step + tones.WINDOW / 2) / SAMPLE_RATE
    half = tones.WINDOW / SAMPLE_RATE / 2
    starts = np.array(EYE_STARTS)
    first = np.maximum(middle[:, None] - half, starts)
    last = np.minimum(middle[:, None] + half, starts + EYE_LENGTH)
    return np.clip(last - first, 0, None).sum(axis=1) / (2 * half)


class Heard(NamedTuple):
    """Windows of a recording; what the rule says of them, what is true, and where that is sure."""

    windows: np.ndarray
    rule: np.ndarray
    truth: np.ndarray
    sure: np.ndarray

    def only(self, rows: np.ndarray) -> Heard:
        return Heard(*(array[rows] for array in self))


def heard_in(signal: np.ndarray, share: np.ndarray, step: int = tones.STEP) -> Heard:
    """A recording of which each window's `share` of beep is known."""
    windows = tones.tone_windows(signal, step)
    by_rule = tones.by_block(windows, tones.rule)
    return Heard(windows, by_rule, share >= FULL, (share >= FULL) | (share < EMPTY))


def real_minute() -> np.ndarray:
    """The real recording that ends with the sequence, 16 kHz."""
    corpus = corpora.load("beeps")
    return corpus.signal(int(corpus.table["duration"].argmax()))


def level_of(signal: np.ndarray) -> float:
    """Median over time of the strongest bin near 4 kHz, dB: how loud a recording is without beeps."""
    windows = tones.tone_windows(signal, 10 * tones.STEP)
    return float(np.median(tones.by_block(windows, lambda s: s[:, tones.RULE_BAND].max(axis=1))))


def unseen_minute(seed: int, level: float) -> Heard:
    """A synthetic minute of the washer, loud enough to be clear, brought to a `level` in dB.

    The rule's 18 dB suits one level of recording; at another it says yes or no to everything.
    """
    home = washer_home(seed, 60.0, sequences_per_minute=1.5, decoys_per_minute=0, snr=(10, 30))
    signal = home.signal * 10 ** ((level - level_of(home.signal)) / 20)
    step = TRIED_EVERY * tones.STEP
    return heard_in(signal.astype(np.float32), share_of_beep(home, step), step)


def part_rows(name: str, n_windows: int) -> np.ndarray:
    """Numbers of the windows that lie wholly in one of the `PARTS` of the real minute."""
    begin = np.arange(n_windows) * tones.STEP / SAMPLE_RATE
    end = begin + tones.WINDOW / SAMPLE_RATE
    inside = [(begin >= first) & (end <= last) for first, last in PARTS[name]]
    return np.flatnonzero(np.any(inside, axis=0))


def confusion(answer: np.ndarray, truth: np.ndarray) -> dict:
    """Confusion of yes and no answers as four counts, and the accuracy."""
    pairs = {"tn": (0, 0), "fp": (0, 1), "fn": (1, 0), "tp": (1, 1)}
    counts = {k: int(np.sum((truth == t) & (answer == a))) for k, (t, a) in pairs.items()}
    return counts | {"accuracy": float(np.mean(truth == answer))}


def taught(net: str, spectra: np.ndarray, truth: np.ndarray, seed: int = 0):
    """A function from windows to yes or no, learnt from spectra and their labels.

    The published network by the source's recipe (Adadelta, ten epochs), the small one by Adam, 20
    epochs; of band energy only the threshold is learnt.
    """
    if net == "band energy":
        level = sequences.best_threshold(truth, tones.band_energy(spectra))
        return lambda windows: tones.by_block(windows, tones.band_energy) > level
    import keras

    keras.utils.set_random_seed(seed)
    small = net == "small"
    model = tones.build_small_net() if small else tones.build_published_net()
    tones.train_tone(model, spectra, truth, 20 if small else EPOCHS, not small, BATCH)
    return lambda windows: tones.answers_of(model, windows) > 0.5


def tones_of(net: str, by: str, seed: int, minute: Heard, homes: dict[str, Heard]) -> list[dict]:
    """Teach one network `by` a part of the minute or by homes; its confusions on what is unseen."""
    if by == "homes":
        examples, trials = tone_examples(per_home=120), {"minute": minute}
    else:
        mine = part_rows(by, len(minute.rule))[::TAUGHT_EVERY]
        examples = tones.tone_spectra(minute.windows[mine]), minute.rule[mine]
        other = next(name for name in PARTS if name != by)
        trials = {other: minute.only(part_rows(other, len(minute.rule)))}
    says = taught(net, *examples, seed)
    key = {"net": net, "taught by": by, "seed": seed}
    return [
        key | row for name, part in (trials | homes).items() for row in _trial(name, part, says)
    ]


def _trial(name: str, heard: Heard, says) -> list[dict]:
    said = says(heard.windows)
    by_rule = {"tried on": name, "truth": "rule"} | confusion(said, heard.rule)
    sure = heard.sure
    known = {"tried on": name, "truth": "known"} | confusion(said[sure], heard.truth[sure])
    return [by_rule, known]


def study_tones(folder: Path, plan: Iterable[tuple] = PLAN) -> pd.DataFrame:
    """Band energy and both networks; goes on where an earlier run was stopped.

    Parameters
    ----------
    folder : path
        Of ``tones.csv``.
    plan : iterable of (net, what it is taught by, number of seeds)
    """
    path = folder / "tones.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame()
    sound = real_minute()
    minute = heard_in(sound, eye_share(len(tones.tone_windows(sound))))
    homes = {f"home {seed}": unseen_minute(seed, level_of(sound)) for seed in MINUTES}
    todo = [(net, by, seed) for net, parts, n in plan for seed in range(n) for by in parts]
    for key in todo:
        known = done[["net", "taught by", "seed"]] if len(done) else pd.DataFrame()
        if len(known) and (known == list(key)).all(axis=1).any():
            continue
        rows = pd.DataFrame(tones_of(*key, minute, homes))
        done = pd.concat([done, rows], ignore_index=True)
        with atomic(path) as temporary:
            done.to_csv(temporary, index=False, float_format="%.6g")
    return done
