"""Figures of notebook 08."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lib.plots.style import WIDTH, grid_of
from lib.sequences.stability import COLLAPSED_BELOW

# One name for each pitch; the handbooks' second names are left out.
SWARA_TICKS = ["S", "R1", "R2", "G2", "G3", "M1", "M2", "P", "D1", "D2", "N2", "N3"]


def examples(series: dict[str, np.ndarray], columns: int = 3, ylabel: str = "value") -> Figure:
    """One panel for each named series (steps,), or for several of one kind (n, steps)."""
    figure, axes = grid_of(len(series), columns, WIDTH / min(columns, len(series)), 1.9)
    for axis, (name, values) in zip(axes.flat, series.items(), strict=False):
        axis.plot(np.atleast_2d(values).T, lw=1.2)
        axis.set(title=name, xlabel="step")
    for row in axes:
        row[0].set_ylabel(ylabel)
    return figure


def dead_steps(clean: np.ndarray, published: np.ndarray, live) -> Figure:
    """What is left of ordinary series after scaling each step, without and with bad rows.

    Parameters
    ----------
    clean, published : array (rows, steps)
        The same rows, scaled.
    live : sequence of int
        Steps to mark.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.4), sharey=True)
    titles = ["clean rows", "with one unwritten row of each kind"]
    for axis, values, title in zip(axes, (clean, published), titles, strict=True):
        image = axis.imshow(
            values, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest"
        )
        axis.set(xlabel="step", title=title)
        axis.grid(visible=False)
    axes[0].set_ylabel("series")
    axes[1].plot(live, np.full(len(live), -0.8), "kv", ms=4, clip_on=False)
    figure.colorbar(image, ax=axes, label="scaled value (standard deviations)", extend="both")
    return figure


def f1_distributions(runs: pd.DataFrame, names, levels: dict[str, float] | None = None) -> Figure:
    """Macro F1 of every run of the named recipes, one dot a run; dotted lines across."""
    names = [name for name in names if (runs["name"] == name).any()]
    figure, axis = plt.subplots(figsize=(WIDTH, 1.4 + 0.42 * len(names)))
    shown = runs[runs["name"].isin(names)]
    sns.stripplot(
        shown, x="macro_f1", y="name", order=names, ax=axis, hue="name", legend=False,
        hue_order=names, palette="colorblind", size=6, alpha=0.7, jitter=0.25,
    )  # fmt: skip
    axis.axvspan(0, COLLAPSED_BELOW, color="0.5", alpha=0.08, zorder=0)
    for number, (text, level) in enumerate((levels or {}).items()):
        axis.axvline(level, ls=(":", "--", "-.")[number % 3], color="0.4", label=text)
    axis.set(xlabel="macro F1 on test rows (grey: collapsed)", ylabel="", xlim=(0.1, 1.02))
    if levels:
        axis.legend(loc="lower right", bbox_to_anchor=(1, 1.0), frameon=False)
    return figure


def worst_curves(logs: pd.DataFrame, runs: pd.DataFrame, names) -> Figure:
    """Training curves of the worst and the best run of each recipe."""
    names = [name for name in names if (runs["name"] == name).any()]
    figure, axes = grid_of(len(names), 3, WIDTH / min(3, len(names)), 2.6, sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        own = runs[runs["name"] == name]
        for text, row in (("worst", own["macro_f1"].idxmin()), ("best", own["macro_f1"].idxmax())):
            log = _log_of(logs, own.loc[row])
            axis.plot(log["epoch"] + 1, log["accuracy"], label=text, marker="o", ms=3)
        axis.set(title=name.replace(", ", ",\n"), xlabel="epoch", ylim=(0, 1.03))
    for row in axes:
        row[0].set_ylabel("training accuracy")
    axes.flat[0].legend()
    return figure


def _log_of(logs: pd.DataFrame, run: pd.Series) -> pd.DataFrame:
    keys = ["name", "weights_seed", "draw"]
    return logs[(logs[keys] == run[keys]).all(axis=1)]


def two_moments(table: pd.DataFrame, ceiling: float) -> Figure:
    """Each run tested twice, joined by a line: with moving averages and with the rows' own moments.

    Parameters
    ----------
    table : DataFrame[name, moving, batch]
        Of `lib.sequences.moments.moments_study`.
    ceiling : float
        Of the published data; marked.
    """
    own = table.sort_values(["name", "moving"]).reset_index(drop=True)
    figure, axis = plt.subplots(figsize=(WIDTH, 1.4 + 0.14 * len(own)))
    axis.hlines(own.index, own["moving"], own["batch"], color="0.7", lw=1.5, zorder=1)
    labels = {"moving": "averages kept in training", "batch": "moments of the test rows"}
    for (column, text), marker in zip(labels.items(), "os", strict=True):
        axis.scatter(own[column], own.index, label=text, marker=marker, s=24, zorder=2)
    axis.axvline(ceiling, ls=":", color="0.4", label="ceiling of the published data")
    axis.set(xlabel="macro F1 on test rows", xlim=(0.1, 1.03), ylim=(-0.7, len(own) - 0.3))
    axis.set_yticks(range(len(own)), own["name"].str.rpartition(", ")[2], fontsize="xx-small")
    axis.invert_yaxis()
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)
    return figure


def over_noise(table: pd.DataFrame, source_noise: float) -> Figure:
    """Macro F1 of each model over the noise, one dot a draw.

    Parameters
    ----------
    table : DataFrame[model, noise, macro_f1, train_seconds, test_seconds]
    source_noise : float
        Marked.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 3.6), gridspec_kw=dict(width_ratios=[2, 1])
    )
    sns.lineplot(
        table, x="noise", y="macro_f1", hue="model", style="model", markers=True, ax=left,
        errorbar=("ci", 95), seed=0,
    )  # fmt: skip
    left.axvline(source_noise, ls=":", color="0.4")
    left.annotate("source's noise", (source_noise, 0.02), rotation=90, ha="right", va="bottom",
                  xycoords=("data", "axes fraction"), fontsize="small")  # fmt: skip
    left.set(xscale="log", xlabel="noise (standard deviation, units)", ylabel="macro F1")
    levels = np.sort(table["noise"].unique())
    left.set_xticks(levels, [f"{level:g}" for level in levels])
    left.minorticks_off()
    seconds = {"train_seconds": "training", "test_seconds": "600 test rows"}
    long = table.rename(columns=seconds).melt("model", list(seconds.values()), "of", "seconds")
    sns.barplot(
        long, x="seconds", y="model", hue="of", ax=right, palette=["0.3", "0.7"], errorbar=None
    )
    right.set(xlabel="processor seconds", ylabel="")
    right.legend(title="", fontsize="x-small")
    return figure


def scale_ladder(tunes: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Contours of melodies over time: name -> (time in s, cents above the tonic)."""
    figure, axes = grid_of(len(tunes), 2, WIDTH / min(2, len(tunes)), 2.5, sharey=True)
    for axis, (name, lines) in zip(axes.flat, tunes.items(), strict=False):
        time, cents = lines
        axis.plot(time, cents, lw=1.2)
        octave = np.arange(12) * 100
        axis.set_yticks(np.concatenate([octave - 1200, octave, octave + 1200]), minor=True)
        axis.set(title=name, xlabel="time (s)", yticks=[-1200, -500, 0, 700, 1200, 1900])
        axis.set_yticklabels(["S", "P", "S", "P", "S", "P"])
    for row in axes:
        row[0].set_ylabel("swara")
    return figure


def raga_confusion(truth, predicted, names) -> Figure:
    """Share of each true raga (row) that was taken for each one, allied ragas side by side."""
    from sklearn.metrics import confusion_matrix

    share = confusion_matrix(truth, predicted, labels=list(names), normalize="true")
    figure, axis = plt.subplots(figsize=(0.85 * WIDTH, 0.78 * WIDTH))
    sns.heatmap(
        share, cmap="Blues", vmin=0, vmax=1, ax=axis, xticklabels=names, yticklabels=names,
        square=True, linewidths=0.3, linecolor="0.9",
        cbar_kws=dict(label="share of the true raga", format="{x:.0%}", shrink=0.7),
    )  # fmt: skip
    axis.set(xlabel="predicted", ylabel="true")
    axis.tick_params(axis="x", rotation=90)
    return figure


def allied_pairs(table: pd.DataFrame) -> Figure:
    """Accuracy between the two of each pair, one colour a model.

    Parameters
    ----------
    table : DataFrame[pair, model, right]
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 4.2))
    sns.pointplot(
        table, y="pair", x="right", hue="model", ax=axis, dodge=0.5, linestyle="none",
        errorbar=("ci", 95), seed=0, markersize=5, err_kws={"linewidth": 1.3},
    )  # fmt: skip
    axis.axvline(0.5, ls=":", color="0.4")
    axis.set(xlabel="right of the two (0.5 is guessing)", ylabel="", xlim=(0.3, 1.02))
    axis.legend(title="", loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def transition_table(counts: np.ndarray, title: str, axis) -> None:
    """How often each swara (row) is followed by each one (column)."""
    share = counts.reshape(12, 12)
    share = share / np.maximum(share.sum(axis=1, keepdims=True), 1)
    sns.heatmap(share, ax=axis, cmap="mako", vmin=0, vmax=1, cbar=False, square=True,
                xticklabels=SWARA_TICKS, yticklabels=SWARA_TICKS)  # fmt: skip
    axis.set(title=title, xlabel="next swara", ylabel="swara")
    axis.tick_params(axis="y", rotation=0)
