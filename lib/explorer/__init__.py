"""Explore by eye and ear: the linked map of codes, in JupyterLab and as one page."""

from lib.explorer.explorer import Explorer
from lib.explorer.labels import Labels, read_labels
from lib.explorer.page import save_html
from lib.explorer.sounds import Sounds

__all__ = ["Explorer", "Labels", "Sounds", "read_labels", "save_html"]
