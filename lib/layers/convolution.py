"""The V4 autoencoder's two convolutions without the 256-channel volumes behind them.

One window of 128 x 256 becomes 128 x 256 x 256 numbers behind either convolution; a training step
with the stock layers spends most of its time and memory there. Here the same mathematics runs as
matrix products of patches and filters, a few rows of the picture at a time, with gradients
written by hand: a maximum needs only the patch where it was, and rectified activations are made
again rather than kept.
"""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from lib.layers import windows

_serialisable = keras.saving.register_keras_serializable(package="whistle_to_word")


class _PatchLayer(keras.layers.Layer):
    """What both layers share: one kernel over a single-channel picture, worked in blocks of rows."""

    def __init__(self, filters: int, kernel_size=(8, 8), chunk_patches: int = 1024, **kwargs):
        super().__init__(**kwargs)
        if filters < 1 or chunk_patches < 1:
            raise ValueError(f"filters={filters} and chunk_patches={chunk_patches} must be >= 1.")
        self.filters = int(filters)
        self.kernel_size = tuple(int(size) for size in kernel_size)
        self.chunk_patches = int(chunk_patches)
        # The blocks are compiled already; a model compiled around them would start slowly.
        self.supports_jit = False

    def _check(self, shape):
        if len(shape) != 4 or shape[3] != 1 or None in shape[1:3]:
            raise ValueError(
                f"{type(self).__name__} takes pictures of (batch, time, frequency, 1) with fixed "
                f"time and frequency; got {tuple(shape)}."
            )

    def get_config(self) -> dict:
        names = ("filters", "kernel_size", "chunk_patches")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@_serialisable
class ConvMax(_PatchLayer):
    """Conv2D (same) + bias + ReLU + maximum over all frequencies, without the volume between.

    Parameters
    ----------
    filters : int
        Number of filters; 256 in the V4 encoder.
    kernel_size : (int, int)
        Frames and bins of a filter.
    return_position : bool
        Also hand on where the maximum was, scaled to 0..1 over the frequencies and 0 where the
        filter is silent. It carries no gradient.
    chunk_patches : int
        Patches multiplied at once; the largest temporary holds ``chunk_patches x filters`` floats.

    Notes
    -----
    Input (batch, time, frequency, 1), output (batch, time, filters), or a pair of these with
    ``return_position``. Weights as ``keras.layers.Conv2D``: kernel (h, w, 1, filters), bias.
    Bias and ReLU come after the maximum, which is the same because both are monotone. Between
    equal maxima the lowest frequency counts. Source of the layer: LSTM V4. Used by notebooks 02
    to 04 and 09.
    """

    def __init__(self, filters: int, kernel_size=(8, 8), return_position=False, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.return_position = bool(return_position)

    def build(self, input_shape):
        self._check(input_shape)
        self.kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, 1, self.filters), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs):
        if keras.backend.backend() == "tensorflow":
            kernel, bias = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)
            value, position = _conv_max(inputs, kernel, bias, self.chunk_patches)
        else:
            volume = ops.relu(ops.conv(inputs, self.kernel, padding="same") + self.bias)
            value = ops.max(volume, axis=2)
            position = ops.cast(ops.argmax(volume, axis=2), value.dtype)
        if not self.return_position:
            return value
        position = position / max(inputs.shape[2] - 1, 1)
        return value, ops.stop_gradient(ops.where(value > 0, position, 0.0))

    def compute_output_shape(self, input_shape):
        shape = (*input_shape[:2], self.filters)
        return (shape, shape) if self.return_position else shape

    def get_config(self) -> dict:
        return {**super().get_config(), "return_position": self.return_position}


@_serialisable
class FusedDeconvolution(_PatchLayer):
    """Conv2DTranspose (same) + ReLU, then Conv2DTranspose to one channel by 1 x 1, as one layer.

    Parameters
    ----------
    filters : int
        Channels between the two; 256 in the V4 decoder.
    kernel_size : (int, int)
        Frames and bins of the first kernel.
    chunk_patches : int
        Patches multiplied at once; the largest temporary holds ``chunk_patches x filters`` floats.

    Notes
    -----
    Input and output (batch, time, frequency, 1). Weights as the two ``keras.layers.
    Conv2DTranspose`` in turn: kernel (h, w, filters, 1), bias (filters,), output kernel
    (1, 1, 1, filters), output bias (1,). Source of the layer: LSTM V4. Used by notebooks 02, 03
    and 09.
    """

    def __init__(self, filters: int = 256, kernel_size=(8, 8), **kwargs):
        super().__init__(filters, kernel_size, **kwargs)

    def build(self, input_shape):
        self._check(input_shape)
        shapes = {
            "kernel": (*self.kernel_size, self.filters, 1),
            "bias": (self.filters,),
            "output_kernel": (1, 1, 1, self.filters),
            "output_bias": (1,),
        }
        for name, shape in shapes.items():
            initializer = "glorot_uniform" if "kernel" in name else "zeros"
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer=initializer))

    def call(self, inputs):
        weights = (self.kernel, self.bias, self.output_kernel, self.output_bias)
        if keras.backend.backend() == "tensorflow":
            *weights, output_bias = map(tf.convert_to_tensor, weights)
            return _rectified_sum(inputs, *weights, self.chunk_patches) + output_bias
        kernel, bias, output_kernel, output_bias = weights
        volume = ops.relu(ops.conv_transpose(inputs, kernel, 1, padding="same") + bias)
        return ops.conv_transpose(volume, output_kernel, 1, padding="same") + output_bias

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def _conv_max(inputs, kernel, bias, chunk_patches):
    """Rectified maximum over frequency and its bin, both (batch, time, filters)."""
    size, filters = tuple(kernel.shape[:2]), kernel.shape[3]
    _, frames, bins, _ = inputs.shape
    rows = windows.block_rows(frames, bins, chunk_patches)

    # Without `stop_gradient` the tape would also record, and keep, what happens inside.
    @tf.custom_gradient
    def forward(*arguments):
        inputs, kernel, bias = map(tf.stop_gradient, arguments)
        pictures = _with_border(inputs, size, [(side - 1) // 2 for side in size])
        matrix = tf.reshape(kernel, (-1, filters))
        best, where = tf.map_fn(
            lambda picture: windows.maxima(picture, matrix, size, rows),
            pictures,
            fn_output_signature=(inputs.dtype, tf.int32),
        )
        value = tf.nn.relu(best + bias)

        def gradient(upstream, _):
            upstream = tf.where(value > 0, upstream, 0.0)
            d_matrix = tf.map_fn(
                lambda part: windows.maxima_matrix_gradient(*part, size),
                (pictures, where, upstream),
                fn_output_signature=inputs.dtype,
            )
            d_pictures = tf.map_fn(
                lambda part: windows.maxima_picture_gradient(*part, matrix, size, bins),
                (where, upstream),
                fn_output_signature=inputs.dtype,
            )
            d_kernel = tf.reshape(tf.transpose(tf.reduce_sum(d_matrix, 0)), kernel.shape)
            d_inputs = _without_border(d_pictures, inputs, [(side - 1) // 2 for side in size])
            return d_inputs, d_kernel, tf.reduce_sum(upstream, (0, 1))

        return (value, tf.cast(where, value.dtype)), gradient

    return forward(inputs, kernel, bias)


def _rectified_sum(inputs, kernel, bias, output_kernel, chunk_patches):
    """Rectified transposed convolution, weighted and summed over channels, shape of the inputs."""
    size, filters = tuple(kernel.shape[:2]), kernel.shape[2]
    _, frames, bins, _ = inputs.shape
    rows = windows.block_rows(frames, bins, chunk_patches)

    @tf.custom_gradient
    def forward(*arguments):
        inputs, kernel, bias, output_kernel = map(tf.stop_gradient, arguments)
        # A transposed convolution is a convolution with the kernel turned round.
        pictures = _with_border(inputs, size, [side // 2 for side in size])
        matrix = tf.reshape(tf.reverse(kernel, (0, 1)), (-1, filters))
        out = tf.reshape(output_kernel, (filters,))
        value = tf.map_fn(
            lambda picture: windows.rectified_sum(picture, matrix, bias, out, size, rows),
            pictures,
            fn_output_signature=inputs.dtype,
        )

        def gradient(upstream):
            d_pictures, *d_weights = tf.map_fn(
                lambda part: windows.rectified_sum_gradients(
                    part[0], matrix, bias, out, part[1], size, rows
                ),
                (pictures, upstream[..., 0]),
                fn_output_signature=(inputs.dtype,) * 4,
            )
            d_matrix, d_bias, d_out = (tf.reduce_sum(part, 0) for part in d_weights)
            d_kernel = tf.reverse(tf.reshape(d_matrix, kernel.shape), (0, 1))
            d_inputs = _without_border(d_pictures, inputs, [side // 2 for side in size])
            return d_inputs, d_kernel, d_bias, tf.reshape(d_out, output_kernel.shape)

        return value[..., None], gradient

    return forward(inputs, kernel, bias, output_kernel)


def _with_border(inputs, size, before):
    """Pictures with zeros around: (batch, time + h - 1, frequency + w - 1)."""
    border = [(start, side - 1 - start) for start, side in zip(before, size, strict=True)]
    return tf.pad(inputs[..., 0], [(0, 0), *border])


def _without_border(pictures, inputs, before):
    _, frames, bins, _ = inputs.shape
    top, left = before
    return pictures[:, top : top + frames, left : left + bins, None]
