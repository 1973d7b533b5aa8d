"""Figures of the keyword experiment: the paper's seven, better drawn, and those it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.keywords.experiment import accuracy
from lib.keywords.tables import precision_recall
from lib.plots import colours
from lib.plots.style import WIDTH

ANGLES = np.pi * np.array([0.0, 0.25, -0.25, 1.0, 0.75, -0.75])
HEAD_MARKS = {"linear": "o", "dense": "s", "cnn": "D", "residual": "^"}


def accuracies(counts: pd.DataFrame, names: Sequence[str], chance: float) -> Figure:
    """Accuracy of each representation under each head, with 95 % intervals over speakers."""
    full = full_labels(counts)
    figure, axis = plt.subplots(figsize=(0.9 * WIDTH, 1.2 + 0.42 * len(names)))
    for number, (head, mark) in enumerate(HEAD_MARKS.items()):
        rows = [
            (i + 0.15 * (number - 1), *accuracy(full, representation=name, head=head))
            for i, name in enumerate(names)
            if ((full["representation"] == name) & (full["head"] == head)).any()
        ]
        if rows:
            y, value, low, high = np.array(rows).T
            error = np.clip([value - low, high - value], 0, None)
            axis.errorbar(value, y, xerr=error, fmt=mark, ms=5, capsize=2, label=head)
    axis.axvline(chance, color="0.6", ls=":", label="most frequent word")
    axis.set(yticks=range(len(names)), yticklabels=names, xlabel="accuracy on unheard speakers")
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), title="classifier")
    return figure


def full_labels(counts: pd.DataFrame) -> pd.DataFrame:
    """The rows of each repeat with all its labels."""
    return counts[counts["labels"] == counts.groupby("repeat")["labels"].transform("max")]


def per_word(counts: pd.DataFrame, score: str, ways: Mapping[str, tuple[str, str]]) -> Figure:
    """Precision or recall of each word, one mark a way, words from worst to best.

    Parameters
    ----------
    counts : DataFrame
        As `run_repeat` returns it.
    score : {"precision", "recall"}
    ways : mapping name -> (representation, head)
    """
    scores = {name: _scores(counts, way) for name, way in ways.items()}
    order = next(iter(scores.values()))[score].sort_values().index
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    places = np.arange(len(order))
    for number, (name, table) in enumerate(scores.items()):
        values = table[score].reindex(order)
        axis.plot(places, values, "osD^"[number], color=f"C{number}", ms=6, label=name)
    every = np.array([table[score].reindex(order) for table in scores.values()])
    axis.vlines(places, every.min(axis=0), every.max(axis=0), color="0.75", zorder=0)
    axis.set(xticks=places, ylabel=score, ylim=(min(0.4, every.min() - 0.05), 1.02))
    axis.set_xticklabels(order, rotation=60, ha="right")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(ways), frameon=False)
    return figure


def differences(counts: pd.DataFrame, score: str, better: tuple, worse: tuple) -> Figure:
    """Difference in precision or recall of each word (bars) over its number of clips (dots)."""
    ours, theirs = _scores(counts, better), _scores(counts, worse)
    gain = (100 * (ours[score] - theirs[score])).sort_values()
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    places = np.arange(len(gain))
    axis.bar(places, gain, color=np.where(gain < 0, "C1", "C0"))
    axis.axhline(0, color="0.3", lw=1)
    axis.set(xticks=places, ylabel=f"{score}, difference (points)")
    axis.set_xticklabels(gain.index, rotation=60, ha="right")
    right = axis.twinx()
    right.plot(places, ours["clips"].reindex(gain.index), ".", color="0.35", ms=6)
    right.set(ylabel="test clips (dots)", ylim=(0, 1.1 * ours["clips"].max()))
    right.grid(visible=False)
    return figure


def _scores(counts: pd.DataFrame, way: tuple[str, str]) -> pd.DataFrame:
    full = full_labels(counts)
    return precision_recall(full[(full["representation"] == way[0]) & (full["head"] == way[1])])


def class_means(values: Mapping[str, np.ndarray], words: np.ndarray) -> Figure:
    """First two principal components of the words' mean values, one panel a representation."""
    from sklearn.decomposition import PCA

    names = np.unique(words)
    width = min(WIDTH, 4.8 * len(values))
    figure, axes = plt.subplots(1, len(values), figsize=(width, 4.6), squeeze=False)
    placed = []
    for axis, (name, rows) in zip(axes.flat, values.items(), strict=True):
        means = np.stack([rows[words == word].mean(axis=0) for word in names])
        pca = PCA(2).fit(means)
        placed.append(pca.transform(means))
        axis.plot(*placed[-1].T, ".", color="0.6", ms=4)
        share = pca.explained_variance_ratio_.sum()
        axis.set(title=f"{name} ({share:.0%} of the variance)", xlabel="component 1")
        axis.margins(0.12)
    axes.flat[0].set_ylabel("component 2")
    # Only now do the panels have their final size, by which names find room.
    figure.canvas.draw()
    for axis, points in zip(axes.flat, placed, strict=True):
        _name_points(axis, points, names)
    return figure


def _name_points(axis, points: np.ndarray, names: Sequence[str]) -> None:
    """Write each name near its point where it covers no other name, as far as there is room."""
    places = axis.transData.transform(points) * 72 / axis.figure.dpi
    taken: list[tuple[float, float, float, float]] = []
    for name, (x, y) in zip(names, places, strict=True):
        width, height = 4.6 * len(name), 8.5
        rings = [(r * np.cos(a), r * np.sin(a)) for r in (3, 10, 18, 27) for a in ANGLES]
        # The text begins right of its offset, or ends left of it.
        boxes = [(x + dx - width * (dx < 0), y + dy - height / 2, dx, dy) for dx, dy in rings]
        covered = [
            sum(
                max(0, min(left + width, b) - max(left, a))
                * max(0, min(low + height, d) - max(low, c))
                for a, b, c, d in taken
            )
            for left, low, _, _ in boxes
        ]
        left, low, dx, dy = boxes[int(np.argmin(covered))]
        taken.append((left, left + width, low, low + height))
        side = "right" if dx < 0 else "left"
        style = dict(textcoords="offset points", fontsize=8, ha=side, va="center")
        line = dict(arrowstyle="-", color="0.7", lw=0.5) if np.hypot(dx, dy) > 5 else None
        axis.annotate(name, points[list(names).index(name)], (dx, dy), arrowprops=line, **style)


def clip_map(points: Mapping[str, np.ndarray], words: np.ndarray, shown: Sequence[str]) -> Figure:
    """UMAP of clips, one panel a representation; a few words in colour, the others in grey."""
    figure, axes = plt.subplots(1, len(points), figsize=(WIDTH, 4.4), squeeze=False)
    palette = colours(shown)
    for axis, (name, place) in zip(axes.flat, points.items(), strict=True):
        others = ~np.isin(words, shown)
        axis.scatter(*place[others].T, s=3, color="0.85", linewidth=0)
        for word in shown:
            axis.scatter(*place[words == word].T, s=8, color=palette[word], label=word, linewidth=0)
        axis.set(title=name, xticks=[], yticks=[], xlabel="UMAP 1")
    axes.flat[0].set_ylabel("UMAP 2")
    axes.flat[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=2)
    return figure


def cost(measured: pd.DataFrame) -> Figure:
    """Processor time and memory of all pairs against the anchor, over the number of clips."""
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    units = {"seconds": "processor time (s)", "megabytes": "peak memory (MB)"}
    for axis, (column, label) in zip(axes, units.items(), strict=True):
        for number, (way, rows) in enumerate(measured.groupby("way", sort=False)):
            axis.plot(rows["clips"], rows[column], "os"[number] + "-", label=way)
        axis.set(xscale="log", yscale="log", xlabel="clips", ylabel=label)
    axes[0].legend()
    return figure


def label_curve(counts: pd.DataFrame, representation: str, head: str) -> pd.DataFrame:
    """Accuracy over the number of labels: DataFrame[labels, value, low, high], all labels last.

    Where fewer labels were tried in some repeats only, all points are of those repeats: others
    leave other speakers out.
    """
    own = counts[(counts["representation"] == representation) & (counts["head"] == head)]
    everything = full_labels(own)
    fewer = own.drop(everything.index)
    rows = [(n, *accuracy(fewer, labels=n)) for n in sorted(fewer["labels"].unique())]
    if len(fewer):
        everything = everything[everything["repeat"].isin(fewer["repeat"])]
    if len(everything):
        # The draws of a small corpus differ a little in size.
        rows.append((round(everything["labels"].mean()), *accuracy(everything)))
    return pd.DataFrame(rows, columns=["labels", "value", "low", "high"], dtype=float)


def label_curves(counts: pd.DataFrame, ways: Mapping[str, tuple[str, str]]) -> Figure:
    """Accuracy over the number of labels, with 95 % bands over speakers."""
    figure, axis = plt.subplots(figsize=(0.85 * WIDTH, 4.2))
    for number, (name, way) in enumerate(ways.items()):
        curve, colour = label_curve(counts, *way), f"C{number}"
        axis.plot("labels", "value", "os^Dv*PX"[number % 8] + "-", data=curve, ms=5, color=colour)
        axis.lines[-1].set_label(name)
        axis.fill_between("labels", "low", "high", data=curve, color=colour, alpha=0.12)
    axis.set(xscale="log", xlabel="labelled clips", ylabel="accuracy on unheard speakers")
    steps = sorted({int(x) for line in axis.lines for x in line.get_xdata()})
    axis.set_xticks(steps, labels=map(str, steps), minor=False)
    axis.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    handles = [line for line in axis.lines if len(line.get_xdata())]
    axis.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def at_step(counts: pd.DataFrame, ways: Mapping[str, tuple[str, str]], step: int) -> Figure:
    """Accuracy of each linear way at one step of its label curve, 95 % intervals over speakers."""
    curves = {name: label_curve(counts, *way) for name, way in ways.items()}
    longest = max(map(len, curves.values()))
    rows = {name: curve.iloc[step] for name, curve in curves.items() if len(curve) == longest}
    figure, axis = plt.subplots(figsize=(0.8 * WIDTH, 3.2))
    labels, value, low, high = np.array([row.to_numpy() for row in rows.values()]).T
    error = np.clip([value - low, high - value], 0, None)
    axis.barh(list(rows), value, xerr=error, color=[f"C{list(ways).index(n)}" for n in rows])
    title = f"{labels[0]:.0f} labelled clips"
    axis.set(xlim=(0, 1), xlabel="accuracy on unheard speakers", title=title)
    axis.invert_yaxis()
    return figure


def spotted(signal: np.ndarray, sample_rate: int, found: pd.DataFrame) -> Figure:
    """A recording's log-mel spectrogram with the words that were spotted in it."""
    from lib import features

    level = features.log_mel(signal, sample_rate)[0]
    seconds = len(signal) / sample_rate
    figure, axis = plt.subplots(figsize=(WIDTH, 2.8))
    top = level.max()
    extent = (0, seconds, 0, level.shape[0])
    axis.imshow(level, origin="lower", aspect="auto", extent=extent, vmin=top - 60, vmax=top)
    for row in found.itertuples():
        middle = (row.start + row.stop) / 2
        text = f"{row.word}\n{row.score:.0%}"
        axis.text(middle, level.shape[0] * 1.02, text, ha="center", va="bottom", fontsize=9)
        axis.axvspan(row.start, row.stop, color="w", alpha=0.12)
    axis.set(xlabel="time (s)", ylabel="mel band")
    axis.grid(visible=False)
    return figure
