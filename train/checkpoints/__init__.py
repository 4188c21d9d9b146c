"""Checkpoints: a file from which a run goes on, and the folder that `fit` keeps them in."""

from .matching import Matched
from .saved_run import Checkpoint, restore, save

__all__ = ["Checkpoint", "Matched", "restore", "save"]
