"""Keras layers that give the V4 encoder's convolutions without their 256-channel volumes.

One window of 128 x 256 becomes 128 x 256 x 256 numbers behind either convolution of the V4
autoencoder; a training step with the stock layers spends most of its time and memory there.
Here the same mathematics runs as matrix products of patches and filters, a few rows of the
picture at a time, and the gradients are written by hand: a maximum needs only the patch where it
was, and rectified activations are made again rather than kept. Weights have the shapes and the
order of the stock layers, so that ``set_weights`` moves them both ways.

On another Keras backend than TensorFlow the layers compute the plain way.
"""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

_serialisable = keras.saving.register_keras_serializable(package="whistle_to_word")


class _PatchLayer(keras.layers.Layer):
    """What both fused layers share: one kernel over a single-channel picture, worked in chunks."""

    def __init__(self, filters: int, kernel_size=(8, 8), chunk_patches: int = 4096, **kwargs):
        super().__init__(**kwargs)
        if filters < 1 or chunk_patches < 1:
            raise ValueError(f"filters={filters} and chunk_patches={chunk_patches} must be >= 1.")
        self.filters = int(filters)
        self.kernel_size = tuple(int(size) for size in kernel_size)
        self.chunk_patches = int(chunk_patches)

    def _check(self, shape):
        if len(shape) != 4 or shape[3] != 1 or None in shape[1:3]:
            raise ValueError(
                f"{type(self).__name__} takes pictures of (batch, time, frequency, 1) with fixed "
                f"time and frequency; got {tuple(shape)}."
            )

    def get_config(self) -> dict:
        config = {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "chunk_patches": self.chunk_patches,
        }
        return {**super().get_config(), **config}


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
    Bias and ReLU come after the maximum, which is the same because both are monotone. The
    gradient gathers the one patch at each maximum; between equal maxima it takes the lowest
    frequency. Source of the layer: LSTM V4. Used by notebooks 02 to 04 and 09.
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
            position = ops.cast(ops.argmax(volume, axis=2), value.dtype) / (inputs.shape[2] - 1)
        if not self.return_position:
            return value
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
            weights = [tf.convert_to_tensor(weight) for weight in weights]
            return _fused_deconvolution(inputs, *weights, self.chunk_patches)
        kernel, bias, output_kernel, output_bias = weights
        volume = ops.relu(ops.conv_transpose(inputs, kernel, 1, padding="same") + bias)
        return ops.conv_transpose(volume, output_kernel, 1, padding="same") + output_bias

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


@_serialisable
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


def _conv_max(picture, kernel, bias, chunk_patches):
    """Rectified maximum over frequency and its relative position, both (batch, time, filters)."""
    height, width, _, filters = kernel.shape
    before = ((height - 1) // 2, (width - 1) // 2)

    @tf.custom_gradient
    def forward(picture, kernel, bias):
        chunks = _Chunks(picture, (height, width), before, chunk_patches)
        matrix = tf.reshape(kernel, (height * width, filters))

        def best(index):
            response = tf.reshape(chunks.patches(index) @ matrix, (chunks.rows, -1, filters))
            where = tf.argmax(response, axis=1, output_type=tf.int32)
            return tf.reduce_max(response, axis=1), where

        dtypes = (picture.dtype, tf.int32)
        value, where = tf.map_fn(best, chunks.range, fn_output_signature=dtypes)
        value = tf.nn.relu(chunks.join(value) + bias)
        position = tf.cast(chunks.join(where), picture.dtype) / max(chunks.bins - 1, 1)

        def gradient(upstream, _):
            upstream = tf.where(value > 0, upstream, 0.0)
            split = chunks.split(upstream)

            def at_maximum(index):
                row = tf.range(chunks.rows)[:, None] * chunks.bins
                return tf.reshape(row + where[index], (-1,))

            def add_patches(total, index):
                found = tf.gather(chunks.patches(index), at_maximum(index))
                found = tf.reshape(found, (chunks.rows, filters, height * width))
                return total + tf.reduce_sum(found * split[index][..., None], axis=0)

            def spread(index):
                weighted = split[index][..., None] * tf.transpose(matrix)
                weighted = tf.reshape(weighted, (-1, height * width))
                n_patches = chunks.rows * chunks.bins
                return chunks.fold(
                    tf.math.unsorted_segment_sum(weighted, at_maximum(index), n_patches)
                )

            d_matrix = tf.foldl(
                add_patches, chunks.range, tf.zeros((filters, height * width), picture.dtype)
            )
            d_picture = tf.map_fn(spread, chunks.range, fn_output_signature=picture.dtype)
            d_kernel = tf.reshape(tf.transpose(d_matrix), kernel.shape)
            return chunks.join_folded(d_picture), d_kernel, tf.reduce_sum(upstream, (0, 1))

        return (value, position), gradient

    return forward(picture, kernel, bias)


def _fused_deconvolution(picture, kernel, bias, output_kernel, output_bias, chunk_patches):
    """Rectified transposed convolution and its weighted sum over channels, shape of the picture."""
    height, width, filters, _ = kernel.shape
    before = (height // 2, width // 2)

    @tf.custom_gradient
    def forward(picture, kernel, bias, output_kernel, output_bias):
        chunks = _Chunks(picture, (height, width), before, chunk_patches)
        # A transposed convolution is a convolution with the kernel turned round; the bias rides
        # along as the weight of a patch value that is always 1.
        turned = tf.reshape(tf.reverse(kernel, (0, 1)), (height * width, filters))
        matrix = tf.concat([turned, bias[None]], axis=0)
        out = tf.reshape(output_kernel, (filters, 1))

        def weigh(index):
            return tf.nn.relu(chunks.patches(index, one=True) @ matrix) @ out

        value = tf.map_fn(weigh, chunks.range, fn_output_signature=picture.dtype)
        value = chunks.join(tf.reshape(value, (-1, chunks.rows, chunks.bins, 1))) + output_bias

        def gradient(upstream):
            split = chunks.split(upstream[..., 0])
            weighted = tf.transpose(matrix[:-1]) * out

            def add_chunk(state, index):
                moment, _ = state
                patches = chunks.patches(index, one=True)
                active = tf.cast(patches @ matrix > 0, picture.dtype)
                column = tf.reshape(split[index], (-1, 1))
                moment += tf.matmul(patches * column, active, transpose_a=True)
                return moment, chunks.fold(column * (active @ weighted))

            slab = tf.zeros((chunks.rows + height - 1, chunks.bins + width - 1), picture.dtype)
            moments, folded = tf.scan(add_chunk, chunks.range, (tf.zeros_like(matrix), slab))
            moment = moments[-1]
            d_matrix = moment * out[:, 0]
            d_kernel = tf.reverse(tf.reshape(d_matrix[:-1], kernel.shape), (0, 1))
            d_out = tf.reshape(tf.reduce_sum(moment * matrix, axis=0), output_kernel.shape)
            d_bias = tf.reduce_sum(upstream)[None]
            return chunks.join_folded(folded), d_kernel, d_matrix[-1], d_out, d_bias

        return value, gradient

    return forward(picture, kernel, bias, output_kernel, output_bias)


class _Chunks:
    """A batch of pictures cut into blocks of rows, each with the border its patches reach into.

    Rows are chosen so that a block holds about ``chunk_patches`` patches; the last block of a
    picture is padded with zeros. At least ``height - 1`` rows, so that a folded block reaches no
    further than the next one.
    """

    def __init__(self, picture, kernel_size, before, chunk_patches):
        height, width = kernel_size
        _, frames, bins, _ = picture.shape
        self.size, self.frames, self.bins, self.before = kernel_size, frames, bins, before
        rows = max(height - 1, 1, chunk_patches // bins)
        self.blocks = -(-frames // rows)
        self.rows = max(height - 1, 1, -(-frames // self.blocks))
        self.surplus = self.blocks * self.rows - frames
        after = (height - 1 - before[0] + self.surplus, width - 1 - before[1])
        border = ((0, 0), (before[0], after[0]), (before[1], after[1]))
        self.padded = tf.pad(picture[..., 0], border)
        self.range = tf.range(tf.shape(picture)[0] * self.blocks)

    def patches(self, index, one=False):
        """All patches of a block, (rows x bins, height x width), with a column of ones if asked."""
        height, width = self.size
        row = index % self.blocks * self.rows
        block = self.padded[index // self.blocks, row : row + self.rows + height - 1]
        block = tf.reshape(block, (1, self.rows + height - 1, self.bins + width - 1, 1))
        patches = tf.image.extract_patches(
            block, (1, height, width, 1), (1, 1, 1, 1), (1, 1, 1, 1), "VALID"
        )
        patches = tf.reshape(patches, (self.rows * self.bins, height * width))
        return tf.concat([patches, tf.ones_like(patches[:, :1])], axis=1) if one else patches

    def split(self, values):
        """(batch, frames, k) -> (blocks of all pictures, rows, k), zeros past a picture's end."""
        values = tf.pad(values, ((0, 0), (0, self.surplus), (0, 0)))
        return tf.reshape(values, (-1, self.rows, values.shape[2]))

    def join(self, values):
        """(blocks of all pictures, rows, ...) -> (batch, frames, ...)."""
        values = tf.reshape(values, (-1, self.blocks * self.rows, *values.shape[2:]))
        return values[:, : self.frames]

    def fold(self, patches):
        """Add a block's patches back where they were taken, (rows + h - 1, bins + w - 1)."""
        height, width = self.size
        patches = tf.reshape(patches, (self.rows, self.bins, height, width))
        rows = tf.add_n(
            [
                tf.pad(patches[:, :, :, i], ((0, 0), (i, width - 1 - i), (0, 0)))
                for i in range(width)
            ]
        )
        return tf.add_n(
            [tf.pad(rows[:, :, i], ((i, height - 1 - i), (0, 0))) for i in range(height)]
        )

    def join_folded(self, folded):
        """Overlapping folded blocks -> gradient to the pictures (batch, frames, bins, 1)."""
        shape = (-1, self.blocks, *folded.shape[1:])
        folded = tf.reshape(folded, shape)
        body, tail = folded[:, :, : self.rows], folded[:, :, self.rows :]
        body = tf.pad(body, ((0, 0), (0, 1), (0, 0), (0, 0)))
        rest = self.rows - tail.shape[2]
        body += tf.pad(tail, ((0, 0), (1, 0), (0, rest), (0, 0)))
        body = tf.reshape(body, (-1, (self.blocks + 1) * self.rows, folded.shape[3]))
        top, left = self.before
        return body[:, top : top + self.frames, left : left + self.bins, None]
