"""The experiment: every representation under every classifier, repeat after repeat, resumable.

What is kept is small: of each repeat, representation, head and number of labels, how many clips
of each test speaker were right, so that intervals can be drawn over speakers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib import evaluation
from lib.audio import atomic
from lib.corpora import ClipCorpus
from lib.keywords import heads, representations
from lib.keywords.protocol import Draw, Features, Sizes, draw, features_of

KEY = ["repeat", "representation", "head", "labels"]
COLUMNS = [*KEY, "word", "speaker", "predicted", "clips"]
ANY = "any"
LABEL_STEPS = (30, 100, 300, 1000, 3000)


def run_repeat(
    corpus: ClipCorpus,
    repeat: int,
    names: Sequence[str] = tuple(representations.REPRESENTATIONS),
    sizes: Sizes | None = None,
    epochs: int = representations.EPOCHS,
    label_steps: Sequence[int] = (),
    clips: Features | None = None,
    kept: str | Path | None = None,
) -> pd.DataFrame:
    """One fresh draw: fit each representation without labels, then each head, and test them.

    Parameters
    ----------
    corpus : ClipCorpus
    repeat : int
        Seeds draw, training and heads.
    names : sequence of str
        Representations; the paper's CNN goes with "mfcc", our supervised one with "log-mel".
    sizes : Sizes, optional
    epochs : int
    label_steps : sequence of int
        Numbers of labels below the full one at which the linear head (and the CNN) is tried too.
    clips : Features, optional
        Of the whole corpus, if they are there already.
    kept : path, optional
        Parquet file to go on from and to write after every representation.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: test clips counted by truth, speaker and prediction; with few labels
        only by speaker and right or wrong.
    """
    clips, drawn = clips or features_of(corpus), draw(corpus, repeat, sizes)
    numbers, done = np.searchsorted(corpus.words, corpus.table["label"]), read_counts(kept)
    for name in names:
        if ((done["repeat"] == repeat) & (done["representation"] == name)).any():
            continue
        transform = representations.fit(name, clips, drawn.unlabelled, repeat, epochs)
        parts = {p: transform(clips.part(getattr(drawn, p))) for p in ("train", "stop", "test")}
        found = [
            _tested(corpus, drawn, parts, numbers, repeat, name, kind, labels, epochs)
            for kind, labels in _trials(name, len(drawn.train), label_steps)
        ]
        done = pd.concat([done, *found], ignore_index=True)
        _write(done, kept)
    return done


def _trials(name: str, full: int, label_steps: Sequence[int]):
    """Heads and numbers of labels to try for a representation."""
    if name == "log-mel":
        kinds, also = ["residual"], []
    else:
        kinds, also = (["linear", "cnn"] if name == "mfcc" else ["linear"]), ["dense"]
    yield from ((kind, full) for kind in [*kinds, *also])
    for number, labels in enumerate(label_steps):
        # Networks are trained at every second step: they take most of the time.
        few = [kind for kind in kinds if kind == "linear" or number % 2]
        yield from ((kind, labels) for kind in few if labels < full)


def _tested(corpus, drawn: Draw, parts, numbers, repeat, name, kind, labels, epochs):
    few = few_labels(numbers[drawn.train], labels, repeat)
    train = parts["train"][few], numbers[drawn.train][few]
    # With few labels to learn from there are as few to stop by.
    share = few_labels(numbers[drawn.stop], min(labels, len(drawn.stop)), repeat)
    stop = parts["stop"][share], numbers[drawn.stop][share]
    head = heads.fit(kind, train, stop, len(corpus.words), repeat, epochs)
    table = corpus.table.iloc[drawn.test]
    guess = np.asarray(corpus.words)[head(parts["test"]).argmax(axis=1)]
    found = pd.DataFrame(
        {"word": table["label"].values, "speaker": table["group"].values, "predicted": guess}
    )
    if labels < len(drawn.train):
        # Which word was taken for which is kept for all labels only: it is most of the file.
        right = found["word"] == found["predicted"]
        found = found.assign(word=ANY, predicted=np.where(right, ANY, "other"))
    counted = found.value_counts(sort=False).rename("clips").reset_index()
    return counted.assign(repeat=repeat, representation=name, head=kind, labels=labels)[COLUMNS]


def few_labels(words: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Rows of n clips with all words as equally frequent as can be; ValueError for fewer words."""
    kinds = np.unique(words)
    if n < len(kinds):
        raise ValueError(f"{n} labels are too few for {len(kinds)} words: each needs one.")
    rng = np.random.default_rng([11, seed])
    turn = np.empty(len(words), int)
    for kind in kinds:
        own = np.flatnonzero(words == kind)
        turn[rng.permutation(own)] = np.arange(len(own))
    return np.lexsort([rng.random(len(words)), turn])[:n]


def accuracy(counts: pd.DataFrame, **wanted) -> tuple[float, float, float]:
    """Share of right clips and its 95 % interval over test speakers, of the rows `wanted` names."""
    right = _right(_chosen(counts, wanted))
    return _share(right["right"], right["clips"], right["speaker"])


def gain(counts: pd.DataFrame, ours: dict, theirs: dict) -> tuple[float, float, float]:
    """Accuracy of `ours` less that of `theirs`, on the same clips, with its 95 % interval."""
    pair = [_right(_chosen(counts, wanted)) for wanted in (ours, theirs)]
    both = pair[0].merge(pair[1], on=["repeat", "speaker", "clips"], suffixes=("", "_theirs"))
    if not len(both):
        raise ValueError(f"{ours} and {theirs} were not tested on the same clips.")
    return _share(both["right"] - both["right_theirs"], both["clips"], both["speaker"])


def _chosen(counts: pd.DataFrame, wanted: dict) -> pd.DataFrame:
    rows = counts
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    if not len(rows):
        raise ValueError(f"Nothing was counted for {wanted}.")
    return rows


def _right(counts: pd.DataFrame) -> pd.DataFrame:
    hits = counts.assign(right=counts["clips"] * (counts["word"] == counts["predicted"]))
    return hits.groupby(["repeat", "speaker"])[["right", "clips"]].sum().reset_index()


def _share(right, clips, speakers) -> tuple[float, float, float]:
    share = lambda r, c: r.sum() / c.sum()
    return evaluation.bootstrap((right, clips), speakers, share)


def read_counts(kept: str | Path | None) -> pd.DataFrame:
    """Counts that a run has kept, or none yet."""
    if kept and Path(kept).exists():
        return pd.read_parquet(kept)
    return pd.DataFrame(columns=COLUMNS)


def _write(counts: pd.DataFrame, kept: str | Path | None) -> None:
    if kept:
        small = counts.astype(dict.fromkeys(["repeat", "labels", "clips"], np.int32))
        with atomic(kept) as temporary:
            small.to_parquet(temporary, index=False, compression="zstd")
