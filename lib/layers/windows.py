"""Convolutions of one picture as matrix products of patches and filters, a few rows at a time.

Each function takes one picture with its zero border, (time + h - 1, frequency + w - 1), and
filters as the columns of a (h x w, filters) matrix. XLA compiles it once for its shape and fuses
what follows a product (maximum, ReLU, mask) into one pass over a block that is still in the cache.
"""

from __future__ import annotations

import tensorflow as tf

compiled = tf.function(jit_compile=True)


def block_rows(frames: int, bins: int, chunk_patches: int) -> int:
    """Rows of a block of at most ``chunk_patches`` patches (or one row), evenly divided."""
    blocks = -(-frames // max(1, chunk_patches // bins))
    return -(-frames // blocks)


@compiled
def maxima(picture, matrix, size, rows):
    """Largest response of each filter over frequency and its bin, both (time, filters)."""
    slid = _slide(picture, size, rows)
    bins, filters = slid.shape[1], matrix.shape[1]

    def block(first):
        response = tf.reshape(_patches(slid, first, rows, size) @ matrix, (rows, bins, filters))
        best = tf.reduce_max(response, axis=1)
        # The lowest bin that holds the maximum; argmax does not vectorise.
        held = tf.where(response == best[:, None], tf.range(bins)[:, None], bins)
        return best, tf.reduce_min(held, axis=1)

    firsts = _firsts(picture, size, rows)
    best, where = tf.map_fn(block, firsts, fn_output_signature=(picture.dtype, tf.int32))
    frames = picture.shape[0] - size[0] + 1
    return tuple(tf.reshape(value, (-1, filters))[:frames] for value in (best, where))


@compiled
def maxima_matrix_gradient(picture, where, upstream, size):
    """Gradient of the maxima to the filters, (filters, h x w): the patch at each maximum."""
    slid = _slide(picture, size, 1)

    def add_frame(frame, total):
        patches = _patches(slid, frame, 1, size)
        return frame + 1, total + upstream[frame][:, None] * tf.gather(patches, where[frame])

    total = tf.zeros((where.shape[1], size[0] * size[1]), picture.dtype)
    return tf.while_loop(lambda frame, _: frame < where.shape[0], add_frame, (0, total))[1]


@compiled
def maxima_picture_gradient(where, upstream, matrix, size, bins):
    """Gradient of the maxima to the picture and its border."""
    filters = tf.transpose(matrix)

    def frame(index):
        weighted = upstream[index][:, None] * filters
        return _fold_bins(tf.math.unsorted_segment_sum(weighted, where[index], bins), 1, size)[0]

    frames = tf.range(where.shape[0])
    return _fold_frames(tf.map_fn(frame, frames, fn_output_signature=upstream.dtype), size)


@compiled
def rectified_sum(picture, matrix, bias, out, size, rows):
    """Rectified responses weighted by ``out`` and summed over the filters, (time, frequency)."""
    slid = _slide(picture, size, rows)

    def block(first):
        response = _patches(slid, first, rows, size) @ matrix + bias
        return tf.linalg.matvec(tf.nn.relu(response), out)

    firsts = _firsts(picture, size, rows)
    value = tf.map_fn(block, firsts, fn_output_signature=picture.dtype)
    return tf.reshape(value, (-1, slid.shape[1]))[: picture.shape[0] - size[0] + 1]


@compiled
def rectified_sum_gradients(picture, matrix, bias, out, upstream, size, rows):
    """Gradients of the rectified sum to picture (with border), matrix, bias and ``out``.

    Where a filter is active it passes ``upstream`` on, elsewhere nothing. With these passed values
    H (patches x filters) and the patches A, everything else is A^T H and H times the weights.
    """
    slid = _slide(picture, size, rows)
    frames, bins = upstream.shape
    upstream = tf.pad(upstream, ((0, -frames % rows), (0, 0)))
    weighted = tf.transpose(matrix * out)

    def add_block(index, moment, total, folded):
        patches = _patches(slid, index * rows, rows, size)
        given = tf.reshape(tf.slice(upstream, (index * rows, 0), (rows, bins)), (-1, 1))
        passed = tf.where(patches @ matrix + bias > 0, given, 0.0)
        moment += tf.matmul(patches, passed, transpose_a=True)
        total += tf.reduce_sum(passed, axis=0)
        folded = folded.write(index, _fold_bins(passed @ weighted, rows, size))
        return index + 1, moment, total, folded

    blocks = -(-frames // rows)
    folded = tf.TensorArray(picture.dtype, blocks)
    state = (0, tf.zeros_like(matrix), tf.zeros_like(bias), folded)
    _, moment, total, folded = tf.while_loop(lambda index, *_: index < blocks, add_block, state)
    d_out = tf.reduce_sum(moment * matrix, axis=0) + total * bias
    return _fold_frames(folded.concat()[:frames], size), moment * out, total * out, d_out


def _slide(picture, size, rows):
    """Every ``w`` neighbouring bins, (time + h - 1, frequency, w), time padded to whole blocks."""
    bins = picture.shape[1] - size[1] + 1
    picture = tf.pad(picture, ((0, -(picture.shape[0] - size[0] + 1) % rows), (0, 0)))
    return tf.stack([picture[:, i : i + bins] for i in range(size[1])], axis=-1)


def _firsts(picture, size, rows):
    return tf.range(0, picture.shape[0] - size[0] + 1, rows)


def _patches(slid, first, rows, size):
    """Patches of ``rows`` frames from ``first`` on, (rows x frequency, h x w)."""
    _, bins, width = slid.shape
    block = tf.slice(slid, (first, 0, 0), (rows + size[0] - 1, bins, width))
    patches = tf.concat([block[i : i + rows] for i in range(size[0])], axis=-1)
    return tf.reshape(patches, (rows * bins, size[0] * width))


def _fold_bins(patches, rows, size):
    """Add patches back over frequency: (rows x frequency, h x w) -> (rows, frequency + w - 1, h)"""
    height, width = size
    patches = tf.reshape(patches, (rows, -1, height, width))
    border = [((0, 0), (i, width - 1 - i), (0, 0)) for i in range(width)]
    return tf.add_n([tf.pad(patches[..., i], border[i]) for i in range(width)])


def _fold_frames(folded, size):
    """Add them back over time: (time, frequency + w - 1, h) -> (time + h - 1, frequency + w - 1)"""
    height = size[0]
    border = [((i, height - 1 - i), (0, 0)) for i in range(height)]
    return tf.add_n([tf.pad(folded[..., i], border[i]) for i in range(height)])
