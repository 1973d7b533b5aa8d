"""Archives: a shard a recording, exactly once, on this machine or on a cluster that loses one."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from lib import audio
from lib import encoder as room
from lib.encoder.archive import archive_mark

HOP = 100


@pytest.fixture(scope="module")
def encoder():
    return room.build_encoder(version="4.4")


@pytest.fixture
def files(tmp_path):
    """Five recordings of 0.3 to 0.7 s in two folders, two of them of one name."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / "sound" / name for name in ("a.wav", "b.wav", "c.wav", "d.flac")]
    paths.append(tmp_path / "more" / "a.wav")
    for k, path in enumerate(paths):
        audio.write(path, rng.normal(0, 0.1, 14_400 + 4_800 * k).astype(np.float32))
    return paths


def shards(folder):
    """Names of everything in a folder: whole shards, and nothing half-written beside them."""
    return sorted(path.name for path in folder.iterdir())


def whole_shards(folder):
    """Of a folder at work: hidden names are shards still being written."""
    return [path for path in folder.glob("*.parquet") if not path.name.startswith(".")]


def test_what_a_killed_worker_left_is_cleared(encoder, files, tmp_path):
    shard = room.shard_path(files[0], tmp_path / "codes")
    shard.parent.mkdir()
    (shard.parent / f".0badcafe-{shard.name}").write_bytes(b"PAR1 half a shard")
    room.embed_archive(files[:1], encoder, folder=shard.parent, hop=HOP)
    assert shards(shard.parent) == [shard.name]


def test_each_recording_has_a_shard_with_its_codes(encoder, files, tmp_path):
    detector = room.build_silence_detector(encoder)
    out = tmp_path / "codes"
    report = room.embed_archive(files, encoder, folder=out, detector=detector, hop=HOP)
    assert report["file"].tolist() == [str(f) for f in files]
    assert set(report["state"]) == {"done"}
    assert shards(out) == sorted(os.path.basename(s) for s in report["shard"])
    assert len(set(report["shard"])) == len(files)
    for row in report.itertuples():
        windows, codes = room.read_shard(row.shard)
        expected = room.embed_and_detect(audio.read(row.file), encoder, detector, HOP)
        np.testing.assert_allclose(codes, expected[0], atol=1e-5)
        np.testing.assert_allclose(windows["probability"], expected[1], atol=1e-5)
        starts = np.arange(row.windows) * HOP * 64 / 48_000
        np.testing.assert_allclose(windows["start"], starts)
        assert set(windows["file"]) == {row.file}
    assert pq.read_schema(row.shard).field("code").type.list_size == 128


def test_what_is_done_is_kept_and_what_changed_is_done_again(encoder, files, tmp_path):
    out = tmp_path / "codes"
    first = room.embed_archive(files[:2], encoder, folder=out, hop=HOP)
    times = [os.stat(shard).st_mtime_ns for shard in first["shard"]]
    audio.write(files[1], np.full(20_000, 0.1, np.float32))
    again = room.embed_archive(files[:3], encoder, folder=out, hop=HOP)
    assert again["state"].tolist() == ["kept", "done", "done"]
    assert os.stat(first["shard"][0]).st_mtime_ns == times[0]
    assert len(room.read_shard(first["shard"][1])[1]) == again["windows"][1]


def test_a_damaged_shard_is_made_again(encoder, files, tmp_path):
    shard = room.shard_path(files[0], tmp_path / "codes")
    shard.parent.mkdir()
    shard.write_bytes(b"PAR1 half a shard")
    report = room.embed_archive(files[:1], encoder, folder=shard.parent, hop=HOP)
    assert report["state"].tolist() == ["done"]
    assert len(room.read_shard(shard)[1]) == report["windows"][0] > 0


def test_shards_of_another_encoder_are_named_not_replaced(encoder, files, tmp_path):
    out, other = tmp_path / "codes", room.build_encoder(version="4.4")
    room.embed_archive(files[:1], encoder, folder=out, hop=HOP)
    codes = room.read_shard(room.shard_path(files[0], out))[1]
    report = room.embed_archive(files[:1], other, folder=out, hop=HOP)
    assert report["state"].tolist() == ["other"]
    assert "another encoder" in report["reason"][0] and "overwrite=True" in report["reason"][0]
    np.testing.assert_array_equal(room.read_shard(room.shard_path(files[0], out))[1], codes)
    assert room.embed_archive(files[:1], encoder, folder=out, hop=64)["state"][0] == "other"
    report = room.embed_archive(files[:1], other, folder=out, hop=HOP, overwrite=True)
    assert report["state"].tolist() == ["done"]
    assert np.abs(room.read_shard(room.shard_path(files[0], out))[1] - codes).max() > 1e-3


def test_bad_recordings_are_reported_and_the_rest_is_done(encoder, files, tmp_path):
    out, text = tmp_path / "codes", tmp_path / "text.wav"
    text.write_text("not a sound")
    bad = [text, tmp_path / "missing.wav"]
    report = room.embed_archive([bad[0], files[0], bad[1]], encoder, folder=out, hop=HOP)
    assert report["state"].tolist() == ["failed", "done", "failed"]
    for row in (0, 2):
        assert report["file"][row] in report["reason"][row]
    assert len(shards(out)) == 1


def test_an_interruption_leaves_whole_shards_only(encoder, files, tmp_path, monkeypatch):
    from lib.encoder import archive

    whole = archive.embed_file

    def stops(path, *args, **settings):
        for i, part in enumerate(whole(path, *args, **settings)):
            if "c.wav" in str(path) and i == 0:
                raise KeyboardInterrupt
            yield part

    monkeypatch.setattr(archive, "embed_file", stops)
    out = tmp_path / "codes"
    with pytest.raises(KeyboardInterrupt):
        room.embed_archive(files, encoder, folder=out, hop=HOP)
    assert len(shards(out)) == 2
    monkeypatch.setattr(archive, "embed_file", whole)
    report = room.embed_archive(files, encoder, folder=out, hop=HOP)
    assert report["state"].tolist() == ["kept", "kept", "done", "done", "done"]


def test_a_full_disk_is_a_reason_and_leaves_nothing(encoder, files, tmp_path, monkeypatch):
    class Full(pq.ParquetWriter):
        def write_table(self, table):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "ParquetWriter", Full)
    report = room.embed_archive(files[:1], encoder, folder=tmp_path / "codes", hop=HOP)
    assert report["state"].tolist() == ["failed"]
    assert "full" in report["reason"][0]
    assert shards(tmp_path / "codes") == []


def test_mark_knows_weights_and_hop_but_no_random_state():
    encoder = room.build_encoder(version="4.2")
    before = archive_mark(encoder, None, HOP)
    encoder(np.zeros((1, 128, 256, 1), np.float32), training=True)
    assert archive_mark(encoder, None, HOP) == before
    assert archive_mark(encoder, None, HOP + 1) != before
    encoder.set_weights([w + 1 for w in encoder.get_weights()])
    assert archive_mark(encoder, None, HOP) != before


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two worker processes that talk over TCP on this machine."""
    from dask.distributed import Client

    address = tmp_path / "scheduler.json"
    python = [sys.executable, "-m"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    where = ["--scheduler-file", str(address), "--no-dashboard", "--host", "127.0.0.1"]
    scheduler = ["distributed.cli.dask_scheduler", "--port", "0", *where]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *where]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    processes = []
    try:
        for command in (scheduler, worker, worker):
            own = tmp_path / f"process{len(processes)}"
            own.mkdir()
            processes.append(subprocess.Popen(python + command, cwd=own, env=environment, **quiet))
        while not address.exists() or not address.read_text().strip():
            assert processes[0].poll() is None, "the scheduler stopped"
            time.sleep(0.1)
        with Client(scheduler_file=str(address), timeout=120) as client:
            client.wait_for_workers(2, timeout=120)
            yield client
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_cluster_that_loses_a_worker_embeds_every_recording_once(encoder, files, tmp_path, cluster):
    more = [tmp_path / "sound" / f"more{k}.wav" for k in range(9)]
    for k, path in enumerate(more):
        signal_ = np.random.default_rng(k).normal(0, 0.1, 48_000).astype(np.float32)
        audio.write(path, signal_)
    out, killed = tmp_path / "cluster", []

    def kill_one():
        """Kill a worker that is at work, once the first shard is whole."""
        while not whole_shards(out):
            time.sleep(0.02)
        pids, busy = cluster.run(os.getpid), cluster.processing()
        victim = max(pids, key=lambda address: len(busy.get(address, ())))
        os.kill(pids[victim], signal.SIGKILL)
        killed.append(len(whole_shards(out)))

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    everything = [*files, *more, tmp_path / "missing.wav"]
    report = room.embed_archive(everything, encoder, client=cluster, folder=out, hop=HOP)
    killer.join(30)
    assert killed and killed[0] < len(everything) - 1, "the worker died too late to matter"
    assert len(cluster.scheduler_info()["workers"]) == 1
    assert report["state"].tolist() == ["done"] * (len(everything) - 1) + ["failed"]
    assert shards(out) == sorted(os.path.basename(s) for s in report["shard"][:-1])
    alone = room.embed_archive(everything[:-1], encoder, folder=tmp_path / "alone", hop=HOP)
    for here, there in zip(alone["shard"], report["shard"][:-1], strict=True):
        (windows, codes), (expected, expected_codes) = room.read_shard(there), room.read_shard(here)
        assert windows.equals(expected)
        np.testing.assert_allclose(codes, expected_codes, atol=1e-5)
    again = room.embed_archive(everything[:-1], encoder, client=cluster, folder=out, hop=HOP)
    assert set(again["state"]) == {"kept"}
