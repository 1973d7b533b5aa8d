"""What is learnt from recordings: the pattern of an appliance, the trains for the verifier."""

from __future__ import annotations

import numpy as np
import soxr

from lib.beeps.detector import BeepDetector
from lib.beeps.frontend import SAMPLE_RATE, FrontEnd, as_mono
from lib.beeps.memory import MARGIN
from lib.beeps.pattern import Pattern
from lib.beeps.pulses import PulseTracker, Train
from lib.beeps.stream import Engine
from lib.beeps.tonenet import ToneStream, tone_frequencies
from lib.beeps.verifier import Verifier
from lib.beeps.weights import Weights


def trains_of(signal: np.ndarray, weights: Weights) -> list[tuple[Train, np.ndarray]]:
    """All trains of a 16 kHz recording with their features: what the verifier is trained on."""
    engine = Engine(BeepDetector(weights=weights))
    found: list[tuple[Train, np.ndarray]] = []
    finder = engine.finder

    def gather(*heard):
        found.extend(finder.trains(*heard))
        return []

    finder.feed = gather
    engine.feed(as_mono(signal))
    engine.finish()
    return found


def learn_pattern(signal: np.ndarray, sample_rate: int, weights: Weights | None = None) -> Pattern:
    """Pattern of the sequence in one recording; see `BeepDetector.from_example`."""
    detector = BeepDetector(sample_rate=sample_rate, weights=weights)
    signal = soxr.resample(as_mono(signal), sample_rate, SAMPLE_RATE)
    verify = Verifier(detector.weights.verifier)
    trains = trains_of(signal, detector.weights)
    scores = [float(verify(features[None])[0]) for _, features in trains]
    if scores and max(scores) >= 0.5:
        sure = [train for (train, _), s in zip(trains, scores, strict=True) if s >= 0.5]
        pulses = max(sure, key=lambda train: len(train.pulses)).pulses
    else:
        pulses = _main_pulses(signal, detector.weights)
    if len(pulses) < 2:
        raise ValueError(
            "No two tones between 0.5 and 5.9 kHz are in the example: record one whole sequence "
            "nearer to the appliance."
        )
    begin = pulses[0].start
    frequencies = tone_frequencies()
    tones = [float(frequencies[round(p.channel)]) for p in pulses]
    return Pattern(
        tuple((p.start - begin, p.stop - begin, t) for p, t in zip(pulses, tones, strict=True))
    )


def _main_pulses(signal: np.ndarray, weights: Weights) -> list:
    """The clear pulses at the pitches that sound longest: an appliance plays few notes."""
    front = FrontEnd()
    contrast = front.feed(np.concatenate([signal, np.zeros(SAMPLE_RATE, np.float32)]))
    probability = ToneStream(weights.tone).feed(contrast)
    n, inner = len(probability), slice(MARGIN, MARGIN + probability.shape[1])
    pulses = PulseTracker().feed(probability, contrast[:n, inner, 0], front.levels[:n, inner])
    clear = [p for p in pulses if p.probability > 0.75]
    sounded = np.zeros(len(tone_frequencies()))
    for pulse in clear:
        sounded[round(pulse.channel)] += pulse.stop - pulse.start
    near = np.convolve(sounded, np.ones(3), mode="same")
    return sorted(p for p in clear if near[round(p.channel)] >= 0.2 * near.max(initial=0))
