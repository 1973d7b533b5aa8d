"""Train the whole detector on soundscapes: ``python -m lib.beeps.train --output FOLDER``.

First the tone network, then the verifier on the trains that the tone network leads to, at last
the thresholds on validation homes. The homes of the test are touched by none of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import soxr
from tqdm.auto import tqdm

from lib.audio import atomic
from lib.beeps.alarms import threshold_at
from lib.beeps.detector import BeepDetector
from lib.beeps.frontend import SAMPLE_RATE
from lib.beeps.learning import trains_of
from lib.beeps.matched import pattern_candidates
from lib.beeps.pattern import Pattern
from lib.beeps.tonenet import build_tone_net
from lib.beeps.tonetrain import TRAIN_SEEDS, train_tone_net
from lib.beeps.verifier import FEATURES
from lib.beeps.weights import Weights
from lib.synthesis.soundscape import soundscape

# Seeds of homes; tests use those from 9,000 on.
VERIFIER_SEEDS = range(20_000, 20_200)
VALIDATION_SEEDS = range(8_000, 8_072)
# Homes for the verifier: more happens in them than in life.
VERIFIER_SCENE = dict(
    seconds=300.0,
    sequences_per_minute=2.0,
    decoys_per_minute=3.0,
    disturbances_per_minute=6.0,
    snr=(-10.0, 30.0),
)
# False alarms an hour that the shipped thresholds allow on the validation homes.
ALLOWED_PER_HOUR = 0.1
TREES = 600


def labelled_trains(
    seeds: Iterable[int], weights: Weights, **scene
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of all trains in some homes, and whether each is a whole sequence.

    A train that covers half of a sequence is neither right nor wrong and left out; one that covers
    a small part of it is wrong, but harms less than one where there is none.

    Returns
    -------
    features : float32 array (n, 64)
    labels : bool array (n,)
    costs : float32 array (n,)
        What a mistake costs.
    """
    heard = _in_homes(partial(_home_trains, weights=weights, scene=scene), seeds, "homes")
    rows = [np.empty((0, len(FEATURES)), np.float32), *(features for features, _ in heard)]
    return _labelled(np.concatenate(rows), np.concatenate([np.empty(0), *(o for _, o in heard)]))


def _in_homes(listen: Callable, seeds: Iterable[int], title: str) -> list:
    """What `listen` makes of the home of each seed, on all cores."""
    seeds = list(seeds)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        return list(tqdm(workers.map(listen, seeds), total=len(seeds), desc=title))


def _home_trains(seed: int, weights: Weights, scene: dict) -> tuple[np.ndarray, np.ndarray]:
    """Features of the trains in one home, and how far each covers a sequence."""
    home = soundscape(seed, **scene)
    truth = home.sequences[["start", "stop"]].to_numpy()
    trains = trains_of(narrowed(home.signal, seed), weights)
    features = np.array([row for _, row in trains], np.float32).reshape(-1, len(FEATURES))
    return features, np.array([_overlap((t.starts[0], t.stops[-1]), truth) for t, _ in trains])


def _labelled(features: np.ndarray, overlaps: np.ndarray):
    """Labels and costs of trains that share so much with a sequence."""
    likeness, headroom = (
        features[:, FEATURES.index(name)]
        for name in ("likest to a group between", "headroom of it")
    )
    # What leaves out a group like its own is a wrong reading, also of a true sequence: so are
    # even rhythms read into uneven ones.
    skipping = (likeness > 0.8) & (headroom < 3) & (overlaps >= 0.6)
    clear = (overlaps < 0.4) | (overlaps >= 0.6)
    costs = np.where((overlaps > 0.1) & (overlaps < 0.4), 0.3, np.where(skipping, 0.5, 1.0))
    return features[clear], (overlaps >= 0.6)[clear] & ~skipping[clear], costs[clear].astype("f")


def narrowed(signal: np.ndarray, seed: int) -> np.ndarray:
    """Each fifth home as a recorder of a lower rate has it: noise ends at a sharp edge there."""
    if seed % 5:
        return signal
    rate = float(np.random.default_rng(seed).integers(10_500, 15_000))
    there = soxr.resample(signal, SAMPLE_RATE, rate)
    return soxr.resample(there, rate, SAMPLE_RATE).astype(np.float32)


def _overlap(span, truth: np.ndarray) -> float:
    """Largest intersection over union of a span with the true ones."""
    if not len(truth):
        return 0.0
    shared = np.minimum(span[1], truth[:, 1]) - np.maximum(span[0], truth[:, 0])
    union = np.maximum(span[1], truth[:, 1]) - np.minimum(span[0], truth[:, 0])
    return float(np.max(np.clip(shared, 0, None) / union))


def train_verifier(features, labels, costs, trees: int = TREES, seed: int = 0):
    """Boosted trees on `labelled_trains`, a scikit-learn model; `tree_arrays` are its weights."""
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(
        n_estimators=trees, learning_rate=0.05, max_depth=5, max_features=8, subsample=0.5,
        random_state=seed,
    )  # fmt: skip
    return model.fit(features, labels, sample_weight=costs)


def tree_arrays(model) -> list[np.ndarray]:
    """The nodes of all trees of a model as `lib.beeps.verifier.Verifier` wants them."""
    trees = [tree.tree_ for tree in model.estimators_[:, 0]]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
    nodes = [
        _nodes(tree, root, model.learning_rate) for tree, root in zip(trees, roots, strict=True)
    ]
    feature, threshold, low, high, value = (np.concatenate(x) for x in zip(*nodes, strict=True))
    share = model.init_.class_prior_[1]
    value = np.append(value, np.log(share / (1 - share)))
    small = feature.astype(np.int16), threshold, low.astype(np.int32), high.astype(np.int32)
    return [*small, value.astype(np.float32), roots.astype(np.int32)]


def _nodes(tree, root: int, rate: float) -> tuple:
    own, leaf = np.arange(tree.node_count), tree.children_left < 0
    low, high = (
        np.where(leaf, own, child) + root for child in (tree.children_left, tree.children_right)
    )
    threshold = tree.threshold.astype(np.float32)
    # Rounded down: what was above a threshold of double precision stays above.
    above = threshold > tree.threshold
    threshold[above] = np.nextafter(threshold[above], np.float32(-np.inf))
    value = np.where(leaf, rate * tree.value[:, 0, 0], 0.0)
    return np.where(leaf, 0, tree.feature), threshold, low, high, value


def choose_thresholds(weights: Weights, seeds=VALIDATION_SEEDS) -> tuple[Weights, float]:
    """Least thresholds with 0.1 false alarms an hour on validation homes; hours they lasted."""
    heard = _in_homes(partial(_home_candidates, weights=weights), seeds, "validation")
    found, truths, seconds, appliances = zip(*heard, strict=True)
    taught, own = zip(*(pair for pairs in appliances for pair in pairs), strict=True)
    hours = sum(seconds) / 3600
    general = threshold_at(found, truths, hours, ALLOWED_PER_HOUR)
    special = threshold_at(taught, own, 2 * hours, ALLOWED_PER_HOUR)
    return weights._replace(threshold=general, pattern_threshold=special), hours


def _home_candidates(seed: int, weights: Weights) -> tuple:
    """Candidates of one home, its sequences, its seconds, and both of the first two for each of its
    appliances, when the detector is taught that one."""
    home = soundscape(seed)
    heard, sequences = BeepDetector(weights=weights).hear(home.signal), home.sequences
    taught = [
        (
            pattern_candidates(heard.probability, Pattern.of(appliance)),
            sequences[sequences["appliance"] == appliance.name].reset_index(drop=True),
        )
        for appliance in home.appliances
    ]
    return heard.candidates, sequences, home.seconds, taught


def save_weights(weights: Weights, path: str | Path) -> None:
    """Write a ``detector.npz`` that `lib.beeps.load_detector` reads, whole or not at all."""
    arrays = {
        f"{part}_{k}": array
        for part in ("tone", "verifier")
        for k, array in enumerate(getattr(weights, part))
    }
    thresholds = {name: getattr(weights, name) for name in ("threshold", "pattern_threshold")}
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays, **thresholds)


def train_detector(
    folder: str | Path, epochs: int = 9, homes: int = 200, validation: int = 72
) -> Weights:
    """Train all parts into a folder: ``detector.npz``, ``tone_net.keras`` and its ``log.csv``.

    Parameters
    ----------
    folder : path
    epochs : int
        Of the tone network; with 0 the one that is in the folder stays.
    homes, validation : int
        Numbers of homes: full of events for the verifier, as they are in life for the thresholds.

    Raises
    ------
    FileNotFoundError
        If no tone network is there to stay.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    net = _tone_net(folder, epochs)
    weights = Weights(net.get_weights(), _blank_verifier(), 0.5, 0.5)
    trains = labelled_trains(VERIFIER_SEEDS[:homes], weights, **VERIFIER_SCENE)
    weights = weights._replace(verifier=tree_arrays(train_verifier(*trains)))
    weights, hours = choose_thresholds(weights, VALIDATION_SEEDS[:validation])
    save_weights(weights, folder / "detector.npz")
    print(f"{len(trains[1])} trains, {trains[1].sum()} sequences; thresholds on {hours:.1f} h:")
    print(f"{weights.threshold:.4f} in general, {weights.pattern_threshold:.3f} for a pattern")
    return weights


def _tone_net(folder: Path, epochs: int):
    """The tone network, trained and saved with its log, or the one that is there already."""
    import keras

    path = folder / "tone_net.keras"
    if not epochs:
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing; train it with --epochs 9.")
        return keras.models.load_model(path)
    narrow, log = train_tone_net(epochs, TRAIN_SEEDS, verbose=2)
    net = build_tone_net()
    net.set_weights(narrow.get_weights())
    with atomic(path) as temporary:
        net.save(temporary)
    with atomic(folder / "log.csv") as temporary:
        pd.DataFrame(log).to_csv(temporary, index=False, float_format="%.6g")
    return net


def _blank_verifier() -> list[np.ndarray]:
    """One leaf that knows nothing."""
    nowhere, nothing = np.zeros(1, np.int32), np.zeros(1, np.float32)
    return [nowhere, nothing, nowhere, nowhere, np.zeros(2, np.float32), nowhere]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lib.beeps.train", description=__doc__)
    parser.add_argument("--output", required=True, help="folder for the trained detector")
    parser.add_argument(
        "--epochs", type=int, default=9, help="of the tone network; 0 keeps the one that is there"
    )
    options = parser.parse_args()
    train_detector(options.output, options.epochs)


if __name__ == "__main__":
    main()
