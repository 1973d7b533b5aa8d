"""Generators with known truth: sound whose events, types and contours are all written down."""

from lib.synthesis.contours import Contour, contour_distance, type_shapes
from lib.synthesis.recording import SeaRecording, sea_recording
from lib.synthesis.sea import Sea
from lib.synthesis.sounds import SAMPLE_RATE

__all__ = [
    "SAMPLE_RATE",
    "Contour",
    "Sea",
    "SeaRecording",
    "contour_distance",
    "sea_recording",
    "type_shapes",
]
