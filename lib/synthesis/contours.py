"""Whistle contours: a parametric family of signature shapes, and the jitter between repeats.

The families are those of the literature on signature whistles (upsweep, downsweep, hat, U, sine,
loops, steps, several inflections); two types never share nearly the same shape.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from dtaidistance import dtw
from scipy.interpolate import PchipInterpolator

POINTS = 128
# Faster sweeps smear over many bins within one 11.7 ms frame; dolphins' are slower.
STEEPEST_HZ_PER_S = 60_000.0
# Attempts before we say that so many types do not fit into the band so far apart.
MOST_ATTEMPTS = 3_000


class Contour(NamedTuple):
    """A fundamental frequency over time: seconds from the start, Hz."""

    time: np.ndarray
    frequency: np.ndarray


def _up(u, rng):
    return u ** rng.uniform(0.6, 1.8)


def _down(u, rng):
    return 1.0 - _up(u, rng)


def _hat(u, rng):
    peak = rng.uniform(0.3, 0.7)
    return np.sin(0.5 * np.pi * np.where(u < peak, u / peak, (1.0 - u) / (1.0 - peak)))


def _u(u, rng):
    return 1.0 - _hat(u, rng)


def _sine(u, rng):
    return 0.5 + 0.5 * np.sin(2.0 * np.pi * (rng.uniform(1.5, 4.0) * u + rng.uniform()))


def _loops(u, rng):
    """Upsweeps one after another, each with a quick way back down."""
    phase = (u * rng.integers(2, 5)) % 1.0
    rise = rng.uniform(0.65, 0.85)
    ramp = np.where(phase < rise, phase / rise, (1.0 - phase) / (1.0 - rise))
    return 0.5 - 0.5 * np.cos(np.pi * ramp)


def _step(u, rng):
    """A level, a quick glide, another level."""
    glide = 1.0 / (1.0 + np.exp(-(u - rng.uniform(0.35, 0.65)) / rng.uniform(0.03, 0.08)))
    return glide if rng.random() < 0.5 else 1.0 - glide


def _inflections(u, rng):
    """A smooth line through a few random turning points."""
    n = rng.integers(5, 8)
    return PchipInterpolator(np.linspace(0.0, 1.0, n), rng.uniform(0.0, 1.0, n))(u)


FAMILIES = (_up, _sine, _hat, _loops, _down, _inflections, _u, _step)


@lru_cache(maxsize=32)
def type_shapes(
    seed: int,
    n_types: int,
    frequency_range: tuple[float, float] = (4_000.0, 20_000.0),
    duration_range: tuple[float, float] = (0.3, 1.1),
    distance_hz: float = 1_000.0,
) -> tuple[Contour, ...]:
    """Draw the contour of each signature type; a function of its arguments alone.

    Parameters
    ----------
    seed : int
    n_types : int
        Shapes to draw; the families take turns.
    frequency_range : (low, high) in Hz that holds every shape.
    duration_range : (shortest, longest) in s.
    distance_hz : float
        Smallest `contour_distance` allowed between two types.

    Raises
    ------
    ValueError
        If so many types do not fit so far apart.

    Notes
    -----
    Used by notebooks 01 to 04.
    """
    # The second number keeps this stream apart from those of the recordings, [seed, index].
    rng = np.random.default_rng([seed, 2**32 - 1])
    shapes: list[Contour] = []
    for _ in range(MOST_ATTEMPTS):
        if len(shapes) == n_types:
            return tuple(shapes)
        shape = _draw(FAMILIES[len(shapes) % len(FAMILIES)], rng, frequency_range, duration_range)
        far = all(contour_distance(shape, other) >= distance_hz for other in shapes)
        if far and _steepest(shape) <= STEEPEST_HZ_PER_S:
            shapes.append(shape)
    raise ValueError(
        f"Only {len(shapes)} of {n_types} whistle types fit {distance_hz:.0f} Hz apart; "
        "ask for fewer types or a smaller distance."
    )


def contour_distance(a: Contour, b: Contour) -> float:
    """RMS frequency difference in Hz along the best alignment in time (dynamic time warping)."""
    a, b = (np.ascontiguousarray(c.frequency[::4], dtype=np.float64) for c in (a, b))
    # Pruning returns inf now and then when the straight alignment is the best (dtaidistance 2.5).
    distance = dtw.distance_fast(a, b, use_pruning=False)
    return float(distance / np.sqrt(max(len(a), len(b))))


def jittered(
    contour: Contour, rng: np.random.Generator, warp: float, pitch: float, duration: float
) -> Contour:
    """One more repeat of a contour.

    Parameters
    ----------
    contour : Contour
    warp : float
        Standard deviation of the local speed, as a share (0.1: parts are 10 % faster or slower).
    pitch, duration : float
        Standard deviation of the factor on all frequencies, and on the length, as a share.
    """
    length = contour.time[-1] * np.exp(duration * rng.standard_normal())
    unit = contour.time / contour.time[-1]
    waves = np.pi * np.arange(1, 4)
    # Bounding the sum of slopes keeps the warped time running forwards.
    speed = np.clip(warp * rng.standard_normal(3), -0.3, 0.3)
    unit = unit + np.sin(np.outer(unit, waves)) @ (speed / waves)
    return Contour(unit * length, contour.frequency * np.exp(pitch * rng.standard_normal()))


def _draw(family, rng, frequency_range, duration_range) -> Contour:
    low, high = frequency_range
    span = rng.uniform(0.25, 0.7) * (high - low)
    bottom = rng.uniform(low, high - span)
    time = np.linspace(0.0, rng.uniform(*duration_range), POINTS)
    return Contour(time, bottom + span * family(time / time[-1], rng))


def _steepest(contour: Contour) -> float:
    return float(np.abs(np.gradient(contour.frequency, contour.time)).max())
