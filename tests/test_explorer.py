"""The explorer without a browser: what it takes and refuses, finds, names, writes and shows."""

import base64
import io
import json
import re
import sys
import time
import types
from functools import partial

import numpy as np
import pandas as pd
import pytest
import soundfile
from explorer_data import KINDS, RATE, big_table, small_world
from PIL import Image

from lib import audio
from lib.explorer import Explorer, Labels, Sounds, read_labels
from lib.explorer.checking import plane
from lib.explorer.neighbours import all_nearest_codes, nearest_codes, nearest_warped
from lib.explorer.pictures import levels, noise_floor, strip_levels
from lib.explorer.sounds import slow_factor
from lib.synthesis import Sea, sea_recording

# Seconds of the processor in which a selection must be answered, at any size of the table.
ANSWER = 0.3


@pytest.fixture
def world():
    return small_world()


@pytest.fixture
def make(world, tmp_path):
    table, codes, sounds, points = world

    def explorer(**options):
        settings = {"labels": tmp_path / "labels.csv", "folder": tmp_path / "out"} | options
        return Explorer(table, codes, settings.pop("sound", sounds), points, **settings)

    return explorer


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found.group(1))


# ---- what is given ---------------------------------------------------------------------------


def test_a_table_without_its_columns_is_refused(world):
    table, codes, sounds, points = world
    with pytest.raises(ValueError, match="lacks stop: each row needs item"):
        Explorer(table.drop(columns="stop"), codes, sounds, points, labels=None)
    with pytest.raises(ValueError, match="lacks item, start, stop"):
        Explorer([1, 2, 3], codes, sounds, points, labels=None)


@pytest.mark.parametrize("start, stop", [(2.0, 1.0), (np.nan, 1.0), (-1.0, 1.0), (0.0, np.inf)])
def test_a_region_that_is_none_is_refused_with_its_row(world, start, stop):
    table, codes, sounds, points = world
    table.loc[7, ["start", "stop"]] = [start, stop]
    with pytest.raises(ValueError, match="Row 7 of the table lasts from"):
        Explorer(table, codes, sounds, points, labels=None)


def test_codes_of_another_length_are_refused(world):
    table, codes, sounds, points = world
    with pytest.raises(ValueError, match=r"60 rows, the codes have shape \(59, 16\)"):
        Explorer(table, codes[:-1], sounds, points, labels=None)


def test_codes_with_nan_are_refused_with_their_row(world):
    table, codes, sounds, points = world
    codes[11, 3] = np.nan
    with pytest.raises(
        ValueError, match="1 codes hold NaN or infinite values, the first in row 11"
    ):
        Explorer(table, codes, sounds, points, labels=None)


def test_points_and_distances_of_another_shape_are_refused(make, world):
    table, codes, sounds, points = world
    with pytest.raises(ValueError, match="distances have shape"):
        make(distances=np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"expected \(60, 2\)"):
        Explorer(table, codes, sounds, points[:5], labels=None)


def test_sound_must_be_something_to_find_sound_by():
    with pytest.raises(ValueError, match="sound is a int; give a corpus"):
        Sounds(3)


def test_the_map_is_umap_of_codes_on_one_scale(world, monkeypatch):
    codes = world[1] * np.logspace(-3, 3, 16, dtype=np.float32)
    seen = {}

    class Recorder:
        """In place of UMAP, whose compilation takes longer than all tests here; notebooks run it."""

        def __init__(self, **settings):
            seen.update(settings)

        def fit_transform(self, given):
            seen["given"] = given
            return given[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Recorder))
    assert plane(codes, seed=3).shape == (60, 2)
    assert (seen["random_state"], seen["n_jobs"], seen["n_neighbors"]) == (3, 1, 15)
    assert np.allclose(seen["given"].std(axis=0), 1, atol=1e-3)


def test_a_map_of_very_few_is_made_of_principal_components(world):
    table, codes, _, _ = world
    points = plane(codes[:15])
    near = all_nearest_codes(points, 1)[:, 0]
    kinds = table["kind"].to_numpy()[:15]
    assert points.shape == (15, 2) and (kinds[near] == kinds).mean() > 0.8
    with pytest.raises(ValueError, match="2 windows make no map"):
        plane(codes[:2])


# ---- sound -----------------------------------------------------------------------------------


def test_pieces_are_the_same_from_signals_files_and_functions(world, tmp_path):
    _, _, signals, _ = world
    paths = {item: tmp_path / f"{item}.flac" for item in signals}
    for item, path in paths.items():
        audio.write(path, signals[item], RATE)
    item, signal = next(iter(signals.items()))
    expected = signal[round(0.2 * RATE) : round(0.5 * RATE)]
    for source, slack in ((signals, 0), (signals.__getitem__, 0), (paths, 1e-4)):
        sounds = Sounds(source)
        piece, rate = sounds.piece(item, 0.2, 0.5)
        assert rate == RATE and np.allclose(piece, expected, atol=slack)
        assert sounds.seconds(item) == pytest.approx(len(signal) / RATE)
        assert len(sounds.recording(item)[0]) == len(signal)


def test_a_piece_is_cut_at_the_ends_and_nothing_beyond_them(world):
    sounds = Sounds(world[2])
    seconds = sounds.seconds("recording-0")
    assert len(sounds.piece("recording-0", -0.1, 0.1)[0]) == round(0.1 * RATE)
    assert len(sounds.piece("recording-0", seconds - 0.1, seconds + 1)[0]) == round(0.1 * RATE)
    with pytest.raises(audio.AudioError, match="recording-0 has no sound from"):
        sounds.piece("recording-0", seconds + 1, seconds + 2)


def test_ultrasound_keeps_its_rate_and_is_slowed_down(world, tmp_path):
    path = tmp_path / "bat.wav"
    time_ = np.arange(192_000 // 2) / 192_000
    audio.write(path, np.sin(2 * np.pi * 40_000 * time_).astype(np.float32), 192_000)
    table = pd.DataFrame({"item": "bat", "start": [0.0, 0.1, 0.2], "stop": [0.1, 0.2, 0.3]})
    explorer = Explorer(table, np.eye(3), {"bat": path}, labels=None)
    signal, rate = explorer.sound([1])
    assert explorer.slow_of("bat") == 8 and rate == 24_000 and len(signal) == 19_200
    spectrum = np.abs(np.fft.rfft(signal))
    assert np.fft.rfftfreq(len(signal), 1 / rate)[spectrum.argmax()] == pytest.approx(5_000, abs=5)


def test_the_factor_brings_every_rate_below_12_kilohertz():
    assert [slow_factor(rate) for rate in (8_000, 22_050, 48_000, 96_000, 384_000)] == [
        *(1, 1, 2, 4, 16)
    ]


def test_missing_and_broken_sounds_are_named_and_the_rest_goes_on(make, world, tmp_path):
    signals = dict(world[2])
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound at all")
    sound = signals | {"recording-1": tmp_path / "gone.wav", "recording-2": broken}
    explorer = make(sound=sound)
    assert explorer.missing == ["recording-1"]
    assert "1 recordings are missing (recording-1)" in explorer.panel.status.value
    with pytest.raises(audio.AudioError, match="gone.wav"):
        explorer.picture(25)
    explorer.panel.select([45])
    assert "broken.wav is not a sound file" in explorer.panel.picture.value
    explorer.panel.select([0])
    assert 'data-row="0"' in explorer.panel.picture.value
    data = data_of(explorer.save_html(tmp_path / "page.html").read_text())
    assert [p is None for p in data["pictures"]] == [False] * 20 + [True] * 40


# ---- pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [16_000, 48_000, 192_000])
def test_a_tone_is_bright_at_its_height_whatever_the_rate(rate):
    rng = np.random.default_rng(0)
    signal = 0.01 * rng.normal(size=rate)
    time_ = np.arange(rate // 2) / rate
    signal[rate // 4 : 3 * rate // 4] += np.sin(2 * np.pi * 0.25 * rate / 2 * time_)
    image = levels(signal, rate, 200, 128)
    rows = len(image)
    assert 64 <= rows <= 128 and image.shape[1] == 200 and image.dtype == np.uint8
    assert image[:, 60:140].mean(axis=1).argmax() == pytest.approx(0.75 * rows, abs=2)
    assert image[:, :40].mean() < 60


def test_a_picture_never_has_more_pixels_than_asked_for_and_works_for_a_click():
    assert levels(np.zeros(100), RATE, 50, 40).shape[0] == 40
    assert levels(np.ones(1), RATE, 50, 40).max() <= 255


def test_the_strip_of_a_long_recording_reads_moments_and_shows_the_same(monkeypatch, world):
    sounds = Sounds(world[2])
    floor = noise_floor(sounds, "recording-0")
    whole = strip_levels(sounds, "recording-0", 100, 64, floor)
    monkeypatch.setattr("lib.explorer.pictures.LONGEST_WHOLE", 1.0)
    moments = strip_levels(sounds, "recording-0", 100, 64, floor)
    assert moments.shape == (64, 100)
    assert np.corrcoef(whole[:, :100].ravel(), moments.ravel())[0, 1] > 0.5


# ---- more like this --------------------------------------------------------------------------


def test_nearest_codes_are_those_of_the_plain_sort(world):
    codes = world[1]
    distances = np.linalg.norm(codes[:, None] - codes[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    expected = np.argsort(distances, axis=1)[:, :5]
    assert np.array_equal(all_nearest_codes(codes, 5), expected)
    assert np.array_equal(nearest_codes(codes, 9, 5), expected[9])


def test_warped_neighbours_come_from_a_matrix_or_a_function(make):
    rng = np.random.default_rng(1)
    distances = rng.uniform(1, 2, (60, 60))
    distances[4, [8, 15]] = [0.1, 0.2]
    assert nearest_warped(distances, 4, 2).tolist() == [8, 15]
    explorer = make(distances=lambda row: distances[row])
    assert explorer.alike(4, "time warping", 2).tolist() == [8, 15]
    with pytest.raises(ValueError, match="choose one of code"):
        make().alike(4, "time warping")


# ---- names -----------------------------------------------------------------------------------


def test_names_are_written_at_once_and_there_again(make, tmp_path):
    make().labels.name([3, 5], "  rising \n whistle ")
    written = pd.read_csv(tmp_path / "labels.csv")
    assert written["label"].tolist() == ["rising whistle"] * 2
    again = make()
    assert np.flatnonzero(again.labels.by_row != "").tolist() == [3, 5]
    assert again.labels[5] == "rising whistle" and not again.labels.can_undo


def test_undo_goes_back_step_by_step(make, tmp_path):
    labels = make().labels
    labels.name([1, 2], "a")
    labels.name([2, 3], "b")
    assert labels.undo() == 2 and list(labels.by_row[:4]) == ["", "a", "a", ""]
    assert labels.undo() == 2 and read_labels(tmp_path / "labels.csv") == {}
    assert labels.undo() == 0


def test_an_empty_name_takes_the_name_away(make, tmp_path):
    labels = make().labels
    labels.name([1], "a")
    labels.name([1], "")
    assert read_labels(tmp_path / "labels.csv") == {}


def test_two_explorers_on_one_file_lose_nothing(make, tmp_path):
    one, other = make().labels, make().labels
    one.name([0], "from one")
    other.name([1], "from other")
    one.name([2], "one again")
    assert set(read_labels(tmp_path / "labels.csv").values()) == {
        *("from one", "from other", "one again")
    }
    other.name([2], "mine now")
    assert one.undo() == 0
    assert one[2] == "mine now" and one[1] == "from other"


def test_names_of_other_tables_stay_in_the_file(make, world, tmp_path):
    elsewhere = world[0].assign(item="elsewhere")
    Labels(elsewhere, tmp_path / "labels.csv").name([0], "kept")
    make().labels.name([0], "new")
    assert sorted(read_labels(tmp_path / "labels.csv").values()) == ["kept", "new"]


@pytest.mark.parametrize(
    "nonsense, message",
    [
        (b"\x00\xff\xfe\x00rubbish", "is not a table of labels|not with the columns"),
        (b"", "is not a table of labels"),
        (b"a,b\n1,2\n", "not with the columns item, start, stop, label"),
        (b"item,start,stop,label\nx,1,2,a\nx,soon,2,b\n", "line 3: item, start and stop"),
        (b'item,start,stop,label\nx,1,2,"a\n', "is not a table of labels"),
    ],
)
def test_a_file_edited_into_nonsense_is_refused_and_left_alone(make, tmp_path, nonsense, message):
    path = tmp_path / "labels.csv"
    path.write_bytes(nonsense)
    with pytest.raises(ValueError, match=message):
        make()
    assert path.read_bytes() == nonsense


def test_a_file_that_turns_into_nonsense_costs_no_name(make, tmp_path):
    explorer, path = make(), tmp_path / "labels.csv"
    explorer.labels.name([0], "before")
    path.write_text("oops")
    explorer.panel.select([1])
    explorer.panel.label.value = "after"
    explorer.panel.name()
    assert "labels-rescued-1.csv" in explorer.panel.status.value
    assert path.read_text() == "oops"
    rescued = read_labels(tmp_path / "labels-rescued-1.csv")
    assert sorted(rescued.values()) == ["after", "before"]


def test_a_name_too_long_is_refused(make):
    with pytest.raises(ValueError, match="has 201 characters"):
        make().labels.name([0], "x" * 201)


# ---- export ----------------------------------------------------------------------------------


def test_a_selection_becomes_sound_table_and_labels(make, tmp_path):
    explorer = make()
    explorer.labels.name([1], "one")
    rows = [1, 2, 30]
    (wav,) = explorer.export(rows, "wav")
    signal, rate = soundfile.read(wav)
    assert rate == RATE and len(signal) == pytest.approx((3 * 0.15 + 2 * 0.1) * RATE, abs=5)
    (table,) = explorer.export(rows, "csv")
    assert pd.read_csv(table)["label"].fillna("").tolist() == ["one", "", ""]
    raven = explorer.export(rows, "raven")
    assert [path.name for path in raven] == ["recording-0.raven.txt", "recording-1.raven.txt"]
    first = pd.read_csv(raven[0], sep="\t")
    assert first["Begin Time (s)"].tolist() == pytest.approx([0.35, 0.6])
    audacity = explorer.export(rows, "audacity")[0].read_text().splitlines()
    assert audacity[0] == "0.35\t0.5\tone"


def test_exports_of_nothing_or_of_an_unknown_kind_are_refused(make):
    with pytest.raises(ValueError, match="Nothing is selected"):
        make().export([], "csv")
    with pytest.raises(ValueError, match="choose one of wav, csv"):
        make().export([1], "midi")


# ---- widgets ---------------------------------------------------------------------------------


def test_a_click_shows_and_plays(make):
    panel = make(colour="kind").panel
    before = panel.picture.value
    panel.map.widget.selection = np.array([7], np.uint32)
    assert panel.picture.value != before and 'data-row="7"' in panel.picture.value
    assert panel.audio.autoplay and panel.number.value == 7
    signal, rate = soundfile.read(io.BytesIO(panel.audio.value))
    assert rate == RATE // 2 and len(signal) == pytest.approx(0.25 * RATE, abs=5)
    assert "played 2 times slower" in panel.picture.value


def test_a_lasso_shows_a_contact_sheet_and_plays_it_with_gaps(make):
    panel = make().panel
    panel.map.widget.selection = np.arange(40, dtype=np.uint32)
    assert panel.sheet.value.count("<figure") == 24 and "24 of 40 shown" in panel.sheet.value
    panel.select([0, 1, 2])
    panel.play_all()
    signal, rate = soundfile.read(io.BytesIO(panel.audio.value))
    assert len(signal) / rate == pytest.approx(2 * 3 * 0.15 + 2 * 0.1, abs=0.01)


def test_more_like_this_is_highlighted_on_the_map(make, world):
    kinds = world[0]["kind"].to_numpy()
    panel = make().panel
    panel.select([7])
    panel.find_alike()
    chosen = panel.map.widget.selection.tolist()
    assert chosen[0] == 7 and len(chosen) == 9 and (kinds[chosen] == kinds[7]).all()


def test_strip_and_map_move_each_other(make):
    panel = make().panel
    panel.map.widget.selection = np.array([25], np.uint32)
    assert panel.region.max == 19 and panel.region.value == 5
    assert "recording-1" in panel.strip.value
    panel.region.value = 9
    assert panel.row == 29 and panel.map.widget.selection.tolist() == [29]


def test_naming_through_the_panel_is_seen_in_colours_and_undone(make, tmp_path):
    panel = make(colour="kind").panel
    panel.select([0, 1])
    panel.label.value = "mine <b>"
    panel.name()
    panel.colour.value = "name given"
    assert "mine &lt;b&gt;" in panel.legend.value and "(no name)" in panel.legend.value
    panel.undo()
    assert read_labels(tmp_path / "labels.csv") == {} and "Took back 2" in panel.status.value


def test_colour_and_size_follow_any_column(make):
    panel = make(colour="SNR (dB)").panel
    assert "SNR (dB)" in panel.legend.value and "gradient" in panel.legend.value
    panel.size.value = "SNR (dB)"
    assert panel.map.widget.size_by is not None
    panel.colour.value = "kind"
    assert all(kind in panel.legend.value for kind in KINDS)


def test_everything_has_words_for_those_who_cannot_see(make):
    panel = make().panel
    panel.select(range(5))
    for part in (panel.picture, panel.sheet, panel.strip):
        assert part.value.count("<img") == part.value.count("alt=") > 0
    assert 'role="status"' in panel.status.value
    assert all(button.tooltip for button in panel.buttons.values())


@pytest.mark.parametrize("n", [50, 100_000])
def test_a_selection_is_answered_within_the_time_at_every_size(world, n):
    sounds = world[2]
    table, codes, points = big_table(n, list(sounds))
    panel = Explorer(table, codes, sounds, points, labels=None).panel
    panel.select([0])
    select = partial(setattr, panel.map.widget, "selection")
    chosen = [np.asarray(rows, np.uint32) for rows in ([1], [2], range(10, 50), range(n // 2))]
    rounds = []
    for _ in range(3):
        spent = []
        for act in (*(partial(select, rows) for rows in chosen), panel.find_alike):
            before = time.process_time()
            act()
            spent.append(time.process_time() - before)
        rounds.append(spent)
    # The processor's time and the best of three, for the machine may be busy with something else.
    assert max(np.min(rounds, axis=0)) < ANSWER, rounds


# ---- the page --------------------------------------------------------------------------------


def test_the_page_holds_pictures_and_sounds_of_every_window(make, world, tmp_path):
    path = make(colour="kind").save_html(tmp_path / "page.html", title="A <small> world")
    page = path.read_text()
    assert "<title>A &lt;small&gt; world</title>" in page
    data = data_of(page)
    assert len(data["x"]) == len(data["pictures"]) == len(data["sounds"]) == 60
    assert [c["name"] for c in data["columns"]] == ["kind", "SNR (dB)"]
    picture = Image.open(io.BytesIO(base64.b64decode(data["pictures"][3])))
    assert picture.format == "WEBP" and picture.size == (144, 128)
    kind = world[0]["kind"][3]
    brightest = np.asarray(picture.convert("L"), float).mean(axis=1).argmax()
    assert (1 - brightest / 128) * RATE / 2 == pytest.approx(KINDS[kind], rel=0.15)
    signal, rate = soundfile.read(io.BytesIO(base64.b64decode(data["sounds"][3])))
    assert rate == 24_000 and len(signal) / rate == pytest.approx(2 * 0.19, abs=0.01)
    heard = np.fft.rfftfreq(len(signal), 1 / rate)[np.abs(np.fft.rfft(signal)).argmax()]
    assert 2 * heard == pytest.approx(KINDS[kind], rel=0.05)


def test_the_page_asks_nothing_of_the_network_and_is_the_same_each_time(make, tmp_path):
    one, two = (make().save_html(tmp_path / name).read_text() for name in ("a.html", "b.html"))
    assert one == two
    assert "default-src 'none'" in one
    assert not re.search(r'(?:src|href)\s*=\s*"(?!data:)', one) and not re.search("https?:", one)


def test_a_name_cannot_break_out_of_the_page(make, tmp_path):
    explorer = make()
    explorer.labels.name([0], "</script><b>")
    data = data_of(explorer.save_html(tmp_path / "page.html").read_text())
    labels = next(c for c in data["columns"] if c["name"] == "name given")
    assert labels["values"][0] == "</script><b>"


def test_the_page_knows_both_ways_of_being_alike(make, tmp_path):
    distances = np.random.default_rng(2).uniform(1, 2, (60, 60))
    explorer = make(distances=distances)
    alike = data_of(explorer.save_html(tmp_path / "page.html").read_text())["alike"]
    assert alike["code"][5] == explorer.alike(5).tolist()
    assert alike["time warping"][5] == explorer.alike(5, "time warping").tolist()


def test_two_thousand_windows_stay_under_15_megabytes(tmp_path):
    rng = np.random.default_rng(0)
    sounds = {"sea": sea_recording(Sea(duration=20.0), 0).signal}
    start = np.sort(rng.uniform(0, 19.5, 80))
    table = pd.DataFrame({"item": "sea", "start": start, "stop": start + 0.171})
    few, many = (
        Explorer(t, rng.normal(size=(len(t), 8)), sounds, rng.normal(size=(len(t), 2)), None)
        .save_html(tmp_path / f"{len(t)}.html")
        .stat()
        .st_size
        for t in (table[:20], table)
    )
    assert few + 1_980 * (many - few) / 60 < 15e6


def test_an_unknown_column_is_refused(make):
    for option in ("colour", "size"):
        with pytest.raises(ValueError, match=r"no column 'mood' to show; the table has kind, SNR"):
            make(**{option: "mood"})


def test_a_label_of_the_table_is_kept_where_no_name_was_given(world, tmp_path):
    table, codes, sounds, points = world
    table["label"] = "from before"
    explorer = Explorer(table, codes, sounds, points, tmp_path / "labels.csv")
    explorer.labels.name([1], "new")
    assert explorer.selected([0, 1])["label"].tolist() == ["from before", "new"]
    assert "name given" in explorer.panel.colour.options
