"""A method's result computed once more: in float64, by coarse operations, at high precision."""

from typing import Any

import jax

from ..check.error import Deviation, deviation
from ..check.float64 import in_float64, run_in_float64
from ..check.noise import coarse
from ..derivatives.method import Method
from ..program.wide_values import wide_operation
from ..program.widening import Operation
from .experiment import Experiment
from .pace import pace_of
from .search import Choice, settled_again

_SEED = 1


def is_retraced(method: Method) -> bool:
    """Whether a method is more than the function: user's code, or of complex numbers."""
    return method.from_user or "complex_step" in method.requires


def precisely(method: Method, experiment: Experiment, choice: Choice) -> Deviation:
    """Return how far the method is off in float64, where rounding hides nothing."""
    result = _widened(choice, experiment) if is_retraced(method) else None
    with in_float64(experiment.problem, experiment.probe) as (problem, probe):
        if result is None:
            description = method.build(problem, probe)
            program = settled_again(description, choice, experiment.limits)
            result = pace_of(experiment.limits.left).run(program.fn, *program.args)
    return _in_float64(method, experiment, result)


def coarsely(method: Method, experiment: Experiment, choice: Choice) -> Deviation:
    """Return how far the method is off where its operations round to 40 bits in place of 53."""
    return _in_float64(method, experiment, _widened(choice, experiment, coarse(_SEED)))


def at_highest(method: Method, experiment: Experiment, choice: Choice) -> float:
    """Return how far the method is off where matrix products are of the highest precision."""
    problem, truth = experiment.truth_for(method)
    with jax.default_matmul_precision("highest"):
        pace = pace_of(experiment.limits.left)
        result = pace.run(choice.program.fn, *choice.program.args)
    return deviation(method, result, problem, experiment.probe, truth).fault


def _in_float64(method: Method, experiment: Experiment, result: Any) -> Deviation:
    """Compare a result in float64 with the truth."""
    target, truth = experiment.truth_for(method)
    with in_float64(experiment.problem, experiment.probe) as (problem, probe):
        wide = target._replace(x=problem.x, fixed=problem.fixed)
        return deviation(method, result, wide, probe, truth)


def _widened(choice: Choice, experiment: Experiment, operation: Operation = wide_operation) -> Any:
    """Return what the very program that was run gives with its floats widened."""
    fn, args = choice.program.fn, choice.program.args
    program, shapes = jax.make_jaxpr(fn, return_shape=True)(*args)
    pace = pace_of(experiment.limits.left)
    results = run_in_float64(program, jax.tree.leaves(args), pace, operation)
    return jax.tree.unflatten(jax.tree.structure(shapes), results)
