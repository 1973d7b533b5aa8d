"""Your own table: one series a row with its label in, cross-validated report and model out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.evaluation import bootstrap
from lib.sequences.classifier import KINDS_OF_MODEL, SteadyLSTM

SHORTEST = 5


@dataclass
class Report:
    """What `classify` found out.

    Parameters
    ----------
    scores : DataFrame
        ``accuracy`` and ``macro_f1`` with 95 % intervals and the commonest class' value.
    predictions : DataFrame[row, label, predicted, fold]
        Each row predicted by a model that did not learn from it.
    model : object
        Trained on everything; ``predict(list of series)``.
    """

    scores: pd.DataFrame
    predictions: pd.DataFrame
    model: object


def classify(
    table: pd.DataFrame | str | Path,
    label: str = "label",
    group: str | None = None,
    model: str = "LSTM",
    folds: int = 5,
    missing: str = "raise",
    constant: str = "raise",
    folder: str | Path | None = None,
    seed: int = 0,
    **options,
) -> Report:
    """Cross-validate and train a classifier of the series in a table.

    Parameters
    ----------
    table : DataFrame or path of a CSV
        One series a row, its values in order in the columns that are neither `label` nor `group`.
        Shorter series end in empty cells.
    label, group : str
        Columns. Rows of one group (machine, day) never train and test the same model.
    model : {"LSTM", "MiniRocket", "nearest by DTW"}
    folds : int
    missing : {"raise", "allow"}
        What to do about gaps within a series.
    constant : {"raise", "allow"}
        What to do about series without any change.
    folder : path, optional
        Save the trained LSTM there, and ``predictions.csv``.
    seed : int
        Of folds and weights.
    **options
        Of the model, such as ``epochs``.

    Returns
    -------
    Report

    Raises
    ------
    FileNotFoundError
        If the CSV is not there.
    ValueError
        For missing labels, fewer than two classes, classes smaller than the number of folds, text
        among the values, gaps, infinite values, or constant or too short series; the message
        names rows and cure.

    Notes
    -----
    Used by notebook 08.
    """
    if model not in KINDS_OF_MODEL:
        raise ValueError(f"There is no model {model!r}; choose one of {', '.join(KINDS_OF_MODEL)}.")
    if folder is not None and model != "LSTM":
        raise ValueError(f"Only the LSTM can be saved, not {model}: leave folder away.")
    series, labels, groups = read_table(table, label, group, missing, constant)
    if model == "LSTM":
        options["seed"] = seed
    make = KINDS_OF_MODEL[model]
    predicted, fold_of = np.empty(len(labels), object), np.zeros(len(labels), int)
    for fold, (train, test) in enumerate(_folds(labels, groups, folds, seed)):
        fitted = make(**options).fit([series[i] for i in train], labels[train])
        predicted[test], fold_of[test] = fitted.predict([series[i] for i in test]), fold
    predictions = pd.DataFrame(
        {"row": range(len(labels)), "label": labels, "predicted": predicted, "fold": fold_of}
    )
    final = make(**options).fit(series, labels)
    if folder is not None:
        final.save(folder)
        predictions.to_csv(Path(folder) / "predictions.csv", index=False)
    return Report(_scores(predictions, groups), predictions, final)


def load_classifier(folder: str | Path) -> SteadyLSTM:
    """The model that `classify` saved; FileNotFoundError if there is none."""
    return SteadyLSTM.load(folder)


def read_table(
    table: pd.DataFrame | str | Path,
    label: str = "label",
    group: str | None = None,
    missing: str = "raise",
    constant: str = "raise",
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Series, labels and groups of a table, checked; parameters and errors as in `classify`."""
    name, table = _opened(table)
    for column in filter(None, (label, group)):
        if column not in table:
            raise ValueError(f"{name} has no column {column!r}: name the right one.")
    labels = table[label].astype(str).str.strip().to_numpy()
    unlabelled = np.flatnonzero(table[label].isna() | (labels == ""))
    _complain(unlabelled, f"{name}: no label", "fill them in or drop the rows")
    if len(set(labels)) < 2:
        raise ValueError(f"{name} holds one class only: there is nothing to tell apart.")
    groups = np.arange(len(table)) if group is None else table[group].astype(str).to_numpy()
    cells = table.drop(columns=[label, *filter(None, [group])])
    try:
        values = cells.to_numpy(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds text among its values ({error}): numbers only.") from error
    return _series(name, values, missing, constant), labels, groups


def _opened(table) -> tuple[str, pd.DataFrame]:
    if isinstance(table, pd.DataFrame):
        name = "The table"
    else:
        name = str(table)
        if not Path(table).is_file():
            raise FileNotFoundError(f"{table} is not there: check the path of the CSV.")
        try:
            table = pd.read_csv(table)
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            raise ValueError(f"{name} is no CSV table ({error}): export it again.") from error
    if not len(table):
        raise ValueError(f"{name} has no rows: nothing to learn from.")
    return name, table


def _series(name: str, values: np.ndarray, missing: str, constant: str) -> list[np.ndarray]:
    """Rows without the empty cells behind their last value."""
    _complain(np.flatnonzero(np.isinf(values).any(axis=1)), f"{name}: infinite", "correct them")
    there = np.isfinite(values)
    lengths = np.where(there.any(axis=1), values.shape[1] - there[:, ::-1].argmax(axis=1), 0)
    _complain(
        np.flatnonzero(lengths < SHORTEST), f"{name}: under {SHORTEST} values", "drop the rows"
    )
    series = [row[:length] for row, length in zip(values, lengths, strict=True)]
    if missing != "allow":
        gaps = [i for i, s in enumerate(series) if np.isnan(s).any()]
        _complain(gaps, f"{name}: gaps (NaN)", 'fill them or pass missing="allow"')
    if constant != "allow":
        flat = [i for i, s in enumerate(series) if np.nanmax(s) == np.nanmin(s)]
        _complain(flat, f"{name}: constant", 'drop the rows or pass constant="allow"')
    return series


def _complain(rows, what: str, cure: str) -> None:
    if len(rows):
        some = ", ".join(map(str, rows[:5])) + (" ..." if len(rows) > 5 else "")
        raise ValueError(f"{what} in {len(rows)} row(s) ({some}): {cure}.")


def _folds(labels, groups, folds: int, seed: int):
    from sklearn.model_selection import StratifiedGroupKFold

    counts = pd.DataFrame({"label": labels, "group": groups}).groupby("label")["group"].nunique()
    if counts.min() < folds:
        raise ValueError(
            f"Class {counts.idxmin()!r} has {counts.min()} rows or groups, {folds} folds need as "
            "many: collect more, or take fewer folds."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return splitter.split(np.zeros(len(labels)), labels, groups)


def _scores(predictions: pd.DataFrame, groups) -> pd.DataFrame:
    from sklearn.metrics import f1_score

    truth, predicted = (predictions[c].to_numpy(str) for c in ("label", "predicted"))

    def macro_f1(a, b):
        return f1_score(a, b, average="macro", zero_division=0)

    always = np.full(len(truth), pd.Series(truth).mode()[0])
    rows = [
        (*bootstrap((truth == predicted).astype(float), groups), (truth == always).mean()),
        (*bootstrap((truth, predicted), groups, macro_f1, n=200), macro_f1(truth, always)),
    ]
    return pd.DataFrame(rows, ["accuracy", "macro_f1"], ["value", "low", "high", "baseline"])
