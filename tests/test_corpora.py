import dataclasses
import gzip
import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from lib import audio, corpora
from lib.corpora import sea as sea_module
from lib.corpora.corpus import open_picture
from lib.synthesis import Sea, sea_recording

SMALL = Sea(duration=3.0, whistles=40.0, clicks=0.0, bursts=10.0)
RECORDINGS = ("20211121_050319", "20211121_064331", "20211121_064831", "20211121_082342")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WTW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


# The class


def make_corpus():
    table = pd.DataFrame(
        {
            "item": ["a", "b", "c", "d"],
            "group": ["g", "g", "h", "i"],
            "split": ["train", "train", "validation", "test"],
            "label": ["x", "y", "x", "y"],
        }
    )
    events = pd.DataFrame({"item": ["b", "a", "d"], "start": [0.1, 0.2, 0.3], "stop": 1.0})
    return corpora.Corpus("small", table, events)


def test_part_holds_its_items_and_their_events_only():
    part = make_corpus().part("train")
    assert part.table["item"].tolist() == ["a", "b"]
    assert part.events["item"].tolist() == ["b", "a"] and part.events.index.tolist() == [0, 1]
    assert part.contours is None
    assert len(make_corpus()) == 4 and "2 train, 1 validation, 1 test" in repr(make_corpus())


def test_unknown_or_empty_part_says_so():
    with pytest.raises(ValueError, match="train, validation, test"):
        make_corpus().part("training")
    with pytest.raises(ValueError, match="test part of small is empty: 2 groups"):
        make_corpus().select([True, True, True, False]).part("test")


def test_a_corpus_without_sound_says_so():
    with pytest.raises(ValueError, match="small holds no sound"):
        make_corpus().signal(0)
    with pytest.raises(ValueError, match="only the sea"):
        make_corpus().clean(0)


def test_splits_by_hash_stay_and_have_their_shares():
    groups = [f"song-{k}" for k in range(3000)]
    splits = pd.Series([corpora.split_of(g) for g in groups])
    shares = splits.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.6, abs=0.03)
    assert shares["test"] == pytest.approx(0.2, abs=0.03)
    # Written down once: a change would mix old training with new test recordings.
    assert splits[:5].tolist() == ["train", "train", "test", "train", "train"]


def test_unknown_and_missing_corpora(tmp_path):
    with pytest.raises(ValueError, match="choose one of sea, .*oltremare"):
        corpora.load("dolphins")
    with pytest.raises(FileNotFoundError, match="lib.corpora fetch oltremare.*make data") as caught:
        corpora.load("oltremare", tmp_path)
    assert str(tmp_path / "oltremare") in str(caught.value)
    assert corpora.available("sea") and not corpora.available("sea-real-contours", tmp_path)
    assert not corpora.available("oltremare", tmp_path)


def test_folder_comes_from_argument_environment_or_default(tmp_path, monkeypatch):
    monkeypatch.delenv("CORPORA_DIR", raising=False)
    assert corpora.corpora_folder().parts[-2:] == ("data", "corpora")
    monkeypatch.setenv("CORPORA_DIR", str(tmp_path))
    assert corpora.corpora_folder() == tmp_path
    assert corpora.corpora_folder("elsewhere").name == "elsewhere"


# The sea


@pytest.fixture
def sea():
    return corpora.load("sea", sea=SMALL, train=2, validation=1, test=1)


def test_sea_gives_the_recording_and_its_truth(sea):
    expected = sea_recording(SMALL, 1)
    np.testing.assert_allclose(sea.signal(1), expected.signal, atol=1e-6)
    np.testing.assert_allclose(sea.clean(1), expected.clean, atol=1e-6)
    assert sea.table["duration"].tolist() == [3.0] * 4
    second = sea.select(sea.table["item"] == sea.table["item"][1])
    pd.testing.assert_frame_equal(second.events.drop(columns="item"), expected.events)
    pd.testing.assert_frame_equal(second.contours.drop(columns="item"), expected.contours)


def test_contours_point_at_the_events_of_all_recordings(sea):
    events = sea.events.rename(columns={"item": "item_event"})
    joined = sea.contours.join(events, on="event")
    assert len(joined) and (joined["item"] == joined["item_event"]).all()
    assert joined["time"].between(joined["start"] - 0.01, joined["stop"] + 0.01).all()
    assert (joined["kind"] == "whistle").all()


def test_recordings_of_the_splits_are_disjoint_whatever_their_numbers(sea):
    longer = corpora.load("sea", sea=SMALL, train=5, validation=1, test=1)
    np.testing.assert_array_equal(sea.part("test").signal(0), longer.part("test").signal(0))
    signals = [longer.signal(i)[:1000] for i in range(len(longer))]
    assert len({s.tobytes() for s in signals}) == 7


def test_second_reading_comes_from_the_cache(sea, monkeypatch):
    first = np.array(sea.signal(0))
    monkeypatch.setattr(sea_module, "sea_recording", None)
    again = corpora.load("sea", sea=SMALL, train=2, validation=1, test=1)
    np.testing.assert_array_equal(again.signal(0), first)


def test_cache_knows_every_knob_and_every_shape():
    shape = (np.linspace(0, 0.5, 9), np.linspace(8000.0, 9000.0, 9))
    other = (shape[0], shape[1] + 1)
    seas = [
        SMALL,
        dataclasses.replace(SMALL, seed=1),
        dataclasses.replace(SMALL, snr_db=(0.0, 25.0)),
        dataclasses.replace(SMALL, shapes={3: [shape]}),
        dataclasses.replace(SMALL, shapes={4: [shape]}),
        dataclasses.replace(SMALL, shapes={3: [other]}),
    ]
    assert len({sea_module.sea_key(s) for s in seas}) == len(seas)
    assert sea_module.sea_key(SMALL) == sea_module.sea_key(dataclasses.replace(SMALL))


def test_interrupted_rendering_leaves_nothing_behind(sea, cache, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(OSError, match="No space"):
            sea.signal(0)
    assert not [p for p in cache.rglob("*") if p.is_file()]
    assert len(sea.signal(0)) == 3 * audio.SAMPLE_RATE


def test_rendering_by_two_processes_at_once(sea, monkeypatch):
    def slow(sea, index):
        monkeypatch.setattr(sea_module, "sea_recording", sea_recording)
        sea_module.rendered(sea, index)  # the other process is faster
        return sea_recording(sea, index)

    monkeypatch.setattr(sea_module, "sea_recording", slow)
    assert len(sea.signal(0)) == 3 * audio.SAMPLE_RATE


# Pictures


def write_picture(folder, name, array, mode="L"):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype("u1")).convert(mode).save(folder / f"{name}.png")


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for recording in RECORDINGS:
        for label in ("POS", "NEG"):
            array = rng.integers(0, 255, (150, 300))
            write_picture(tmp_path / "oltremare", f"{label}_{recording}_192_0007", array)
    return tmp_path


def test_oltremare_is_split_by_recording_with_both_classes_held_out(pictures):
    table = corpora.load("oltremare", pictures).table
    assert table.groupby("group")["split"].nunique().max() == 1
    assert table.groupby("split")["label"].nunique().tolist() == [2, 2, 2]
    assert set(table["group"]) == set(RECORDINGS) and (table["slice"] == 7).all()
    folds = corpora.load("oltremare", pictures, validation=(), test=RECORDINGS[:1]).part("test")
    assert set(folds.table["group"]) == {RECORDINGS[0]}


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_picture_becomes_time_by_ascending_frequency(tmp_path, mode):
    array = np.full((150, 300), 60)
    array[30:33, 150:] = 200  # a high tone in the second half: row 0 is the highest frequency
    write_picture(tmp_path / "oltremare", "POS_20211121_064331_192_0001", array, mode)
    window = corpora.load("oltremare", tmp_path).windows(0)
    assert window.shape == (1, 128, 256) and window.dtype == np.float32
    assert window.mean() == pytest.approx(0, abs=1e-5)
    assert window.std() == pytest.approx(1, abs=1e-3)
    expected_bin = (150 - 31.5) / 150 * 256 - 0.5
    assert np.abs(window[0, 70:].argmax(axis=1) - expected_bin).max() <= 1.5
    assert window[0, :58].max() < window[0, 70:].max() / 4


def test_grey_and_rgb_pictures_give_the_same_window(tmp_path):
    array = np.random.default_rng(1).integers(0, 255, (150, 300))
    windows = []
    for mode in ("L", "RGB"):
        folder = tmp_path / mode
        write_picture(folder / "oltremare", "NEG_20211121_064331_192_0001", array, mode)
        windows.append(corpora.load("oltremare", folder).stack())
    np.testing.assert_array_equal(*windows)


def test_bad_pictures(pictures):
    folder = pictures / "oltremare"
    stray = folder / "whistle.png"
    write_picture(folder, "whistle", np.zeros((150, 300)))
    corpus = corpora.load("oltremare", pictures)
    assert corpus.report["path"].tolist() == [stray] and len(corpus) == 8
    name = "POS_20211121_064331_192_0007"
    whole = (folder / f"{name}.png").read_bytes()
    (folder / f"{name}.png").write_bytes(whole[:3000])
    with pytest.raises(ValueError, match=f"{name}.png is not a whole picture"):
        corpora.load("oltremare", pictures).stack()
    write_picture(folder, name, np.zeros((100, 300)))
    with pytest.raises(ValueError, match=f"{name}.*\\(300, 100\\) pixels"):
        corpora.load("oltremare", pictures)
    (folder / f"{name}.png").write_text("no picture")
    with pytest.raises(ValueError, match=f"{name}.png is not a picture"):
        corpora.load("oltremare", pictures)
    with pytest.raises(ValueError, match="fetch it again"):
        open_picture(folder / f"{name}.png")


# Traced whistles


def write_contours(root, types=("2020-07-11", "2021-07-09", "2022-07-16"), examples=3):
    """Three types a day of a split, each traced a few times; untyped ones between."""
    whistles = []
    for day_number, day in enumerate(types):
        for kind in range(3):
            for example in range(examples):
                label = 0 if kind == 2 else 10 * (day_number + 1) + kind
                whistles.append((label, f"{day}_08:{kind}{example}", 6000 + 900 * kind))
    time = np.arange(30) / 100
    lines = [
        pd.DataFrame(
            {
                "contour": number,
                "type": label,
                "recording": recording,
                "time_s": time,
                "frequency_hz": np.round(start + 4000 * time + 10 * number).astype(int),
            }
        )
        for number, (label, recording, start) in enumerate(whistles)
    ]
    points = pd.concat(lines, ignore_index=True)
    folder = root / "whistle_contours"
    folder.mkdir()
    with gzip.open(folder / "contours.csv.gz", "wt") as file:
        points.to_csv(file, index=False)
    return points


def write_original(root, points):
    """The same whistles as the public repository stores them."""
    lines = root / "whistle_contours" / "resources" / "DF-whistles" / "smooth" / "all"
    lines.mkdir(parents=True)
    rows = []
    for number, line in points.groupby("contour"):
        time = (line["time_s"] + 17.25).tolist()
        content = {"time": time, "frequency": line["frequency_hz"].tolist()}
        (lines / f"{number}.json").write_text(json.dumps(content))
        first = line.iloc[0]
        rows.append((f"{number}.json", first["recording"], first["type"]))
    table = pd.DataFrame(rows, columns=["", "file", "category"])
    table.insert(1, "duration", 0.3)
    folder = root / "whistle_contours" / "resources" / "dtw_resources"
    folder.mkdir()
    table.to_csv(folder / "contours_with_category.csv", index=False)


def test_whistle_contours(tmp_path):
    points = write_contours(tmp_path)
    corpus = corpora.load("whistle_contours", tmp_path)
    assert len(corpus) == 27 and len(corpus.contours) == len(points)
    assert corpus.table.groupby("group")["split"].nunique().max() == 1
    assert set(corpus.part("test").table["label"]) == {0, 30, 31}
    assert corpus.table["duration"].tolist() == [pytest.approx(0.29)] * 27
    assert corpus.table["low"][0] == 6000 and corpus.table["high"][0] == 7160


def test_the_public_original_gives_the_same_whistles(tmp_path):
    (tmp_path / "a").mkdir()
    points = write_contours(tmp_path / "a")
    write_original(tmp_path / "b", points)
    short, original = (corpora.load("whistle_contours", tmp_path / x) for x in "ab")
    columns = ["item", "group", "split", "label", "low", "high"]
    pd.testing.assert_frame_equal(short.table[columns], original.table[columns])
    np.testing.assert_allclose(short.table["duration"], original.table["duration"])
    assert (short.contours["item"] == original.contours["item"]).all()
    np.testing.assert_allclose(short.contours["time"], original.contours["time"], atol=1e-9)


def test_whistles_without_a_line_or_a_type_are_reported(tmp_path):
    (tmp_path / "a").mkdir()
    write_original(tmp_path / "b", write_contours(tmp_path / "a"))
    lines = tmp_path / "b" / "whistle_contours" / "resources" / "DF-whistles" / "smooth" / "all"
    (lines / "3.json").rename(lines / "300.json")
    corpus = corpora.load("whistle_contours", tmp_path / "b")
    assert len(corpus) == 26 and "3" not in set(corpus.table["item"])
    assert {path.name for path in corpus.report["path"]} == {"3.json", "300.json"}


def test_empty_folder_of_contours(tmp_path):
    (tmp_path / "whistle_contours").mkdir()
    with pytest.raises(FileNotFoundError, match="no traced whistles: fetch"):
        corpora.load("whistle_contours", tmp_path)


def test_sea_with_real_contours_keeps_types_apart(tmp_path):
    write_contours(tmp_path)
    options = {"sea": SMALL, "train": 2, "validation": 1, "test": 1, "examples": 3}
    corpus = corpora.load("sea-real-contours", tmp_path, **options)
    types = [set(corpus.part(split).events["type"]) - {-1} for split in corpora.SPLITS]
    assert types[0] <= {10, 11} and types[1] <= {20, 21} and types[2] <= {30, 31}
    assert len(corpus.signal(0)) == 3 * audio.SAMPLE_RATE
    assert (
        len(corpora.load("sea-real-contours", tmp_path, **options, n_types=1).seas["test"].shapes)
        == 1
    )


def test_a_type_heard_in_two_splits_stays_in_one(tmp_path):
    write_contours(tmp_path, ("2020-07-11", "2021-07-09", "2022-07-16"), examples=4)
    whistles = corpora.load("whistle_contours", tmp_path)
    moved = whistles.table.index[whistles.table["label"] == 30][:1]
    whistles.table.loc[moved, "label"] = 10
    shapes = {s: sea_module.real_shapes(whistles, s, 10, 1) for s in corpora.SPLITS}
    assert [sorted(shapes[s]) for s in corpora.SPLITS] == [[10, 11], [20, 21], [30, 31]]
    assert len(shapes["train"][10]) == 4 and len(shapes["test"][30]) == 3


# Songs and calls


SONG = """<Sequences><NumSequence>3</NumSequence>
<Sequence><WaveFileName>0.wav</WaveFileName><Position>3200</Position><Length>9</Length>
<Note><Position>320</Position><Length>640</Length><Label>0</Label></Note>
<Note><Position>1600</Position><Length>320</Length><Label>5</Label></Note></Sequence>
<Sequence><WaveFileName>0.wav</WaveFileName><Position>16000</Position><Length>9</Length>
<Note><Position>0</Position><Length>3200</Length><Label>2</Label></Note></Sequence>
<Sequence><WaveFileName>7.wav</WaveFileName><Position>0</Position><Length>9</Length>
<Note><Position>0</Position><Length>3200</Length><Label>2</Label></Note></Sequence>
</Sequences>"""


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_syllables_count_from_their_sequence(tmp_path, suffix):
    folder = tmp_path / "birdsong" / "deeper" / "Bird0"
    (folder / "Wave").mkdir(parents=True)
    soundfile.write(folder / "Wave" / f"0{suffix}", np.zeros(32_000), 32_000)
    (folder / "Annotation.xml").write_text(SONG)
    corpus = corpora.load("birdsong", tmp_path)
    assert corpus.table["item"].tolist() == ["Bird0-0"] and corpus.table["duration"][0] == 1.0
    assert corpus.events["start"].tolist() == [0.11, 0.15, 0.5]
    assert corpus.events["stop"].tolist() == [0.13, 0.16, 0.6]
    assert corpus.events["type"].tolist() == [0, 5, 2]
    assert len(corpus.signal(0)) == audio.SAMPLE_RATE
    assert [p.name for p in corpus.report["path"]] == ["7.wav"]


def test_orca_calls_of_one_type_stay_together(tmp_path):
    (tmp_path / "orca").mkdir()
    for name in ("FO-S01", "FO-S06-a", "FO-S06-L", "FO-S33-RJ-c"):
        soundfile.write(tmp_path / "orca" / f"{name}.flac", np.zeros(4410), 44_100)
    table = corpora.load("orca", tmp_path).table
    assert table["label"].tolist() == ["S01", "S06", "S06", "S33"]
    assert (table["group"] == table["label"]).all()


# Folders of one's own


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mine"
    (folder / "day 2").mkdir(parents=True)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (48_000, 2))
    soundfile.write(folder / "a.wav", noise, 48_000)
    soundfile.write(folder / "day 2" / "B.WAV", noise[:, 0], 96_000)
    (folder / "._a.wav").write_text("left by another system")
    (folder / "notes.txt").write_text("calm sea")
    return folder


def test_folder_of_recordings(folder):
    corpus = corpora.from_folder(folder)
    assert corpus.table["item"].tolist() == ["a.wav", "day 2/B.WAV"]
    assert corpus.table["label"].tolist() == ["", "day 2"]
    assert corpus.table["duration"].tolist() == [1.0, 0.5]
    assert [len(corpus.signal(i)) for i in (0, 1)] == [48_000, 24_000]
    assert not len(corpus.report)


def test_bad_files_are_raised_or_reported(folder):
    sound = np.full(48_000, 0.1)
    sound[24_000] = np.nan
    soundfile.write(folder / "nan.wav", sound, 48_000, subtype="FLOAT")
    soundfile.write(folder / "low.wav", np.zeros(8000), 8000)
    (folder / "text.wav").write_text("no sound")
    (folder / "empty.wav").touch()
    soundfile.write(folder / "short.wav", np.zeros(100), 48_000)
    (folder / "cut.wav").write_bytes((folder / "a.wav").read_bytes()[:-9])
    with pytest.raises(audio.AudioError, match="cut.wav is truncated"):
        corpora.from_folder(folder)
    corpus = corpora.from_folder(folder, errors="report", shortest=0.1)
    problems = {p.name: text for p, text in corpus.report.itertuples(index=False)}
    assert sorted(problems) == [f"{n}.wav" for n in ("cut", "empty", "low", "nan", "short", "text")]
    assert "0.500 s" in problems["nan.wav"] and "8000 Hz" in problems["low.wav"]
    assert len(corpus) == 2
    quick = corpora.from_folder(folder, errors="report", check_samples=False)
    assert "nan.wav" in set(quick.table["item"])


def test_low_rates_can_be_allowed(tmp_path):
    soundfile.write(tmp_path / "low.wav", np.zeros(8000), 8000)
    corpus = corpora.from_folder(tmp_path, allow_low_rate=True)
    assert len(corpus.signal(0)) == 48_000


def test_missing_folder_wrong_pattern_and_wrong_option(folder):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        corpora.from_folder(folder / "nowhere")
    with pytest.raises(FileNotFoundError, match="fits .*flac; it holds .*wav"):
        corpora.from_folder(folder, "*.flac")
    with pytest.raises(ValueError, match="raise or report"):
        corpora.from_folder(folder, errors="ignore")


# The real ones


@pytest.mark.real("oltremare")
def test_real_oltremare():
    corpus = corpora.load("oltremare")
    table = corpus.table
    assert len(corpus) >= 1217 and not len(corpus.report)
    held_out = table[table["split"] != "train"].groupby(["split", "group"])["label"]
    assert (held_out.nunique() == 2).all()
    window = corpus.part("test").windows(0)
    assert window.shape == (1, 128, 256) and np.isfinite(window).all()


@pytest.mark.real("oltremare")
def test_real_whistles_lie_in_the_lower_half():
    """Frequency goes up with the bin: harmonics lie above the loud fundamentals."""
    corpus = corpora.load("oltremare").part("test")
    whistles = corpus.select(np.cumsum(corpus.table["label"] == "POS") <= 40)
    peaks = whistles.select(whistles.table["label"] == "POS").stack().mean(axis=0).mean(axis=0)
    assert peaks[:128].max() > peaks[128:].max()


@pytest.mark.real("whistle_contours")
def test_real_contours_make_a_sea():
    corpus = corpora.load("sea-real-contours", sea=SMALL, train=1, validation=1, test=1)
    types = {split: set(corpus.seas[split].shapes) for split in corpora.SPLITS}
    assert all(len(t) == 10 for t in types.values())
    assert not types["train"] & types["test"] and not types["validation"] & types["test"]
    assert len(corpus.signal(2)) == 3 * audio.SAMPLE_RATE


@pytest.mark.real("birdsong")
def test_real_syllables_lie_where_the_song_is_loud():
    corpus = corpora.load("birdsong")
    signal = np.square(corpus.signal(0))
    notes = corpus.events[corpus.events["item"] == corpus.table["item"][0]]
    inside = np.zeros(len(signal), bool)
    for note in notes.itertuples():
        assert note.stop <= corpus.table["duration"][0]
        inside[round(note.start * 48_000) : round(note.stop * 48_000)] = True
    assert signal[inside].mean() > 3 * signal[~inside].mean()
    assert len(corpus) >= 75 and corpus.events["type"].nunique() == 9


@pytest.mark.real("orca")
def test_real_orca_calls():
    corpus = corpora.load("orca")
    assert len(corpus) == 45 and corpus.table["duration"].between(0.4, 4).all()
    assert np.isfinite(corpus.signal(0)).all()
