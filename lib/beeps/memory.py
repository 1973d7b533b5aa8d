"""The last half minute as levels and tone probabilities."""

from __future__ import annotations

import numpy as np

from lib.beeps.frontend import HOP_SECONDS, N_CHANNELS
from lib.beeps.tonenet import REACH_CHANNELS

MEMORY_SECONDS = 30.0
MARGIN = REACH_CHANNELS // 2


class Memory:
    """Levels and tone probabilities of the last 30 s, in constant space."""

    def __init__(self):
        self.frames = round(MEMORY_SECONDS / HOP_SECONDS)
        size = 2 * self.frames
        self._tones = np.zeros((size, N_CHANNELS - 2 * MARGIN), np.float32)
        self._levels = np.zeros((size, N_CHANNELS + 1), np.float32)
        self._filled, self._first = 0, 0

    def add(self, tones: np.ndarray, levels: np.ndarray) -> None:
        """Append frames: probabilities (n, 172) and levels in dB (n, 181); few at a time."""
        n = len(tones)
        if self._filled + n > len(self._tones):
            for array in (self._tones, self._levels):
                array[: self.frames] = array[self._filled - self.frames : self._filled]
            self._first += self._filled - self.frames
            self._filled = self.frames
        self._tones[self._filled : self._filled + n] = tones
        self._levels[self._filled : self._filled + n] = levels
        self._filled += n

    def maps(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Probabilities, levels, and the number of the frame in their first row."""
        return self._tones[: self._filled], self._levels[: self._filled], self._first
