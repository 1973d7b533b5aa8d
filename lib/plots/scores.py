"""Figures of training and of scores: always with baseline, interval or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lib.plots.style import WIDTH, grid_of


def learning_curves(
    logs: Mapping[str, pd.DataFrame], metrics: Mapping[str, str], columns: int = 3
) -> Figure:
    """One panel for each metric, one colour for each run; validation solid, training dashed.

    Parameters
    ----------
    logs : mapping name -> DataFrame
        As CSVLogger writes them: a column ``epoch``, one per metric, and ``val_`` ones.
    metrics : mapping column -> label of the axis
        Such as ``{"loss": "loss", "kl": "KL divergence (nats)"}``.
    """
    figure, axes = grid_of(len(metrics), columns, WIDTH / min(columns, len(metrics)), 3.2)
    for axis, (metric, label) in zip(axes.flat, metrics.items(), strict=False):
        for number, (name, log) in enumerate(logs.items()):
            colour, epochs = f"C{number}", log["epoch"] + 1
            if metric in log:
                axis.plot(epochs, log[metric], color=colour, ls="--", lw=1)
            if f"val_{metric}" in log:
                axis.plot(epochs, log[f"val_{metric}"], color=colour, label=name)
        axis.set(xlabel="epoch", ylabel=label)
    handles = [plt.Line2D([], [], color=f"C{i}", label=name) for i, name in enumerate(logs)]
    handles.append(plt.Line2D([], [], color="0.3", lw=1, ls="--", label="on training data"))
    axes.flat[0].legend(handles=handles)
    return figure


def confusion(
    truth: Sequence, predicted: Sequence, classes: Sequence[str] | None = None, title: str = ""
) -> Figure:
    """Counts, and the share of each true class (row) that went to each prediction.

    `classes` names the sorted labels.
    """
    from sklearn.metrics import confusion_matrix

    names = np.union1d(truth, predicted)
    counts = confusion_matrix(truth, predicted, labels=names)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    text = [
        [f"{n}\n{p:.1%}" for n, p in zip(*row, strict=True)]
        for row in zip(counts, share, strict=True)
    ]
    classes = names if classes is None else classes
    side = max(3.4, 0.9 * len(names) + 1.2)
    figure, axis = plt.subplots(figsize=(side + 0.6, side))
    ticks = dict(xticklabels=classes, yticklabels=classes)
    bar = dict(label="share of the true class", format="{x:.0%}")
    sns.heatmap(
        share,
        annot=np.array(text),
        fmt="",
        cmap="Blues",
        vmin=0,
        vmax=1,
        ax=axis,
        cbar_kws=bar,
        **ticks,
    )
    axis.set(xlabel="predicted", ylabel="true", title=title)
    axis.tick_params(axis="y", rotation=0)
    return figure


def detector_curves(scored: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Precision over recall beside the ROC curve, for each named (truth, score).

    The grey lines are what guessing gives.
    """
    from sklearn.metrics import average_precision_score as average_precision
    from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 4.4))
    for name, (truth, score) in scored.items():
        precision, recall, _ = precision_recall_curve(truth, score)
        left.step(
            recall,
            precision,
            where="post",
            label=f"{name}: AP {average_precision(truth, score):.3f}",
        )
        false, true, _ = roc_curve(truth, score)
        right.plot(false, true, label=f"{name}: AUC {roc_auc_score(truth, score):.3f}")
        left.axhline(np.mean(truth), color="0.6", lw=1, ls=":")
    right.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":")
    left.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    right.set(xlabel="false positive rate", ylabel="true positive rate", ylim=(-0.02, 1.02))
    left.legend(loc="lower left")
    right.legend(loc="lower right")
    return figure


def score_curve(
    curves: Mapping[str, pd.DataFrame],
    xlabel: str,
    ylabel: str,
    levels: Mapping[str, float] | None = None,
) -> Figure:
    """A score over a quantity such as the SNR in dB, with its 95 % band.

    Parameters
    ----------
    curves : mapping name -> DataFrame[x, value, low, high]
    levels : mapping name -> value, optional
        Dotted lines across: a baseline, the source's figure.
    """
    figure, axis = plt.subplots(figsize=(0.75 * WIDTH, 4))
    for name, curve in curves.items():
        (line,) = axis.plot(curve["x"], curve["value"], marker="o", ms=4, label=name)
        axis.fill_between(
            curve["x"], curve["low"], curve["high"], color=line.get_color(), alpha=0.2
        )
    for number, (name, level) in enumerate((levels or {}).items(), start=len(curves)):
        axis.axhline(level, ls=":", color=f"C{number}", label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    # Beside the curves: with several of them no corner is free.
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def score_intervals(table: pd.DataFrame, xlabel: str, names: Sequence[str] | None = None) -> Figure:
    """One line for each number: ours with its 95 % interval, the baseline, the source's figure.

    Parameters
    ----------
    table : DataFrame
        Rows of `lib.evaluation.results()`.
    names : sequence of str, optional
        Texts of the lines, by default the corpus of each row.
    """
    names = list(table["corpus"] if names is None else names)
    height = np.arange(len(table))
    figure, axis = plt.subplots(figsize=(0.85 * WIDTH, 1.3 + 0.42 * len(table)))
    error = [table["value"] - table["low"], table["high"] - table["value"]]
    axis.errorbar(
        table["value"],
        height,
        xerr=np.clip(error, 0, None),
        fmt="o",
        capsize=3,
        label="ours, 95 % interval",
    )
    marks = [("baseline", "x", "trivial baseline"), ("source", "D", "source's figure")]
    for column, mark, label in marks:
        if table[column].notna().any():
            axis.plot(table[column], height, mark, label=label)
    axis.set(yticks=height, yticklabels=names, xlabel=xlabel, ylim=(len(table) - 0.4, -0.6))
    axis.grid(visible=False, axis="y")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure
