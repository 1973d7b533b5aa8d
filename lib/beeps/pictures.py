"""Figures of notebook 05: sound with beeps and alarms, windows as rows, tables as pictures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.signal
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.beeps.frontend import SAMPLE_RATE
from lib.plots.style import WIDTH

KIND_COLOURS = {"sequence": "C2", "decoy": "C1", "alarm": "C0"}


def sound(
    signal: np.ndarray, axis: Axes | None = None, start: float = 0.0, highest: float = 8.0
) -> Axes:
    """Spectrogram of 16 kHz sound in dB, time in s, frequency in kHz up to `highest`."""
    axis = axis or plt.subplots(figsize=(WIDTH, 3))[1]
    # No more columns than the picture has pixels.
    hop = max(64, len(signal) // 1_500)
    length = max(512, 1 << int(np.ceil(np.log2(hop))))
    frequencies, _, power = scipy.signal.spectrogram(
        signal, SAMPLE_RATE, "hann", length, length - min(hop, length)
    )
    level = 10 * np.log10(power + 1e-12)
    low, high = np.percentile(level, [5, 99.8])
    extent = (start, start + len(signal) / SAMPLE_RATE, 0, frequencies[-1] / 1_000)
    axis.imshow(level, aspect="auto", origin="lower", vmin=low, vmax=high, extent=extent)
    axis.set(xlabel="time (s)", ylabel="frequency (kHz)", ylim=(0, highest))
    axis.grid(visible=False)
    return axis


def marked(
    axis: Axes, spans: pd.DataFrame, kind: str, label: str | None = None, height: float = 0.97
) -> None:
    """Bars over a spectrogram where events start and stop; one entry in the legend."""
    for number, span in enumerate(spans.itertuples()):
        axis.plot(
            [span.start, span.stop],
            [height, height],
            transform=axis.get_xaxis_transform(),
            color=KIND_COLOURS[kind],
            lw=5,
            solid_capstyle="butt",
            label=(label or kind) if number == 0 else None,
        )


def home(signal: np.ndarray, truth: pd.DataFrame, alarms: pd.DataFrame | None = None) -> Figure:
    """A home: spectrogram, and under it lanes of what sounded and of the alarms."""
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(WIDTH, 4.4), height_ratios=[4, 1], sharex=True
    )
    sound(signal, above)
    above.set_xlabel("")
    lanes = [("sequence", truth[truth["kind"] == "sequence"], "C2")]
    lanes.append(("decoy", truth[truth["kind"] != "sequence"], "C1"))
    if alarms is not None:
        lanes.append(("alarm", alarms, "C0"))
    for height, (_, spans, colour) in enumerate(lanes):
        bars = list(zip(spans["start"], spans["stop"] - spans["start"], strict=True))
        below.broken_barh(bars, (height - 0.35, 0.7), facecolors=colour, linewidth=0)
    below.set(
        yticks=range(len(lanes)),
        yticklabels=[name for name, *_ in lanes],
        ylim=(len(lanes) - 0.5, -0.5),
        xlabel="time (s)",
    )
    below.grid(visible=False, axis="y")
    for row in truth[truth["kind"] != "sequence"].itertuples():
        below.text(row.start, 0.55, row.kind, fontsize=7, ha="left", va="bottom")
    return figure


def window_rows(windows: np.ndarray, truth: np.ndarray, score: np.ndarray | None = None) -> Figure:
    """Windows of 40 answers, one a row; at the right the response, and the prediction beside it."""
    figure, axis = plt.subplots(figsize=(0.8 * WIDTH, 0.9 + 0.22 * len(windows)))
    axis.imshow(windows, aspect="auto", cmap="Greys", vmin=0, vmax=1.4, interpolation="nearest")
    axis.set(xlabel="answer (one each 0.1 s)", ylabel="window", yticks=range(len(windows)))
    axis.set_yticklabels([])
    axis.grid(visible=False)
    heads = [(41.5, "response")] + ([(46, "prediction")] if score is not None else [])
    for x, head in heads:
        axis.text(x, -0.9, head, fontsize=9, ha="center")
    for row, response in enumerate(truth):
        axis.text(41.5, row, str(int(response)), va="center", ha="center", fontsize=9)
        if score is not None:
            axis.text(46, row, f"{score[row]:.3f}", va="center", ha="center", fontsize=9)
    return figure


def onsets(signal: np.ndarray, alarm, begin: float, end: float, highest: float = 8.0) -> Figure:
    """The part of a recording around an alarm, with the groups' starts and the moment it came."""
    part = signal[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    figure, axis = plt.subplots(figsize=(WIDTH, 3.2))
    sound(part, axis, begin, highest)
    for number, onset in enumerate(alarm.onsets):
        axis.axvline(onset, color="w", lw=1.2, ls="--", label="start of a group" * (number == 0))
    axis.axvline(alarm.decided, color="C1", lw=2, label="alarm")
    axis.legend(loc="upper left", labelcolor="k", framealpha=0.9)
    axis.set_xlim(begin, max(end, alarm.decided + 0.1))
    return figure


def counts(matrix: np.ndarray, axis: Axes, title: str) -> None:
    """A confusion matrix of tones in one panel, counts in its cells; rows are the truth."""
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1.4)
    for (row, column), count in np.ndenumerate(matrix):
        axis.text(column, row, f"{count:,}", ha="center", va="center")
    names = ["none", "tone"]
    axis.set(xticks=[0, 1], yticks=[0, 1], xticklabels=names, yticklabels=names, title=title)
    axis.set(xlabel="said", ylabel="truth")
    axis.grid(visible=False)


def with_alarm(signal: np.ndarray, times) -> np.ndarray:
    """The sound with two low notes at each of some times (s): an alarm that one can hear."""
    mixed = 0.5 * np.asarray(signal, float) / max(np.abs(signal).max(), 1e-9)
    clock = np.arange(round(0.25 * SAMPLE_RATE)) / SAMPLE_RATE
    notes = [np.sin(2 * np.pi * tone * clock) * np.hanning(len(clock)) for tone in (440, 660)]
    chime = 0.5 * np.concatenate(notes)
    for time in times:
        first = round(float(time) * SAMPLE_RATE)
        mixed = np.pad(mixed, (0, max(0, first + len(chime) - len(mixed))))
        mixed[first : first + len(chime)] += chime
    return mixed
