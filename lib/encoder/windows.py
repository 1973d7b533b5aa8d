"""What the encoders eat: frames of a recording, and endless random windows of them to train on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np

from lib.features import N_FRAMES, SD_OFFSET, noise_floor, normalise, spectrogram, whiten

# Whitened silence has a standard deviation of about 0.3; the offset only guards constants.
WHITE_SD_OFFSET = 1e-3
# Five seconds of sound.
BLOCK_FRAMES = 4096


def frames_of(signal: np.ndarray, version: str = "4.4", hop_length: int = 64) -> np.ndarray:
    """Frames that encoders of a version expect, float32 (frames, 256), not yet normalised.

    v4.1 and v4.2 take magnitudes, v4.4 log magnitudes above the recording's noise floor.
    """
    magnitude = spectrogram(signal, hop_length=hop_length)
    return whiten(magnitude) if version == "4.4" else magnitude


def frame_blocks(signal: np.ndarray, version: str = "4.4") -> Iterator[np.ndarray]:
    """`frames_of` in blocks: the logarithms of the next one wait until it is asked for."""
    magnitude = spectrogram(signal)
    floor = noise_floor(magnitude) if version == "4.4" else None
    for start in range(0, len(magnitude), BLOCK_FRAMES):
        block = magnitude[start : start + BLOCK_FRAMES]
        yield block if floor is None else whiten(block, floor)


def paired_frames(
    signal: np.ndarray, clean: np.ndarray, version: str = "4.4", hop_length: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Frames of a recording and of its clean part, the latter against the *recording's* floor."""
    noisy, clean = (spectrogram(s, hop_length=hop_length) for s in (signal, clean))
    if version != "4.4":
        return noisy, clean
    floor = noise_floor(noisy)
    return whiten(noisy, floor), whiten(clean, floor)


def sd_offset(version: str) -> float:
    """What is added to a window's standard deviation before dividing by it."""
    return WHITE_SD_OFFSET if version == "4.4" else SD_OFFSET


class WindowBatches(keras.utils.PyDataset):
    """Random windows of many recordings, normalised, with their targets, batch after batch.

    Parameters
    ----------
    frames : sequence of arrays (frames, bins)
        One array a recording, any float type; read, never changed.
    targets : sequence of arrays (frames, bins), optional
        Clean frames; the target is the clean window over the *noisy* window's standard deviation,
        so that silence is 0. Without, the normalised window is its own target.
    sounding : sequence of bool arrays (frames,), optional
        Frames that hold something worth learning; then at most about ``quiet`` of all windows
        miss them all.
    batch_size, steps : int
        Windows a batch, batches an epoch.
    quiet : float
    seed : int
    offset : float
        Added to the standard deviation; see `sd_offset`.
    """

    def __init__(
        self,
        frames: Sequence[np.ndarray],
        targets: Sequence[np.ndarray] | None = None,
        sounding: Sequence[np.ndarray] | None = None,
        batch_size: int = 32,
        steps: int = 100,
        quiet: float = 0.15,
        seed: int = 0,
        offset: float = WHITE_SD_OFFSET,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.frames, self.targets, self.offset = frames, targets, offset
        self.batch_size, self.steps, self.seed, self.epoch = batch_size, steps, seed, 0
        self.quiet = quiet if sounding is not None else 1.0
        self.starts = [np.arange(len(f) - N_FRAMES + 1) for f in frames]
        if sounding is not None:
            self.loud = [_window_starts(mask) for mask in sounding]

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, self.epoch, index])
        places = [self._place(rng) for _ in range(self.batch_size)]
        noisy = self._cut(self.frames, places)
        windows = normalise(noisy, self.offset)[..., None]
        if self.targets is None:
            return windows, windows
        sd = noisy.std(axis=(1, 2), keepdims=True) + self.offset
        return windows, (self._cut(self.targets, places) / sd)[..., None]

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def _place(self, rng) -> tuple[int, int]:
        recording = int(rng.integers(len(self.frames)))
        loud = rng.random() >= self.quiet and len(self.loud[recording])
        starts = self.loud[recording] if loud else self.starts[recording]
        return recording, int(rng.choice(starts))

    def _cut(self, frames, places) -> np.ndarray:
        return np.stack([frames[r][t : t + N_FRAMES] for r, t in places]).astype(np.float32)


def _window_starts(sounding: np.ndarray) -> np.ndarray:
    """Starts of the windows that hold at least an eighth of sounding frames."""
    held = np.convolve(sounding, np.ones(N_FRAMES), "valid")
    return np.flatnonzero(held >= N_FRAMES // 8)
