import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import audio, corpora
from lib.corpora import voices
from lib.corpora.clips import one_second
from lib.synthesis import speech
from lib.synthesis.keywords import WORDS, Booth, keyword_clip

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WTW_CACHE", str(tmp_path / "cache"))


def write(path, signal=None, rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, RNG.normal(0, 0.1, 12_000) if signal is None else signal, rate)
    return path


@pytest.fixture
def commands(tmp_path):
    """A small Speech Commands: 3 words, 12 speakers, background noise beside them."""
    folder = tmp_path / "speech_commands"
    for word in ("bed", "cat", "happy"):
        for speaker in range(12):
            write(folder / word / f"{speaker:08x}_nohash_0.wav")
    write(folder / "_background_noise_" / "tap.wav")
    return folder


def test_clips_have_one_second_and_their_speaker_as_group(commands):
    corpus = corpora.load("speech_commands", commands.parent)
    assert corpus.words == ["bed", "cat", "happy"] and len(corpus) == 36
    assert corpus.clips().shape == (36, 16_000) and corpus.clips().dtype == np.int16
    assert corpus.table.groupby("group")["split"].nunique().max() == 1
    saved = soundfile.read(corpus.table["path"].iloc[5])[0]
    np.testing.assert_allclose(corpus.clip(5)[:12_000], saved, atol=1e-4)
    assert not corpus.clip(5)[12_000:].any()
    assert len(corpus.signal(5)) == 48_000


def test_official_lists_decide_the_split(commands):
    (commands / "validation_list.txt").write_text("bed/00000001_nohash_0.wav\n")
    (commands / "testing_list.txt").write_text("cat/00000002_nohash_0.wav\n\n")
    table = corpora.load("speech_commands", commands.parent).table.set_index("item")
    assert table.loc["bed/00000001_nohash_0", "split"] == "validation"
    assert table.loc["cat/00000002_nohash_0", "split"] == "test"
    assert (table["split"] == "train").sum() == 34


def test_the_same_recording_stays_on_one_side(commands):
    original = commands / "bed" / "00000001_nohash_0.wav"
    twin = commands / "cat" / "00000003_nohash_0.wav"
    twin.write_bytes(original.read_bytes())
    (commands / "validation_list.txt").write_text("")
    (commands / "testing_list.txt").write_text("cat/00000003_nohash_0.wav\n")
    corpus = corpora.load("speech_commands", commands.parent)
    items = corpus.table["item"].tolist()
    assert "cat/00000003_nohash_0" in items and "bed/00000001_nohash_0" not in items
    assert "same recording" in corpus.report["problem"].iloc[0]


def test_bad_clips_are_reported_and_left_out(commands):
    quiet = write(commands / "bed" / "silent_nohash_0.wav", np.full(16_000, 1e-3))
    long = write(commands / "bed" / "long_nohash_0.wav", RNG.normal(0, 0.1, 70_000))
    empty = commands / "bed" / "empty_nohash_0.wav"
    empty.write_bytes(b"")
    corpus = corpora.load("speech_commands", commands.parent)
    problems = corpus.report.set_index("path")["problem"]
    assert len(corpus) == 36 and len(problems) == 3
    assert "nearly silent" in problems[quiet]
    assert "lasts 4.4 s" in problems[long]
    assert "empty (0 bytes)" in problems[empty]


def test_word_lists_must_match_the_folder(commands):
    assert corpora.load("speech_commands", commands.parent, words=["cat", "bed"]).words == [
        "bed",
        "cat",
    ]
    with pytest.raises(ValueError, match="no folder for dog, wow; it holds bed, cat, happy"):
        corpora.load("speech_commands", commands.parent, words=["dog", "bed", "wow"])
    (commands / "dog").mkdir()
    with pytest.raises(ValueError, match="holds no clip: leave the word 'dog' out"):
        corpora.load("speech_commands", commands.parent)


def test_a_folder_without_words_says_so(tmp_path):
    write(tmp_path / "speech_commands" / "_background_noise_" / "tap.wav")
    with pytest.raises(FileNotFoundError, match="no folder of a word"):
        corpora.load("speech_commands", tmp_path)
    with pytest.raises(FileNotFoundError, match="fetch fsdd"):
        corpora.load("fsdd", tmp_path)


def test_a_long_clip_keeps_its_loudest_second():
    signal = np.zeros(40_000, np.float32)
    signal[20_000:30_000] = 0.5
    assert one_second(signal).sum() == pytest.approx(5_000)
    assert one_second(signal[20_000:20_100]).sum() == pytest.approx(50)


@pytest.fixture
def digits(tmp_path):
    for speaker in ("ann", "bob", "cid"):
        for digit in range(10):
            write(tmp_path / "fsdd" / "recordings" / f"{digit}_{speaker}_0.wav", rate=8000)
    return tmp_path


def test_digits_leave_a_speaker_out(digits):
    corpus = corpora.load("fsdd", digits, test="bob")
    parts = corpus.table.groupby("split")["group"].unique()
    assert parts["test"].tolist() == ["bob"] and parts["validation"].tolist() == ["cid"]
    assert corpus.table.loc[corpus.table["item"] == "7_ann_0", "label"].item() == "seven"
    with pytest.raises(ValueError, match="must be two of ann, bob, cid"):
        corpora.load("fsdd", digits, test="dora")
    with pytest.raises(ValueError, match="must be two of"):
        corpora.load("fsdd", digits, test="bob", validation="bob")


def test_voices_are_the_same_again_and_share_no_speaker():
    corpus = corpora.load("voices", train=40, validation=12, test=12)
    again = voices.load_voices(train=45, validation=12, test=12)
    # Some voices breathe, and no two breaths are the same; all else is.
    pairs = zip(corpus.clips()[:40], again.clips()[:40], strict=True)
    alike = np.array([np.corrcoef(one, other)[0, 1] for one, other in pairs])
    assert alike.min() > 0.8 and np.median(alike) == pytest.approx(1)
    assert corpus.table["item"][:40].tolist() == again.table["item"][:40].tolist()
    assert set(corpus.words) <= set(WORDS) and len(WORDS) == 30
    assert corpus.table.groupby("group")["split"].nunique().max() == 1
    variants = corpus.table["group"].str.rsplit("-", n=3).str[0].groupby(corpus.table["split"])
    names = [set(v) for _, v in variants]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]


def test_the_cast_has_a_hundred_speakers_and_every_word_as_often():
    cast = pd.concat([voices._cast(split, 3000, WORDS, 0) for split in voices.SPEAKERS])
    assert cast["group"].nunique() >= 100
    counts = cast.groupby(["split", "label"]).size()
    assert counts.min() == counts.max() == 100


def test_a_clip_has_its_noise_and_level():
    speaker = speech.speakers(1, split="train")[0]
    quiet = Booth(snr_db=(60, 60), level=(0.5, 0.5), echo=0)
    noisy = Booth(snr_db=(0, 0), level=(0.5, 0.5), echo=0)
    clean, dirty = (
        keyword_clip("seven", speaker, np.random.default_rng(1), booth=b) for b in (quiet, noisy)
    )
    assert len(clean) == 16_000 and np.abs(clean).max() == pytest.approx(0.5)
    # Before or after the word there is only noise.
    ends = [np.sort(np.abs(x))[:4000].mean() for x in (clean, dirty)]
    assert ends[1] > 20 * ends[0]


@pytest.mark.parametrize(
    "options", [{"train": 0}, {"words": ["bed"]}, {"words": ["bed", "bed", "cat"]}]
)
def test_impossible_voices_are_refused(options):
    with pytest.raises(ValueError, match="1 clip and 2 words"):
        corpora.load("voices", **options)


@pytest.mark.real("fsdd")
def test_real_digits(monkeypatch):
    def quickly(path):
        sound = np.random.default_rng(list(path.name.encode())).integers(-999, 999, 16_000)
        return sound.astype(np.int16), 1.0, ""

    monkeypatch.setattr("lib.corpora.clips._read_one", quickly)
    table = corpora.load("fsdd").table
    assert len(table) == 3000 and table["group"].nunique() == 6 and table["label"].nunique() == 10


@pytest.mark.real("speech_commands")
def test_real_commands():
    corpus = corpora.load("speech_commands", words=["bird", "wow"])
    assert len(corpus) >= 19 and {p.suffix for p in corpus.table["path"]} <= set(audio.SUFFIXES)
    assert np.abs(corpus.clips()).max(axis=1).min() > 300
