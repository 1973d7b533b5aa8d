"""What training has found, read from ``detector.npz``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "beeps_detector" / "detector.npz"
# Arrays of the network and of the trees.
_PARTS = {"tone": 6, "verifier": 6}


class Weights(NamedTuple):
    """What training has found: the tone network, the verifier's trees, the thresholds of alarms."""

    tone: list
    verifier: list
    threshold: float
    pattern_threshold: float


def load_weights(path: str | Path | None = None) -> Weights:
    """Weights from a ``detector.npz``; errors as `lib.beeps.load_detector`."""
    return _load(Path(path or SHIPPED))


@lru_cache(maxsize=4)
def _load(path: Path) -> Weights:
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing; train it: python -m lib.beeps.train --output {path.parent}"
        )
    try:
        with np.load(path) as stored:
            parts = [[stored[f"{part}_{k}"] for k in range(n)] for part, n in _PARTS.items()]
            thresholds = [float(stored[name]) for name in ("threshold", "pattern_threshold")]
    except Exception as error:
        raise ValueError(f"{path} is damaged ({error}); train it again or restore it.") from error
    return Weights(*parts, *thresholds)
