"""From the sound of a melody back to its notes: pitch by pYIN, plateaus, semitones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.audio import atomic, check
from lib.synthesis.melodies import pitch_contour, sing

RATE, FRAME, HOP = 8000, 512, 128
LOWEST_HZ, HIGHEST_HZ = 75.0, 1350.0
HOP_SECONDS = HOP / RATE
# A plateau moves less than this from frame to frame and lasts so many frames.
STEADY_CENTS, SHORTEST = 25.0, 3


def track(signal: np.ndarray, sample_rate: int = RATE) -> np.ndarray:
    """Pitch of a melody every 16 ms, in cents (0 is 440 Hz); NaN where there is none.

    Parameters
    ----------
    signal : array (samples,)
        One voice; it is resampled to 8 kHz.
    sample_rate : int

    Raises
    ------
    lib.audio.AudioError
        For silence, NaN, or less than half a second.

    Notes
    -----
    `librosa.pyin`, 75 to 1350 Hz, quarters of a semitone. Used by notebook 08.
    """
    import librosa

    signal = np.asarray(signal, np.float32)
    signal = check(signal, "The melody", sample_rate, shortest=0.5, allow_silence=False)
    if sample_rate != RATE:
        signal = librosa.resample(signal, orig_sr=sample_rate, target_sr=RATE)
    f0, _, _ = librosa.pyin(
        signal,
        sr=RATE,
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        frame_length=FRAME,
        hop_length=HOP,
        resolution=0.25,
    )
    return 1200.0 * np.log2(f0 / 440.0)


def drawn_contour(tune) -> np.ndarray:
    """What `track` would give if it never erred, in cents (0 is 440 Hz)."""
    return pitch_contour(tune, 1 / HOP_SECONDS) + 1200.0 * np.log2(tune.tonic / 440.0)


def notes_of(cents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Notes (in semitones above 440 Hz) and their lengths (s) in a tracked contour.

    A note is a stretch where the pitch moves little; stretches that round to the same note
    relative to the last one, the tonic, are joined.

    Raises
    ------
    ValueError
        If fewer than two notes can be found.
    """
    smooth = _median(np.asarray(cents, float))
    calm = np.abs(np.diff(smooth, append=smooth[-1:])) < STEADY_CENTS
    edges = np.flatnonzero(np.diff(np.concatenate([[False], calm, [False]]).astype(int)))
    runs = [(a, b) for a, b in edges.reshape(-1, 2) if b - a >= SHORTEST]
    if len(runs) < 2:
        raise ValueError("No two steady notes in this contour: is it a melody?")
    heights = np.array([np.median(smooth[a:b]) for a, b in runs]) / 100.0
    # The tuning comes from the note of rest: all others are whole semitones away from it.
    tonic = heights[-1]
    notes = np.rint(heights - tonic)
    first = np.concatenate([[True], np.diff(notes) != 0])
    lengths = np.add.reduceat([b - a for a, b in runs], np.flatnonzero(first))
    return notes[first] + tonic, lengths * HOP_SECONDS


def notes_kept(tune, snr_db: float = 25.0) -> tuple[float, np.ndarray, np.ndarray]:
    """How much of a melody comes back when it is sung in noise and tracked.

    Returns
    -------
    share : float
        Longest common subsequence of the notes sung and found, over the longer of both.
    notes, lengths : array
        Found, in semitones above the tonic if the last note was found, and s; empty if none was.

    Notes
    -----
    Used by notebook 08.
    """
    sung = tune.notes[np.concatenate([[True], np.diff(tune.notes) != 0])]
    try:
        notes, lengths = notes_of(track(sing(tune, RATE, snr_db)))
    except ValueError:
        return 0.0, np.empty(0), np.empty(0)
    notes = np.rint(notes - notes[-1]) + sung[-1]
    return common_length(sung, notes) / max(len(sung), len(notes)), notes, lengths


def common_length(a: np.ndarray, b: np.ndarray) -> int:
    """Length of the longest common subsequence."""
    row = np.zeros(len(b) + 1, int)
    for value in a:
        found = row[:-1] + (b == value)
        row[1:] = np.maximum.accumulate(np.maximum(row[1:], found))
    return int(row[-1])


def _median(cents: np.ndarray, width: int = 3) -> np.ndarray:
    padded = np.pad(cents, width // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)


def contours(
    corpus, path: str | Path | None = None, verbose: bool = False
) -> dict[str, np.ndarray]:
    """Tracked contour of every item of a raga corpus; with a `path`, kept there and taken up.

    The file holds whole cents as 16-bit numbers, items named as in the corpus.
    """
    found = read_contours(path) if path and Path(path).exists() else {}
    wanted = corpus.table["item"]
    new = [i for i, item in enumerate(wanted) if item not in found]
    for count, i in enumerate(new, start=1):
        found[wanted.iloc[i]] = track(corpus.signal(i, RATE))
        if path and (count % 100 == 0 or count == len(new)):
            write_contours(path, found)
            if verbose:
                print(f"{count} of {len(new)} melodies tracked", flush=True)
    return {item: found[item] for item in wanted}


def write_contours(path: str | Path, found: dict[str, np.ndarray]) -> None:
    """All contours in one compressed file, whole or not at all; no pitch is the lowest number."""
    gone = np.iinfo(np.int16).min
    whole = [np.where(np.isnan(c), gone, np.rint(np.nan_to_num(c))) for c in found.values()]
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            items=np.array(list(found)),
            lengths=[len(c) for c in whole],
            # Steps from frame to frame are small numbers, which compress well.
            steps=np.diff(np.concatenate(whole).astype(np.int32), prepend=0).astype(np.int32),
        )


def read_contours(path: str | Path) -> dict[str, np.ndarray]:
    """What `write_contours` wrote; ValueError if the file is damaged."""
    import zipfile

    if not Path(path).exists():
        raise FileNotFoundError(
            f"{path} is not there: python -m lib.sequences.studies contours --output "
            f"{Path(path).parent}"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            items, lengths, steps = file["items"], file["lengths"], file["steps"]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it, it is made anew.") from error
    cents = np.cumsum(steps).astype(float)
    cents[cents == np.iinfo(np.int16).min] = np.nan
    return dict(zip(items.tolist(), np.split(cents, np.cumsum(lengths)[:-1]), strict=True))
