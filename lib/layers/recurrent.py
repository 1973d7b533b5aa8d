"""A long short-term memory with a gradient of its own, for processors.

The stock layer multiplies the input and adds to the weights' gradient at every step, small
products that wait for memory. Only the state depends on the step before: here the input is
multiplied once for all steps, the loops back and forth hold one small product each, and the
gradients of the weights are one large product each at the end.
"""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="whistle_to_word")
class FusedLSTM(keras.layers.LSTM):
    """``keras.layers.LSTM`` with the same arguments and weights, faster on processors.

    Notes
    -----
    The fast way serves sequences without mask, initial state, dropout or returned state, with the
    default activations; anything else, graphics processors (which have their own kernel) and
    other Keras backends fall back on the stock layer. Used by notebooks 02 to 04 and 09.
    """

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if initial_state is not None or mask is not None or not self._plain():
            return super().call(sequences, initial_state, mask, training)
        steps = tf.transpose(sequences, (1, 0, 2))
        steps = steps[::-1] if self.go_backwards else steps
        cell = self.cell
        weights = (cell.kernel, cell.recurrent_kernel, cell.bias)
        states = _lstm(steps, *map(tf.convert_to_tensor, weights))
        return tf.transpose(states, (1, 0, 2)) if self.return_sequences else states[-1]

    def _plain(self) -> bool:
        options = (self.stateful, self.return_state, self.dropout, self.recurrent_dropout)
        activations = (self.recurrent_activation, self.activation)
        return (
            keras.backend.backend() == "tensorflow"
            and not any(options)
            and self.use_bias
            and activations == (keras.activations.sigmoid, keras.activations.tanh)
            and not tf.config.list_physical_devices("GPU")
        )


@tf.custom_gradient
def _lstm(*arguments):
    """States at every step: (time, batch, inputs) -> (time, batch, units)."""
    # Without `stop_gradient` the tape would also record, and keep, what happens inside.
    steps, kernel, recurrent, bias = map(tf.stop_gradient, arguments)
    time, _, inputs = steps.shape
    units = recurrent.shape[0]
    flat = tf.reshape(steps, (-1, inputs))
    projected = tf.reshape(flat @ kernel + bias, (time, -1, 4 * units))
    states, memories, gates = _run(projected, recurrent)

    def gradient(upstream):
        slopes = tf.reshape(_run_back(upstream, memories, gates, recurrent), (-1, 4 * units))
        before = tf.reshape(tf.pad(states[:-1], ((1, 0), (0, 0), (0, 0))), (-1, units))
        return (
            tf.reshape(tf.matmul(slopes, kernel, transpose_b=True), tf.shape(steps)),
            tf.matmul(flat, slopes, transpose_a=True),
            tf.matmul(before, slopes, transpose_a=True),
            tf.reduce_sum(slopes, axis=0),
        )

    return states, gradient


@tf.function(jit_compile=True)
def _run(projected, recurrent):
    """The recurrence forwards: states, memories and gates of every step, time first."""
    units = recurrent.shape[0]

    def step(time, state, memory, kept):
        total = projected[time] + state @ recurrent
        enter, forget, _, leave = tf.split(tf.sigmoid(total), 4, axis=1)
        fresh = tf.tanh(total[:, 2 * units : 3 * units])
        memory = forget * memory + enter * fresh
        state = leave * tf.tanh(memory)
        values = (state, memory, tf.concat([enter, forget, fresh, leave], axis=1))
        kept = [array.write(time, value) for array, value in zip(kept, values, strict=True)]
        return time + 1, state, memory, kept

    n_steps = projected.shape[0]
    zero = tf.zeros_like(projected[0, :, :units])
    arrays = [tf.TensorArray(projected.dtype, n_steps) for _ in range(3)]
    *_, kept = tf.while_loop(lambda time, *_: time < n_steps, step, (0, zero, zero, arrays))
    return [array.stack() for array in kept]


@tf.function(jit_compile=True)
def _run_back(upstream, memories, gates, recurrent):
    """The recurrence backwards: gradient to what enters the gates at every step."""
    turned = tf.transpose(recurrent)

    def step(time, to_state, to_memory, slopes):
        enter, forget, fresh, leave = tf.split(gates[time], 4, axis=1)
        before = tf.where(time > 0, memories[tf.maximum(time - 1, 0)], 0.0)
        squashed = tf.tanh(memories[time])
        to_state += upstream[time]
        to_memory += to_state * leave * (1 - squashed**2)
        slope = tf.concat(
            [
                to_memory * fresh * enter * (1 - enter),
                to_memory * before * forget * (1 - forget),
                to_memory * enter * (1 - fresh**2),
                to_state * squashed * leave * (1 - leave),
            ],
            axis=1,
        )
        return time - 1, slope @ turned, to_memory * forget, slopes.write(time, slope)

    n_steps = upstream.shape[0]
    zero = tf.zeros_like(upstream[0])
    slopes = tf.TensorArray(upstream.dtype, n_steps)
    state = (n_steps - 1, zero, zero, slopes)
    return tf.while_loop(lambda time, *_: time >= 0, step, state)[-1].stack()
