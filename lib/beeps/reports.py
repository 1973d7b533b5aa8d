"""The numbers of the events study, from candidates to rows of results.csv."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib import evaluation
from lib.beeps.alarm_table import accepted
from lib.beeps.alarms import (
    misses_over_snr,
    onset_counts,
    outcomes,
    pooled_scores,
    sequences_at,
    threshold_at,
)
from lib.beeps.study import SNR_EDGES, per_home

# Ranges of SNR in dB that get rows of their own, by the ending of the corpus' name.
RANGES = {"": (-10, 20), "/snr>=5": (5, 20), "/snr0": (-2.5, 2.5)}
BASELINES = {"detector": "matched filter", "taught detector": "taught matched filter"}
CORPORA = {"detector": "soundscape", "taught detector": "soundscape-taught"}


def sequences_of(candidates, truth, system: str, per_hour: float) -> tuple[pd.DataFrame, float]:
    """Sequences with ``found``, ``delay``, ``recording`` at a rate of false alarms; the threshold.

    The least threshold with so few false alarms on these very recordings: an operating point, not
    a choice that one could have made beforehand.
    """
    tables, truths, hours = per_home(candidates, truth, system)
    threshold = threshold_at(tables, truths, hours, per_hour)
    return sequences_at(tables, truths, threshold), threshold


def snr_curves(candidates, truth, systems, per_hour: float = 0.1) -> dict[str, pd.DataFrame]:
    """Misses over SNR of each system at one rate of false alarms; for `lib.plots.score_curve`."""
    return {
        system: misses_over_snr(sequences_of(candidates, truth, system, per_hour)[0], SNR_EDGES)
        for system in systems
    }


def miss_rows(candidates, truth, system: str = "detector") -> pd.DataFrame:
    """Misses at 0.1 and 0.5 false alarms an hour, and the delay, beside the matched filter's.

    Returns
    -------
    DataFrame[metric, corpus, value, low, high, n, baseline]
        Intervals by bootstrap over homes.
    """
    rows = []
    for per_hour in (0.1, 0.5):
        ours, theirs = (
            sequences_of(candidates, truth, name, per_hour)[0]
            for name in (system, BASELINES[system])
        )
        for ending, (low, high) in RANGES.items():
            chosen = [part[part["snr_db"].between(low, high)] for part in (ours, theirs)]
            missed = [1 - part["found"].astype(float) for part in chosen]
            score = evaluation.bootstrap(missed[0].to_numpy(), chosen[0]["recording"].to_numpy())
            n = chosen[0]["recording"].nunique()
            metric = f"miss_rate_at_{per_hour}_fa_per_hour"
            rows.append((metric, CORPORA[system] + ending, *score, n, missed[1].mean()))
        if per_hour == 0.1:
            rows.append(_delay_row(ours, theirs, CORPORA[system]))
    return pd.DataFrame(
        rows, columns=["metric", "corpus", *("value", "low", "high", "n", "baseline")]
    )


def _delay_row(ours: pd.DataFrame, theirs: pd.DataFrame, corpus: str) -> tuple:
    found = ours[ours["found"].astype(bool)]
    score = evaluation.bootstrap(found["delay"].to_numpy(float), found["recording"].to_numpy())
    n = found["recording"].nunique()
    return ("alarm_delay_seconds", corpus, *score, n, theirs["delay"].mean())


def f1_row(candidates, truth, threshold: float, system: str = "detector") -> dict:
    """F1 with onsets within 0.5 s at a threshold that other homes chose; precision and recall.

    The baseline is the matched filter at its best threshold on these very homes, which favours it.
    """
    tables, truths, _ = per_home(candidates, truth, system)
    others, known, hours = per_home(candidates, truth, BASELINES[system])
    grid = [threshold_at(others, known, hours, rate) for rate in (0.5, 2, 8, 20)]
    baseline = max(pooled_scores(onset_counts(others, known, t))["f1"] for t in grid)
    counts = onset_counts(tables, truths, threshold)
    value, low, high = evaluation.bootstrap(counts, statistic=lambda c: pooled_scores(c)["f1"])
    row = dict(metric="event_f1", corpus=CORPORA[system], value=value, low=low, high=high)
    return row | dict(n=len(tables), baseline=baseline) | pooled_scores(counts)


def mistakes(candidates, truth, threshold: float, system: str = "detector") -> pd.DataFrame:
    """False alarms at a threshold, and what sounded meanwhile; the most certain first.

    Returns
    -------
    DataFrame[seed, start, stop, score, tone, groups, kind, snr_db]
        ``kind`` is that of the event with which the alarm overlaps most, or ``none``.
    """
    tables, truths, _ = per_home(candidates, truth, system)
    rows = []
    for table, sequences in zip(tables, truths, strict=True):
        raised = outcomes(accepted(table, threshold), sequences)[1]
        for alarm in raised[~raised["right"].astype(bool)].itertuples():
            home = truth[truth["seed"] == alarm.seed]
            shared = home["stop"].clip(upper=alarm.stop) - home["start"].clip(lower=alarm.start)
            event = home.loc[shared.idxmax()] if (shared > 0).any() else None
            what = ("none", np.nan) if event is None else (event["kind"], event["snr_db"])
            rows.append((*(getattr(alarm, name) for name in MISTAKE_COLUMNS[:6]), *what))
    found = pd.DataFrame(rows, columns=MISTAKE_COLUMNS)
    return found.sort_values("score", ascending=False, ignore_index=True)


MISTAKE_COLUMNS = ["seed", "start", "stop", "score", "tone", "groups", "kind", "snr_db"]
# Column of the study of windows -> metric, and what the source reports on its own table.
WINDOW_METRICS = {
    "log-loss": ("window_log_loss", 0.0123),
    "average precision": ("window_average_precision", 0.96),
    "chosen recall": ("window_recall", 0.41),
}


def window_rows(table: pd.DataFrame, cures: dict) -> pd.DataFrame:
    """The chosen recipe of each corpus at a stride of 5, over seeds; the baseline is always-no.

    A corpus with fewer than two seeds has no interval and is left out.

    Returns
    -------
    DataFrame[metric, corpus, value, low, high, n, baseline, source]
    """
    rows = []
    wanted = table["corpus"].map(cures)
    cured = table[(table["recipe"] == wanted) & (table["stride"] == 5)]
    for corpus, part in cured.groupby("corpus", sort=False):
        baselines = (part["always no log-loss"].mean(), part["share"].mean(), 0.0)
        if len(part) > 1:
            for (column, (metric, source)), baseline in zip(
                WINDOW_METRICS.items(), baselines, strict=True
            ):
                value, *ends = evaluation.interval_over_seeds(part[column])
                if metric == "window_recall":
                    ends = _with_few(part, ends)
                # Few seeds give intervals beyond what such a score can be.
                most = np.inf if column == "log-loss" else 1.0
                score = (value, *np.clip(ends, 0.0, most))
                known = source if corpus == "source-table" else np.nan
                rows.append((metric, corpus, *score, len(part), baseline, known))
    columns = ["metric", "corpus", "value", "low", "high", "n", "baseline", "source"]
    return pd.DataFrame(rows, columns=columns)


def _with_few(part: pd.DataFrame, ends: list[float]) -> list[float]:
    """An interval of recall over seeds, as wide at least as the few positives of the test make it.

    Where every seed finds all five of five the seeds agree, but five are no more than five: Wilson's
    interval says so.
    """
    from scipy.stats import binomtest

    if not part["chosen recall"].any():
        return ends
    positives = round((part["chosen found"] / part["chosen recall"]).max())
    hits = round(positives * part["chosen recall"].mean())
    wilson = binomtest(hits, positives).proportion_ci(method="wilson")
    return [min(ends[0], wilson.low), max(ends[1], wilson.high)]


def tone_counts(
    table: pd.DataFrame, net: str, tried: str, truth: str, by: str = "part", seed: int = 0
) -> np.ndarray:
    """Confusion of a network in the study of tones, (2, 2); rows are the truth, columns the answer.

    Parameters
    ----------
    table : DataFrame
        Of `lib.beeps.studied_tones.study_tones`.
    net : {"band energy", "small", "published"}
    tried, by : str
        What the names of recordings it was tried on, and taught by, contain: all these together.
    truth : {"rule", "known"}
    """
    rows = table[(table["net"] == net) & (table["truth"] == truth) & (table["seed"] == seed)]
    rows = rows[rows["tried on"].str.contains(tried) & rows["taught by"].str.contains(by)]
    return rows[["tn", "fp", "fn", "tp"]].sum().to_numpy().reshape(2, 2)


def tone_summary(table: pd.DataFrame, truth: str = "known") -> pd.DataFrame:
    """Share of tones heard and of other windows taken for one; least and most over seeds and trials.

    The two parts of the minute count as one teacher each; homes are pooled, and so are seeds in the
    mean.

    Returns
    -------
    DataFrame[tones heard, least, most, false, most false, runs], by net, teacher, what it was tried on
    """
    rows = table[table["truth"] == truth]
    kinds = rows[["taught by", "tried on"]].replace(r"^home .*", "homes", regex=True)
    kinds = kinds.replace({"first part": "a part", "second part": "a part"})
    kinds = kinds.replace({"tried on": {"a part": "the other part"}})
    rows = rows.assign(teacher=kinds["taught by"], trial=kinds["tried on"])
    keys = ["net", "teacher", "trial"]
    runs = rows.groupby([*keys, "taught by", "seed"])[["tn", "fp", "fn", "tp"]].sum()
    shares = pd.DataFrame(
        {
            "heard": runs["tp"] / (runs["tp"] + runs["fn"]),
            "false": runs["fp"] / (runs["fp"] + runs["tn"]),
        }
    ).groupby(keys)
    return pd.DataFrame(
        {
            "tones heard": shares["heard"].mean(),
            "least": shares["heard"].min(),
            "most": shares["heard"].max(),
            "false": shares["false"].mean(),
            "most false": shares["false"].max(),
            "runs": shares.size(),
        }
    )
