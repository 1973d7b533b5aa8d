"""The ledger of notebook 09: what training and listening cost, measured way against way.

``python -m lib.ledger`` measures everything on this machine, a table a file; see `MEASURES`.
"""

from lib.ledger.length import length_memory
from lib.ledger.listening import spectrogram_times, warping_times
from lib.ledger.machine import matrix_speed, roofline, this_machine
from lib.ledger.measures import FOLDER, MEASURES, measure, read
from lib.ledger.steps import chunk_curve, layer_times, precision_effect, step_memory, step_times
from lib.ledger.timing import in_turn, ratios
from lib.ledger.trainings import training_times

__all__ = [
    "FOLDER",
    "MEASURES",
    "chunk_curve",
    "in_turn",
    "layer_times",
    "length_memory",
    "matrix_speed",
    "measure",
    "precision_effect",
    "ratios",
    "read",
    "roofline",
    "spectrogram_times",
    "step_memory",
    "step_times",
    "this_machine",
    "training_times",
    "warping_times",
]
