import errno
import os
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import audio

RATE = 48_000


def tone(seconds=0.5, rate=RATE, hz=3000.0):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype("f4")


def write_raw(path, sound, rate=RATE, **options):
    soundfile.write(path, sound, rate, **options)
    return path


@pytest.mark.parametrize("suffix", audio.SUFFIXES)
def test_every_format_gives_the_same_sound(tmp_path, suffix):
    path = write_raw(tmp_path / f"a{suffix}", tone(1.0))
    sound = audio.read(path)
    assert sound.dtype == np.float32 and sound.ndim == 1
    assert abs(len(sound) - RATE) < 3000
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) * RATE / len(sound) == pytest.approx(3000, abs=2)


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_averaged(tmp_path, channels):
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, (1000, channels)).astype("f4")
    path = write_raw(tmp_path / "many.wav", sound, subtype="FLOAT")
    np.testing.assert_allclose(audio.read(path), sound.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("rate", [32_000, 44_100, 96_000, 192_000])
def test_resampling_keeps_duration_and_pitch(tmp_path, rate):
    path = write_raw(tmp_path / "a.wav", tone(1.0, rate), rate)
    sound = audio.read(path)
    assert len(sound) == RATE
    middle = slice(1000, -1000)
    np.testing.assert_allclose(sound[middle], tone(1.0)[middle], atol=2e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    assert np.abs(audio.resample(tone(1.0, 96_000, 40_000), 96_000, RATE)[500:-500]).max() < 1e-3


def expect(path, *words, **options):
    """The error names the file and says the cure."""
    with pytest.raises(audio.AudioError) as caught:
        audio.read(path, **options)
    for word in (str(path), *words):
        assert word in str(caught.value)
    with pytest.raises(audio.AudioError):
        list(audio.blocks(path))


def test_missing_file(tmp_path):
    expect(tmp_path / "none.wav", "does not exist", "check the folder")


def test_folder_instead_of_a_file(tmp_path):
    expect(tmp_path, "cannot be read")


def test_empty_file(tmp_path):
    (tmp_path / "a.wav").touch()
    expect(tmp_path / "a.wav", "empty", "record it again")


def test_header_without_samples(tmp_path):
    expect(write_raw(tmp_path / "a.wav", np.zeros(0)), "no samples", "again")


def test_text_named_wav(tmp_path):
    (tmp_path / "a.wav").write_text("The dolphins were silent today.\n")
    expect(tmp_path / "a.wav", "not a sound file", "export it again")


@pytest.mark.parametrize("options", [{}, {"subtype": "FLOAT"}, {"format": "WAVEX"}])
def test_truncated_wav(tmp_path, options):
    path = write_raw(tmp_path / "a.wav", tone(), **options)
    path.write_bytes(path.read_bytes()[:-1000])
    assert soundfile.info(path).frames > 0  # libsndfile alone says nothing
    expect(path, "truncated", "Copy it again")


def test_truncated_flac(tmp_path):
    path = write_raw(tmp_path / "a.flac", np.random.default_rng(0).uniform(-1, 1, RATE))
    path.write_bytes(path.read_bytes()[:50_000])
    expect(path, "copy it again")


def test_wav_of_a_streaming_program_is_taken(tmp_path):
    path = write_raw(tmp_path / "a.wav", tone(), subtype="PCM_16")
    raw = bytearray(path.read_bytes())
    at = raw.index(b"data")
    raw[at + 4 : at + 8] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(raw)
    assert len(audio.read(path)) == len(tone())


def test_further_chunks_and_odd_lengths_do_not_look_truncated(tmp_path):
    path = write_raw(tmp_path / "a.wav", tone(0.1)[:4799], subtype="PCM_U8")
    raw = path.read_bytes()
    at = raw.index(b"data")
    path.write_bytes(raw[:at] + b"note" + struct.pack("<I", 3) + b"abc\0" + raw[at:])
    assert len(audio.read(path)) == 4799


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers(tmp_path, bad):
    sound = tone()
    sound[24_00] = bad
    expect(write_raw(tmp_path / "a.wav", sound, subtype="FLOAT"), "1 samples", "0.050 s", "cut")


def test_low_rate_is_refused_unless_asked_for(tmp_path):
    path = write_raw(tmp_path / "a.wav", tone(1.0, 8000), 8000)
    expect(path, "8000 Hz", "above 4 kHz", "allow_low_rate")
    assert len(audio.read(path, allow_low_rate=True)) == RATE
    assert len(audio.read(path, sample_rate=8000)) == 8000


def test_too_short(tmp_path):
    path = write_raw(tmp_path / "a.wav", tone(0.1))
    assert len(audio.read(path, shortest=0.1)) == 4800
    with pytest.raises(audio.AudioError, match="0.100 s, shorter than the 0.181 s .* longer"):
        audio.read(path, shortest=0.181)


def test_zero_signal(tmp_path):
    path = write_raw(tmp_path / "a.wav", np.zeros(RATE))
    assert not audio.read(path).any()
    with pytest.raises(audio.AudioError, match="only zeros"):
        audio.read(path, allow_silence=False)


def test_unreadable_file_simulated(tmp_path, monkeypatch):
    path = write_raw(tmp_path / "a.wav", tone())

    def refuse(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("lib.audio.reading.promised_bytes", refuse)
    expect(path, "Permission denied", "check its rights")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    path = write_raw(tmp_path / "a.wav", tone())
    path.chmod(0)
    expect(path, "check its rights")


@pytest.mark.parametrize("rate", [32_000, 48_000])
@pytest.mark.parametrize("overlap", [0.0, 0.25])
def test_blocks_cover_the_file(tmp_path, rate, overlap):
    sound = np.random.default_rng(1).normal(0, 0.1, round(23.3 * rate)).astype("f4")
    path = write_raw(tmp_path / "a.wav", sound, rate, subtype="FLOAT")
    whole = audio.read(path)
    end = 0
    for start, block in audio.blocks(path, seconds=4.0, overlap=overlap):
        first = round(start * RATE)
        np.testing.assert_allclose(block, whole[first : first + len(block)], atol=1e-5)
        assert end == 0 or first == end - round(overlap * RATE)
        end = first + len(block)
    assert end == len(whole)


def test_block_longer_than_the_file(tmp_path):
    path = write_raw(tmp_path / "a.wav", tone(0.3))
    ((start, block),) = audio.blocks(path, seconds=10, overlap=1)
    assert start == 0 and len(block) == len(tone(0.3))


def test_block_ending_with_the_file_is_not_repeated(tmp_path):
    path = write_raw(tmp_path / "a.wav", tone(3.0))
    assert [start for start, _ in audio.blocks(path, 2.0, overlap=1.0)] == [0.0, 1.0]


def test_overlap_must_be_shorter_than_a_block(tmp_path):
    with pytest.raises(ValueError, match="overlap"):
        next(audio.blocks(write_raw(tmp_path / "a.wav", tone()), 1.0, overlap=1.0))


def test_memory_of_blocks_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for minutes in (1, 4):
        path = write_raw(tmp_path / "a.wav", np.zeros(minutes * 60 * 44_100, "i2"), 44_100)
        tracemalloc.start()
        for _ in audio.blocks(path, seconds=10, overlap=1):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_merge_regions_against_a_naive_timeline():
    rng = np.random.default_rng(2)
    for _ in range(20):
        start = rng.integers(0, 1000, 12)
        regions = np.stack([start, start + rng.integers(1, 60, 12)], axis=1)
        line = np.zeros(1100, bool)
        for a, b in regions:
            line[a : b + 9] = True  # closer than 10 is merged
        edges = np.flatnonzero(np.diff(line.astype(int), prepend=0, append=0)).reshape(-1, 2)
        expected = edges - [0, 9]
        merged = audio.merge_regions(rng.permutation(regions) / 100, gap=0.095, shortest=0.2)
        np.testing.assert_allclose(merged * 100, expected[np.ptp(expected, axis=1) >= 20])


def test_merge_regions_of_nothing_and_of_a_table():
    assert audio.merge_regions([]).shape == (0, 2)
    table = pd.DataFrame({"stop": [1.0, 3.0], "start": [0.0, 1.05], "kind": "x"})
    assert audio.merge_regions(table).tolist() == [[0.0, 3.0]]


def test_regions_that_stop_before_they_start():
    with pytest.raises(ValueError, match="before it starts"):
        audio.merge_regions([[1.0, 0.5]])


def test_snippets_are_written_with_gaps(tmp_path):
    sound = tone(2.0)
    path = tmp_path / "new folder" / "cluster.wav"
    audio.write_snippets(path, sound, [[0.5, 0.6], [1.0, 1.2]])
    assert soundfile.info(path).subtype == "PCM_16"
    written = audio.read(path)
    assert len(written) == round((0.1 + 0.1 + 0.2) * RATE)
    np.testing.assert_allclose(written[:4800], sound[24_000:28_800], atol=1 / 32_000)
    assert not written[4800:9600].any()
    np.testing.assert_allclose(written[9600:], sound[48_000:57_600], atol=1 / 32_000)


def test_snippets_outside_the_sound_or_none_at_all(tmp_path):
    with pytest.raises(ValueError, match="5.000 s, outside the 2.000 s"):
        audio.write_snippets(tmp_path / "a.wav", tone(2.0), [[5.0, 6.0]])
    with pytest.raises(ValueError, match="no snippets"):
        audio.write_snippets(tmp_path / "a.wav", tone(2.0), [])
    assert not list(tmp_path.iterdir())


@pytest.fixture
def finds():
    return pd.DataFrame(
        {"start": [0.25, 2.0], "stop": [0.75, 2.5], "label": ["A", "B"], "density": [1.5, 0.5]},
        index=[7, 3],
    )


def test_raven_table(tmp_path, finds):
    audio.write_labels(finds, tmp_path / "a.txt")
    table = pd.read_csv(tmp_path / "a.txt", sep="\t")
    assert list(table.columns) == [
        *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
        *("Low Freq (Hz)", "High Freq (Hz)", "label", "density"),
    ]
    assert table["Selection"].tolist() == [1, 2]
    assert table["Begin Time (s)"].tolist() == [0.25, 2.0]
    assert table["High Freq (Hz)"].tolist() == [24_000, 24_000]
    assert table["label"].tolist() == ["A", "B"]


def test_raven_table_with_frequencies(tmp_path, finds):
    audio.write_labels(finds.assign(low=4000.0, high=9000.0), tmp_path / "a.txt", "raven")
    table = pd.read_csv(tmp_path / "a.txt", sep="\t")
    assert table["Low Freq (Hz)"].tolist() == [4000, 4000] and "low" not in table


def test_audacity_labels(tmp_path, finds):
    audio.write_labels(finds, tmp_path / "a.txt", "audacity")
    assert (tmp_path / "a.txt").read_text() == "0.25\t0.75\tA\n2.0\t2.5\tB\n"


def test_unknown_label_format(tmp_path, finds):
    with pytest.raises(ValueError, match="raven, audacity"):
        audio.write_labels(finds, tmp_path / "a.txt", "praat")


def test_disk_full_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "finds.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="disk is full.*again") as caught, audio.atomic(path) as part:
        part.write_text("half of the n")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["finds.txt"]


def test_interrupt_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "finds.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), audio.atomic(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_sound_cut_short_by_the_system_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "a.wav"
    audio.write(path, tone(0.1))
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from lib import audio\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "audio.write(sys.argv[1], np.zeros(480_000))\n"
    )
    command = [sys.executable, "-c", code, path]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode != 0 and "Error" in run.stderr
    assert len(audio.read(path)) == 4800
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_loud_sound_is_clipped_and_nan_refused(tmp_path):
    audio.write(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5]))
    np.testing.assert_allclose(audio.read(tmp_path / "a.wav"), [1, -1, 0.5], atol=1e-4)
    with pytest.raises(audio.AudioError, match="NaN"):
        audio.write(tmp_path / "b.wav", np.array([np.nan]))


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), audio.atomic_folder(tmp_path / "codes") as temporary:
        (temporary / "one.txt").write_text("half")
        raise RuntimeError("interrupted")
    assert not list(tmp_path.iterdir())
    for text in ("first", "second"):
        with audio.atomic_folder(tmp_path / "codes") as temporary:
            (temporary / "one.txt").write_text(text)
    assert (tmp_path / "codes" / "one.txt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["codes"]
