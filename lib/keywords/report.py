"""From counted answers to numbers: tables of scores, and rows of figures/results.csv."""

from __future__ import annotations

import pandas as pd

from lib import evaluation
from lib.keywords import streams
from lib.keywords.experiment import accuracy, gain
from lib.keywords.pictures import full_labels

# The paper's claim: the accuracy gained over cepstral features with limited labels.
CLAIMED_GAIN = 0.09


def scores(counts: pd.DataFrame) -> pd.DataFrame:
    """Accuracy with all labels, one row a representation and head.

    Returns
    -------
    DataFrame[representation, head, value, low, high, speakers, repeats]
        The interval is over test speakers.
    """
    full, rows = full_labels(counts), []
    for (name, head), own in full.groupby(["representation", "head"], sort=False):
        sizes = own["speaker"].nunique(), own["repeat"].nunique()
        rows.append((name, head, *accuracy(own), *sizes))
    columns = ["representation", "head", "value", "low", "high", "speakers", "repeats"]
    return pd.DataFrame(rows, columns=columns)


def gains(counts: pd.DataFrame, head: str = "linear") -> pd.DataFrame:
    """What the position adds, and what ours adds, with the head held fixed.

    Returns
    -------
    DataFrame[value, low, high, speakers]
        One row a comparison whose two sides were both run, differences in accuracy.
    """
    full = full_labels(counts)
    pairs = {
        "position": ("position-ae", "autoencoder"),
        "true rather than shuffled position": ("position-ae", "shuffled-position-ae"),
        "several anchors": ("several-anchors-ae", "autoencoder"),
        "position autoencoder over MFCC": ("position-ae", "mfcc"),
        "ours over MFCC": ("ours", "mfcc"),
        "ours over centred MFCC": ("ours", "centred-mfcc"),
    }
    there, found = set(full["representation"]), {}
    for name, pair in pairs.items():
        if there.issuperset(pair):
            sides = [full[(full["representation"] == n) & (full["head"] == head)] for n in pair]
            both = set.intersection(*(set(side["repeat"]) for side in sides))
            common = full[full["repeat"].isin(both)]
            ways = [dict(representation=n, head=head) for n in pair]
            found[name] = (*gain(common, *ways), sides[0]["speaker"].nunique())
    return pd.DataFrame(found, index=["value", "low", "high", "speakers"]).T


def record(counts: pd.DataFrame, corpus: str, scale: str, notebook: str) -> None:
    """Write the rows of one corpus: accuracies, what position and ours gain, the supervised one.

    With a single test speaker there is no interval, and nothing is written.
    """
    if counts["speaker"].nunique() < 2:
        return
    chance = most_frequent(counts)
    for row in scores(counts).itertuples():
        if row.head in ("linear", "dense"):
            metric, where = f"{row.head}_accuracy", f"{corpus}/{row.representation}"
        elif row.head == "residual":
            metric, where = "supervised_accuracy", corpus
        else:
            metric, where = "cnn_accuracy", f"{corpus}/{row.representation}"
        interval = row.value, row.low, row.high, row.speakers
        evaluation.record("keywords", metric, where, *interval, chance, None, notebook, scale)
    metrics = {"position": ("position_gain", None), "ours over MFCC": ("ours_gain", CLAIMED_GAIN)}
    metrics["position autoencoder over MFCC"] = "position_ae_gain", CLAIMED_GAIN
    for head in ("linear", "dense"):
        found = gains(counts, head)
        for name, (metric, source) in metrics.items():
            if name in found.index:
                where = corpus if head == "linear" else f"{corpus}/dense"
                interval = found.loc[name].tolist()
                evaluation.record("keywords", metric, where, *interval, 0, source, notebook, scale)


def record_streams(counts: pd.DataFrame, words: pd.Series, corpus: str, notebook: str) -> None:
    """Write the row of a spotter in longer recordings, of `lib.keywords.streams.counted`.

    The baseline knows when words are said and always says the most frequent of `words`.
    """
    value = streams.scores(counts).loc["F1"].tolist()
    speakers, common = counts["speaker"].nunique(), words.value_counts(normalize=True).iloc[0]
    key = "keywords", "stream_f1", f"{corpus}/shipped"
    evaluation.record(*key, *value, speakers, common, None, notebook)


def most_frequent(counts: pd.DataFrame) -> float:
    """Share of right answers of always saying the test's most frequent word."""
    full = full_labels(counts)
    one = full[(full["representation"] == full["representation"].iloc[0])]
    one = one[one["head"] == one["head"].iloc[0]]
    return float(one.groupby("word")["clips"].sum().max() / one["clips"].sum())


def overview(counts: pd.DataFrame) -> dict[str, int]:
    """How much is behind the counts: repeats, test speakers, words, labels."""
    full = full_labels(counts)
    return {
        "repeats": full["repeat"].nunique(),
        "test speakers": full["speaker"].nunique(),
        "words": full["word"].nunique(),
        "labels": int(full["labels"].max()),
    }
