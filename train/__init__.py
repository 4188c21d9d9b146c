"""Training: pure steps, whole runs as one function, and what is needed to watch and keep them."""

from . import data, gradients, log, metrics
from .checkpoint import Checkpoint, restore, save
from .diagnosis import Diagnosis
from .evaluate import evaluate
from .fit import fit
from .history import History
from .nonfinite import NonFiniteError
from .objective import Objective, supervised
from .plots import plot_runs
from .result import Row, Search
from .run import make_run
from .search import grid_search
from .state import Batch, TrainState, init
from .step import make_step

__all__ = [
    "Batch",
    "Checkpoint",
    "Diagnosis",
    "History",
    "NonFiniteError",
    "Objective",
    "Row",
    "Search",
    "TrainState",
    "data",
    "evaluate",
    "fit",
    "gradients",
    "grid_search",
    "init",
    "log",
    "make_run",
    "make_step",
    "metrics",
    "plot_runs",
    "restore",
    "save",
    "supervised",
]
