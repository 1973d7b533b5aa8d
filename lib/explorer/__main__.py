"""The page of the synthetic sea: ``python -m lib.explorer``.

Windows of the sea's test recordings, which no training has seen, as the shipped encoder sees them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

# As notebook 04 chooses them.
LEAST_SNR, LEAST_COVER, SILENT = 5.0, 0.5, 150
STEP = 256


def sea_windows(step: int = STEP):
    """Corpus, table and codes of clear windows of the sea's test recordings, and some silence."""
    from lib import corpora, encoder
    from lib.encoder import detector, over_time
    from lib.features import HOP_LENGTH, N_FRAMES, SAMPLE_RATE

    test = corpora.load("sea").part("test")
    windows, table = detector.labelled_windows(test, "4.4", step=step)
    length = N_FRAMES * HOP_LENGTH / SAMPLE_RATE
    truth = [
        over_time.window_truth(
            test.events.query("item == @item"), rows["start"].to_numpy() + length / 2
        )
        for item, rows in table.groupby("item", sort=False)
    ]
    table = table[["item", "start"]].assign(stop=table["start"] + length)
    table = table.join(pd.concat(truth, ignore_index=True))
    clear = table[(table["cover"] >= LEAST_COVER) & (table["snr_db"] >= LEAST_SNR)]
    quiet = table[table["cover"] == 0].sample(SILENT, random_state=0)
    shown = pd.concat([clear, quiet]).sort_index()
    model = encoder.load_encoder(encoder.shipped_folder("4.4", "sea"), "4.4")
    codes = encoder.embed(windows[shown.index], model)
    return test, _named(shown), (codes - codes.mean(0)) / codes.std(0)


def _named(shown: pd.DataFrame) -> pd.DataFrame:
    """Columns as the page shows them."""
    types = np.where(shown["type"] >= 0, shown["type"].map("type {:02.0f}".format), shown["kind"])
    named = shown[["item", "start", "stop", "kind"]].assign(type=types)
    named["SNR (dB)"] = shown["snr_db"].astype(float)
    named["share filled"] = shown["cover"].astype(float)
    return named.reset_index(drop=True)


def main() -> None:
    """Write the page and print its path and size."""
    from lib.evaluation import figures_folder
    from lib.explorer import Explorer

    parser = argparse.ArgumentParser(prog="python -m lib.explorer", description=__doc__)
    parser.add_argument("--output", type=Path, default=figures_folder() / "explorer_sea.html")
    given = parser.parse_args()
    test, table, codes = sea_windows()
    page = Explorer(table, codes, test, labels=None, colour="kind").save_html(
        given.output,
        title="The synthetic sea, by eye and ear",
        note=f"{len(table)} windows of {len(test)} recordings, laid out by UMAP of their codes.",
    )
    print(f"{page}: {len(table)} windows, {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
