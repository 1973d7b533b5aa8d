"""Every kind of figure on fake data: units, places, colours, and how files are written."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib import plots
from lib.features import bin_frequencies, frame_times
from lib.plots.codes import _with_room
from lib.plots.spectrograms import _pool


@pytest.fixture(autouse=True)
def _style():
    plots.set_style()
    yield
    plt.close("all")


@pytest.fixture
def windows():
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(12, 128, 256)).astype(np.float32)
    windows[:, :, 100] += 10
    return windows


def labels_of(figure):
    return {axis.get_xlabel() for axis in figure.axes}, {axis.get_ylabel() for axis in figure.axes}


def test_spectrogram_puts_a_tone_at_its_frequency_and_a_click_at_its_time():
    frames = np.zeros((1000, 256))
    frames[700] = frames[:, 100] = 1
    axis = plots.spectrogram(frames, start=3.0)
    image = axis.images[0]
    left, right, bottom, top = image.get_extent()
    data = image.get_array()
    row = data[:, 0].argmax()
    column = data[0].argmax()
    frequency = bottom + (row + 0.5) * (top - bottom) / data.shape[0]
    time = left + (column + 0.5) * (right - left) / data.shape[1]
    assert frequency == pytest.approx(bin_frequencies()[100] / 1000, abs=1e-6)
    assert time == pytest.approx(3 + frame_times(1000)[700], abs=1e-6)
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("time (s)", "frequency (kHz)")


def test_pooling_keeps_a_single_loud_frame():
    frames = np.zeros((100_000, 4))
    frames[54_321] = 1
    pooled = _pool(frames, 1000)
    assert pooled.shape == (1000, 4) and pooled[543].min() == 1 and pooled.sum() == 4


def test_decibel_is_relative_to_the_loudest():
    axis = plots.spectrogram(np.array([[1.0, 10.0]]).repeat(3, 0).repeat(128, 1), decibel=True)
    assert axis.images[0].get_clim() == (-60, 0)
    assert axis.images[0].get_array().max() == 0
    assert axis.images[0].get_array().min() == pytest.approx(-20)


def test_thumbnails_label_the_edge_of_the_grid_only(windows):
    figure = plots.thumbnails(windows[:8], columns=6)
    times = [axis.get_xlabel() != "" for axis in figure.axes if axis.get_visible()]
    # Columns 3 to 6 end in the first row: their time is given there.
    assert times == [False, False, True, True, True, True, True, True]
    assert [bool(axis.get_ylabel()) for axis in figure.axes[:7]] == [True, *[False] * 5, True]


def test_a_faint_reconstruction_is_drawn_faint(windows):
    figure = plots.reconstruction_grid({"original": windows[:3], "v4.2": windows[:3] / 50})
    limits = [axis.images[0].get_clim() for axis in figure.axes]
    assert limits[:3] == limits[3:]
    assert figure.axes[3].get_ylabel().startswith("v4.2")


def test_region_strip_draws_each_region_in_its_lane():
    frames = np.random.default_rng(0).random((7500, 256))
    truth = pd.DataFrame({"start": [1.0, 6.0], "stop": [2.0, 6.5], "label": [0, 1]})
    figure = plots.region_strip(frames, {"truth": truth, "found": truth[:1]}, seconds_per_row=5)
    assert len(figure.axes) == 4
    lanes = figure.axes[1].collections
    box = lanes[0].get_paths()[1].get_extents()
    assert (box.x0, box.x1) == pytest.approx((6.0, 6.5))
    first, second = lanes[0].get_facecolors()
    assert (first == lanes[1].get_facecolors()[0]).all() and (first != second).any()
    assert figure.axes[3].get_xlim() == pytest.approx((5, 10))


def test_cluster_sheet_counts_members_and_leaves_gaps():
    snippets = [np.random.default_rng(i).random((200, 256)) for i in range(5)]
    figure = plots.cluster_sheet({"cluster 3": snippets, "cluster 4": snippets[:2]}, members=4)
    assert figure.axes[0].get_title(loc="left") == "cluster 3 (4 of 5 shown)"
    assert figure.axes[1].get_title(loc="left") == "cluster 4"
    gaps = np.isnan(np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)).all(axis=0)
    assert gaps.sum() == 3 * 15 and len(gaps) == 4 * 200 + 45


def test_thumbnails_on_an_embedding_never_overlap(windows):
    rng = np.random.default_rng(1)
    points = rng.normal(size=(300, 2))
    chosen = points[_with_room(points, np.array([0.5, 0.8]), seed=0)]
    apart = np.abs(chosen[:, None] - chosen[None]) >= [0.5, 0.8]
    assert (apart.any(axis=2) | np.eye(len(chosen), dtype=bool)).all()
    assert len(chosen) > 10
    figure = plots.embedding_thumbnails(points[:12], windows, np.arange(12) % 3 - 1)
    axis = figure.axes[0]
    assert 1 <= len(axis.images) == len(axis.patches) <= 12


def test_embedding_by_names_noise_and_hides_long_legends():
    points = np.random.default_rng(2).normal(size=(60, 2))
    figure = plots.embedding_by(points, {"kind": np.arange(60) % 3 - 1, "cluster": np.arange(60)})
    few, many = figure.axes
    names = [text.get_text() for text in few.get_legend().get_texts()]
    assert sorted(names) == ["0", "1", "noise"] and many.get_legend() is None


def test_filter_sheet_places_filters_by_order():
    kernels = np.zeros((8, 8, 1, 256))
    # Filter 77 answers to the lowest bin of the last frame.
    kernels[7, 0, 0, 77] = 1
    figure = plots.filter_sheet(kernels, order=np.roll(np.arange(256), -77), ordered_by="pitch")
    sheet = np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)
    assert sheet.shape == (16 * 9 - 1, 16 * 9 - 1)
    assert np.argwhere(np.isclose(sheet, 1)).tolist() == [[7, 7]]
    assert "11 ms" in figure.axes[0].get_xlabel() and "0.7 kHz" in figure.axes[0].get_xlabel()


def test_strongest_patches_has_a_row_for_each_filter():
    rng = np.random.default_rng(3)
    kernels, patches = rng.normal(size=(8, 8, 1, 256)), rng.normal(size=(3, 5, 8, 8))
    figure = plots.strongest_patches(kernels, patches, [3, 77, 200])
    assert len(figure.axes) == 3 * 6
    assert [axis.get_ylabel() for axis in figure.axes[::6]] == [
        "filter 3",
        "filter 77",
        "filter 200",
    ]
    np.testing.assert_array_equal(figure.axes[7].images[0].get_array(), patches[1, 0].T)


def test_learning_curves_draw_training_and_validation():
    log = pd.DataFrame({"epoch": [0, 1, 2], "loss": [3.0, 2, 1], "val_loss": [4.0, 3, 2]})
    figure = plots.learning_curves({"v4.1": log, "v4.2": log}, {"loss": "loss (nats)"})
    lines = figure.axes[0].lines
    assert len(lines) == 4 and lines[0].get_xdata().tolist() == [1, 2, 3]
    assert (lines[0].get_linestyle(), lines[1].get_linestyle()) == ("--", "-")
    assert figure.axes[0].get_ylabel() == "loss (nats)"


def test_confusion_has_truth_in_rows():
    figure = plots.confusion([0, 0, 0, 1], [0, 0, 1, 1], ["sound", "silence"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2\n66.7%", "1\n33.3%", "0\n0.0%", "1\n100.0%"]
    assert figure.axes[0].get_ylabel() == "true"


def test_detector_curves_say_area_and_average_precision():
    truth, score = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.2, 0.8])
    figure = plots.detector_curves({"v4.4": (truth, score)})
    texts = [axis.get_legend().get_texts()[0].get_text() for axis in figure.axes]
    assert texts == ["v4.4: AP 1.000", "v4.4: AUC 1.000"]


def test_scores_stand_beside_baseline_and_source():
    table = pd.DataFrame(
        {"corpus": ["sea", "oltremare"], "value": [0.9, 0.8], "low": [0.85, 0.7]}
        | {"high": [0.95, 0.9], "baseline": [0.5, 0.6], "source": [np.nan, np.nan]}
    )
    figure = plots.score_intervals(table, "accuracy")
    texts = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert texts == {"ours, 95 % interval", "trivial baseline"}
    curve = table.assign(x=[0.0, 5.0])
    figure = plots.score_curve({"v4.4": curve}, "SNR (dB)", "accuracy", {"source": 0.945})
    assert figure.axes[0].lines[-1].get_ydata()[0] == 0.945
    assert labels_of(figure) == ({"SNR (dB)"}, {"accuracy"})


@pytest.mark.parametrize("n", [2, 10, 14, 21, 35, 105])
def test_every_label_has_a_colour_of_its_own(n):
    palette = plots.colours([*range(n), -1])
    assert len({tuple(np.round(palette[i], 4)) for i in range(n)}) == n
    assert palette[-1] == "0.6"


def test_save_writes_a_small_png_where_it_is_told(tmp_path, windows):
    path = plots.save(plots.thumbnails(windows), "grid")
    assert path == tmp_path / "figures" / "grid.png"
    assert Image.open(path).width == 1425
    assert path.stat().st_size < 700_000
    assert [file.name for file in path.parent.iterdir()] == ["grid.png"]


def test_the_same_figure_gives_the_same_bytes():
    first = plots.save(plots.confusion([0, 1], [0, 1]), "first")
    again = plots.save(plots.confusion([0, 1], [0, 1]), "again")
    assert first.read_bytes() == again.read_bytes()


def test_a_failed_save_keeps_the_old_figure(monkeypatch):
    figure = plots.confusion([0, 1], [0, 1])
    path = plots.save(figure, "kept")
    before = path.read_bytes()

    save_image = Image.Image.save

    def disk_full(self, file, **options):
        save_image(self, file, **options)
        if not isinstance(file, io.BytesIO):
            raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", disk_full)
    with pytest.raises(OSError, match="No space"):
        plots.save(figure, "kept")
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1
