"""The explorer in a real browser: its page without a network, and its widgets in JupyterLab.

Screenshots of what was tested are kept in build/screenshots, to be looked at.
"""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import browser
import nbformat
import numpy as np
import pytest
import requests
from explorer_data import small_world

from lib.explorer import Explorer, read_labels
from lib.notebooks.running import BUILD

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = BUILD / "screenshots"
PLACE = """const r = document.getElementById('plane').getBoundingClientRect();
const [x, y] = explorer.place(arguments[0]); return [r.x + x, r.y + y]"""
CURRENT = "return Number(document.body.dataset.current)"


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
    chromium.offline()
    chromium.size(1366, 900)
    chromium.open(written[1].as_uri())
    chromium.until("return document.documentElement.dataset.ready === 'true'")
    yield chromium
    assert chromium.run("return performance.getEntriesByType('resource').length") == 0
    chromium.offline(False)


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
    page.keys("ArrowRight")
    after = page.run(CURRENT)
    assert after != 0 and page.run(PLACE, after)[0] > page.run(PLACE, 0)[0]
    page.keys("Space")
    page.until(f"return document.body.dataset.heard === '{after}'")
    page.keys("n")
    assert page.run("return explorer.data.alike.code[arguments[0]][0]", after) == page.run(CURRENT)
    page.keys("p", "s")
    assert page.run("return explorer.state.selection.length") == 9
    page.keys("Escape")
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
    # Enlarged by a quarter, a screen is a quarter less wide and high for the page.
    for width in (round(1366 / 1.25), 600):
        page.size(width, 614)
        page.until(f"return innerWidth === {width}")
        page.until("return document.getElementById('plane').clientWidth > 200")
        assert page.run("return document.documentElement.scrollWidth <= innerWidth + 1")
        page.screenshot(SCREENSHOTS / f"page_{width}.png")


def test_buttons_and_pictures_have_names_for_screen_readers(page):
    page.run("explorer.select([1, 2])")
    unnamed = """return [...document.querySelectorAll('button, select, input, canvas[role]')]
        .filter(e => !(e.textContent.trim() || e.ariaLabel || e.title || e.labels?.length))
        .map(e => e.outerHTML)"""
    assert page.run(unnamed) == []


# ---- JupyterLab ------------------------------------------------------------------------------

TOKEN = "secret-of-the-test"
CODE = f"""import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from explorer_data import small_world
from lib.explorer import Explorer
table, codes, sounds, points = small_world()
points[7] = (points.min(0) + points.max(0)) / 2  # in the middle of the map
explorer = Explorer(table, codes, sounds, points, labels="labels.csv", colour="kind")
explorer"""
OUTPUT = ".jp-OutputArea-output"
PROMPT = "return document.querySelector('.jp-CodeCell .jp-InputPrompt')?.innerText.trim()"
# The number with which the status line begins, once it is about more than a few windows.
SAID = """const n = Number(document.querySelector('[role=status]')
    .innerText.match(/^([0-9]+) WORD/)?.[1]); return n > 30 && n"""
CANVAS = f"""const all = [...document.querySelectorAll('{OUTPUT} canvas')]
    .map(c => c.getBoundingClientRect()).sort((a, b) => b.width * b.height - a.width * a.height);
return all.length && [all[0].x, all[0].y, all[0].width, all[0].height]"""
HEARD = "const a = document.querySelector('audio'); return a?.src && a.duration > 0 && a.src"
NAME_IT = f"{OUTPUT} button:has-text('Name it')"


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    """A JupyterLab with settings of its own and one notebook; its address and its folder."""
    home = tmp_path_factory.mktemp("lab")
    (home / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    names = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = names
    nbformat.write(notebook, home / "notebooks" / "try.ipynb")
    folders = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
    folders += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    port = browser.free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--log-level=ERROR"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home / 'notebooks'}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    # What notebook 04 records and draws here is not the project's.
    outputs = {"FIGURES_DIR": "figures", "RESULTS_CSV": "results.csv", "CORPORA_DIR": "no-corpora"}
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ
        | {name: str(home / name.lower()) for name in folders}
        | {name: str(home / place) for name, place in outputs.items()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        browser.wait_for(f"{address}/lab?token={TOKEN}")
        yield address, home / "notebooks"
    finally:
        _end(running)


def _end(running):
    """Ask the server to stop its kernels and itself; end the whole group if it does not."""
    running.send_signal(signal.SIGTERM)
    try:
        running.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def ask(address, method, path, **body):
    headers = {"Authorization": f"token {TOKEN}"}
    answer = requests.request(method, address + path, headers=headers, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json() if answer.text else None


def run_the_cell(chromium, address):
    """Open the notebook and run its cell, as soon as a kernel takes it."""
    chromium.open(f"{address}/lab/tree/try.ipynb?token={TOKEN}&reset")
    editor = ".jp-Notebook .jp-CodeCell .cm-content"
    chromium.until(f"return document.querySelector('{editor}')?.checkVisibility()", 90)
    chromium.run("document.querySelectorAll('.jp-OutputArea-output').forEach(e => e.remove())")
    end = time.monotonic() + 60
    while not chromium.run(f"return !!document.querySelector('{OUTPUT} audio')"):
        assert time.monotonic() < end, chromium.run("return document.body.innerText")[-800:]
        # Before its kernel is there, the notebook asks for one.
        chromium.run("document.querySelector('.jp-Dialog .jp-mod-accept')?.click()")
        if chromium.run(PROMPT) != "[*]:":
            chromium.run(f"document.querySelector('{editor}').focus()")
            chromium.keys("Control+Enter")
        time.sleep(1.5)
    return chromium.until(CANVAS, 30)


def test_in_jupyterlab_from_a_click_to_a_name_that_is_there_again(chromium, lab):
    address, folder = lab
    chromium.size(1500, 1250)
    run_the_cell(chromium, address)
    x, y, width, height = click_the_middle(chromium, row=7)
    assert chromium.until(HEARD).startswith("blob:")
    chromium.screenshot(SCREENSHOTS / "lab_click.png")

    lasso_by_button(chromium, x, y, width, height)
    chosen = chromium.until(SAID.replace("WORD", "selected"))
    assert chromium.run("return document.querySelectorAll('.explorer-sheet figure').length") == 24
    chromium.type_into(f"{OUTPUT} input[type=text][placeholder]", "from the browser")
    chromium.click(NAME_IT)
    assert chromium.until(SAID.replace("WORD", "named")) == chosen
    kept = list(read_labels(folder / "labels.csv").values())
    assert kept == ["from the browser"] * chosen
    chromium.screenshot(SCREENSHOTS / "lab_lasso.png")

    for kernel in ask(address, "GET", "/api/kernels"):
        ask(address, "POST", f"/api/kernels/{kernel['id']}/restart")
    dark = '{"theme": "JupyterLab Dark"}'
    ask(address, "PUT", "/lab/api/settings/@jupyterlab/apputils-extension:themes", raw=dark)
    run_the_cell(chromium, address)
    chromium.until(
        f"return [...document.querySelectorAll('{OUTPUT}')]"
        ".some(e => e.innerText.includes('from the browser'))"
    )
    chromium.until("return document.body.dataset.jpThemeLight === 'false'")
    ink = "return getComputedStyle(document.querySelector('[role=status]')).color"
    light = [int(part) for part in chromium.run(ink).strip("rgba()").split(",")[:3]]
    assert min(light) > 150, light
    chromium.screenshot(SCREENSHOTS / "lab_dark.png")


# Of the explorer among a notebook's other outputs, some of which have sound as well.
EXPLORER = """const picture = document.querySelector('img.explorer-picture');
const explorer = picture?.closest('.jp-OutputArea-output');"""
RUN_ALL = """const app = window.jupyterapp; window.ran = '';
app.commands.execute('notebook:run-all-cells').then(() => { window.ran = 'whole' })"""
READY = "return window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady"


@pytest.mark.skipif(
    not os.environ.get("LONG_BROWSER_TEST"), reason="takes ten minutes: LONG_BROWSER_TEST=1"
)
def test_notebook_04_in_jupyterlab(chromium, lab):
    address, folder = lab
    labels = BUILD / "labels.csv"
    kept = labels.read_bytes() if labels.exists() else None
    labels.unlink(missing_ok=True)
    try:
        run_notebook_04(chromium, address, folder)
        row = click_some_point(chromium)
        assert chromium.run(f"{EXPLORER} return picture.naturalWidth") > 100, row
        heard = f"{EXPLORER} return explorer.querySelector('audio')?.duration"
        assert 0.1 < chromium.until(heard) < 10
        lasso_by_button(chromium, *chromium.until(CANVAS))
        chosen = chromium.until(SAID.replace("WORD", "selected"))
        chromium.type_into(f"{OUTPUT} input[type=text][placeholder]", "from the browser")
        chromium.click(NAME_IT)
        assert chromium.until(SAID.replace("WORD", "named")) == chosen
        chromium.screenshot(SCREENSHOTS / "lab_notebook_04.png")
        run_notebook_04(chromium, address, folder)
        chromium.until(f"{EXPLORER} return explorer.innerText.includes('from the browser')")
        assert set(read_labels(labels).values()) == {"from the browser"}
    finally:
        labels.unlink(missing_ok=True)
        if kept is not None:
            labels.write_bytes(kept)


def run_notebook_04(chromium, address, folder):
    """Open it with a new kernel, run all cells, bring the explorer before the reader."""
    for session in ask(address, "GET", "/api/sessions"):
        ask(address, "DELETE", f"/api/sessions/{session['id']}")
    name = "04_embedding_clustering_discovery.ipynb"
    shutil.copy(ROOT / "notebooks" / name, folder)
    settings = "/lab/api/settings/@jupyterlab/notebook-extension:tracker"
    ask(address, "PUT", settings, raw='{"windowingMode": "none"}')
    chromium.size(1500, 1250)
    chromium.open(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    chromium.until(READY, 120)
    chromium.run(RUN_ALL)
    chromium.until("return window.ran", 1500)
    chromium.until(f"{EXPLORER} return !!explorer", 60)
    chromium.run(f"{EXPLORER} explorer.scrollIntoView({{block: 'start'}})")


def click_some_point(chromium):
    """Click from place to place on the map until the picture changes; its row."""
    x, y, width, height = chromium.until(CANVAS)
    answer = f"{EXPLORER} return picture.dataset.row || ''"
    before = chromium.run(answer)
    for down in np.linspace(0.1, 0.9, 17):
        for along in np.linspace(0.1, 0.9, 25):
            place = (x + along * width, y + down * height)
            chromium.mouse((place[0] - 3, place[1]), place, press=False)
            chromium.mouse(place)
            if chromium.run(answer) != before:
                return chromium.run(answer)
    raise AssertionError("no click on the map was answered")


def click_the_middle(chromium, row):
    """Click the middle of the map until its point is heard; a map still being laid out moves on."""
    shown = f"return document.querySelector('img.explorer-picture').dataset.row === '{row}'"
    end = time.monotonic() + 60
    while not chromium.run(shown):
        assert time.monotonic() < end, "no click on the middle of the map was heard"
        x, y, width, height = chromium.until(CANVAS)
        middle = (x + width / 2, y + height / 2)
        chromium.mouse((middle[0] - 40, middle[1]), middle, press=False)
        chromium.mouse(middle)
        time.sleep(1)
    return chromium.until(CANVAS)


def lasso_by_button(chromium, x, y, width, height):
    """Press jupyter-scatter's lasso button, the second, and draw round the whole map."""
    chromium.run(f"document.querySelectorAll('{OUTPUT} button')[1].click()")
    left, top, right, bottom = x + 4, y + 4, x + width - 4, y + height - 4
    # Begins beside the buttons, which lie on the map.
    start = (x + width / 2, top)
    corners = [(right, top), (right, bottom), (left, bottom), (left, top)]
    chromium.mouse(start, *corners, start, pace=300)
