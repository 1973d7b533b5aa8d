"""The explorer in a real browser: its page without a network, and its widgets in JupyterLab.

Screenshots of what was tested are kept in build/test/screenshots, to be looked at.
"""

import csv
import io
import time
from pathlib import Path

import browser
import pytest
from explorer_data import small_world

from lib.explorer import Explorer

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "build" / "test" / "screenshots"
PLACE = """const r = document.getElementById('plane').getBoundingClientRect();
const [x, y] = explorer.place(arguments[0]); return [r.x + x, r.y + y]"""
CURRENT = "return Number(document.body.dataset.current)"
ESCAPE, SHIFT, RIGHT = "\ue00c", "\ue008", "\ue014"
SPACE = " "


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.started(tmp_path_factory.mktemp("chromium")) as running:
        yield running


# ---- the page --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    table, codes, sounds, points = small_world()
    explorer = Explorer(table, codes, sounds, points, labels=None, colour="kind")
    path = tmp_path_factory.mktemp("page") / "page.html"
    return explorer, explorer.save_html(path, title="Three tones", note="A small world.")


@pytest.fixture
def page(chromium, written):
    chromium.devtools("Network.enable")
    offline = dict(offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    chromium.devtools("Network.emulateNetworkConditions", **offline)
    chromium.size(1366, 900)
    chromium.open(written[1].as_uri())
    chromium.until("return document.documentElement.dataset.ready === 'true'")
    yield chromium
    assert chromium.run("return performance.getEntriesByType('resource').length") == 0
    chromium.devtools("Network.emulateNetworkConditions", **(offline | {"offline": False}))


def drawn(page, row, canvas="bigcanvas"):
    page.until(f"return document.getElementById('{canvas}').dataset.drawn === '{row}'")
    pixels = f"""const c = document.getElementById('{canvas}');
    return [...new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)].length"""
    return page.run(pixels)


def test_a_click_on_the_page_shows_and_plays_without_a_network(page):
    page.mouse(page.run(PLACE, 7))
    page.until("return document.body.dataset.heard === '7'")
    assert page.run(CURRENT) == 7
    assert drawn(page, 7) > 20
    said = page.run("return document.getElementById('say').textContent")
    assert said.startswith("Window 8 of 60: ") and "recording-0" in said
    page.screenshot(SCREENSHOTS / "page_light.png")


def test_hovering_shows_a_spectrogram_and_leaves_the_window_shown(page):
    before = page.run(CURRENT)
    page.mouse(page.run(PLACE, 30), press=False)
    page.until("return document.getElementById('tip').dataset.row === '30'")
    page.until("return document.querySelector('#tip canvas').dataset.drawn === '30'")
    assert page.run(CURRENT) == before


def test_a_lasso_lists_and_the_list_is_saved_as_csv(page, written):
    page.click("#lasso")
    box = page.run("""const r = document.getElementById('plane').getBoundingClientRect();
        return [r.x + 3, r.y + 3, r.right - 3, r.bottom - 3]""")
    left, top, right, bottom = box
    page.mouse((left, top), (right, top), (right, bottom), (left, bottom))
    assert page.run("return explorer.state.selection.length") == 60
    assert page.run("return document.querySelectorAll('#chosen button').length") == 24
    page.click("#more")
    assert page.run("return document.querySelectorAll('#chosen button').length") == 60
    page.type_into("#label", "all of, them")
    page.click("#naming button[type=submit]")
    rows = list(csv.DictReader(io.StringIO(page.run("return explorer.csv()"))))
    table = written[0].table
    assert [row["item"] for row in rows] == table["item"].tolist()
    assert [float(row["start"]) for row in rows] == pytest.approx(table["start"].tolist())
    assert {row["name"] for row in rows} == {"all of, them"}
    page.screenshot(SCREENSHOTS / "page_lasso.png")
    page.click("#undo")
    assert page.run("return explorer.state.names.some(Boolean)") is False


def test_the_keyboard_alone_is_enough(page):
    page.run("document.getElementById('plane').focus(); explorer.show(0)")
    page.keys(RIGHT)
    after = page.run(CURRENT)
    assert after != 0 and page.run(PLACE, after)[0] > page.run(PLACE, 0)[0]
    page.keys(SPACE)
    page.until(f"return document.body.dataset.heard === '{after}'")
    page.keys("n")
    assert page.run("return explorer.data.alike.code[arguments[0]][0]", after) == page.run(CURRENT)
    page.keys("p", "s")
    assert page.run("return explorer.state.selection.length") == 9
    page.keys(ESCAPE)
    assert page.run("return explorer.state.selection.length") == 0


def test_playing_all_takes_the_sounds_and_the_gaps(page):
    page.run("explorer.select([1, 2, 3])")
    page.click("#playall")
    page.until("return document.body.dataset.playing === '3'")
    began = time.monotonic()
    page.until("return !document.body.dataset.playing")
    # Three sounds of 0.21 s at half speed and two gaps of 0.1 s.
    assert 0.9 < time.monotonic() - began < 6


def test_colours_change_with_the_column_and_the_theme_with_a_button(page):
    first = page.run("return document.getElementById('legend').textContent")
    page.run("""const s = document.getElementById('colour'); s.value = 'SNR (dB)';
        s.dispatchEvent(new Event('change'))""")
    assert page.run("return document.getElementById('legend').textContent") != first
    theme = "return document.documentElement.dataset.theme"
    before = page.run(theme)
    page.click("#theme")
    assert {before, page.run(theme)} == {"light", "dark"}
    page.screenshot(SCREENSHOTS / "page_dark.png")


def test_the_strip_leads_to_the_map(page):
    page.run("explorer.show(0)")
    x, y, width = (
        page.run("""const r = document.getElementById('stripcanvas').getBoundingClientRect();
        return [r.x, r.y + r.height / 2, r.width]""")
    )
    page.mouse((x + width * 2.67 / 5.25, y))
    assert page.run(CURRENT) == 10


def test_nothing_is_cut_off_at_125_percent_and_on_a_narrow_screen(page):
    for width in (1366 * 0.8, 600):
        page.devtools(
            "Emulation.setDeviceMetricsOverride",
            **dict(width=round(width), height=614, deviceScaleFactor=1.25, mobile=False),
        )
        page.until("return document.getElementById('plane').clientWidth > 200")
        assert page.run("return document.documentElement.scrollWidth <= innerWidth + 1")
        page.screenshot(SCREENSHOTS / f"page_{round(width)}.png")
    page.devtools("Emulation.clearDeviceMetricsOverride")


def test_buttons_and_pictures_have_names_for_screen_readers(page):
    page.run("explorer.select([1, 2])")
    unnamed = """return [...document.querySelectorAll('button, select, input, canvas[role]')]
        .filter(e => !(e.textContent.trim() || e.ariaLabel || e.title || e.labels?.length))
        .map(e => e.outerHTML)"""
    assert page.run(unnamed) == []
