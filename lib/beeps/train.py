"""Train the whole detector on soundscapes: ``python -m lib.beeps.train --output FOLDER``.

First the tone network, then the verifier on the trains that the tone network leads to, at last
the thresholds on validation homes. The homes of the test are touched by none of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.audio import atomic
from lib.beeps.alarms import threshold_at
from lib.beeps.detector import BeepDetector, Weights, trains_of
from lib.beeps.matched import pattern_candidates
from lib.beeps.pattern import Pattern
from lib.beeps.tonenet import build_tone_net
from lib.beeps.tonetrain import SCENE, TRAIN_SEEDS, train_tone_net
from lib.beeps.verifier import FEATURES, build_verifier
from lib.synthesis.soundscape import soundscape

# Seeds of homes; tests use those from 9,000 on.
VERIFIER_SEEDS = range(2_000, 2_090)
VALIDATION_SEEDS = range(5_000, 5_018)
# False alarms an hour that the shipped thresholds allow on the validation homes.
ALLOWED_PER_HOUR = 0.1


def labelled_trains(
    seeds: Iterable[int], weights: Weights, **scene
) -> tuple[np.ndarray, np.ndarray]:
    """Features of all trains in some homes, and whether each is a whole sequence.

    Trains that cover a part of a sequence are left out: they are neither right nor wrong.

    Returns
    -------
    features : float32 array (n, 24)
    labels : bool array (n,)
    """
    rows, labels = [np.empty((0, len(FEATURES)), np.float32)], []
    for seed in tqdm(list(seeds), desc="homes"):
        home = soundscape(seed, **scene)
        truth = home.sequences[["start", "stop"]].to_numpy()
        for train, features in trains_of(home.signal, weights):
            overlap = _overlap((train.starts[0], train.stops[-1]), truth)
            if not 0.1 < overlap < 0.75:
                rows.append(features[None])
                labels.append(overlap >= 0.75)
    return np.concatenate(rows), np.array(labels, bool)


def _overlap(span, truth: np.ndarray) -> float:
    """Largest intersection over union of a span with the true ones."""
    if not len(truth):
        return 0.0
    shared = np.minimum(span[1], truth[:, 1]) - np.maximum(span[0], truth[:, 0])
    union = np.maximum(span[1], truth[:, 1]) - np.minimum(span[0], truth[:, 0])
    return float(np.max(np.clip(shared, 0, None) / union))


def train_verifier(features: np.ndarray, labels: np.ndarray, epochs: int = 60, seed: int = 0):
    """Keras model on features and labels; a false train costs as much as one that is missed."""
    import keras

    keras.utils.set_random_seed(seed)
    model = build_verifier()
    model.get_layer("standardise").adapt(features)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * (len(features) // 128 + 1))
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.002)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.02), loss, jit_compile=False)
    model.fit(features, labels.astype("float32"), batch_size=128, epochs=epochs, verbose=0)
    return model


def verifier_weights(model) -> list[np.ndarray]:
    """Mean, standard deviation, then kernels and biases, as `lib.beeps.verifier.Verifier` wants."""
    standard = model.get_layer("standardise")
    mean, variance = (np.asarray(x, np.float32).ravel() for x in (standard.mean, standard.variance))
    layers = [
        w for layer in model.layers if layer.name != "standardise" for w in layer.get_weights()
    ]
    return [mean, np.maximum(np.sqrt(variance), 1e-3), *layers]


def choose_thresholds(weights: Weights, seeds=VALIDATION_SEEDS) -> tuple[Weights, float]:
    """Least thresholds with 0.1 false alarms an hour on validation homes; hours they lasted."""
    detector = BeepDetector(weights=weights)
    found, truths, taught, own, hours = [], [], [], [], 0.0
    for seed in tqdm(list(seeds), desc="validation"):
        home = soundscape(seed)
        heard = detector.hear(home.signal)
        found.append(heard.candidates)
        truths.append(home.sequences)
        for appliance in home.appliances:
            taught.append(pattern_candidates(heard.probability, Pattern.of(appliance)))
            mine = home.sequences["appliance"] == appliance.name
            own.append(home.sequences[mine].reset_index(drop=True))
        hours += home.seconds / 3600
    general = threshold_at(found, truths, hours, ALLOWED_PER_HOUR)
    special = threshold_at(taught, own, 2 * hours, ALLOWED_PER_HOUR)
    return weights._replace(threshold=general, pattern_threshold=special), hours


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
    folder: str | Path, epochs: int = 9, homes: int = 60, validation: int = 6
) -> Weights:
    """Train all parts into a folder: ``detector.npz``, both networks as ``.keras``, ``log.csv``.

    Parameters
    ----------
    folder : path
    epochs : int
        Of the tone network.
    homes, validation : int
        Numbers of homes: full of events for the verifier, as they are in life for the thresholds.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    narrow, log = train_tone_net(epochs, TRAIN_SEEDS, verbose=2)
    net = build_tone_net()
    net.set_weights(narrow.get_weights())
    weights = Weights(net.get_weights(), _blank_verifier(), 0.5, 0.5)
    features, labels = labelled_trains(VERIFIER_SEEDS[:homes], weights, **SCENE)
    verifier = train_verifier(features, labels)
    weights = weights._replace(verifier=verifier_weights(verifier))
    weights, hours = choose_thresholds(weights, VALIDATION_SEEDS[:validation])
    for name, model in (("tone_net", net), ("verifier", verifier)):
        with atomic(folder / f"{name}.keras") as temporary:
            model.save(temporary)
    with atomic(folder / "log.csv") as temporary:
        pd.DataFrame(log).to_csv(temporary, index=False, float_format="%.6g")
    save_weights(weights, folder / "detector.npz")
    print(f"{len(labels)} trains, {labels.sum()} sequences; thresholds on {hours:.1f} h: ", end="")
    print(f"{weights.threshold:.4f} in general, {weights.pattern_threshold:.3f} for a pattern")
    return weights


def _blank_verifier() -> list[np.ndarray]:
    n = len(FEATURES)
    sizes = [(n, 24), (24,), (24, 12), (12,), (12, 1), (1,)]
    return [np.zeros(n, np.float32), np.ones(n, np.float32), *(np.zeros(s, "f") for s in sizes)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lib.beeps.train", description=__doc__)
    parser.add_argument("--output", required=True, help="folder for the trained detector")
    parser.add_argument("--epochs", type=int, default=9, help="of the tone network")
    options = parser.parse_args()
    train_detector(options.output, options.epochs)


if __name__ == "__main__":
    main()
