"""The honest baseline: band energies and matched filters, nothing learnt."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d

from lib.beeps.alarm_table import COLUMNS
from lib.beeps.frontend import HOP_SECONDS
from lib.beeps.pattern import Pattern, PatternMatcher
from lib.beeps.pulses import CENTRE_SECONDS, waiting_seconds
from lib.beeps.stream import LOWEST_TONE
from lib.beeps.tonenet import tone_frequencies

# Frames pooled: 0.1 s, as in the source's reduction.
POOL = 5
POOL_SECONDS = POOL * HOP_SECONDS
# The bank: intervals (s), shares of sound, and numbers of groups that appliances may have.
INTERVALS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5)
SHARES = (0.3, 0.6)
GROUPS = (3, 4, 5, 6, 8)
# A tone that stands out by 20 dB is as clear as can be: `compressed` makes it so much.
CLEAR = 1.0 + np.log(2.0)


def band_energy(contrast: np.ndarray) -> np.ndarray:
    """Level of each channel above its neighbours, cut to 0..1 (20 dB), (frames, 172).

    `contrast` is that of `lib.beeps.detector.Heard`.
    """
    return np.clip(contrast / CLEAR, 0, 1)


def bank_candidates(energy: np.ndarray) -> pd.DataFrame:
    """Best fits of a bank of matched filters over all pitches; columns as of the detector.

    Parameters
    ----------
    energy : float array (frames, 172)
        `band_energy` of a recording.
    """
    energy = energy[:, _first_channel() :]
    n_frames = len(energy) // POOL
    pooled = energy[: n_frames * POOL].reshape(n_frames, POOL, -1).mean(axis=1)
    # Two neighbouring pitches are one: the tone may lie between them.
    pooled = np.maximum(pooled[:, : pooled.shape[1] // 2 * 2 : 2], pooled[:, 1::2])
    # Silence before the recording, so that a filter longer than its beginning fits as well.
    lead = round(15 / POOL_SECONDS)
    sums = np.cumsum(np.concatenate([np.zeros((lead + 1, pooled.shape[1])), pooled]), axis=0)
    best, facts = np.full(n_frames, -9.0), np.zeros((n_frames, 4))
    for interval in INTERVALS:
        for share in SHARES:
            for fit, *fact in _fits(sums, lead, interval, share):
                channel = fit.argmax(axis=1)
                top = fit[np.arange(n_frames), channel]
                better = top > best
                best[better] = top[better]
                facts[better, :3] = fact
                facts[better, 3] = channel[better]
    return _peaks(best, facts)


def _first_channel() -> int:
    return int(np.searchsorted(tone_frequencies(), LOWEST_TONE))


def _fits(sums: np.ndarray, lead: int, interval: float, share: float):
    """Fit of one rhythm at all moments and pitches for each number of groups.

    Yields the fit (frames, channels), the start and the stop in s before the decision, the groups.
    """
    length, pause = interval * share, interval * (1 - share)
    wait, n_frames = waiting_seconds(pause), len(sums) - lead - 1

    def mean(start, stop):
        """Mean from `start` to `stop` s before each moment."""
        b = round(stop / POOL_SECONDS)
        a = max(round(start / POOL_SECONDS), b + 1)
        later, earlier = lead + 1 - b, max(lead + 1 - a, 0)
        return (sums[later : later + n_frames] - sums[earlier : earlier + n_frames]) / (a - b)

    after = mean(wait - pause, 0)
    on, off = mean(wait + length, wait), np.zeros_like(after)
    for groups in range(2, max(GROUPS) + 1):
        end = wait + interval * (groups - 1)
        on, off = on + mean(end + length, end), off + mean(end, end - pause)
        if groups in GROUPS:
            quiet = off / (groups - 1)
            before = mean(end + interval + length, end + interval)
            fit = on / groups - quiet - np.maximum(before, quiet) - np.maximum(after, quiet)
            yield fit, end + length, wait, groups


def _peaks(best: np.ndarray, facts: np.ndarray, least: float = 0.05) -> pd.DataFrame:
    """Moments that fit better than any within a second."""
    reach = round(1 / POOL_SECONDS)
    at = np.flatnonzero((maximum_filter1d(best, 2 * reach + 1) == best) & (best > least))
    now = (at + 1) * POOL_SECONDS + CENTRE_SECONDS
    start, stop, groups, channel = facts[at].T
    tone = tone_frequencies()[2 * channel.astype(int) + _first_channel()]
    rows = [now - start, now - stop, best[at], tone, groups, now]
    return pd.DataFrame(np.stack(rows, axis=1), columns=COLUMNS)


def pattern_candidates(heard: np.ndarray, pattern: Pattern, least: float = 0.1) -> pd.DataFrame:
    """Best fits of one appliance's pattern to a map of tones, (frames, 172).

    Parameters
    ----------
    heard : array (frames, 172)
        `band_energy` for the plain matched filter, the tone probabilities for ours; with a
        second or two of silence after the end.
    """
    matcher = PatternMatcher(pattern)
    score = matcher.feed(heard)
    reach = round(max(1.0, pattern.seconds / 2) / HOP_SECONDS)
    at = np.flatnonzero((maximum_filter1d(score, 2 * reach + 1) == score) & (score > least))
    decided = (at + 1) * HOP_SECONDS
    stop = decided - matcher.delay
    tone = np.full(len(at), np.median([tone for *_, tone in pattern.pulses]))
    groups = np.full(len(at), len(pattern.groups()))
    rows = [stop - pattern.seconds, stop, score[at], tone, groups, decided + POOL_SECONDS]
    return pd.DataFrame(np.stack(rows, axis=1), columns=COLUMNS)
