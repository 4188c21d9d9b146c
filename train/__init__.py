"""Training: pure steps, whole runs as one function, and what is needed to watch and keep them."""

from . import data, gradients, log, metrics
from .checkpoints.saved_run import Checkpoint, restore, save
from .curves.diagnosis import Diagnosis
from .curves.drawing import plot_runs
from .curves.history import History
from .runs.fitting import fit
from .runs.nonfinite import NonFiniteError
from .runs.whole_run import make_run
from .search.ranking import grid_search
from .search.records import Row, Search
from .steps.evaluation import evaluate
from .steps.objectives import Objective, supervised
from .steps.state import Batch, TrainState, init
from .steps.transaction import make_step

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
