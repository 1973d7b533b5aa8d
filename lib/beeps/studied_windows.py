"""The source's two stages, measured: tone windows on the real minute, sequence windows on tables.

`lib.beeps.study` runs these at full scale; notebook 05 runs parts of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lib import corpora
from lib.beeps import sequences, tones
from lib.beeps.detector import load_detector
from lib.beeps.frontend import HOP_SECONDS, SAMPLE_RATE
from lib.beeps.pulses import CENTRE_SECONDS
from lib.beeps.tonenet import tone_frequencies
from lib.synthesis.soundscape import Soundscape, soundscape
from lib.synthesis.soundscape_beeps import Appliance

# The source's washer, in homes of its own.
WASHER = Appliance(tone=3_950.0)
TONE_SEEDS = range(7_500, 7_512)
STREAM_TRAIN, STREAM_TEST = range(7_000, 7_004), range(7_100, 7_104)
# What is worth most comes first: the cure, then what is cured, then the other stride and recipes.
WINDOWS_PLAN = (
    ("source-table", 5, "weights and steps", 10),
    ("soundscape", 5, "weights and steps", 5),
    ("source-table", 5, "published", 5),
    ("source-table", 10, "weights and steps", 5),
    ("source-table", 10, "published", 5),
    ("soundscape", 5, "published", 5),
    *((corpus, 5, recipe, 5) for corpus in ("source-table", "soundscape")
      for recipe in ("enough steps", "class weights", "Adam")),
    *(("source-table", 10, recipe, 5) for recipe in ("enough steps", "class weights", "Adam")),
)  # fmt: skip
# Pitches so near (Hz) to the washer's are its own.
TONE_REACH = 80.0
# A window is a tone if beeps fill at least half of it, and none if they fill less than a tenth.
FULL, EMPTY = 0.5, 0.1


def washer_home(seed: int, seconds: float = 600.0, **options) -> Soundscape:
    """A home whose only appliance is the source's washer."""
    return soundscape(seed, seconds, appliances=[WASHER], **options)


def share_of_beep(home: Soundscape, step: int = tones.STEP, kind: str | None = None) -> np.ndarray:
    """Share of each 150 ms window that beeps fill, (n,); of one kind of event if asked."""
    on = (np.abs(home.beeps) > 0).astype(np.float64)
    if kind is not None:
        keep = np.zeros(len(on), bool)
        for event in home.truth[home.truth["kind"] == kind].itertuples():
            keep[int(event.start * SAMPLE_RATE) : int(event.stop * SAMPLE_RATE) + 1] = True
        on *= keep
    sums = np.concatenate([[0.0], np.cumsum(on)])
    starts = np.arange(0, len(on) - tones.WINDOW + 1, step)
    return (sums[starts + tones.WINDOW] - sums[starts]) / tones.WINDOW


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


def reduced_home(seed: int, seconds: float = 600.0) -> tuple[np.ndarray, np.ndarray]:
    """Reduced stream of a washer's home, and the truth of each of its windows.

    The first stage is the detector's tone network near the washer's tone.

    Returns
    -------
    windows : int array (n, 40)
    truth : int array (n,)
        1 where at least 19 of the 40 moments lie in beeps of whole sequences.
    """
    home = washer_home(seed, seconds)
    step = tones.STEP * sequences.EVERY
    known = (share_of_beep(home, step, "sequence") >= FULL).astype(int)
    stream = tone_stream(home.signal)
    length = min(len(stream), len(known))
    windows, wanted = (sequences.stream_windows(x[:length]) for x in (stream, known))
    return windows, sequences.responses(wanted)


def tone_stream(signal: np.ndarray, tone: float = WASHER.tone) -> np.ndarray:
    """One answer each 0.1 s: is there a tone of this pitch (Hz) in the middle of the window?"""
    heard = load_detector().probabilities(signal, SAMPLE_RATE)
    near = np.abs(tone_frequencies() - tone) < TONE_REACH
    strongest = heard[:, near].max(axis=1)
    step = tones.STEP * sequences.EVERY / SAMPLE_RATE
    middle = (tones.WINDOW / SAMPLE_RATE / 2 - CENTRE_SECONDS) / HOP_SECONDS
    first = np.arange(round(middle), len(strongest) - 2, round(step / HOP_SECONDS))
    return (strongest[first[:, None] + np.arange(-2, 3)].mean(axis=1) > 0.5).astype(int)


def tone_level(seeds: Iterable[int] = TONE_SEEDS[:4]) -> float:
    """Band energy in dB with the best F1 on training homes: the baseline's only parameter."""
    parts = []
    for seed in seeds:
        home = washer_home(seed, 120.0, sequences_per_minute=3)
        step = tones.STEP * sequences.EVERY
        energy = tones.by_block(tones.tone_windows(home.signal, step), tones.band_energy)
        parts.append((energy, share_of_beep(home, step)))
    energy, share = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    sure = (share >= FULL) | (share < EMPTY)
    return sequences.best_threshold((share >= FULL)[sure], energy[sure])


def table_data(stride: int = sequences.STRIDE) -> tuple[np.ndarray, np.ndarray, int]:
    """The source's table: windows, responses, and the first row of the test part.

    With a stride of 10 every second row is left.
    """
    table = corpora.load("beeps").source_table()
    every = stride // sequences.STRIDE
    values = table.to_numpy()[::every]
    return values[:, :-1], values[:, -1], sequences.FIRST_TEST_ROW // every


def stream_data(
    train: Iterable[int] = STREAM_TRAIN, test: Iterable[int] = STREAM_TEST
) -> tuple[np.ndarray, np.ndarray, int]:
    """Reduced streams of synthetic homes in the same form; the test homes come last."""
    parts = [[reduced_home(seed) for seed in seeds] for seeds in (train, test)]
    first_test = sum(len(truth) for _, truth in parts[0])
    windows, truth = zip(*(home for part in parts for home in part), strict=True)
    return np.concatenate(windows), np.concatenate(truth), first_test


def recipe_scores(data, recipe: str, seed: int) -> dict:
    """Train a recipe and score it on the test rows, at 0.5 and at a threshold of the training."""
    windows, truth, first = data
    plan = sequences.RECIPES[recipe]
    model, _ = sequences.train_sequence(windows[:first], truth[:first], plan, seed)
    score, share = sequences.predict(model, windows), truth[:first].mean()
    if plan.balanced:
        score = sequences.unweighted(score, share)
    never = sequences.window_scores(truth[first:], np.full(len(truth) - first, share))
    base = {"share": truth[first:].mean(), "always no log-loss": never["log-loss"]}
    return {"recipe": recipe, "seed": seed} | both_thresholds(truth, score, first) | base


def both_thresholds(truth: np.ndarray, score: np.ndarray, first: int) -> dict:
    """Scores of the test rows at 0.5; found and false also at the training's best threshold."""
    threshold = sequences.best_threshold(truth[:first], score[:first])
    row = sequences.window_scores(truth[first:], score[first:])
    chosen = sequences.window_scores(truth[first:], score[first:], threshold)
    names = {"recall": "chosen recall", "found": "chosen found", "false": "chosen false"}
    return row | {"threshold": threshold} | {new: chosen[old] for old, new in names.items()}


def baseline_scores(data) -> pd.DataFrame:
    """Always-no, the matched filter on the 0/1 stream, and simply counting the ones."""
    windows, truth, first = data
    share = truth[:first].mean()
    rows = {
        "always no": np.full(len(truth), share),
        "matched filter": (sequences.matched_score(windows) + 1) / 2,
        "count of ones": windows.mean(axis=1),
    }
    return pd.DataFrame(
        [{"recipe": name} | both_thresholds(truth, score, first) for name, score in rows.items()]
    )


def windows(folder: Path, plan: Iterable[tuple] | None = None) -> pd.DataFrame:
    """Recipes on both tables and both strides; goes on where an earlier run was stopped.

    Parameters
    ----------
    folder : path
        Of ``windows.csv``.
    plan : iterable of (corpus, stride, recipe, number of seeds), optional
    """
    path = folder / "windows.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame()
    sources = {
        ("source-table", 5): lambda: table_data(5),
        ("soundscape", 5): stream_data,
        ("source-table", 10): lambda: table_data(10),
    }
    data = {}
    for corpus, stride, recipe, n_seeds in WINDOWS_PLAN if plan is None else plan:
        for seed in range(n_seeds):
            key = dict(corpus=corpus, stride=stride, recipe=recipe, seed=seed)
            if len(done) and (done[list(key)] == list(key.values())).all(axis=1).any():
                continue
            if (corpus, stride) not in data:
                data[corpus, stride] = sources[corpus, stride]()
            row = pd.DataFrame([key | recipe_scores(data[corpus, stride], recipe, seed)])
            done = pd.concat([done, row], ignore_index=True)
            done.to_csv(path, index=False, float_format="%.6g")
    return done


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


def tones_scores(answer: np.ndarray, truth: np.ndarray) -> dict:
    """Confusion of yes and no answers as four counts, and the accuracy."""
    pairs = {"tn": (0, 0), "fp": (0, 1), "fn": (1, 0), "tp": (1, 1)}
    counts = {k: int(np.sum((truth == t) & (answer == a))) for k, (t, a) in pairs.items()}
    return counts | {"accuracy": float(np.mean(truth == answer))}


def tones_study(folder: Path, seeds: Iterable[int] = range(3), epochs: int = 10) -> pd.DataFrame:
    """Both networks, trained on synthetic windows, on the real minute: by the rule and by eye.

    The published network is trained once (an hour on one core), the small one with each seed. A row
    that is there already is not made again.
    """
    import keras

    path = folder / "tones.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame()
    corpus = corpora.load("beeps")
    minute = corpus.signal(int(corpus.table["duration"].argmax()))
    windows = tones.tone_windows(minute)
    by_rule, share = tones.by_block(windows, tones.rule), eye_share(len(windows))
    sure = (share >= FULL) | (share < EMPTY)
    examples = None
    plans = [("small", seed) for seed in seeds] + [("published", 0)]
    for name, seed in plans:
        if len(done) and ((done["net"] == name) & (done["seed"] == seed)).any():
            continue
        examples = examples or tone_examples(per_home=250)
        keras.utils.set_random_seed(seed)
        model = tones.build_small_net() if name == "small" else tones.build_published_net()
        spectra, truth = examples
        tones.train_tone(model, spectra, truth, 20 if name == "small" else epochs, name != "small")
        said = tones.answers_of(model, windows) > 0.5
        rows = [
            {"net": name, "seed": seed, "truth": "rule"} | tones_scores(said, by_rule),
            {"net": name, "seed": seed, "truth": "eye"}
            | tones_scores(said[sure], share[sure] >= FULL),
        ]
        done = pd.concat([done, pd.DataFrame(rows)], ignore_index=True)
        done.to_csv(path, index=False, float_format="%.6g")
    return done
