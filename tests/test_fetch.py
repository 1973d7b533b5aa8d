import dataclasses
import errno
import hashlib
import io
import json
import os
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib import corpora
from lib.corpora.__main__ import main
from lib.fetch import ORIGINALS, FetchError, ForeignFolderError, Original, fetch, listing
from lib.fetch.archive import unpack
from lib.fetch.download import CHUNK

QUICK = {"progress": False, "pause": 0.01, "timeout": 5.0}
FILES = {
    "repo-123/spectrograms/POS_a.png": b"whistle" * 20_000,
    "repo-123/spectrograms/NEG_b.png": bytes(np.random.default_rng(0).bytes(300_000)),
    "repo-123/scripts/train.py": b"not wanted",
}
PATTERNS = ("spectrograms/*.png",)


def pack(path, files=FILES, links=()):
    """A .tar.gz as GitHub makes it: all below one outer folder."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, kind, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    return path.read_bytes()


class Server(ThreadingHTTPServer):
    """Serves what is in ``files``; can cut answers short, refuse ranges and send errors."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.errors = {}, [], []
        self.ranges, self.chunked, self.requests = True, False, []

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append(asked)
        content = server.files.get(self.path.lstrip("/"))
        error = server.errors.pop(0) if server.errors else None
        if content is None or error:
            return self.send_error(error or 404)
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if first >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if first else 200)
        body = content[first:]
        self.send_body(body, server.cuts.pop(0) if server.cuts else len(body))

    def send_body(self, body, cut):
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            part = body[:cut]
            text = b"%x\r\n%b\r\n" % (len(part), part) + b"0\r\n\r\n" * (cut >= len(body))
        else:
            self.send_header("Content-Length", str(len(body)))
            text = body[:cut]
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def expected_listing(files=FILES):
    """The proof as the manifests define it, computed from the contents."""
    lines = []
    for name, content in files.items():
        inner = name.split("/", 1)[1]
        if inner.startswith("spectrograms"):
            lines.append((inner, len(content), hashlib.sha256(content).hexdigest()))
    text = "".join(f"{a}\t{b}\t{c}\n" for a, b, c in sorted(lines))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"files": len(lines), "size": sum(x[1] for x in lines), "listing": digest}


@pytest.fixture
def original(server, tmp_path):
    server.files["good.tar.gz"] = pack(tmp_path / "packed.tar.gz")
    url = server.url("good.tar.gz")
    return Original("small", url, "CC0", PATTERNS, **expected_listing())


@pytest.fixture
def root(tmp_path):
    return tmp_path / "corpora"


def leftovers(root):
    """Everything in the folder of corpora but a corpus and its record."""
    known = ("small", "small.json")
    return sorted(p.name for p in root.iterdir() if p.name not in known) if root.exists() else []


def expect(original, root, *words, **options):
    """The fetch fails with these words, and no half corpus is there."""
    with pytest.raises(FetchError) as caught:
        fetch(original, root, **(QUICK | options))
    for word in words:
        assert word in str(caught.value)
    assert not (root / original.name).exists()
    return str(caught.value)


def test_good_file_arrives_proved_and_nothing_else(original, root, server):
    line = fetch(original, root, **QUICK)
    assert "2 files" in line and "proved file by file" in line
    assert (root / "small/spectrograms/POS_a.png").read_bytes() == b"whistle" * 20_000
    assert not (root / "small/scripts").exists()
    assert leftovers(root) == []
    assert "already there, proved" in fetch(original, root, **QUICK)
    assert len(server.requests) == 1


def test_record_says_what_came_from_where(original, root):
    fetch(original, root, **QUICK)
    record = json.loads((root / "small.json").read_text())
    assert record["url"] == original.url and record["licence"] == "CC0"
    assert record["listing"] == original.listing and record["files"] == 2


def test_progress_bar_shows_the_download(original, root, capsys):
    fetch(original, root, **(QUICK | {"progress": True}))
    assert "small.tar.gz" in capsys.readouterr().err


def test_wrong_files_are_deleted_and_it_is_said(original, root):
    wrong = dataclasses.replace(original, listing="0" * 64)
    expect(wrong, root, "is not the public original", "download was deleted")
    assert leftovers(root) == [".downloads"] and not list((root / ".downloads").iterdir())
    fewer = dataclasses.replace(original, files=3, size=original.size + 1)
    expect(fewer, root, "(2 files, ", "instead of 3")


def test_wrong_archive_hash_is_deleted_and_it_is_said(original, root, server):
    known = hashlib.sha256(server.files["good.tar.gz"]).hexdigest()
    speech = Original("small", original.url, "CC0", archive=known, strip=0)
    expect(dataclasses.replace(speech, archive="0" * 64), root, "SHA-256", "deleted", "Try again")
    assert not list((root / ".downloads").iterdir())
    assert "proved by the archive" in fetch(speech, root, **QUICK)
    assert (root / "small/repo-123/scripts/train.py").exists()


def test_cut_connection_goes_on_where_it_stopped(original, root, server):
    server.cuts = [2 * CHUNK, CHUNK]
    fetch(original, root, **QUICK)
    assert server.requests == [None, f"bytes={2 * CHUNK}-", f"bytes={3 * CHUNK}-"]


def test_cut_connection_goes_on_in_another_run(original, root, server):
    server.cuts = [2 * CHUNK]
    expect(original, root, "0.1 MB are kept", "run the same command again", tries=1)
    fetch(original, root, **QUICK)
    assert server.requests == [None, f"bytes={2 * CHUNK}-"]
    assert leftovers(root) == []


@pytest.mark.parametrize("chunked", [False, True])
def test_server_that_knows_no_ranges_starts_anew(original, root, server, chunked):
    server.ranges, server.chunked, server.cuts = False, chunked, [100_000]
    fetch(original, root, **QUICK)
    assert len(server.requests) == 2


def test_complete_part_of_an_earlier_run_is_taken(original, root, server):
    (root / ".downloads").mkdir(parents=True)
    part = root / ".downloads" / "small.tar.gz.part"
    part.write_bytes(server.files["good.tar.gz"])
    fetch(original, root, **QUICK)
    assert server.requests == [f"bytes={len(server.files['good.tar.gz'])}-"]


def test_part_longer_than_the_file_is_thrown_away(original, root, server):
    (root / ".downloads").mkdir(parents=True)
    (root / ".downloads" / "small.tar.gz.part").write_bytes(bytes(2_000_000))
    fetch(original, root, **QUICK)
    assert server.requests == ["bytes=2000000-", None]


def test_part_of_another_file_is_found_out_and_the_next_run_succeeds(original, root):
    (root / ".downloads").mkdir(parents=True)
    (root / ".downloads" / "small.tar.gz.part").write_bytes(bytes(1000))
    expect(original, root, "damaged", "deleted")
    fetch(original, root, **QUICK)


def test_not_found(original, root, server):
    gone = dataclasses.replace(original, url=server.url("gone.tar.gz"))
    expect(gone, root, "gone.tar.gz answers 404", "not there any more")
    assert len(server.requests) == 1


def test_busy_server_is_asked_again(original, root, server):
    server.errors = [503, 429]
    fetch(original, root, **QUICK)
    assert len(server.requests) == 3
    server.errors = [503] * 3
    other = dataclasses.replace(original, name="other")
    expect(other, root, "3 tries", "answers 503", tries=3)


def test_no_server(original, root, server):
    nobody = dataclasses.replace(original, url="http://127.0.0.1:9/good.tar.gz")
    message = expect(nobody, root, "cannot be reached", "check the network", "again")
    assert "refused" in message and "HTTPConnectionPool" not in message


def test_unknown_host(original, root):
    nowhere = dataclasses.replace(original, url="http://nowhere.invalid/good.tar.gz")
    expect(nowhere, root, "nowhere.invalid", "check the network")


@pytest.mark.parametrize(
    "name",
    [
        "repo-123/../../escaped.png",
        "/tmp/escaped.png",
        "repo-123/spectrograms/../../../escaped.png",
        "repo-123\\..\\..\\escaped.png",
        "C:/escaped.png",
        "../escaped.png",
    ],
)
def test_path_that_leaves_the_folder(original, root, server, tmp_path, name):
    server.files["good.tar.gz"] = pack(tmp_path / "bad.tar.gz", {name: b"x"} | FILES)
    expect(original, root, "leaves the folder", "refused", "deleted")
    assert not list(tmp_path.rglob("*escaped*")) and not Path("/tmp/escaped.png").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(original, root, server, tmp_path, kind):
    links = [("repo-123/spectrograms/link.png", kind, "/etc/passwd")]
    server.files["good.tar.gz"] = pack(tmp_path / "bad.tar.gz", FILES, links)
    expect(original, root, "link", "refused")


def test_link_to_a_folder_cannot_carry_files_out(root, tmp_path):
    """The link is not wanted, so it is not made, and the file below it stays inside."""
    files = {"repo-123/spectrograms/out/a.png": b"x"}
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        link = tarfile.TarInfo("repo-123/spectrograms/out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        info = tarfile.TarInfo(next(iter(files)))
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    unpack(archive, root, Original("small", "", "", PATTERNS))
    assert (root / "spectrograms/out/a.png").read_bytes() == b"x"
    assert not (tmp_path / "a.png").exists()


def test_archive_that_holds_too_much_stops_early(original, root, server, tmp_path):
    more = FILES | {"repo-123/spectrograms/POS_c.png": b"x"}
    server.files["good.tar.gz"] = pack(tmp_path / "more.tar.gz", more)
    expect(original, root, "more than the corpus")


@pytest.mark.parametrize("content", [b"", b"<html>maintenance</html>", None])
def test_damaged_archive(original, root, server, content):
    whole = server.files["good.tar.gz"]
    server.files["good.tar.gz"] = whole[:-200_000] if content is None else content
    if content == b"":
        server.files["good.tar.gz"] = b"\x1f\x8b"
    expect(original, root, "damaged", "deleted")


def test_no_file_fits(original, root):
    other = dataclasses.replace(original, patterns=("*.flac",), files=None, size=None, listing=None)
    expect(other, root, "No file", "fits *.flac")


def test_unknown_hash_is_said_and_the_first_one_recorded(original, root, server, tmp_path):
    unknown = dataclasses.replace(original, files=None, size=None, listing=None)
    assert not unknown.known
    assert "no hash is known" in fetch(unknown, root, **QUICK)
    assert json.loads((root / "small.json").read_text())["listing"] == original.listing
    assert "as it was brought" in fetch(unknown, root, **QUICK)
    os.rename(root / "small", root / "old")
    assert "the same as seen first" in fetch(unknown, root, **QUICK)
    os.rename(root / "small", root / "older")
    server.files["good.tar.gz"] = pack(
        tmp_path / "new.tar.gz", FILES | {"repo-123/spectrograms/POS_a.png": b"other"}
    )
    expect(unknown, root, "not what was seen first")


def test_folder_of_another_origin_is_left_alone(original, root, server):
    (root / "small").mkdir(parents=True)
    (root / "small" / "mine.png").write_bytes(b"x")
    with pytest.raises(ForeignFolderError, match="1 files .* left as it is"):
        fetch(original, root, **QUICK)
    assert (root / "small" / "mine.png").exists() and not server.requests


def test_corpus_changed_since_it_came_is_found_out(original, root):
    fetch(original, root, **QUICK)
    (root / "small/spectrograms/POS_a.png").unlink()
    with pytest.raises(FetchError, match="changed .*1 files instead of 2.*fetch it again"):
        fetch(original, root, **QUICK)


@pytest.mark.parametrize(
    ("number", "word"), [(errno.ENOSPC, "Free some space"), (errno.EROFS, "CORPORA_DIR")]
)
def test_full_or_read_only_disk(original, root, monkeypatch, number, word):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("lib.fetch.archive._write_member", refuse)
        expect(original, root, word)
    assert leftovers(root) == [".downloads"]
    fetch(original, root, **QUICK)
    assert leftovers(root) == []


def test_interrupt_leaves_no_half_corpus_and_keeps_the_download(
    original, root, server, monkeypatch
):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lib.fetch.listing", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(original, root, **QUICK)
    assert leftovers(root) == [".downloads"] and not (root / "small").exists()
    fetch(original, root, **QUICK)
    assert len(server.requests) == 1


def test_list_hash_depends_on_name_size_and_contents(tmp_path):
    (tmp_path / "a" / "x").mkdir(parents=True)
    (tmp_path / "a" / "x" / "1").write_bytes(b"one")
    first = listing(tmp_path / "a")
    sha = hashlib.sha256(b"one").hexdigest()
    assert first == (1, 3, hashlib.sha256(f"x/1\t3\t{sha}\n".encode()).hexdigest())
    (tmp_path / "a" / "x" / "1").rename(tmp_path / "a" / "x" / "2")
    assert listing(tmp_path / "a").sha256 != first.sha256


def test_every_original_is_pinned():
    for name, original in ORIGINALS.items():
        assert original.name == name and original.licence
        pinned = re.search(r"/archive/[0-9a-f]{40}\.tar\.gz$", original.url)
        assert pinned or re.fullmatch(r"[0-9a-f]{64}", original.archive)
        assert original.known or original.by_name_only
        if original.listing:
            assert original.files and original.size and len(original.listing) == 64
    real = {"oltremare", "whistle_contours", "birdsong", "fsdd", "household_noise"}
    assert real | {"speech_commands"} == {n for n, o in ORIGINALS.items() if not o.by_name_only}


def test_command_brings_all_and_reports_each(original, root, server, monkeypatch, capsys):
    gone = dataclasses.replace(original, name="gone", url=server.url("gone.tar.gz"))
    mine = dataclasses.replace(original, name="mine")
    shy = dataclasses.replace(original, name="shy", by_name_only=True)
    some = {o.name: o for o in (gone, mine, original, shy)}
    monkeypatch.setattr("lib.corpora.__main__.ORIGINALS", some)
    (root / "mine").mkdir(parents=True)
    assert main(["--root", str(root), "fetch", "all"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["[FAIL]", "[KEPT]", "[OK]"]
    assert main(["--root", str(root), "fetch", "small"]) == 0
    assert main(["--root", str(root), "list"]) == 0
    listed = capsys.readouterr().out
    assert "shy                    not here  by name only" in listed
    with pytest.raises(SystemExit):
        main(["fetch", "unknown"])


def test_fetched_corpus_loads(server, tmp_path, root):
    """From the archive on the server to windows: RGB pictures below spectrograms/."""
    buffer = io.BytesIO()
    Image.new("RGB", (300, 150), (9, 9, 9)).save(buffer, "png")
    names = ("POS_20211121_064331_192_0001", "NEG_20211121_082342_192_0002")
    files = {f"repo-1/spectrograms/{name}.png": buffer.getvalue() for name in names}
    server.files["pictures.tar.gz"] = pack(tmp_path / "pictures.tar.gz", files)
    source = ORIGINALS["oltremare"]
    url = server.url("pictures.tar.gz")
    small = dataclasses.replace(source, url=url, **expected_listing(files))
    fetch(small, root, **QUICK)
    corpus = corpora.load("oltremare", root)
    assert len(corpus) == 2 and corpus.windows(0).shape == (1, 128, 256)
