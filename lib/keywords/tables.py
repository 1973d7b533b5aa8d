"""The paper's results file, its columns and order, with precision and recall the right way round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lib import evaluation
from lib.audio import atomic

# `cm`: MFCC and the CNN, the benchmark; `ap` and `v_p`: the proposed representation, dense head.
BENCHMARK, PROPOSED = ("mfcc", "cnn"), ("position-ae", "dense")
COLUMNS = [
    *("wercm", "cmpresi", "cmrecal", "cmavpresi", "cmavrecal"),
    *("wer_v_p", "appresi", "aprecal", "apavpresi", "apavrecal"),
]


def precision_recall(counts: pd.DataFrame) -> pd.DataFrame:
    """Precision and recall of each word from counted answers.

    Parameters
    ----------
    counts : DataFrame[word, predicted, clips]
        ``word`` is the truth.

    Returns
    -------
    DataFrame[precision, recall, clips], indexed by word

    Notes
    -----
    Precision is the share of right ones among the clips *answered* with a word, recall among
    those that *are* it. The source hands truth and answer over the wrong way round and so prints
    each as the other. A word that is never answered has precision 0.
    """
    words = sorted(set(counts["word"]) | set(counts["predicted"]))
    matrix = counts.pivot_table(
        index="word", columns="predicted", values="clips", aggfunc="sum", fill_value=0
    ).reindex(index=words, columns=words, fill_value=0)
    right, answered, there = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    return pd.DataFrame(
        {
            "precision": right / np.maximum(answered, 1),
            "recall": right / np.maximum(there, 1),
            "clips": there,
        }
    )


def paper_table(counts: pd.DataFrame) -> pd.DataFrame:
    """One row a repeat in the paper's columns; all values are shares, errors too.

    ``presi`` and ``recal`` are lists over the words in alphabetical order.
    """
    full = counts[counts["labels"] == counts.groupby("repeat")["labels"].transform("max")]
    rows = []
    for _, repeat in full.groupby("repeat"):
        row = []
        for name, head in (BENCHMARK, PROPOSED):
            own = repeat[(repeat["representation"] == name) & (repeat["head"] == head)]
            if not len(own):
                raise ValueError(f"The results hold no {name} with the {head} head in each repeat.")
            scores = precision_recall(own)
            right = own["clips"][own["word"] == own["predicted"]].sum()
            means = scores[["precision", "recall"]].mean()
            lists = [scores[k].round(4).tolist() for k in ("precision", "recall")]
            row += [1 - right / own["clips"].sum(), *lists, *means]
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and 95 % interval over the repeats of each column that is one number."""
    single = [name for name in COLUMNS if name.startswith("wer") or "av" in name]
    values = {name: evaluation.interval_over_seeds(table[name]) for name in single}
    return pd.DataFrame(values, index=["mean", "low", "high"]).T


def write(counts: pd.DataFrame, name: str) -> Path:
    """Write ``figures/keywords/<name>.csv`` (and the summary beside it) in the paper's format."""
    table = paper_table(counts)
    path = evaluation.figures_folder() / "keywords" / f"{name}.csv"
    parts = [(path, table, False)]
    if len(table) > 1:
        parts.append((path.with_name(f"{name}_summary.csv"), summary(table), True))
    for target, content, index in parts:
        with atomic(target) as temporary:
            content.to_csv(temporary, index=index, float_format="%.6g", lineterminator="\n")
    return path
