"""A trained language classifier: from cepstra to log-posteriors, on disk and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from lib.audio import atomic
from lib.language.features import SpeechFeatures
from lib.language.places import FRAGMENT, Places

FLOOR = 1e-6
# Excerpts of one length go through a convolution together.
BATCH_FRAMES = 20_000


@dataclass
class LanguageClassifier:
    """A network, the scaling of its input, and the names of its answers.

    Parameters
    ----------
    kind : {"ann", "lstm", "pooled"}
    model : keras.Model
    classes : list of str
        Languages in the order of the posteriors.
    mean, sd : arrays (coefficients,)
        Of the training part, taken from the input and divided by.
    deltas, cmn : bool
        How the cepstra were prepared (`lib.language.speech_features`).
    phones : list of str
        Sounds that a network of clips names at each frame, if it was taught any.
    """

    kind: str
    model: keras.Model
    classes: list[str]
    mean: np.ndarray
    sd: np.ndarray
    deltas: bool = False
    cmn: bool = False
    phones: list[str] = field(default_factory=list)
    _graph: object = field(default=None, repr=False, compare=False)

    def scaled(self, frames: np.ndarray) -> np.ndarray:
        """Cepstra (..., coefficients) on the training part's scale."""
        if frames.shape[-1] != len(self.mean):
            raise ValueError(
                f"The classifier takes {len(self.mean)} coefficients a frame, these have "
                f"{frames.shape[-1]}: make the features with its deltas and cmn."
            )
        return ((frames - self.mean) / self.sd).astype(np.float32)

    def log_posteriors(self, inputs: np.ndarray) -> np.ndarray:
        """Log-probability of each language: frames (n, coefficients) for the ANN, else excerpts
        (n, frames, coefficients) -> (n, languages)."""
        batch = max(1, BATCH_FRAMES // (inputs.shape[1] if inputs.ndim == 3 else 1))
        inputs, forward = self.scaled(inputs), self._forward()
        starts = range(0, len(inputs), batch)
        answer = [self._language(forward(_tensor(inputs[i : i + batch]))) for i in starts]
        answer = np.concatenate(answer)
        if answer.shape[1] == 1:
            answer = np.concatenate([1 - answer, answer], axis=1)
        return np.log(np.maximum(answer, FLOOR))

    def _forward(self):
        """The network as one graph: an LSTM step by step in Python is ten times slower."""
        import tensorflow as tf

        if self._graph is None:
            network = self.model
            # One graph for any number and length of inputs.
            signature = [tf.TensorSpec(network.input_shape, tf.float32)]
            graph = tf.function(lambda x: network(x, training=False), signature)
            self._graph = graph.get_concrete_function()
        return self._graph

    def _language(self, answer) -> np.ndarray:
        return (answer["language"] if isinstance(answer, dict) else answer).numpy()

    def phone_posteriors(self, frames: np.ndarray) -> np.ndarray:
        """Probability of each of `phones` at each frame, (frames, coefficients) -> (frames, phones).

        Raises
        ------
        ValueError
            If the network was not taught phones.
        """
        if not self.phones:
            raise ValueError("This network was not taught phones: train it on synthetic voices.")
        return self._forward()(_tensor(self.scaled(frames)[None]))["phone"].numpy()[0]

    def local_scores(self, speech: SpeechFeatures) -> list[np.ndarray] | None:
        """Log-posteriors all along each clip: of every frame (ANN), of a fragment every ten
        frames (LSTM). None for the network of clips, which needs no such stepping stones."""
        if self.kind == "pooled":
            return None
        length, step = self._stride()
        lengths = [max(0, (len(f) - length) // step + 1) for f in speech.frames]
        if length == 1:
            joined = self.log_posteriors(np.concatenate(speech.frames))
        else:
            windows = [_windows(f, length, step) for f in speech.frames if len(f) >= length]
            joined = self.log_posteriors(np.concatenate(windows))
        return np.split(joined, np.cumsum(lengths)[:-1])

    def score(self, speech: SpeechFeatures, places: Places, local=None) -> np.ndarray:
        """Log-posteriors of the speech at some places, (n, languages).

        The network of clips hears each place whole. Of the others the log-posteriors of the
        frames or fragments inside are averaged; pass `local_scores` if you have them already.
        """
        if self.kind == "pooled":
            return self._whole(speech, places)
        local = self.local_scores(speech) if local is None else local
        length, step = self._stride()
        scores = np.empty((len(places), len(self.classes)), np.float32)
        for row, (clip, start, stop) in enumerate(
            zip(places.clip, places.start, places.stop, strict=True)
        ):
            last = (stop - length) // step + 1
            if last <= start // step:
                raise ValueError(
                    f"{speech.items[clip]} is shorter than a fragment of {length} frames."
                )
            scores[row] = local[clip][start // step : last].mean(axis=0)
        return normalised(scores)

    def _stride(self) -> tuple[int, int]:
        return (1, 1) if self.kind == "ann" else (FRAGMENT, FRAGMENT // 2)

    def _whole(self, speech: SpeechFeatures, places: Places) -> np.ndarray:
        """Places of one length go through the network together."""
        lengths = places.stop - places.start
        scores = np.empty((len(places), len(self.classes)), np.float32)
        for length in np.unique(lengths):
            same = lengths == length
            alike = Places(places.clip[same], places.start[same], places.stop[same])
            scores[same] = self.log_posteriors(alike.cut(speech))
        return scores

    def embed(self, speech: SpeechFeatures) -> np.ndarray:
        """What the network of clips knows of each clip before its answer, (clips, 32)."""
        if self.kind != "pooled":
            raise ValueError(f"A network of kind {self.kind!r} has no code of a clip; use pooled.")
        coder = keras.Model(self.model.input, self.model.get_layer("embedding").output)
        codes = [coder(self.scaled(frames)[None], training=False) for frames in speech.frames]
        return np.concatenate([keras.ops.convert_to_numpy(code) for code in codes])

    def save(self, folder: str | Path) -> None:
        """Write ``model.keras`` and ``classifier.json`` into a folder."""
        folder = Path(folder)
        settings = {
            "kind": self.kind,
            "classes": self.classes,
            "deltas": self.deltas,
            "cmn": self.cmn,
            "phones": self.phones,
            "mean": [round(float(v), 5) for v in self.mean],
            "sd": [round(float(v), 5) for v in self.sd],
        }
        # Without the optimiser's memory, which is twice as large as the network.
        bare = keras.models.clone_model(self.model)
        bare.set_weights(self.model.get_weights())
        with atomic(folder / "model.keras") as temporary:
            bare.save(temporary)
        with atomic(folder / "classifier.json") as temporary:
            temporary.write_text(json.dumps(settings, indent=1))


def load_classifier(folder: str | Path) -> LanguageClassifier:
    """A classifier that `LanguageClassifier.save` wrote; FileNotFoundError with the cure."""
    folder = Path(folder)
    for name in ("model.keras", "classifier.json"):
        if not (folder / name).exists():
            raise FileNotFoundError(
                f"{folder / name} is missing: train a classifier and `save` it there, or take the "
                "shipped one from the repository again (git checkout)."
            )
    settings = json.loads((folder / "classifier.json").read_text())
    model = keras.models.load_model(folder / "model.keras", compile=False, safe_mode=True)
    mean, sd = (np.array(settings.pop(name), np.float32) for name in ("mean", "sd"))
    return LanguageClassifier(model=model, mean=mean, sd=sd, **settings)


def _tensor(inputs: np.ndarray):
    import tensorflow as tf

    return tf.constant(inputs, tf.float32)


def normalised(log_scores: np.ndarray) -> np.ndarray:
    """Log-posteriors that sum to one over the last axis."""
    from scipy.special import log_softmax

    return log_softmax(log_scores, axis=-1)


def _windows(frames: np.ndarray, length: int, step: int) -> np.ndarray:
    cut = np.lib.stride_tricks.sliding_window_view(frames, length, axis=0)[::step]
    return cut.transpose(0, 2, 1)
