"""A training loop for small dense networks, compiled whole: the batches of an epoch in one call.

A step of the paper's autoencoder takes 2 ms of arithmetic; called batch by batch from Python it
takes four to ten times that. The loop does what ``keras.Model.fit`` does, as a test shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

BATCH = 32
# Items given to a trained model at once.
ANSWERED = 2048
# Arrays are lengthened to this at least: sets of every smaller size share one compilation.
CAPACITY = 4096


class Trainer:
    """Train one architecture again and again, each time from fresh weights, compiled once.

    Parameters
    ----------
    build : callable () -> keras.Model
        Makes the model; one input, one or several outputs.
    optimiser : callable () -> keras.optimizers.Optimizer
    losses : sequence of callables (truth, predicted) -> losses of the items
        One an output, as in ``keras.losses``.
    batch_size : int
        32 in the source.
    xla : bool
        Compile by XLA: some seconds once, then a dense network's step takes half the time. Short
        trainings and convolutions are better off without.

    Notes
    -----
    The incomplete batch at an epoch's end is left out; each epoch draws another order, so every
    item is seen. Fewer items than one batch fill it up by coming twice. Used by notebook 07 through `lib.keywords.representations` and `heads`.
    """

    def __init__(
        self, build, optimiser, losses: Sequence, batch_size: int = BATCH, xla: bool = True
    ):
        self.build, self.losses, self.batch_size = build, tuple(losses), batch_size
        self.xla = xla
        self.model, self.optimiser = build(), optimiser()
        self.optimiser.build(self.model.trainable_variables)
        self._first_state = [np.array(v) for v in self.optimiser.variables]
        self._epoch, self._loss = self._compile()

    def fit(
        self,
        inputs: np.ndarray,
        targets: Sequence[np.ndarray],
        epochs: int,
        patience: int = 5,
        held_out: tuple[np.ndarray, Sequence[np.ndarray]] | None = None,
        weights: Sequence[float] | None = None,
        seed: int = 0,
    ):
        """Train from fresh weights until the watched loss has not fallen for `patience` epochs.

        Parameters
        ----------
        inputs : array (n, ...)
        targets : sequence of arrays (n, ...)
            One an output.
        epochs, patience : int
        held_out : (inputs, targets), optional
            With it their loss is watched and the best epoch's weights are kept; without, the
            training loss is watched and the last weights stay, as in the source's autoencoder.
        weights : sequence of float, optional
            Of each output's loss, 1 by default.
        seed : int

        Returns
        -------
        model : keras.Model
            The trainer's own; the next `fit` overwrites it.
        log : DataFrame[epoch, loss, val_loss]

        Raises
        ------
        ValueError
            If lengths differ, a value is not finite, or training diverges.
        """
        self._check(inputs, targets)
        self._restart(seed)
        rng, weights = np.random.default_rng(seed), weights or [1.0] * len(self.losses)
        data, steps = self._padded(inputs, targets), max(1, len(inputs) // self.batch_size)
        rows, best, since, kept = [], math.inf, 0, None
        for epoch in range(epochs):
            order = self._order(rng, len(inputs), steps, data[0].shape[0])
            loss = float(self._epoch(*data, order, np.array(steps), np.float32(weights)))
            watched = loss if held_out is None else self.loss_of(*held_out, weights)
            rows.append((epoch, loss, watched if held_out else math.nan))
            if not math.isfinite(loss):
                raise ValueError(f"Training diverged in epoch {epoch}: scale the inputs.")
            if watched < best:
                best, since = watched, 0
                kept = self.model.get_weights() if held_out is not None else None
            elif (since := since + 1) >= patience:
                break
        if kept is not None:
            self.model.set_weights(kept)
        return self.model, pd.DataFrame(rows, columns=["epoch", "loss", "val_loss"])

    def loss_of(self, inputs, targets, weights) -> float:
        """Loss of held-out items, all outputs together."""
        return float(self._loss(inputs, tuple(targets), np.float32(weights)))

    def _restart(self, seed: int) -> None:
        import keras

        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for variable, value in zip(self.optimiser.variables, self._first_state, strict=True):
            variable.assign(value)

    def _padded(self, inputs, targets) -> list:
        """Arrays lengthened with zeros that are never drawn."""
        import tensorflow as tf

        capacity = max(CAPACITY, 2 ** math.ceil(math.log2(len(inputs))))
        room = capacity - len(inputs)
        arrays = [inputs, *targets]
        long = [np.pad(a, [(0, room)] + [(0, 0)] * (a.ndim - 1)) for a in arrays]
        long[0] = long[0].astype(np.float32)
        tensors = [tf.constant(array) for array in long]
        return [tensors[0], tuple(tensors[1:])]

    def _order(self, rng, n: int, steps: int, capacity: int) -> np.ndarray:
        """Rows of each batch, int32 (as many batches as ever fit, batch size)."""
        order = np.zeros((capacity // self.batch_size, self.batch_size), np.int32)
        rows = np.resize(rng.permutation(n), steps * self.batch_size)
        order[:steps] = rows.reshape(steps, self.batch_size)
        return order

    def _compile(self):
        import tensorflow as tf

        model, optimiser = self.model, self.optimiser

        def total(inputs, targets, weights, training):
            outputs = model(inputs, training=training)
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            means = [
                tf.reduce_mean(loss(truth, guess))
                for loss, truth, guess in zip(self.losses, targets, outputs, strict=True)
            ]
            return tf.tensordot(tf.stack(means), weights, 1)

        @tf.function(jit_compile=self.xla)
        def epoch(inputs, targets, order, steps, weights):
            summed = tf.zeros(())
            for step in tf.range(steps):
                rows = order[step]
                with tf.GradientTape() as tape:
                    batch = tuple(tf.gather(target, rows) for target in targets)
                    loss = total(tf.gather(inputs, rows), batch, weights, True)
                optimiser.apply(tape.gradient(loss, model.trainable_variables))
                summed += loss
            return summed / tf.cast(steps, tf.float32)

        @tf.function(reduce_retracing=True)
        def held_out_loss(inputs, targets, weights):
            return total(inputs, targets, weights, False)

        return epoch, held_out_loss

    def _check(self, inputs, targets) -> None:
        lengths = {len(array) for array in (inputs, *targets)}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(f"Inputs and targets of lengths {sorted(lengths)}: equal, please.")
        if len(targets) != len(self.losses):
            raise ValueError(f"{len(targets)} targets for {len(self.losses)} outputs.")
        if not all(np.isfinite(array).all() for array in (inputs, *targets)):
            raise ValueError("Inputs or targets hold NaN or infinite values.")


def copy_of(model):
    """A model that no further training of this one changes."""
    import keras

    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def answers(model, values: np.ndarray) -> np.ndarray:
    """What a model of one output makes of values (n, ...): without tracing, unlike ``predict``."""
    blocks = range(0, len(values), ANSWERED)
    parts = [model(values[start : start + ANSWERED], training=False) for start in blocks]
    return np.concatenate([np.asarray(part) for part in parts])
