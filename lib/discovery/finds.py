"""From recordings to finds and files: regions, codes of regions, repeats, sounds and labels."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib import audio
from lib.discovery.null import find_repeats

Reader = Callable[[str], np.ndarray]
OverTime = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
TABLE_COLUMNS = ["file", "start", "stop", "cluster", "density"]


def sound_regions(
    times: np.ndarray,
    probability: np.ndarray,
    threshold: float = 0.5,
    low: float | None = None,
    gap: float = 0.1,
    shortest: float | None = None,
    trim: float = 0.0,
) -> np.ndarray:
    """Regions of sound from a detector's answer per window.

    Parameters
    ----------
    times : array (n,)
        Centre of each window in s, evenly spaced; a window stands for one hop around it.
    probability : array (n,)
        Of sound.
    threshold : float
        Probability that opens a region.
    low : float, optional
        A region lasts as long as the probability is at least this (hysteresis); by default the
        threshold itself.
    gap, shortest : float
        Seconds: regions closer than ``gap`` are merged, then those shorter than ``shortest``
        dropped; by default one hop, as in the source.
    trim : float
        Seconds taken off both ends first: a detector that answers as soon as a quarter of its
        window sounds begins and ends a quarter of a window too far out.

    Returns
    -------
    float array (m, 2) of start and stop in s
    """
    times, probability = np.asarray(times, float), np.asarray(probability, float)
    if times.ndim != 1 or times.shape != probability.shape:
        raise ValueError(f"Times {times.shape} and probabilities {probability.shape} must be (n,).")
    if not len(times):
        return np.empty((0, 2))
    if not np.isfinite(probability).all():
        raise ValueError("The detector answered NaN; check the recording and the model.")
    hop = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    loud = probability >= (threshold if low is None else min(low, threshold))
    edges = np.flatnonzero(np.diff(np.r_[False, loud, False]))
    runs = [(a, b) for a, b in edges.reshape(-1, 2) if probability[a:b].max() >= threshold]
    inward = hop / 2 - trim
    bounds = [(max(0.0, times[a] - inward), times[b - 1] + inward) for a, b in runs]
    bounds = [(start, stop) for start, stop in bounds if start < stop]
    # A hair of room, so that a region of exactly one hop stays whatever the rounding.
    shortest = 0.999 * hop if shortest is None else shortest
    return audio.merge_regions(bounds, gap, shortest)


def region_codes(times: np.ndarray, codes: np.ndarray, regions: np.ndarray) -> list[np.ndarray]:
    """The codes (n_i, d) whose time lies in each region; the nearest one if there is none."""
    times, codes = np.asarray(times), np.asarray(codes)
    if len(times) != len(codes) or not len(times):
        raise ValueError(f"{len(times)} times for {len(codes)} codes; one each, and one at least.")
    sequences = []
    for start, stop in regions:
        inside = (times >= start) & (times <= stop)
        if not inside.any():
            inside[np.argmin(np.abs(times - (start + stop) / 2))] = True
        sequences.append(codes[inside])
    return sequences


@dataclass(frozen=True)
class Finds:
    """What `discover` found.

    ``regions`` DataFrame[item, start, stop], ``sequences`` their codes, ``repeats`` the DataFrame
    of `dense_repeats`, ``summary`` the dict of `find_repeats`, ``failed`` DataFrame[item, reason].
    """

    regions: pd.DataFrame
    sequences: list[np.ndarray]
    repeats: pd.DataFrame
    summary: dict[str, float]
    failed: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """A row a find: file, start, stop, cluster, density."""
        return finds_table(self.regions, self.repeats)


def discover(
    recordings: Iterable[str],
    read: Reader,
    detector: OverTime,
    embed: OverTime,
    cache: str | Path | None = None,
    version: str = "",
    errors: str = "raise",
    threshold: float = 0.5,
    low: float | None = None,
    shortest: float | None = None,
    trim: float = 0.0,
    **repeats,
) -> Finds:
    """The whole chain for long recordings: regions, codes, warping, repeats beyond the null.

    Parameters
    ----------
    recordings : list of str
        Names or paths that ``read`` takes.
    read : callable
        Name -> signal (samples,).
    detector, embed : callable
        Signal -> (times of the windows' centres in s, probability of sound (n,) or codes (n, d)).
    cache : path, optional
        Folder that keeps regions and codes of every recording done; what is there is not done
        again, so an interrupted run goes on where it was.
    version : str
        Says which detector and encoder made the cache, such as their names; another version is
        computed anew.
    errors : {"raise", "report"}
        What to do with a recording that fails: stop, or go on and list it in ``failed``.
    threshold, low, shortest, trim
        As in `sound_regions`.
    **repeats
        As in `find_repeats`.

    Notes
    -----
    Used by notebook 04.
    """
    if errors not in ("raise", "report"):
        raise ValueError(f"errors is {errors!r}; choose raise or report.")
    settings = {"threshold": threshold, "low": low, "shortest": shortest, "trim": trim}
    rows, sequences, failed = [], [], []
    for name in tqdm(list(recordings), desc="recordings"):
        path = cache and Path(cache) / _file_name(name, f"{version} {settings}", ".npz")
        try:
            bounds, codes = _cached(
                path, lambda name=name: _analyse(read(name), detector, embed, settings)
            )
        except (ValueError, OSError) as error:
            if errors == "raise":
                raise
            failed.append((name, str(error)))
            continue
        rows += [(name, start, stop) for start, stop in bounds]
        sequences += codes
    found, summary = find_repeats(sequences, **repeats)
    regions = pd.DataFrame(rows, columns=["item", "start", "stop"])
    return Finds(
        regions, sequences, found, summary, pd.DataFrame(failed, columns=["item", "reason"])
    )


def finds_table(regions: pd.DataFrame, repeats: pd.DataFrame) -> pd.DataFrame:
    """Members of clusters with their place: DataFrame[file, start, stop, cluster, density]."""
    table = regions.iloc[repeats["region"]].reset_index(drop=True).rename(columns={"item": "file"})
    return table.assign(
        cluster=repeats["cluster"].to_numpy(), density=repeats["density"].to_numpy()
    )[TABLE_COLUMNS]


def write_finds(
    folder: str | Path,
    repeats: pd.DataFrame,
    regions: pd.DataFrame,
    read: Reader,
    sample_rate: int = audio.SAMPLE_RATE,
    gap: float = 0.1,
) -> pd.DataFrame:
    """Write every cluster as a WAV, all finds as a table, and labels for Raven and Audacity.

    Each file is written whole or not at all, and a cluster's name holds a digest of its members:
    run again after an interruption, and only what is missing is written.

    Parameters
    ----------
    folder : path
        Gets ``clusters/NNNN-digest.wav``, ``finds.csv``, ``labels/FILE.raven.txt`` and
        ``labels/FILE.audacity.txt``.
    repeats : DataFrame of `dense_repeats`
    regions : DataFrame[item, start, stop]
    read : callable
        Name of a recording -> signal; asked once for each recording with something to write.
    gap : float
        Seconds of silence between the members of a cluster.

    Returns
    -------
    The table written: file, start, stop, cluster, density, wav.
    """
    folder = Path(folder)
    table = finds_table(regions, repeats)
    names = {number: _cluster_file(number, part) for number, part in table.groupby("cluster")}
    table["wav"] = table["cluster"].map(names).astype(str)
    written = np.array([(folder / name).exists() for name in table["wav"]], bool)
    missing = table[~written]
    snippets = _snippets(missing, read, sample_rate)
    for name, part in tqdm(missing.groupby("wav"), desc="clusters"):
        sound = audio.join([snippets[row] for row in part.index], sample_rate, gap)
        audio.write(folder / name, sound, sample_rate)
    for file, part in table.groupby("file"):
        labels = part[["start", "stop", "density"]].assign(
            label=[f"repeat {number}" for number in part["cluster"]]
        )
        for kind in ("raven", "audacity"):
            audio.write_labels(
                labels, folder / "labels" / _file_name(file, "", f".{kind}.txt"), kind
            )
    with audio.atomic(folder / "finds.csv") as temporary:
        table.to_csv(temporary, index=False)
    return table


def _analyse(signal, detector, embed, settings):
    bounds = sound_regions(*detector(signal), **settings)
    return bounds, region_codes(*embed(signal), bounds) if len(bounds) else []


def _cached(path, compute):
    """Regions and codes from the file at ``path``, or computed and kept there."""
    if path and path.exists():
        try:
            with np.load(path) as kept:
                lengths = kept["lengths"]
                codes = np.split(kept["codes"], np.cumsum(lengths)[:-1]) if len(lengths) else []
                return kept["bounds"], codes
        except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile):
            path.unlink()
    bounds, codes = compute()
    if path:
        flat = np.concatenate(codes) if codes else np.empty((0, 0))
        with audio.atomic(path) as temporary:
            np.savez(temporary, bounds=bounds, codes=flat, lengths=[len(part) for part in codes])
    return bounds, codes


def _file_name(name: str, version: str, suffix: str) -> str:
    """A file name for a recording: its own, and a digest that tells apart folders and versions."""
    digest = hashlib.sha256(f"{name}\n{version}".encode()).hexdigest()[:8]
    return f"{Path(str(name)).stem}-{digest}{suffix}"


def _cluster_file(number: int, members: pd.DataFrame) -> str:
    text = members[["file", "start", "stop"]].to_csv(index=False, float_format="%.6f")
    return f"clusters/{number:04d}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.wav"


def _snippets(members: pd.DataFrame, read: Reader, sample_rate: int) -> dict[int, np.ndarray]:
    """Sound of every member by its row; each recording is read once."""
    snippets: dict[int, np.ndarray] = {}
    for file, part in members.groupby("file"):
        pieces = audio.cut(read(file), part, sample_rate)
        # A copy, or the piece would keep its whole recording in memory.
        snippets.update(zip(part.index, (piece.copy() for piece in pieces), strict=True))
    return snippets
