"""From whole recordings to codes of regions and the probability of sound, kept on disk."""

from __future__ import annotations

import hashlib

import keras
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib import audio
from lib.corpora import cache_folder
from lib.encoder.embedding import BATCH, SEQUENCE_HOP, embed, version_of
from lib.encoder.windows import frames_of, sd_offset
from lib.features import HOP_LENGTH, N_FRAMES, frame_times, normalise


def window_times(n: int, hop: int = SEQUENCE_HOP, hop_length: int = HOP_LENGTH) -> np.ndarray:
    """Centres in s of the first ``n`` windows that lie ``hop`` frames apart, (n,)."""
    middle = (N_FRAMES - 1) / 2 * hop_length / audio.SAMPLE_RATE
    return frame_times(n, hop * hop_length) + middle


def codes_over_time(
    signal: np.ndarray, encoder: keras.Model, hop: int = SEQUENCE_HOP
) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 128) of a whole recording after the centres of their windows in s, (n,).

    Notes
    -----
    Parameters and errors as in `lib.encoder.embed`. Used by notebook 04.
    """
    codes = embed(signal, encoder, hop)
    return window_times(len(codes), hop), codes


def sound_over_time(
    signal: np.ndarray, detector: keras.Model, hop: int = SEQUENCE_HOP
) -> tuple[np.ndarray, np.ndarray]:
    """A silence detector's answer over a recording: centres of windows in s, probability (n,).

    Notes
    -----
    The detector's own copy of the encoder runs over the recording, then its head. Used by
    notebook 04.
    """
    copy = detector.get_layer(detector.name.replace("detector", "encoder"))
    times, codes = codes_over_time(signal, copy, hop)
    head = detector.get_layer("sound_head")
    return times, keras.ops.convert_to_numpy(head(codes, training=False))[:, 0]


def window_truth(events: pd.DataFrame, times: np.ndarray) -> pd.DataFrame:
    """What windows of a recording hold, from its events.

    Parameters
    ----------
    events : DataFrame[start, stop, kind, type, snr_db]
        Of one recording, times in s.
    times : array (n,)
        Centres of the windows in s.

    Returns
    -------
    DataFrame[cover, snr_db, kind, type]
        Largest share of the window that one event covers, and that event's SNR, kind and type;
        kind is "silence" and SNR NaN where none touches it.

    Notes
    -----
    Used by notebook 04.
    """
    length = N_FRAMES * HOP_LENGTH / audio.SAMPLE_RATE
    start, stop = (events[name].to_numpy()[:, None] for name in ("start", "stop"))
    shared = np.minimum(stop, times + length / 2) - np.maximum(start, times - length / 2)
    cover = np.clip(shared / length, 0.0, 1.0)
    event = events.iloc[cover.argmax(axis=0)].reset_index(drop=True)
    truth = event[["snr_db", "kind", "type"]].assign(cover=cover.max(axis=0))
    truth.loc[truth["cover"] == 0, ["snr_db", "kind", "type"]] = [np.nan, "silence", -1]
    return truth


def codes_in_regions(
    signal: np.ndarray,
    regions: pd.DataFrame | np.ndarray,
    encoder: keras.Model,
    hop: int = SEQUENCE_HOP,
    hop_length: int = HOP_LENGTH,
) -> list[np.ndarray]:
    """Codes of the windows whose centre lies in a region, for each region of a recording.

    Parameters
    ----------
    signal : array (samples,)
        Mono sound at 48 kHz; its noise floor is that of the whole recording.
    regions : DataFrame[start, stop] or array (m, 2)
        In s.
    encoder : keras.Model
    hop : int
        Frames between windows; 12 is a tenth of a window, as in the source.
    hop_length : int
        Samples between frames. Fewer than 64 make windows shorter than 0.17 s, for sounds shorter
        than that such as the syllables of birds.

    Returns
    -------
    list of float32 arrays (n_i, 128), at least one code each

    Notes
    -----
    Used by notebook 04.
    """
    version = version_of(encoder)
    frames = frames_of(signal, version, hop_length)
    # Regions at the edges are shorter than half a window away from them: repeat the edge frame.
    half = N_FRAMES // 2
    frames = np.pad(frames, ((half, half), (0, 0)), mode="edge")
    bounds = regions[["start", "stop"]].to_numpy() if hasattr(regions, "columns") else regions
    middles = [_centre_frames(start, stop, hop, hop_length) for start, stop in bounds]
    if not middles:
        return []
    firsts = np.clip(np.concatenate(middles), 0, len(frames) - N_FRAMES)
    codes = []
    for i in range(0, len(firsts), BATCH):
        windows = np.stack([frames[first : first + N_FRAMES] for first in firsts[i : i + BATCH]])
        codes.append(embed(normalise(windows, sd_offset(version)), encoder))
    return np.split(np.concatenate(codes), np.cumsum([len(m) for m in middles])[:-1])


def corpus_codes(
    corpus,
    regions: pd.DataFrame,
    encoder: keras.Model,
    hop: int = SEQUENCE_HOP,
    hop_length: int = HOP_LENGTH,
) -> list[np.ndarray]:
    """`codes_in_regions` for all recordings of a corpus, in the order of ``regions``.

    What was computed once with the same weights is read from the cache.

    Parameters
    ----------
    corpus : Corpus
    regions : DataFrame[item, start, stop]
        Those of one recording one after the other.
    encoder, hop, hop_length
        As in `codes_in_regions`.

    Notes
    -----
    Used by notebook 04.
    """
    rows = {item: i for i, item in enumerate(corpus.table["item"])}
    sequences = []
    for item, part in tqdm(list(regions.groupby("item", sort=False)), desc=corpus.name):
        key = f"{item} {hop} {hop_length} {part[['start', 'stop']].to_numpy().tolist()}"
        path = cache_folder() / "codes" / f"{item}-{_digest(key, encoder)}.npz"
        sequences += _kept(
            path,
            lambda item=item, part=part: codes_in_regions(
                corpus.signal(rows[item]), part, encoder, hop, hop_length
            ),
        )
    return sequences


def _centre_frames(start, stop, hop, hop_length):
    """Frames whose centre lies in the region, ``hop`` apart and spread evenly about its middle."""
    seconds = hop_length / audio.SAMPLE_RATE
    first = frame_times(1)[0]
    n = max(1, int((stop - start) / seconds / hop))
    middle = ((start + stop) / 2 - first) / seconds
    return np.rint(middle + (np.arange(n) - (n - 1) / 2) * hop).astype(int)


def _kept(path, compute):
    """Arrays from the file at ``path``, or computed and kept there."""
    try:
        with np.load(path) as file:
            return np.split(file["codes"], np.cumsum(file["lengths"])[:-1])
    except FileNotFoundError:
        sequences = compute()
    with audio.atomic(path) as temporary:
        lengths = [len(sequence) for sequence in sequences]
        np.savez(temporary, codes=np.concatenate(sequences), lengths=lengths)
    return sequences


def _digest(key: str, model: keras.Model) -> str:
    digest = hashlib.sha256(key.encode())
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
