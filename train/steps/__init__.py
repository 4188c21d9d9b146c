"""One training step: its state, its objective, its gradient, and what is measured between steps."""

from .._weighted import Weighted
from .augmentation import OnBatch
from .averages import ema
from .contracts import Apply, Loss, Metric, Objective
from .counting import steps_per_epoch
from .evaluation import evaluate
from .freezing import freeze
from .loss_scale import LossScaleState, loss_scaling
from .moments import wide_moments
from .objectives import SupervisedObjective, supervised
from .state import Batch, TrainState, init
from .transaction import make_step

__all__ = [
    "Apply",
    "Batch",
    "Loss",
    "LossScaleState",
    "Metric",
    "Objective",
    "OnBatch",
    "SupervisedObjective",
    "TrainState",
    "Weighted",
    "ema",
    "evaluate",
    "freeze",
    "init",
    "loss_scaling",
    "make_step",
    "steps_per_epoch",
    "supervised",
    "wide_moments",
]
