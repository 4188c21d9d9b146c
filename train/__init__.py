"""Training: pure steps, whole runs as one function, and what is needed to watch and keep them."""

from . import data, gradients, metrics
from .evaluate import evaluate
from .fit import fit
from .history import History
from .objective import Objective, supervised
from .run import make_run
from .state import Batch, TrainState, init
from .step import make_step

__all__ = [
    "Batch",
    "History",
    "Objective",
    "TrainState",
    "data",
    "evaluate",
    "fit",
    "gradients",
    "init",
    "make_run",
    "make_step",
    "metrics",
    "supervised",
]
