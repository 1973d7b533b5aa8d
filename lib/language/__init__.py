"""Room 4: which language is spoken, told from frames, fragments and clips."""

from lib.language.classifier import LanguageClassifier, load_classifier
from lib.language.controls import averaged, leak_controls, pauses, shares_explained, shuffled
from lib.language.features import SpeechFeatures, joined, mfcc, speech_features
from lib.language.identification import identify, shipped_classifier
from lib.language.models import build_ann, build_lstm, build_pooled
from lib.language.phonotactics import (
    PhonotacticClassifier,
    load_phonotactic,
    phone_pairs,
    train_phonotactic,
)
from lib.language.places import Places, excerpts, fragments, whole_clips
from lib.language.scores import Scored, evaluate, summary
from lib.language.throats import throats
from lib.language.training import MANY_VOICES, Recipe, train
from lib.language.validation import (
    cross_validate,
    cross_validate_phonotactic,
    cross_validate_vectors,
)

__all__ = [
    "MANY_VOICES",
    "LanguageClassifier",
    "PhonotacticClassifier",
    "Places",
    "Recipe",
    "Scored",
    "SpeechFeatures",
    "averaged",
    "build_ann",
    "build_lstm",
    "build_pooled",
    "cross_validate",
    "cross_validate_phonotactic",
    "cross_validate_vectors",
    "evaluate",
    "excerpts",
    "fragments",
    "identify",
    "joined",
    "leak_controls",
    "load_classifier",
    "load_phonotactic",
    "mfcc",
    "pauses",
    "phone_pairs",
    "shares_explained",
    "shipped_classifier",
    "shuffled",
    "speech_features",
    "summary",
    "throats",
    "train",
    "train_phonotactic",
    "whole_clips",
]
