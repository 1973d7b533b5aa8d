"""Room 5: kinds of machine signals, the stability of recurrent classifiers, and ragas."""

from lib.sequences.classifier import SteadyLSTM, evaluate, train
from lib.sequences.models import source_model, steady_model
from lib.sequences.own import Report, classify, load_classifier
from lib.sequences.ragas import RagaModel
from lib.sequences.rocket import MiniRocket
from lib.sequences.scaling import Scaler
from lib.sequences.warping import NearestByWarping

__all__ = [
    "MiniRocket",
    "NearestByWarping",
    "RagaModel",
    "Report",
    "Scaler",
    "SteadyLSTM",
    "classify",
    "evaluate",
    "load_classifier",
    "source_model",
    "steady_model",
    "train",
]
