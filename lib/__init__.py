"""Helpers shared by the notebooks of Whistle to Word.

The one place that sets defaults of the environment: they must be there before TensorFlow is
imported, and what the caller set stays.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Errors only: the notices about instruction sets and missing graphics cards say nothing here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
