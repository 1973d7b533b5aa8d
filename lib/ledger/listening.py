"""What spectrograms and time warping cost, ours beside the libraries and the plain loops."""

from __future__ import annotations

import librosa
import numpy as np
import pandas as pd
from scipy.signal import ShortTimeFFT

from lib.discovery import distance_matrix, planted_sequences
from lib.features import FRAME_LENGTH, HOP_LENGTH, N_BINS, SAMPLE_RATE, spectrogram
from lib.features.spectrograms import LOW_BIN
from lib.ledger.timing import in_turn

KEPT = slice(LOW_BIN, LOW_BIN + N_BINS)


def spectrogram_times(seconds: float = 10.0, repeats: int = 5) -> pd.DataFrame:
    """The recipe's magnitudes (562-sample Hann frames, hop 64) of noise, in four ways.

    Returns
    -------
    DataFrame[way, repeat, seconds, cpu_seconds]

    Notes
    -----
    Used by notebook 09. The ways are tested equal.
    """
    signal = np.random.default_rng(0).normal(0, 0.01, int(seconds * SAMPLE_RATE))
    signal = signal.astype(np.float32)
    calls = {(way,): lambda call=call: call(signal) for way, call in SPECTROGRAMS.items()}
    return in_turn(calls, ("way",), repeats)


def warping_times(n: int = 500, pairs: int = 300, repeats: int = 3) -> pd.DataFrame:
    """Seconds a pair for the time warping of all pairs of ``n`` planted sequences, way by way.

    The loop in Python and librosa warp ``pairs`` drawn pairs; the other two warp all of them.

    Returns
    -------
    DataFrame[way, repeat, seconds, cpu_seconds], both times those of one pair

    Notes
    -----
    Used by notebook 09.
    """
    sequences, _ = planted_sequences(n)
    drawn = np.random.default_rng(0).integers(n, size=(pairs, 2))
    calls = {
        "Python loop": lambda: [loop_distance(sequences[i], sequences[j]) for i, j in drawn],
        "librosa": lambda: [librosa_distance(sequences[i], sequences[j]) for i, j in drawn],
        "dtaidistance": lambda: distance_matrix(sequences, engine="dtaidistance"),
        "ours": lambda: distance_matrix(sequences),
    }
    table = in_turn({(way,): call for way, call in calls.items()}, ("way",), repeats)
    pair_by_pair = table["way"].isin(["Python loop", "librosa"])
    table.loc[:, ["seconds", "cpu_seconds"]] = table[["seconds", "cpu_seconds"]].div(
        np.where(pair_by_pair, pairs, n * (n - 1) / 2), axis=0
    )
    return table


def loop_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Warping distance of two sequences as one would write it first: a loop over all cells."""
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0.0
    for i in range(len(a)):
        for j in range(len(b)):
            cost = np.sqrt(np.sum((a[i] - b[j]) ** 2))
            total[i + 1, j + 1] = cost + min(total[i, j], total[i, j + 1], total[i + 1, j])
    return total[-1, -1] / (len(a) + len(b))


def librosa_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The same by ``librosa.sequence.dtw``."""
    return librosa.sequence.dtw(a.T, b.T, metric="euclidean", backtrack=False)[-1, -1] / (
        len(a) + len(b)
    )


def _by_loop(signal):
    window = np.hanning(FRAME_LENGTH)
    starts = range(0, len(signal) - FRAME_LENGTH + 1, HOP_LENGTH)
    frames = [np.fft.fft(window * signal[s : s + FRAME_LENGTH]) for s in starts]
    return np.abs(np.array(frames)[:, KEPT])


def _by_librosa(signal):
    window = np.hanning(FRAME_LENGTH)
    spectrum = librosa.stft(
        signal, n_fft=FRAME_LENGTH, hop_length=HOP_LENGTH, window=window, center=False
    )
    return np.abs(spectrum[KEPT]).T


def _by_scipy(signal):
    transform = ShortTimeFFT(
        np.hanning(FRAME_LENGTH), HOP_LENGTH, SAMPLE_RATE, fft_mode="onesided", phase_shift=None
    )
    # SciPy centres its frames and pads; its whole frames begin where half a window is in.
    n_frames = (len(signal) - FRAME_LENGTH) // HOP_LENGTH + 1
    spectrum = transform.stft(signal, p0=0, p1=n_frames, k_offset=FRAME_LENGTH // 2)
    return np.abs(spectrum[KEPT]).T


SPECTROGRAMS = {
    "loop over frames": _by_loop,
    "scipy": _by_scipy,
    "librosa": _by_librosa,
    "ours": spectrogram,
}
