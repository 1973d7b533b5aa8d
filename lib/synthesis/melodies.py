"""Carnatic ragas: their scales, a phrase grammar that walks them, glides, and sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Semitones of the sixteen swaras above the tonic; some are two names of one pitch.
SEMITONES = {
    **dict(S=0, R1=1, R2=2, R3=3, G1=2, G2=3, G3=4, M1=5, M2=6, P=7),
    **dict(D1=8, D2=9, D3=10, N1=9, N2=10, N3=11),
}
# Arohana (ascent) and avarohana (descent), each from tonic to tonic, as the common handbooks
# give them. A line that turns back on its way (vakra) has to be followed with its turns.
RAGAS = {
    "Arabhi": ("S R2 M1 P D2 S", "S N3 D2 P M1 G3 R2 S"),
    "Bilahari": ("S R2 G3 P D2 S", "S N3 D2 P M1 G3 R2 S"),
    "Sri": ("S R2 M1 P N2 S", "S N2 P M1 R2 G2 R2 S"),
    "Manirangu": ("S R2 M1 P N2 S", "S N2 P M1 G2 R2 S"),
    "Bhairavi": ("S R2 G2 M1 P D2 N2 S", "S N2 D1 P M1 G2 R2 S"),
    "Mukhari": ("S R2 M1 P N2 D2 S", "S N2 D1 P M1 G2 R2 S"),
    "Darbar": ("S R2 M1 P D2 N2 S", "S N2 D2 P M1 R2 G2 G2 R2 S"),
    "Nayaki": ("S R2 M1 P D2 N2 D2 P S", "S N2 D2 P M1 R2 G2 R2 S"),
    "Harikambhoji": ("S R2 G3 M1 P D2 N2 S", "S N2 D2 P M1 G3 R2 S"),
    "Kambhoji": ("S R2 G3 M1 P D2 S", "S N2 D2 P M1 G3 R2 S"),
    "Kedaragowla": ("S R2 M1 P N2 S", "S N2 D2 P M1 G3 R2 S"),
    "Narayanagowla": ("S R2 M1 P N2 D2 N2 S", "S N2 D2 P M1 G3 R2 G3 R2 S"),
    "Mayamalavagowla": ("S R1 G3 M1 P D1 N3 S", "S N3 D1 P M1 G3 R1 S"),
    "Saveri": ("S R1 M1 P D1 S", "S N3 D1 P M1 G3 R1 S"),
    "Anandabhairavi": ("S G2 R2 G2 M1 P D2 P S", "S N2 D2 P M1 G2 R2 S"),
    "Reetigowla": ("S G2 R2 G2 M1 N2 D2 M1 N2 N2 S", "S N2 D2 M1 G2 M1 P M1 G2 R2 S"),
    "Shankarabharanam": ("S R2 G3 M1 P D2 N3 S", "S N3 D2 P M1 G3 R2 S"),
    "Kalyani": ("S R2 G3 M2 P D2 N3 S", "S N3 D2 P M2 G3 R2 S"),
    "Hanumatodi": ("S R1 G2 M1 P D1 N2 S", "S N2 D1 P M1 G2 R1 S"),
    "Mohanam": ("S R2 G3 P D2 S", "S D2 P G3 R2 S"),
    "Hindolam": ("S G2 M1 D1 N2 S", "S N2 D1 M1 G2 S"),
    "Hamsadhwani": ("S R2 G3 P N3 S", "S N3 P G3 R2 S"),
    "Madhyamavati": ("S R2 M1 P N2 S", "S N2 P M1 R2 S"),
    "Pantuvarali": ("S R1 G3 M2 P D1 N3 S", "S N3 D1 P M2 G3 R1 S"),
}
# The two of a pair use the same swaras: only order tells them apart.
ALLIED = (
    ("Arabhi", "Bilahari"),
    ("Sri", "Manirangu"),
    ("Bhairavi", "Mukhari"),
    ("Darbar", "Nayaki"),
    ("Harikambhoji", "Kambhoji"),
    ("Kedaragowla", "Narayanagowla"),
    ("Mayamalavagowla", "Saveri"),
    ("Anandabhairavi", "Reetigowla"),
)
# From the fifth below the tonic to the fifth above the upper one.
LOWEST, HIGHEST = -5, 19
CONTOUR_RATE = 62.5


@dataclass(frozen=True)
class Melody:
    """Notes of a raga, and how they are sung.

    Parameters
    ----------
    raga : str
    notes : int array (notes,)
        Semitones above the tonic; -12 is the tonic below.
    durations : float array (notes,)
        In s.
    tonic : float
        In Hz.
    seed : int
        Of glides and timbre.
    """

    raga: str
    notes: np.ndarray
    durations: np.ndarray
    tonic: float
    seed: int

    @property
    def midi(self) -> np.ndarray:
        """Notes as they sound, in semitones (69 is 440 Hz), whatever the tonic."""
        return self.notes + 69.0 + 12.0 * np.log2(self.tonic / 440.0)


def melody(
    raga: str, seed: int, tonic: float = 146.8, tempo: float = 4.0, n_notes: int = 40
) -> Melody:
    """Phrases that climb along the arohana and fall along the avarohana, ending on the tonic.

    Parameters
    ----------
    raga : str
        One of `RAGAS`.
    seed : int
        Of phrases, rests and glides.
    tonic : float
        In Hz.
    tempo : float
        Notes per second.
    n_notes : int
        About so many; the last phrase is sung to its end.

    Notes
    -----
    Each melody prefers notes of its own to turn, rest and linger on, so how often a swara is heard
    tells little about the raga. Used by notebook 08.
    """
    if raga not in RAGAS:
        raise ValueError(f"There is no raga {raga!r}; choose one of {', '.join(RAGAS)}.")
    if not (40 <= tonic <= 1000 and 0.5 <= tempo <= 20 and n_notes >= 8):
        raise ValueError("Tonic from 40 to 1000 Hz, tempo from 0.5 to 20 notes/s, 8 notes or more.")
    rng = np.random.default_rng(seed)
    notes, weights = _phrases(raga, n_notes, rng)
    return Melody(raga, notes, weights / tempo, tonic, seed)


def swaras(raga: str) -> tuple[int, ...]:
    """The semitones that a raga uses, from 0 (the tonic) to 11."""
    return tuple(sorted({SEMITONES[s] % 12 for line in RAGAS[raga] for s in line.split()}))


def _lines(raga: str) -> tuple[np.ndarray, np.ndarray]:
    """Ascent and descent over three octaves, in semitones."""
    up, down = ([SEMITONES[s] for s in line.split()] for line in RAGAS[raga])
    up[-1], down[0] = 12, 12
    ascent = [note + octave for octave in (-12, 0, 12) for note in up[:-1]] + [24]
    descent = [note + octave for octave in (12, 0, -12) for note in down[:-1]] + [-12]
    return np.array(ascent), np.array(descent)


def _phrases(raga: str, n_notes: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Notes and their lengths in beats; directions alternate, turns are where both lines meet."""
    lines, liking = _lines(raga), rng.dirichlet(np.full(12, 0.7)) * 12
    line, at = 0, int(np.flatnonzero(lines[0] == 0)[0])
    notes, beats = [0], [1.0]
    while True:
        at += 1
        note = lines[line][at]
        notes.append(int(note))
        beats.append(_beats(liking[note % 12], rng))
        if len(notes) >= n_notes and note in (0, 12):
            beats[-1] = 3.0
            return np.array(notes), np.array(beats)
        meets = np.flatnonzero(lines[1 - line][:-1] == note)
        ends = note >= HIGHEST - 2 if line == 0 else note <= LOWEST + 2
        # A turn at the outer note is a must; elsewhere it depends on this melody's liking.
        turns = ends or rng.random() < 0.1 + 0.1 * min(liking[note % 12], 3.0)
        if len(meets) and turns:
            line, at = 1 - line, int(rng.choice(meets))


def _beats(liking: float, rng) -> float:
    """Length of a note: one beat give or take, two or three where the melody likes to linger."""
    lingers = rng.random() < 0.08 + 0.06 * min(liking, 3.0)
    return float(rng.uniform(0.85, 1.15) * (rng.integers(2, 4) if lingers else 1))


def pitch_contour(tune: Melody, rate: float = CONTOUR_RATE) -> np.ndarray:
    """Cents above the tonic at `rate` points a second: glides into notes, shakes on long ones."""
    rng = np.random.default_rng([tune.seed, 2])
    ends = np.cumsum(tune.durations)
    time = np.arange(int(ends[-1] * rate)) / rate
    which = np.searchsorted(ends, time, side="right").clip(max=len(ends) - 1)
    since = time - (ends - tune.durations)[which]
    before = np.concatenate([tune.notes[:1], tune.notes[:-1]])
    glide = rng.uniform(0.03, 0.07, len(ends))
    glide = np.minimum(glide, 0.4 * tune.durations)[which]
    blend = 0.5 - 0.5 * np.cos(np.pi * np.clip(since / glide, 0, 1))
    cents = 100.0 * (before[which] + blend * (tune.notes - before)[which])
    shakes = (rng.random(len(ends)) < 0.4) & (tune.durations > 0.3) & (tune.notes % 12 != 0)
    width = np.where(shakes, rng.uniform(20, 60, len(ends)), 0.0)[which]
    speed = rng.uniform(4.0, 7.0, len(ends))[which]
    return cents + blend * width * np.sin(2 * np.pi * speed * np.maximum(since - glide, 0))


def sing(tune: Melody, sample_rate: int = 8000, snr_db: float = 25.0) -> np.ndarray:
    """Sound of a melody, float32 (samples,): harmonics of a plucked or bowed string in noise.

    Parameters
    ----------
    tune : Melody
    sample_rate : int
        In Hz; harmonics stay below its half.
    snr_db : float
        Of the tone above white noise.
    """
    rng = np.random.default_rng([tune.seed, 3])
    cents = pitch_contour(tune)
    n = int(tune.durations.sum() * sample_rate)
    time = np.arange(n) / sample_rate
    f0 = tune.tonic * 2.0 ** (np.interp(time, np.arange(len(cents)) / CONTOUR_RATE, cents) / 1200)
    phase = 2 * np.pi * np.cumsum(f0) / sample_rate
    tilt, sound = rng.uniform(0.5, 0.8), np.zeros(n)
    for harmonic in range(1, 9):
        audible = np.clip((0.45 * sample_rate - harmonic * f0) / 200.0, 0, 1)
        sound += tilt ** (harmonic - 1) * audible * np.sin(harmonic * phase + rng.uniform(0, 6.28))
    sound *= _strokes(tune, time, rng.uniform(0.3, 1.0))
    sound /= np.sqrt(np.mean(sound**2))
    sound += 10 ** (-snr_db / 20) * rng.standard_normal(n)
    return (0.9 * sound / np.abs(sound).max()).astype(np.float32)


def _strokes(tune: Melody, time: np.ndarray, decay: float) -> np.ndarray:
    """Level: each note starts softly within 20 ms and fades with a half-life of `decay` s."""
    ends = np.cumsum(tune.durations)
    which = np.searchsorted(ends, time, side="right").clip(max=len(ends) - 1)
    since = time - (ends - tune.durations)[which]
    edge = np.minimum(since, (ends[which] - time).clip(min=0)) / 0.02
    return (0.4 + 0.6 * np.clip(edge, 0, 1)) * 0.5 ** (since / decay)
