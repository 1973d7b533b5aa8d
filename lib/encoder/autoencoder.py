"""Encoder and decoder trained together, with what is measured on the way."""

from __future__ import annotations

import keras
from keras import ops

from lib.encoder.architecture import build_decoder, build_encoder
from lib.layers import kl_divergence

# A target below holds nothing in a frame; and how strongly the brightest bin outweighs the others.
LEAST_PEAK = 0.3
SHARPNESS = 3.0


@keras.saving.register_keras_serializable(package="whistle_to_word")
class Autoencoder(keras.Model):
    """Encoder, decoder and their loss.

    Parameters
    ----------
    encoder, decoder : keras.Model
        As `build_encoder` and `build_decoder` make them.
    reconstruction_weight : float
        Factor on the mean squared error; 1000 in the published loss of v4.2.
    kl_weight : float
        Factor on the KL divergence to the unit normal, in nats; it only counts where the encoder
        hands on a log-variance.
    warm_up : int
        Steps over which the KL weight rises linearly from 0; 0, as published, gives it whole.
    peak_weight : float
        Factor on `peak_cross_entropy`; 0, as published, leaves it out.

    Notes
    -----
    Watches ``explained_variance`` (of the target; 0 is what its mean would score) and, for a
    variational encoder, ``kl`` in nats. Used by notebooks 02 and 09.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        reconstruction_weight: float = 1000.0,
        kl_weight: float = 1.0,
        warm_up: int = 0,
        peak_weight: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.reconstruction_weight = reconstruction_weight
        self.kl_weight, self.warm_up, self.peak_weight = kl_weight, warm_up, peak_weight
        self.variance_tracker = ExplainedVariance(name="explained_variance")
        self.kl_tracker = keras.metrics.Mean(name="kl")

    def call(self, windows, training=False):
        codes = self.encoder(windows, training=training)
        if not isinstance(codes, dict):
            return {"reconstruction": self.decoder(codes, training=training)}
        return {**codes, "reconstruction": self.decoder(codes["code"], training=training)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        reconstruction = y_pred["reconstruction"]
        self.variance_tracker.update_state(y, reconstruction)
        loss = self.reconstruction_weight * ops.mean(ops.square(y - reconstruction))
        if self.peak_weight:
            loss = loss + self.peak_weight * peak_cross_entropy(y, reconstruction)
        if "code_log_variance" in y_pred:
            kl = ops.mean(kl_divergence(y_pred["code_mean"], y_pred["code_log_variance"]))
            self.kl_tracker.update_state(kl)
            loss = loss + self._warmed_weight() * kl
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return self.get_metrics_result()

    def get_config(self) -> dict:
        saved = keras.saving.serialize_keras_object
        config = {"encoder": saved(self.encoder), "decoder": saved(self.decoder)}
        numbers = ("reconstruction_weight", "kl_weight", "warm_up", "peak_weight")
        return {**super().get_config(), **config, **{name: getattr(self, name) for name in numbers}}

    @classmethod
    def from_config(cls, config: dict) -> Autoencoder:
        parts = {
            name: keras.saving.deserialize_keras_object(config.pop(name))
            for name in ("encoder", "decoder")
        }
        return cls(**parts, **config)

    def _warmed_weight(self):
        if not self.warm_up:
            return self.kl_weight
        step = ops.cast(self.optimizer.iterations, "float32")
        return self.kl_weight * ops.minimum(1.0, step / self.warm_up)


@keras.saving.register_keras_serializable(package="whistle_to_word")
class ExplainedVariance(keras.metrics.Metric):
    """Share of the target's variance that the prediction explains: 1 is all, 0 is its mean's."""

    def __init__(self, name: str = "explained_variance", **kwargs):
        super().__init__(name=name, **kwargs)
        sums = ("count", "error", "total", "square")
        self.sums = {s: self.add_weight(name=s, initializer="zeros") for s in sums}

    def update_state(self, target, prediction, sample_weight=None):
        self.sums["count"].assign_add(ops.cast(ops.size(target), "float32"))
        self.sums["error"].assign_add(ops.sum(ops.square(target - prediction)))
        self.sums["total"].assign_add(ops.sum(target))
        self.sums["square"].assign_add(ops.sum(ops.square(target)))

    def result(self):
        count = ops.maximum(self.sums["count"], 1.0)
        spread = self.sums["square"] - ops.square(self.sums["total"]) / count
        return 1.0 - self.sums["error"] / ops.maximum(spread, 1e-12)


def peak_cross_entropy(targets, pictures):
    """How far frames are brightest elsewhere than their targets: cross-entropy over the bins, nats.

    Parameters
    ----------
    targets, pictures : tensors (n, frames, bins, 1)
        Frames whose target stays below 0.3, which hold nothing, do not count.

    Returns
    -------
    Scalar: mean over the frames that count, of the pictures' softmax against the targets'.
    """
    targets, pictures = targets[..., 0], pictures[..., 0]
    counts = ops.cast(ops.max(targets, axis=-1) > LEAST_PEAK, pictures.dtype)
    wanted = ops.softmax(SHARPNESS * targets, axis=-1)
    entropy = ops.categorical_crossentropy(wanted, SHARPNESS * pictures, from_logits=True)
    return ops.sum(counts * entropy) / (ops.sum(counts) + 1.0)


def build_autoencoder(version: str = "4.4", stock: bool = False, **loss) -> Autoencoder:
    """Encoder and decoder of one version, joined; ``loss`` goes to `Autoencoder`."""
    encoder = build_encoder(version=version, stock=stock)
    decoder = build_decoder(version=version, stock=stock)
    return Autoencoder(encoder, decoder, name=f"autoencoder_v{version.replace('.', '_')}", **loss)
