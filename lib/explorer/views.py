"""The explorer's pieces of HTML: escaped, with alternative texts, in the colours of JupyterLab."""

from __future__ import annotations

from html import escape

import numpy as np

from lib.audio import merge_regions
from lib.explorer.pictures import data_url, palette

# Names of the buttons in the order of `Panel._listen`, and what they do.
BUTTONS = {
    "Previous": "the window before, in the selection or the table",
    "Next": "the window after, in the selection or the table",
    "More like this": "select this window and those most like it",
    "Play all": "play the contact sheet, 0.1 s between windows",
    "Name it": "give the selection this name, written to the file at once",
    "Undo": "take the last name back",
    "Export": "write the selection to files",
}
SOFT = "color:var(--jp-ui-font-color2,#555)"
INK = "color:var(--jp-ui-font-color1,#222)"


def status(text: str) -> str:
    """A line that screen readers speak."""
    return f'<div role="status" aria-live="polite" style="{INK}">{escape(text)}</div>'


def large(explorer, row: int, margin: float) -> str:
    """The spectrogram of a window with its axes; dashed lines where the window ends."""
    item, start, stop = explorer.region(row)
    rate = explorer.sounds.rate(item)
    left, right = max(0.0, start - margin), min(stop + margin, explorer.sounds.seconds(item))
    url = data_url(explorer.picture(row, margin=margin), "image/png")
    alt = f"Spectrogram of {item}, {start:.2f} to {stop:.2f} s, 0 to {rate / 2000:g} kHz"
    edges = "".join(
        f'<div style="position:absolute;top:0;bottom:0;left:{_share(t, left, right)};'
        'border-left:2px dashed #ff8c42"></div>'
        for t in (start, stop)
    )
    slow = explorer.slow_of(item)
    heard = "played as recorded" if slow == 1 else f"played {slow} times slower"
    return (
        f'<div style="display:grid;grid-template-columns:2.2rem 1fr;line-height:1.2">'
        f'{_kilohertz(rate / 2000)}<div style="position:relative">'
        f'<img src="{url}" alt="{escape(alt)}" data-row="{row}" class="explorer-picture" '
        f'style="width:100%;height:12rem;display:block">{edges}</div>'
        f"<div></div>{_seconds(left, right)}</div>"
        f'<div style="{SOFT}">kHz over s; {heard}</div>'
    )


def no_picture(reason: str) -> str:
    """What stands in a spectrogram's place."""
    return (
        f'<div style="min-height:6rem;{INK};border:1px dashed;padding:.8rem">{escape(reason)}</div>'
    )


def facts(explorer, row: int) -> str:
    """The columns of a row, and its name."""
    known = explorer.table.iloc[row].to_dict()
    known["start"], known["stop"] = f"{known['start']:.3f} s", f"{known['stop']:.3f} s"
    named = {"name": explorer.labels[row]} if explorer.labels[row] else {}
    pairs = [
        f'<span style="{SOFT}">{escape(str(k))}</span> <b style="{INK}">{escape(_text(v))}</b>'
        for k, v in (named | known).items()
    ]
    return f'<div style="line-height:1.5">{" &ensp; ".join(pairs)}</div>'


def legend(column: str, entries: dict[str, str]) -> str:
    """Colours and what they stand for."""
    if list(entries) == ["cividis"]:
        stops = ",".join("rgb({},{},{})".format(*c) for c in palette("cividis")[::51])
        ramp = f"display:inline-block;width:9rem;height:.8rem;background:linear-gradient(90deg,{stops})"
        return f'<span style="{INK}">{escape(column)} {entries["cividis"]} <i style="{ramp}"></i></span>'
    dots = [
        f'<span style="white-space:nowrap;{INK}"><i style="display:inline-block;width:.7rem;'
        f'height:.7rem;border-radius:50%;background:{colour}"></i> {escape(name)}</span>'
        for name, colour in entries.items()
    ]
    return f'<div style="line-height:1.4">{" &ensp; ".join(dots)}</div>'


def sheet(explorer, rows: np.ndarray, n: int, column: str) -> str:
    """A contact sheet of small spectrograms."""
    cards = "".join(_card(explorer, int(row), column) for row in rows)
    more = f"{len(rows)} of {n:,} shown, spread through the selection" if n > len(rows) else ""
    return (
        f'<div class="explorer-sheet" style="display:grid;gap:.35rem;'
        f'grid-template-columns:repeat(auto-fill,minmax(6.5rem,1fr))">{cards}</div>'
        f'<div style="{SOFT}">{more}</div>'
    )


def strip(explorer, item: str, rows: np.ndarray, current: int) -> str:
    """A whole recording with its regions marked; the slider under it goes from one to the next."""
    try:
        seconds = explorer.sounds.seconds(item)
        url = data_url(explorer.strip(item), "image/png")
        picture = f'<img src="{url}" alt="Spectrogram of {escape(str(item))}, {seconds:.0f} s" '
        picture += 'style="width:100%;height:5rem;display:block">'
    except (ValueError, OSError):
        seconds, picture = max(explorer.region(row)[2] for row in rows), ""
    bounds = explorer.table[["start", "stop"]].to_numpy(float)
    # Regions that would touch on the screen are one mark.
    marks = [_mark(*region, seconds) for region in merge_regions(bounds[rows], seconds / 1000)]
    marks = "".join([*marks, _mark(*bounds[current], seconds, current=True)])
    return (
        f'<div style="{SOFT}">{escape(str(item))}, {seconds:.1f} s, {len(rows)} regions; the slider '
        f'goes through them</div><div style="position:relative">{picture}'
        f'<div style="position:relative;height:.9rem">{marks}</div></div>'
    )


def _card(explorer, row: int, column: str) -> str:
    item, start, _ = explorer.region(row)
    said = explorer.labels[row] or (
        _text(explorer.table[column][row]) if column in explorer.table else ""
    )
    caption = escape(said or f"{item}, {start:.1f} s")
    try:
        url = data_url(explorer.picture(row, 96, 64), "image/png")
        alt = escape(f"{said} {item}, {start:.2f} s")
        picture = f'<img src="{url}" alt="{alt}" style="width:100%;height:4rem;display:block">'
    except (ValueError, OSError) as error:
        picture = f'<div style="height:4rem;{SOFT}" title="{escape(str(error))}">no sound</div>'
    return (
        f'<figure style="margin:0;overflow:hidden" data-row="{row}" title="{escape(str(item))}, '
        f'{start:.2f} s">{picture}<figcaption style="{SOFT};white-space:nowrap;font-size:.8em">'
        f"{caption}</figcaption></figure>"
    )


def _mark(start: float, stop: float, seconds: float, current: bool = False) -> str:
    width = max(0.15, 100 * (stop - start) / seconds)
    style = "top:2px;bottom:2px;background:var(--jp-ui-font-color2,#667)"
    if current:
        style = "top:-5rem;bottom:0;border:2px solid #ff5c00"
    return (
        f'<div style="position:absolute;left:{100 * start / seconds:.3f}%;width:{width:.3f}%;'
        f'box-sizing:border-box;{style}"></div>'
    )


def _kilohertz(top: float) -> str:
    ticks = [t for t in _ticks(0.0, top, 5)]
    spans = "".join(
        f'<span style="position:absolute;right:.3rem;top:{np.clip(100 - 100 * t / top, 3, 97):.1f}%;'
        f'transform:translateY(-50%)">{t:g}</span>'
        for t in ticks
    )
    return f'<div style="position:relative;{SOFT}">{spans}</div>'


def _seconds(left: float, right: float) -> str:
    spans = "".join(
        f'<span style="position:absolute;left:{_share(t, left, right)};transform:translateX(-50%)">'
        f"{t:g}</span>"
        for t in _ticks(left, right, 4)
        if 0.04 < (t - left) / (right - left) < 0.96
    )
    return f'<div style="position:relative;height:1.2rem;{SOFT}">{spans}</div>'


def _ticks(low: float, high: float, wanted: int) -> list[float]:
    raw = (high - low) / wanted
    ten = 10.0 ** np.floor(np.log10(raw))
    step = next(m * ten for m in (1, 2, 5, 10) if m * ten >= raw)
    first = int(np.ceil(low / step - 1e-9))
    return [round(k * step, 9) for k in range(first, int(high / step + 1e-9) + 1)]


def _share(t: float, left: float, right: float) -> str:
    return f"{100 * (t - left) / (right - left):.2f}%"


def _text(value) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.4g}"
    return str(value)
