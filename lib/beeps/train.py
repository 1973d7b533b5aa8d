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
from lib.beeps.verifier import FEATURES, MOST_SD, build_verifier
from lib.beeps.weights import Weights
from lib.synthesis.soundscape import soundscape

# Seeds of homes; tests use those from 9,000 on.
VERIFIER_SEEDS = range(20_000, 20_200)
VALIDATION_SEEDS = range(8_000, 8_018)
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
DENSE = ("first", "second", "logit")


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
    rows, overlaps = [np.empty((0, len(FEATURES)), np.float32)], []
    for seed in tqdm(list(seeds), desc="homes"):
        home = soundscape(seed, **scene)
        truth = home.sequences[["start", "stop"]].to_numpy()
        for train, features in trains_of(narrowed(home.signal, seed), weights):
            rows.append(features[None])
            overlaps.append(_overlap((train.starts[0], train.stops[-1]), truth))
    return _labelled(np.concatenate(rows), np.array(overlaps))


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


def train_verifier(features, labels, costs, epochs: int = 120, seed: int = 0):
    """Keras model on `labelled_trains`."""
    import keras

    keras.utils.set_random_seed(seed)
    model = build_verifier()
    standard = model.get_layer("standardise")
    standard.adapt(features)
    mean, sd, *_ = verifier_weights(model)
    features = np.clip(features, mean - MOST_SD * sd, mean + MOST_SD * sd)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * (len(features) // 64 + 1))
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.002)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.05), loss, jit_compile=False)
    model.fit(
        features,
        labels.astype("float32"),
        sample_weight=costs,
        batch_size=64,
        epochs=epochs,
        verbose=0,
    )
    return model


def verifier_weights(model) -> list[np.ndarray]:
    """Mean, standard deviation, then kernels and biases, as `lib.beeps.verifier.Verifier` wants."""
    standard = model.get_layer("standardise")
    mean, variance = (np.asarray(x, np.float32).ravel() for x in (standard.mean, standard.variance))
    layers = [w for layer in model.layers if layer.name in DENSE for w in layer.get_weights()]
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
    folder: str | Path, epochs: int = 9, homes: int = 73, validation: int = 18
) -> Weights:
    """Train all parts into a folder: ``detector.npz``, both networks as ``.keras``, ``log.csv``.

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
    verifier = train_verifier(*trains)
    with atomic(folder / "verifier.keras") as temporary:
        verifier.save(temporary)
    weights = weights._replace(verifier=verifier_weights(verifier))
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
    n = len(FEATURES)
    sizes = [(n, 48), (48,), (48, 24), (24,), (24, 1), (1,)]
    return [np.zeros(n, np.float32), np.ones(n, np.float32), *(np.zeros(s, "f") for s in sizes)]


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
