"""Training: pure steps, whole runs as one function, and what is needed to watch and keep them."""

from . import data, gradients, log, metrics
from ._process_errors import ProcessError
from ._types import Params, State
from .checkpoints import Checkpoint, Matched, restore, save
from .curves import Diagnosis, History, plot_runs
from .predictions import Prediction, predict
from .runs import CheckpointError, Interrupted, NonFiniteError, fit, interruptible, make_run
from .search import Row, Search, grid_search
from .shards import fsdp, shard, tensor_parallel
from .steps import (
    Apply,
    Batch,
    Loss,
    LossScaleState,
    Metric,
    Objective,
    OnBatch,
    SupervisedObjective,
    TrainState,
    Weighted,
    ema,
    evaluate,
    freeze,
    init,
    loss_scaling,
    make_step,
    steps_per_epoch,
    supervised,
    wide_moments,
)

__all__ = [
    "Apply",
    "Batch",
    "Checkpoint",
    "CheckpointError",
    "Diagnosis",
    "History",
    "Interrupted",
    "Loss",
    "LossScaleState",
    "Matched",
    "Metric",
    "NonFiniteError",
    "Objective",
    "OnBatch",
    "Params",
    "Prediction",
    "ProcessError",
    "Row",
    "Search",
    "State",
    "SupervisedObjective",
    "TrainState",
    "Weighted",
    "data",
    "ema",
    "evaluate",
    "fit",
    "freeze",
    "fsdp",
    "gradients",
    "grid_search",
    "init",
    "interruptible",
    "log",
    "loss_scaling",
    "make_run",
    "make_step",
    "metrics",
    "plot_runs",
    "predict",
    "restore",
    "save",
    "shard",
    "steps_per_epoch",
    "supervised",
    "tensor_parallel",
    "wide_moments",
]
