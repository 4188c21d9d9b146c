"""How to train: the options that `make_run` and `fit` share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import optax
from jax.sharding import NamedSharding

from .. import gradients
from .._checks import check_switches, is_number, positive
from .._places import Places
from .._sharding import check_sharding
from ..data.dealing import Shuffle
from ..steps import Objective
from ..steps.augmentation import Augment, OnBatch
from ..steps.averages import Ema
from ..steps.contracts import check_objective
from ..steps.optimizers import check_optimizer

OnNonfinite: TypeAlias = Literal["raise", "skip"]
Mode: TypeAlias = Literal["min", "max"]
KeepBest: TypeAlias = bool | Literal["host"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The options of a training, checked; `make_run` says what each one means.

    Raises:
        ValueError: If an option is out of its range.

    Example:
        >>> plan = Plan(objective=print, optimizer=optax.sgd(0.1), batch_size=4, patience=0)
        Traceback (most recent call last):
        ValueError: patience must be an integer above 0, got 0
    """

    objective: Objective
    optimizer: optax.GradientTransformation
    batch_size: int
    gradient: gradients.Gradient = gradients.reverse
    accumulate: int = 1
    augment: Augment | None = None
    on_nonfinite: OnNonfinite = "raise"
    patience: int | None = None
    keep_best: KeepBest = False
    monitor: str | None = None
    mode: Mode | None = None
    min_delta: float = 0.0
    average: Ema | None = None
    gradient_norm: bool = False
    learning_rate: optax.Schedule | None = None
    shuffle: Shuffle = "local"
    sharding: NamedSharding | None = None
    places: Places = None  # where the leaves of the carry lie, and stay

    def __post_init__(self) -> None:
        integers = {"batch_size": self.batch_size, "accumulate": self.accumulate}
        if self.patience is not None:
            integers["patience"] = self.patience
        for name, value in integers.items():
            object.__setattr__(self, name, positive(name, value))  # NumPy's become Python's
        if self.on_nonfinite not in ("raise", "skip"):
            raise ValueError(f'on_nonfinite must be "raise" or "skip", got {self.on_nonfinite!r}')
        if self.keep_best not in (True, False, "host"):
            raise ValueError(f'keep_best must be True, False or "host", got {self.keep_best!r}')
        check_switches({"gradient_norm": self.gradient_norm})
        if self.keep_best != "host":
            object.__setattr__(self, "keep_best", bool(self.keep_best))
        if self.shuffle not in get_args(Shuffle):
            raise ValueError(f'shuffle must be "local" or "global", got {self.shuffle!r}')
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"accumulate={self.accumulate} must divide batch_size={self.batch_size}"
            )
        _check_functions(self)
        _check_watched(self)


def _check_functions(plan: Plan) -> None:
    """Check what is to be a function, before something is compiled that calls it."""
    check_objective(plan.objective)
    check_optimizer("optimizer", plan.optimizer)
    examples = {
        "gradient": "train.gradients.reverse",
        "augment": "train.data.flip",
        "learning_rate": "optax.cosine_decay_schedule(0.1, 1000)",
    }
    for name, example in examples.items():
        value, optional = getattr(plan, name), name != "gradient"
        if not (optional and value is None) and not (callable(value) or isinstance(value, OnBatch)):
            raise TypeError(f"{name} must be a function, such as {example}, got {value!r}")
    if plan.average is not None and not isinstance(plan.average, Ema):
        raise TypeError(f"average must be train.ema(decay), got {type(plan.average).__name__}")
    check_sharding("the train data", plan.sharding)


def _check_watched(plan: Plan) -> None:
    """Check what says when an epoch is better than another."""
    if plan.mode not in (None, "min", "max"):
        raise ValueError(f'mode must be "min" or "max", got {plan.mode!r}')
    if plan.monitor is not None and not isinstance(plan.monitor, str):
        raise TypeError(f"monitor must be the name of a curve, got {plan.monitor!r}")
    if plan.mode is None and not (plan.monitor or "loss").endswith("loss"):
        raise ValueError(
            f'monitor={plan.monitor!r} needs mode="min" or mode="max": say which is better'
        )
    if plan.mode == "max" and plan.monitor is None:  # which would keep the worst epoch
        raise ValueError(
            'mode="max" needs monitor=, the curve that is to be high, such as '
            '"validation_accuracy": without it the loss is watched, which is to be low'
        )
    if not (is_number(plan.min_delta) and 0 <= plan.min_delta < math.inf):
        raise ValueError(f"min_delta must be at least 0 and finite, got {plan.min_delta!r}")
