"""Scores that count alarms: misses at a rate of false alarms, delay, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from lib.beeps.alarm_table import accepted, raised_rows, spans_of
from lib.evaluation import match_events
from lib.evaluation.events import match_spans

# A sequence is found if its alarm covers at least so much of it (intersection over union).
FOUND_OVERLAP = 0.5
ONSET_COLLAR = 0.5


def outcomes(alarms: pd.DataFrame, truth: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What became of each sequence, and of each alarm.

    Parameters
    ----------
    alarms : DataFrame[start, stop, score, ..., decided]
    truth : DataFrame[start, stop, snr_db, ...]
        The sequences that alarms are for.

    Returns
    -------
    sequences : the truth with ``found`` and ``delay`` (s from its end to its alarm, or NaN)
    alarms : the alarms with ``right``; a second alarm for one sequence is not
    """
    pairs = np.array(match_events(truth, alarms, overlap=FOUND_OVERLAP), int).reshape(-1, 2)
    rows, columns = pairs.T
    found, right = np.zeros(len(truth), bool), np.zeros(len(alarms), bool)
    found[rows], right[columns] = True, True
    delay = np.full(len(truth), np.nan)
    delay[rows] = alarms["decided"].to_numpy()[columns] - truth["stop"].to_numpy()[rows]
    return truth.assign(found=found, delay=delay), alarms.assign(right=right)


def thresholds_of(candidates: Sequence[pd.DataFrame], n: int = 150) -> np.ndarray:
    """Thresholds worth trying, ascending: scores of the candidates themselves, at most `n`."""
    scores = np.unique(np.concatenate([table["score"] for table in candidates]))
    # More of them where few candidates are left: that is where false alarms are rare.
    places = np.unique(np.round((1 - np.geomspace(1e-4, 1, n)) * (len(scores) - 1)).astype(int))
    return np.append(scores[places], np.nextafter(scores[-1], np.inf))


def threshold_at(
    candidates: Sequence[pd.DataFrame],
    truths: Sequence[pd.DataFrame],
    hours: float,
    per_hour: float,
) -> float:
    """Least threshold with at most `per_hour` false alarms an hour on these recordings."""
    tried = thresholds_of(candidates)
    low, high = 0, len(tried) - 1
    # A higher threshold raises no more alarms: halve the range until one is left.
    while low < high:
        middle = (low + high) // 2
        if false_alarms(candidates, truths, tried[middle]).sum() <= per_hour * hours + 1e-9:
            high = middle
        else:
            low = middle + 1
    return float(tried[low])


def false_alarms(candidates, truths, threshold: float) -> np.ndarray:
    """False alarms of each recording at a threshold."""
    pairs = zip(candidates, truths, strict=True)
    return np.array([_judged(table, truth, threshold)[2] for table, truth in pairs])


def sequences_at(candidates, truths, threshold: float) -> pd.DataFrame:
    """All sequences of some recordings with ``found``, ``delay`` and ``recording``."""
    pairs = zip(candidates, truths, strict=True)
    judged = [_judged(table, truth, threshold)[:2] for table, truth in pairs]
    found, delay = (np.concatenate(parts) for parts in zip(*judged, strict=True))
    recording = np.repeat(np.arange(len(truths)), [len(truth) for truth in truths])
    known = pd.concat(truths, ignore_index=True)
    return known.assign(found=found, delay=delay, recording=recording)


def _judged(table: pd.DataFrame, truth: pd.DataFrame, threshold: float) -> tuple:
    """`outcomes` of one recording as arrays: found and delay of the sequences, false alarms.

    It is asked thousands of times to find thresholds, so it makes no tables.
    """
    rows = raised_rows(table, threshold)
    pairs = match_spans(spans_of(truth), spans_of(table)[rows], FOUND_OVERLAP)
    found, delay = np.zeros(len(truth), bool), np.full(len(truth), np.nan)
    stops, decided = truth["stop"].to_numpy(float), table["decided"].to_numpy(float)
    for sequence, alarm in pairs:
        found[sequence] = True
        delay[sequence] = decided[rows[alarm]] - stops[sequence]
    return found, delay, len(rows) - len(pairs)


def onset_counts(candidates, truths, threshold: float) -> np.ndarray:
    """Right alarms, sequences and alarms of each recording, (n, 3); onsets within 0.5 s (mir_eval)."""
    rows = []
    for table, truth in zip(candidates, truths, strict=True):
        alarms = accepted(table, threshold)
        hits = len(match_events(truth, alarms, tolerance=ONSET_COLLAR))
        rows.append((hits, len(truth), len(alarms)))
    return np.array(rows)


def pooled_scores(counts: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of `onset_counts`, all recordings together."""
    hits, wanted, raised = np.sum(counts, axis=0)
    return {
        "precision": float(hits / max(raised, 1)),
        "recall": float(hits / max(wanted, 1)),
        "f1": float(2 * hits / max(wanted + raised, 1)),
    }


def misses_over_snr(
    sequences: pd.DataFrame, edges: Sequence[float], n: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Share of missed sequences in each band of SNR: x, value, low, high, n.

    The interval is Wilson's: right also where nothing is missed.
    """
    from scipy.stats import binomtest

    rows = []
    for low, high in pairwise(edges):
        part = sequences[(sequences["snr_db"] >= low) & (sequences["snr_db"] < high)]
        if len(part):
            missed = int(np.sum(~part["found"].astype(bool)))
            interval = binomtest(missed, len(part)).proportion_ci(method="wilson")
            mean = missed / len(part)
            rows.append(((low + high) / 2, mean, interval.low, interval.high, len(part)))
    return pd.DataFrame(rows, columns=["x", "value", "low", "high", "n"])


def operating_curve(
    candidates: Mapping[str, Sequence[pd.DataFrame]],
    truths: Mapping[str, Sequence[pd.DataFrame]],
    hours: float,
) -> dict[str, pd.DataFrame]:
    """Misses over false alarms an hour for each detector: DataFrame[x, value]."""
    curves = {}
    for name, tables in candidates.items():
        rows = []
        for threshold in thresholds_of(tables, 80):
            pairs = zip(tables, truths[name], strict=True)
            found, _, false = zip(*(_judged(*pair, threshold) for pair in pairs), strict=True)
            rows.append((sum(false) / hours, 1 - np.concatenate(found).mean()))
        curves[name] = pd.DataFrame(rows, columns=["x", "value"])
    return curves
