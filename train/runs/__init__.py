"""Whole trainings: as one pure function, or driven by the host in blocks of epochs."""

from .fitting import fit
from .interruption import interruptible
from .nonfinite import NonFiniteError
from .whole_run import make_run

__all__ = ["NonFiniteError", "fit", "interruptible", "make_run"]
