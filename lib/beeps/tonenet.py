"""The small tone network of the detector: is there a steady tone, when and at which pitch?

The same few weights look at every pitch, so a tone learnt at 3 kHz is known at 4 kHz. Keras trains
it; the stream runs it with three matrix products, without TensorFlow.
"""

from __future__ import annotations

import numpy as np

from lib.beeps.frontend import N_CHANNELS, channel_frequencies

# Channels seen to both sides together, frames seen before and after together, filters.
REACH_CHANNELS, REACH_FRAMES, FILTERS = 9, 7, 8
# Frames worked on at once: what lies between the layers stays in the processor's cache.
BLOCK_FRAMES = 32
TONE_CHANNELS = N_CHANNELS - REACH_CHANNELS + 1
# Frames of the future that an answer needs.
LOOKAHEAD = REACH_FRAMES // 2


def tone_frequencies() -> np.ndarray:
    """Centre of each answer's channel in Hz, (172,)."""
    margin = REACH_CHANNELS // 2
    return channel_frequencies()[margin:-margin]


def build_tone_net(channels: int = N_CHANNELS):
    """Keras model (frames, 180, 2) -> (frames - 6, 172, 1), probabilities of a tone; 617 weights.

    A convolution over pitch, one over time, and a sigmoid. `channels` may be fewer in training.
    """
    import keras

    inputs = keras.Input((None, channels, 2), name="contrast")
    x = keras.layers.Conv2D(FILTERS, (1, REACH_CHANNELS), activation="relu", name="pitch")(inputs)
    x = keras.layers.Conv2D(FILTERS, (REACH_FRAMES, 1), activation="relu", name="time")(x)
    outputs = keras.layers.Conv2D(1, 1, activation="sigmoid", name="tone")(x)
    return keras.Model(inputs, outputs, name="tone_net")


class ToneStream:
    """The tone network on a stream of contrast, by matrix products.

    Parameters
    ----------
    weights : list of 6 arrays
        As ``build_tone_net().get_weights()``.
    """

    def __init__(self, weights: list[np.ndarray]):
        pitch, self._pitch_bias, time, self._time_bias, tone, self._tone_bias = weights
        self._pitch = pitch.reshape(-1, FILTERS)
        self._time = time.reshape(-1, FILTERS)
        self._tone = tone.reshape(FILTERS)
        # Frames before the first are silence: answers begin with the first frame.
        self._hidden = np.zeros((LOOKAHEAD, TONE_CHANNELS, FILTERS), np.float32)
        self._hidden += np.maximum(self._pitch_bias, 0)

    def feed(self, contrast: np.ndarray) -> np.ndarray:
        """Tone probabilities of all frames that are settled, (n, 172); 3 frames (60 ms) late."""
        parts = [contrast[k : k + BLOCK_FRAMES] for k in range(0, len(contrast), BLOCK_FRAMES)]
        answers = [self._feed_block(part) for part in parts]
        return np.concatenate([np.empty((0, TONE_CHANNELS), np.float32), *answers])

    def _feed_block(self, contrast: np.ndarray) -> np.ndarray:
        hidden = np.concatenate([self._hidden, self._over_pitch(contrast)])
        self._hidden = hidden[-(REACH_FRAMES - 1) :]
        n_frames = len(hidden) - REACH_FRAMES + 1
        if n_frames <= 0:
            return np.empty((0, TONE_CHANNELS), np.float32)
        columns = [hidden[k : k + n_frames] for k in range(REACH_FRAMES)]
        total = np.concatenate(columns, axis=2).reshape(-1, REACH_FRAMES * FILTERS) @ self._time
        np.maximum(total + self._time_bias, 0, out=total)
        logit = (total @ self._tone + self._tone_bias).reshape(n_frames, TONE_CHANNELS)
        return 1 / (1 + np.exp(-logit))

    def _over_pitch(self, contrast: np.ndarray) -> np.ndarray:
        columns = [contrast[:, k : k + TONE_CHANNELS] for k in range(REACH_CHANNELS)]
        total = np.concatenate(columns, axis=2).reshape(-1, 2 * REACH_CHANNELS) @ self._pitch
        np.maximum(total + self._pitch_bias, 0, out=total)
        return total.reshape(len(contrast), TONE_CHANNELS, FILTERS)
