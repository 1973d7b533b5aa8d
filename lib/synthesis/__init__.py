"""Generators with known truth: sound whose events, types and contours are all written down."""

from lib.synthesis.contours import Contour, type_shapes
from lib.synthesis.sea import SAMPLE_RATE, Sea, SeaRecording, sea_recording

__all__ = ["SAMPLE_RATE", "Contour", "Sea", "SeaRecording", "sea_recording", "type_shapes"]
