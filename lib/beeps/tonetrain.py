"""Training of the small tone network on soundscapes, whose beeps are known channel by channel."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lib.beeps.frontend import HOP_SECONDS, N_CHANNELS, FrontEnd, frame_levels, frames_of
from lib.beeps.tonenet import REACH_CHANNELS, REACH_FRAMES, build_tone_net
from lib.synthesis.soundscape import Soundscape, soundscape

# A channel sounds if its level is this close (dB) to the loudest of the event; between the two
# limits nothing is asked: edges, harmonics, what leaks into the next channel.
SOUNDS_DB, SILENT_DB = 12.0, 30.0
CROP_FRAMES, CROP_CHANNELS = 100, 32
# Scenes for training: short, and full of events. Their seeds are used for nothing else.
TRAIN_SEEDS, CHECK_SEEDS = range(1_000, 1_040), range(1_900, 1_906)
SCENE = dict(seconds=120.0, sequences_per_minute=2.0, decoys_per_minute=3.0, snr=(-10.0, 45.0))


def tone_targets(scene: Soundscape) -> tuple[np.ndarray, np.ndarray]:
    """Where beeps sound, and where the question may be asked.

    Returns
    -------
    target, weight : float32 arrays (frames, 172)
        The weight is 0 at the edges of beeps and during chimes and music, which are tones too.
    """
    frames = frames_of(scene.beeps)
    parts = [frame_levels(frames[k : k + 256]) for k in range(0, len(frames), 256)]
    levels = np.concatenate(parts)
    margin = REACH_CHANNELS // 2
    levels = levels[:, margin : N_CHANNELS - margin]
    target, weight = np.zeros(levels.shape, np.float32), np.ones(levels.shape, np.float32)
    for event in scene.truth.itertuples():
        first = max(0, int((event.start - 0.1) / HOP_SECONDS))
        part = slice(first, int((event.stop + 0.5) / HOP_SECONDS))
        if event.kind in ("chime", "music"):
            weight[part] = 0
            continue
        below = levels[part].max(initial=-90.0) - levels[part]
        target[part] = below <= SOUNDS_DB
        weight[part] = (below <= SOUNDS_DB) | (below > SILENT_DB)
        weight[part][_echoes(target[part])] = 0
    return target, weight


def _echoes(target: np.ndarray, frames: int = 12) -> np.ndarray:
    """Cells up to 240 ms after a beep in its channel: there the room still rings."""
    ringing = target > 0
    for _ in range(frames):
        ringing[1:] |= ringing[:-1].copy()
    return ringing & (target == 0)


def tone_crops(seeds: Iterable[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops of 2 s and 1 kHz with beeps, and as many without: contrast, target, weight.

    Those without lie where the contrast is greatest: what could be taken for a beep.

    Returns
    -------
    contrast : float32 array (n, 106, 40, 2)
    target, weight : float32 arrays (n, 100, 32, 1)
    """
    rng = np.random.default_rng(seed)
    parts = [_scene_crops(soundscape(number, **SCENE), rng) for number in seeds]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _scene_crops(scene: Soundscape, rng):
    contrast = FrontEnd().feed(scene.signal)
    target, weight = tone_targets(scene)
    half = REACH_FRAMES // 2
    starts = np.arange(half, len(contrast) - CROP_FRAMES - half, CROP_FRAMES)
    full = np.array([target[s : s + CROP_FRAMES].any() for s in starts])
    empty = rng.permutation(starts[~full])[: max(5, full.sum())]
    crops = []
    for start in np.concatenate([starts[full], empty]):
        frames = slice(start, start + CROP_FRAMES)
        wanted = target[frames].any(axis=0)
        if not wanted.any():
            margin = REACH_CHANNELS // 2
            loudest = contrast[frames, margin:-margin].sum(axis=2).max(axis=0)
            wanted = loudest >= np.sort(loudest)[-5]
        low = rng.choice(np.flatnonzero(wanted)) - rng.integers(CROP_CHANNELS)
        low = int(np.clip(low, 0, target.shape[1] - CROP_CHANNELS))
        channels = slice(low, low + CROP_CHANNELS)
        around = slice(low, low + CROP_CHANNELS + REACH_CHANNELS - 1)
        inputs = contrast[start - half : start + CROP_FRAMES + half, around]
        crops.append((inputs, target[frames, channels, None], weight[frames, channels, None]))
    return tuple(np.stack(arrays) for arrays in zip(*crops, strict=True))


def train_tone_net(epochs: int = 12, seeds: Iterable[int] = TRAIN_SEEDS, seed: int = 0, verbose=0):
    """Train from nothing; the model and its log, a row an epoch.

    Notes
    -----
    A cell in fifty is a beep. Narrow crops cost a fifth of whole spectra, and the network, which
    treats all pitches alike, learns the same from them.
    """
    import keras

    from lib import training

    keras.utils.set_random_seed(seed)
    training.keep_freed_memory()
    data, check = (tone_crops(part, seed) for part in (seeds, CHECK_SEEDS))
    model = build_tone_net(channels=CROP_CHANNELS + REACH_CHANNELS - 1)
    rate = keras.optimizers.schedules.CosineDecay(1e-2, epochs * len(data[0]) // 16, alpha=0.02)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", jit_compile=False)
    history = model.fit(
        data[0],
        data[1],
        sample_weight=data[2][..., 0],
        batch_size=16,
        epochs=epochs,
        validation_data=(check[0], check[1], check[2][..., 0]),
        verbose=verbose,
    )
    return model, pd.DataFrame(history.history).rename_axis("epoch").reset_index()
