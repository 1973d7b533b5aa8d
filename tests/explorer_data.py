"""Little recordings with tones in them, for the tests of the explorer: no encoder, no cache."""

import numpy as np
import pandas as pd

RATE = 48_000
KINDS = {"low": 4_000.0, "middle": 9_000.0, "high": 15_000.0}


def small_world(n_items=3, per_item=20, seed=0):
    """Table, codes, sounds and points of tones of three kinds in quiet noise."""
    rng = np.random.default_rng(seed)
    rows, sounds = [], {}
    for i in range(n_items):
        item = f"recording-{i}"
        signal = 0.01 * rng.normal(size=(per_item + 1) * RATE // 4).astype(np.float32)
        for k in range(per_item):
            kind = list(KINDS)[(i + k) % 3]
            start = 0.25 * k + 0.1
            time = np.arange(int(0.15 * RATE)) / RATE
            first = round(start * RATE)
            tone = 0.3 * np.sin(2 * np.pi * KINDS[kind] * (1 + 0.1 * time) * time)
            signal[first : first + len(tone)] += tone.astype(np.float32)
            rows.append((item, start, start + 0.15, kind, float(rng.normal(10, 3))))
        sounds[item] = signal
    table = pd.DataFrame(rows, columns=["item", "start", "stop", "kind", "SNR (dB)"])
    centres = {kind: rng.normal(size=16) * 4 for kind in KINDS}
    codes = np.stack([centres[kind] + rng.normal(size=16) for kind in table["kind"]])
    points = codes[:, :2] + 0.05 * rng.normal(size=(len(table), 2))
    return table, codes.astype(np.float32), sounds, points


def big_table(n, items, seed=0):
    """A table of n regions spread over recordings of five seconds, with codes and points."""
    rng = np.random.default_rng(seed)
    start = np.round(rng.uniform(0, 4.8, n), 4)
    table = pd.DataFrame({"item": rng.choice(items, n), "start": start, "stop": start + 0.15})
    table["kind"] = rng.choice(list(KINDS), n)
    codes = rng.normal(size=(n, 128)).astype(np.float32)
    return table, codes, rng.normal(size=(n, 2))
