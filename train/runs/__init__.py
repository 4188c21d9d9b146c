"""Whole trainings: as one pure function, or driven by the host in blocks of epochs."""

from .fitting import fit
from .interruption import Interrupted, interruptible
from .nonfinite import NonFiniteError
from .saving import CheckpointError
from .whole_run import make_run

__all__ = ["CheckpointError", "Interrupted", "NonFiniteError", "fit", "interruptible", "make_run"]
