"""Other throats for nothing: cepstra as if the formants of the voice lay elsewhere."""

from __future__ import annotations

import numpy as np

from lib.language.features import N_MELS, N_MFCC

# Mel bands between which the axis may bend.
KNOTS = np.linspace(0, N_MELS - 1, 5)


def throats(n: int, rng: np.random.Generator, spread: float = 0.06) -> np.ndarray:
    """Matrices that turn the cepstra of one voice into those of others, (n, 40, 40).

    A longer throat has all its formants lower, a differently shaped one some of them. So the mel
    axis is stretched by a random factor and bent a little. All 40 cepstra are kept, so that
    cepstra -> mel bands -> other mel bands -> cepstra is one matrix: ``frames @ matrix.T``.

    Parameters
    ----------
    n : int
    rng : np.random.Generator
    spread : float
        Standard deviation of the log of the stretch; 0 changes nothing.

    Notes
    -----
    After vocal tract length perturbation (Jaitly and Hinton 2013). eSpeak NG has 48 throats to
    train on; this is where the others come from. Used by notebook 06.
    """
    if spread < 0:
        raise ValueError(f"The spread of the throats is {spread}; choose 0 or more.")
    from scipy.fft import dct

    stretch = np.exp(rng.normal(0, spread, (n, 1)))
    # 4 bands of bending for a spread of 1, from one knot to the next, halved.
    bends = 2 * rng.normal(0, spread, (n, len(KNOTS))).cumsum(axis=1)
    bands = np.arange(N_MELS)
    source = [np.interp(bands, KNOTS, row) for row in KNOTS * stretch + bends]
    below, share = np.divmod(np.clip(source, 0, N_MELS - 1), 1)
    # Linear interpolation between the two bands beside the one that is asked for.
    below = below.astype(int)
    moved = np.eye(N_MELS)[below] * (1 - share)[..., None]
    moved += np.eye(N_MELS)[np.minimum(below + 1, N_MELS - 1)] * share[..., None]
    cepstra = dct(np.eye(N_MELS), norm="ortho", axis=0)[:N_MFCC]
    return (cepstra @ moved @ cepstra.T).astype(np.float32)
