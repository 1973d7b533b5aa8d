"""The explorer as one page: a single HTML file with pictures, sounds and code inside."""

from __future__ import annotations

import base64
import html
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from tqdm.auto import tqdm

from lib import audio, plots
from lib.explorer.neighbours import all_nearest_codes, nearest_warped
from lib.explorer.pictures import grey_webp, levels, noise_floor, palette, strip_levels
from lib.explorer.sounds import SLOWER, Sounds, slow_factor

ALIKE = 8
COLUMNS, ROWS = 144, 128
STRIP_COLUMNS, STRIP_ROWS, MOST_STRIPS = 1200, 96, 24
# Variable rate; between the least and the most loss that LAME knows.
COMPRESSION = 0.85
LOUDNESS, PEAK = 0.12, 0.9
# Longer texts, such as paths, are no help as a colour.
MOST_CATEGORIES = 40


def save_html(
    path: str | Path,
    table: pd.DataFrame,
    points: np.ndarray,
    codes: np.ndarray,
    sounds: Sounds,
    distances=None,
    title: str = "Explorer",
    note: str = "",
    colour: str | None = None,
    margin: float = 0.02,
) -> Path:
    """Write the explorer's page, whole or not at all.

    Parameters
    ----------
    path : path
    table : DataFrame[item, start, stop, ...]
        Every further column of numbers or short texts can be the points' colour.
    points : array (n, 2)
    codes : array (n, d)
    sounds : Sounds
    distances : array (n, n) or function, optional
        Of time warping, as in `lib.explorer.neighbours.nearest_warped`.
    title, note : str
        The page's heading and a sentence beside it.
    colour : str, optional
        Column shown first.
    margin : float
        Seconds of sound before and after each window, to see and hear where it comes from.

    Returns
    -------
    The path. 2,000 windows of 0.18 s stay under 15 MB.

    Notes
    -----
    Sounds are MP3 written at the slowed-down rate: every browser plays it, and ultrasound
    survives. Used by notebook 04.
    """
    data = _layout(table, points, codes, distances) | _media(table, sounds, margin)
    data["columns"] = _columns(table, colour)
    missing = sum(picture is None for picture in data["pictures"])
    if missing:
        note = f"{note} {missing} windows have no sound here.".strip()
    with audio.atomic(path) as temporary:
        temporary.write_text(_filled(title, note or f"{len(table)} windows", data), "utf-8")
    return Path(path)


def _filled(title: str, note: str, data: dict) -> str:
    here = Path(__file__).parent
    # "</script>" inside a name would end the data's element.
    content = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    page = (here / "page.html").read_text("utf-8")
    parts = {
        "{{title}}": html.escape(title),
        "{{note}}": html.escape(note),
        "{{script}}": (here / "page.js").read_text("utf-8"),
        "{{data}}": content,
    }
    for place, text in parts.items():
        page = page.replace(place, text)
    return page


def _layout(table, points, codes, distances) -> dict:
    """Places in 0..1 of the longer side, regions, neighbours."""
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    places = (points - low) / np.where(span > 0, span, 1.0)
    items = list(dict.fromkeys(table["item"].astype(str)))
    near = {"code": all_nearest_codes(codes, ALIKE).tolist()}
    if distances is not None:
        warped = [nearest_warped(distances, row, ALIKE).tolist() for row in range(len(table))]
        near["time warping"] = warped
    return {
        "x": np.round(places[:, 0], 4).tolist(),
        "y": np.round(places[:, 1], 4).tolist(),
        "stretch": round(float(np.clip(span[0] / max(span[1], 1e-9), 1.25, 2.0)), 3),
        "first": int(np.argmin(((places - 0.5) ** 2).sum(axis=1))),
        "items": items,
        "item": table["item"].astype(str).map(items.index).tolist(),
        "start": np.round(table["start"].astype(float), 4).tolist(),
        "stop": np.round(table["stop"].astype(float), 4).tolist(),
        "alike": near,
        "palettes": {
            "dark": _base64(palette("mako").tobytes()),
            "light": _base64(palette("bone_r").tobytes()),
            "ramp": _base64(palette("viridis").tobytes()),
        },
        "speeds": list(SLOWER),
    }


def _columns(table: pd.DataFrame, first: str | None) -> list[dict]:
    """Columns that can colour the points: numbers, and texts with few different values."""
    names = [name for name in table if name not in ("item", "start", "stop")]
    names = sorted(names, key=lambda name: name != first)
    found = [_column(name, table[name]) for name in names]
    return [column for column in found if column] or [_column("item", table["item"])]


def _column(name: str, values: pd.Series) -> dict | None:
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        known = values[np.isfinite(values.astype(float))].astype(float)
        shown = [float(f"{v:.4g}") if np.isfinite(v) else None for v in values.astype(float)]
        limits = np.percentile(known, [1, 99]) if len(known) else [0.0, 1.0]
        limits = [float(f"{limit:.4g}") for limit in limits]
        return {"name": str(name), "kind": "number", "values": shown, "range": limits}
    values = values.astype(object).where(values.notna(), "unknown").astype(str)
    if values.nunique() > MOST_CATEGORIES and name != "item":
        return None
    colours = {label: _hex(c) for label, c in plots.colours(values).items() if label != -1}
    return {"name": str(name), "kind": "category", "values": values.tolist(), "colours": colours}


def _media(table: pd.DataFrame, sounds: Sounds, margin: float) -> dict:
    """Pictures and sounds of all rows, recording by recording, and a strip of each recording."""
    n = len(table)
    data: dict = {"pictures": [None] * n, "sounds": [None] * n, "recordings": []}
    left, right = table["start"].to_numpy(float) - margin, table["stop"].to_numpy(float) + margin
    rates = np.full(n, sounds.sample_rate)
    items = table["item"].nunique()
    for item, rows in tqdm(list(table.groupby("item", sort=False)), desc="recordings"):
        recording = {"item": str(item), "seconds": float(rows["stop"].max()), "picture": None}
        data["recordings"].append(recording)
        try:
            floor, seconds = noise_floor(sounds, item), sounds.seconds(item)
            recording["seconds"] = round(seconds, 3)
            left[rows.index] = left[rows.index].clip(0.0)
            right[rows.index] = right[rows.index].clip(None, seconds)
            pieces = {i: sounds.piece(item, left[i], right[i]) for i in rows.index}
            strip = _strip(sounds, item, floor) if items <= MOST_STRIPS else None
        except (ValueError, OSError):
            continue
        recording["picture"] = strip
        gain = _gain([piece for piece, _ in pieces.values()])
        for i, (piece, rate) in pieces.items():
            data["pictures"][i] = _base64(grey_webp(levels(piece, rate, COLUMNS, ROWS, floor), 30))
            data["sounds"][i] = _base64(mp3(piece * min(gain, PEAK / _peak(piece)), rate))
            rates[i] = rate
    data["left"], data["right"] = np.round(left, 4).tolist(), np.round(right, 4).tolist()
    data["nyquist"] = np.round(rates / 2000, 3).tolist()
    data["recorded_slow"] = [slow_factor(rate) for rate in rates.tolist()]
    data["slow"] = max(data["recorded_slow"])
    return data


def _strip(sounds: Sounds, item: str, floor: np.ndarray) -> str:
    image = strip_levels(sounds, item, STRIP_COLUMNS, STRIP_ROWS, floor)
    return _base64(grey_webp(image, 30))


def mp3(signal: np.ndarray, sample_rate: int) -> bytes:
    """A signal as MP3, slowed down by `slow_factor` so that its whole band is kept.

    The least rate of MP3 that is at least the slowed one is used, resampling where needed.
    """
    slowed = sample_rate / slow_factor(sample_rate)
    rate = next((r for r in (8_000, 16_000, 24_000, 32_000, 48_000) if r >= slowed), 48_000)
    if rate != slowed:
        signal = audio.resample(signal, slowed, rate)
    file = io.BytesIO()
    soundfile.write(
        file,
        signal,
        rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE",
        compression_level=COMPRESSION,
    )
    return file.getvalue()


def _gain(pieces: list[np.ndarray]) -> float:
    """One gain for all windows of a recording, so that silence stays quieter than sound."""
    levels = [np.sqrt(np.mean(np.square(piece, dtype=np.float64))) for piece in pieces]
    return LOUDNESS / max(float(np.median(levels)), 1e-9)


def _peak(piece: np.ndarray) -> float:
    return max(float(np.abs(piece).max()), 1e-9)


def _hex(colour) -> str:
    from matplotlib.colors import to_hex

    return to_hex(colour)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
