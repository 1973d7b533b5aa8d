"""Run, test and clean the notebooks: ``python -m lib.notebooks run|test|lab|clean-outputs``."""

from lib.notebooks.cleaning import clean, clean_file
from lib.notebooks.running import RunFailed, paths, run, run_all, run_tests

__all__ = ["RunFailed", "clean", "clean_file", "paths", "run", "run_all", "run_tests"]
