"""What a training begins with: its data, its options and its checkpoint, checked."""

from __future__ import annotations

from dataclasses import replace

import jax

from .. import data as datasets
from .._checks import positive
from .._global_arrays import check_global
from .._places import replicate_over_mesh_of
from .._sharding import spread_of
from .._types import Data, Tree
from ..checkpoints.folder import RunFolder
from ..checkpoints.position import Position
from ..curves import History
from ..data.accepted import check_source, data_set, data_sets
from ..steps import TrainState
from ..steps.optional import check_targets
from ..steps.state import check_train_state
from .best_on_host import with_best
from .carry import Carry, before_resume, check_not_given_away, resumed, start
from .placement import Placement
from .plan import Plan
from .sources import Source
from .task import Task


def check_stream_options(task: Task) -> Task:
    """Return a task once the options that only host batches have are checked."""
    options = {"steps_per_epoch": task.steps_per_epoch, "every_steps": task.every_steps}
    for name, value in options.items():
        if value is not None and isinstance(task.train_data, tuple):
            raise ValueError(
                f"{name}={value} needs host batches; arrays are trained on in whole epochs: leave "
                "it out, or pass a function of the epoch that makes batches"
            )
    given = {name: value for name, value in options.items() if value is not None}
    return replace(task, **{name: positive(name, value) for name, value in given.items()})


def accepted(plan: Plan, task: Task) -> Task:
    """Return a task with its data as arrays, and sources as they are, once they are checked.

    A source begins anew for each epoch, but one without an end is read on.
    """
    check_train_state("fit", task.train_state, plan.optimizer)
    check_not_given_away(task.train_state)
    train_data, validation = task.train_data, task.validation
    if isinstance(train_data, tuple):
        sets = data_sets(train_data, validation, batch_size=plan.batch_size)
        check_targets(plan.objective, task.train_state, *sets)
        return replace(task, train_data=sets[0], validation=sets[1])
    endless = task.steps_per_epoch is not None
    check_source("train_data", train_data, epochs=1 if endless else task.epochs)
    if isinstance(validation, tuple):
        validation = data_set("the validation data", validation)
        check_global("the validation data", validation)
    elif validation is not None:
        check_source("validation", validation, epochs=task.epochs)
    return replace(task, validation=validation)


def made_with(plan: Plan, task: Task) -> dict[str, int | bool | str]:
    """Return the options, and what else, without which a resumed run would be another one."""
    options: dict[str, int | bool | str] = {"validation": task.validation is not None}
    # The best figure in a checkpoint is one of the curve that was watched.
    options |= {"monitor": plan.monitor or "the loss", "mode": plan.mode or "min"}
    options |= {"keep_best": bool(plan.keep_best), "average": plan.average is not None}
    if isinstance(task.train_data, tuple):  # else the source decides what an epoch is
        options |= {"batch_size": plan.batch_size, "rows": datasets.length(task.train_data)}
        options["shuffle"] = _shuffling(plan, task.train_state, task.train_data)
    elif task.steps_per_epoch is not None:
        options["steps_per_epoch"] = task.steps_per_epoch
    return options | precision()


def _shuffling(plan: Plan, train_state: TrainState, train_data: Tree) -> str:
    """Return in words what the order of the rows depends on, beside the key and the epoch."""
    spread = spread_of(train_data, plan.sharding, train_state)
    if spread is None or spread.devices == 1 or plan.shuffle == "global":
        return "global"  # which is "local", too, where there is one block of rows
    return f"local over {spread.devices} devices"


def precision() -> dict[str, int | bool | str]:
    """Return the settings of JAX that decide how numbers are rounded.

    Example:
        >>> with jax.default_matmul_precision("bfloat16"):
        ...     precision()["matmul_precision"]
        'bfloat16'
    """
    values = jax.config.values  # the type of `jax.config` declares none of them
    matmul = values["jax_default_matmul_precision"] or "default"
    return {"matmul_precision": matmul, "x64": values["jax_enable_x64"]}


def begin(
    plan: Plan,
    folder: RunFolder,
    key: jax.Array,
    train_state: TrainState,
    train_data: Data | Source,
    placement: Placement | None,
    *,
    donate: bool,
) -> tuple[Carry, History, Position]:
    """Return the run, its curves and its position to go on from: a checkpoint's, or new ones."""
    if folder.has_checkpoints():
        carry = before_resume(plan, train_state)
    else:
        carry = start(plan, train_state, donate=donate)
    if placement is None:
        carry = replicate_over_mesh_of(carry, train_data)
    else:
        carry = placement.replicate(carry)
    carry = with_best(plan, carry, train_state)
    sections, history, position = folder.resume(carry._asdict(), key)
    if position.batches and isinstance(train_data, tuple):
        raise ValueError(
            f"the newest checkpoint in {folder.path} is from within an epoch of host batches: "
            "resume with them"
        )
    carry = resumed(plan, Carry(**sections))
    return with_best(plan, carry, carry.watch.best), history, position
