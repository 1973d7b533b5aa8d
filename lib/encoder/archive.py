"""A folder of recordings to a folder of codes, on this machine or on many.

One Parquet file (a shard) a recording, written under another name and renamed when it is whole:
killed at any moment and started again, the work goes on with what is missing.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from glob import escape
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from lib import audio
from lib.encoder.architecture import CODE_SIZE
from lib.encoder.embedding import SEQUENCE_HOP, version_of
from lib.encoder.files import embed_file
from lib.features import HOP_LENGTH, SAMPLE_RATE

REPORT = ("file", "shard", "windows", "state", "reason")


def embed_archive(
    files: Iterable[str | os.PathLike],
    encoder: keras.Model,
    client=None,
    folder: str | os.PathLike = "embeddings",
    detector: keras.Model | None = None,
    hop: int = SEQUENCE_HOP,
    overwrite: bool = False,
    compiled: bool = False,
    allow_low_rate: bool = False,
) -> pd.DataFrame:
    """Embed many recordings, one Parquet shard each; skip what is done, report what fails.

    Parameters
    ----------
    files : iterable of paths
        With a cluster, paths that every machine can read.
    encoder : keras.Model
    client : dask.distributed.Client, optional
        Spreads the recordings over its workers (one thread a worker is best); by default they
        are worked through here, one after another.
    folder : path
        Gets the shards; with a cluster, one that every machine can write.
    detector : keras.Model, optional
        Built from this encoder; adds the probability of sound.
    hop, compiled, allow_low_rate
        As in `lib.encoder.files.embed_file`.
    overwrite : bool
        Also replace shards that another encoder, detector or hop made.

    Returns
    -------
    DataFrame[file, shard, windows, state, reason]
        One row a file, in the order given. ``state`` is ``done``, ``kept`` (was there already),
        ``other`` (there, but made with another encoder, detector or hop) or ``failed``; the last
        two give a reason.

    Notes
    -----
    A recording whose worker dies is given to another one; see dask's ``allowed-failures``. A
    recording that changed since (size or time) is embedded again. Used by notebook 09.
    """
    files = list(dict.fromkeys(os.fspath(file) for file in files))
    settings = {"hop": hop, "compiled": compiled, "allow_low_rate": allow_low_rate}
    folder, mark = Path(folder), archive_mark(encoder, detector, hop)
    folder.mkdir(parents=True, exist_ok=True)
    rows, missing = {}, []
    for file in files:
        state, n_windows, reason = _looked_up(file, folder, mark)
        if state == "missing" or (state == "other" and overwrite):
            missing.append(file)
        else:
            rows[file] = (file, str(shard_path(file, folder)), n_windows, state, reason)
    if missing:
        models = _packed(encoder), None if detector is None else _packed(detector)
        spread = _here if client is None else _on_cluster
        work = spread(missing, client, models, str(folder), mark, settings)
        for row in tqdm(work, total=len(missing), desc="recordings"):
            rows[row[0]] = row
    return pd.DataFrame([rows[file] for file in files], columns=list(REPORT))


def shard_path(file: str | os.PathLike, folder: str | os.PathLike) -> Path:
    """Where a recording's shard lies: its name, and a digest that tells apart its folders."""
    digest = hashlib.sha256(os.fspath(file).encode()).hexdigest()[:8]
    return Path(folder) / f"{Path(file).stem}-{digest}.parquet"


def read_shard(path: str | os.PathLike) -> tuple[pd.DataFrame, np.ndarray]:
    """A shard as a table of its windows and their codes.

    Returns
    -------
    windows : DataFrame[file, start(, probability)]
        Start in s.
    codes : float32 array (n, 128)
    """
    table = pq.read_table(path)
    codes = table["code"].combine_chunks()
    codes = codes.flatten().to_numpy(zero_copy_only=False).reshape(-1, CODE_SIZE)
    return table.drop_columns("code").to_pandas(), codes


def archive_mark(encoder: keras.Model, detector: keras.Model | None, hop: int) -> str:
    """Digest of all that the numbers in a shard depend on: weights, version and hop."""
    digest = hashlib.sha256(f"{version_of(encoder)} {hop}".encode())
    for model in (encoder, detector):
        for weight in model.get_weights() if model is not None else ():
            # A seed moves on with every sample drawn and changes no code.
            if np.issubdtype(weight.dtype, np.floating):
                digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]


def _looked_up(file: str, folder: Path, mark: str) -> tuple[str, int, str]:
    """State of a recording's shard, its windows, and what is to be said about it."""
    path = shard_path(file, folder)
    if not path.exists():
        return "missing", 0, ""
    try:
        found = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return "missing", 0, ""
    said = {key.decode(): value.decode() for key, value in (found.metadata or {}).items()}
    if said.get("source") != _source(file) and Path(file).exists():
        return "missing", 0, ""
    if said.get("mark") == mark:
        return "kept", found.num_rows, ""
    other = f"version {said.get('version')}, hop {said.get('hop')}, mark {said.get('mark')}"
    reason = (
        f"{path} was made with another encoder, detector or hop ({other}); give another folder, "
        "or overwrite=True."
    )
    return "other", found.num_rows, reason


def _here(files, client, models, folder, mark, settings) -> Iterator[tuple]:
    for file in files:
        yield embed_one(file, models, folder, mark, settings)


def _on_cluster(files, client, models, folder, mark, settings) -> Iterator[tuple]:
    """Rows as they come in. The models are a task's result, so a cluster that loses the machines
    which hold them makes them anew."""
    from dask.distributed import as_completed

    models = client.submit(_handed_on, models)
    work = {}
    for file in files:
        given = (file, models, folder, mark, settings)
        # Not "pure": an equal call in another run of this function must not be answered from it.
        work[client.submit(_embed_missing, *given, pure=False)] = file
    for future in as_completed(work):
        # A row still held here would be made again if its worker died later.
        file = work.pop(future)
        if future.status == "finished":
            yield future.result()
        else:
            yield _failed(file, folder, future.exception() or future.status)
        future.release()


def _handed_on(models):
    return models


def _embed_missing(file, models, folder, mark, settings) -> tuple:
    """`embed_one`, unless a worker that died since had already written the whole shard."""
    state, n_windows, _ = _looked_up(file, Path(folder), mark)
    if state == "kept":
        return file, str(shard_path(file, folder)), n_windows, "done", ""
    return embed_one(file, models, folder, mark, settings)


def embed_one(file: str, models: tuple, folder: str, mark: str, settings: dict) -> tuple:
    """Embed one recording into its shard; a row of the report, whatever happens."""
    try:
        encoder, detector = (_unpacked(model) for model in models)
        n_windows = _write_shard(file, encoder, detector, shard_path(file, folder), mark, settings)
    except Exception as error:  # noqa: BLE001  one bad recording must not stop the others
        return _failed(file, folder, error)
    return file, str(shard_path(file, folder)), n_windows, "done", ""


def _failed(file, folder, error) -> tuple:
    reason = str(error) or type(error).__name__
    return file, str(shard_path(file, folder)), 0, "failed", reason


def _write_shard(file, encoder, detector, path, mark, settings) -> int:
    hop, start = settings["hop"], 0
    said = {"mark": mark, "version": version_of(encoder), "hop": str(hop)}
    schema = _schema(detector is not None).with_metadata({**said, "source": _source(file)})
    # What a killed worker had begun lies there under a hidden name.
    for leftover in path.parent.glob(f".*-{escape(path.name)}"):
        leftover.unlink(missing_ok=True)
    with audio.atomic(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for codes, probabilities in embed_file(file, encoder, detector, **settings):
            numbers = np.arange(start, start + len(codes))
            columns = [
                pa.array([file] * len(codes)),
                pa.array(numbers * hop * HOP_LENGTH / SAMPLE_RATE),
                pa.FixedSizeListArray.from_arrays(pa.array(codes.ravel()), CODE_SIZE),
            ]
            if probabilities is not None:
                columns.append(pa.array(probabilities))
            writer.write_table(pa.table(columns, schema=schema))
            start += len(codes)
    return start


def _schema(with_probability: bool) -> pa.Schema:
    fields = [
        ("file", pa.string()),
        ("start", pa.float64()),
        ("code", pa.list_(pa.float32(), CODE_SIZE)),
    ]
    return pa.schema(fields + [("probability", pa.float32())] * with_probability)


def _source(file: str) -> str:
    """Size and time of a recording, by which a changed one is known; empty if it is not there."""
    try:
        stat = os.stat(file)
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _packed(model: keras.Model) -> bytes:
    """A model as the bytes of its ``.keras`` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


@lru_cache(maxsize=4)
def _unpacked(packed: bytes | None) -> keras.Model | None:
    """The model in such bytes; loaded once in each process, in Keras' safe mode."""
    if packed is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(packed)
        return keras.saving.load_model(path, compile=False)
