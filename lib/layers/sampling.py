"""The variational step: draw a code, and what drawing it costs."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="whistle_to_word")
class Sampling(keras.layers.Layer):
    """Draw a code from its mean and log-variance while training; at inference hand on the mean.

    Notes
    -----
    Called on ``(mean, log_variance)``, both (batch, code). Used by notebook 02.
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        mean, log_variance = inputs
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.generator)
        return mean + ops.exp(0.5 * log_variance) * noise

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])

    def get_config(self) -> dict:
        return {**super().get_config(), "seed": self.seed}


def kl_divergence(mean, log_variance):
    """Kullback-Leibler divergence of each code from the unit normal in nats, shape (batch,)."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance, axis=-1)
