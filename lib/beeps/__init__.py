"""Beeps that say "I am done": from 150 ms windows to an alarm that one can rely on.

``load_detector()`` gives the trained detector; ``python -m lib.beeps FILE...`` uses it. It runs
without TensorFlow; only training and the source's networks import it.
"""

from lib.beeps.alarm_table import accepted
from lib.beeps.detector import BeepDetector, load_detector
from lib.beeps.pattern import Pattern

__all__ = ["BeepDetector", "Pattern", "accepted", "load_detector"]
