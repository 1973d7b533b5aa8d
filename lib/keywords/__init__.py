"""Keyword spotting: the spatial-position autoencoder, its missing controls, and something better.

The source is Humayun, Yassin, Abas 2021 (PeerJ Computer Science 7:e650).
"""

from lib.keywords.experiment import LABEL_STEPS, accuracy, gain, read_counts, run_repeat
from lib.keywords.protocol import Draw, Features, Sizes, draw, features_of
from lib.keywords.representations import REPRESENTATIONS
from lib.keywords.spotter import NOTHING, Spotter, evaluate, load_spotter, spot, train

__all__ = [
    "LABEL_STEPS",
    "NOTHING",
    "REPRESENTATIONS",
    "Draw",
    "Features",
    "Sizes",
    "Spotter",
    "accuracy",
    "draw",
    "evaluate",
    "features_of",
    "gain",
    "load_spotter",
    "read_counts",
    "run_repeat",
    "spot",
    "train",
]
