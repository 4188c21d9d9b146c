"""Batches of tangents and of cotangents: what each further one costs, and where the modes cross."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import numpy as np

from ..derivatives.problem import Leaves, Output, Problem
from ..instrument.compile import Compiled, CompileTimeoutError, compile_for
from ..instrument.deadline import TimeUpError, within
from ..instrument.fits import Line, crossing, fit_line
from ..instrument.samples import Samples
from ..instrument.timing import run_once
from .experiment import Experiment
from .findings import Crossover, ModeLine

#: Directions in a batch, as far as the function has as many.
_SIZES = (1, 4, 16, 64, 256)

#: A batch by its mode and its size.
Batch = tuple[str, int]


def compile_batches(experiment: Experiment, seed: int) -> dict[Batch, Compiled]:
    """Compile both modes at every batch size, while there is time; none if a mode is impossible.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.comparison.experiment import make_experiment
        >>> from benchmarks.comparison.reading import read_program
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(jnp.sin, (jnp.ones(5),))
        >>> reading = read_program(problem)
        >>> experiment = make_experiment(problem, reading, order=1, budget=1.0, seed=0)
        >>> list(compile_batches(experiment, 0))
        [('forward', 1), ('forward', 4), ('reverse', 1), ('reverse', 4)]
    """
    if experiment.obstacles.keys() & {"forward", "reverse"}:
        return {}
    problem, random = experiment.problem, np.random.default_rng(seed)
    outputs = jax.eval_shape(problem.fn, problem.x, problem.fixed)
    modes = {"forward": (_push, problem.x, problem.n), "reverse": (_pull, outputs, problem.m)}
    compiled = {}
    for mode, (build, like, most) in modes.items():
        for size in (size for size in _SIZES if size <= max(most, _SIZES[1])):  # a line is two
            directions = jax.tree.map(lambda leaf, k=size: _normal(random, k, leaf), like)
            args = (problem.x, problem.fixed, directions)
            try:
                batch = compile_for(build(problem), args, limit=experiment.limits.left() / 2)
                within(experiment.limits.left() / 2, partial(run_once, batch.call), "one batch")
            except (CompileTimeoutError, TimeUpError):
                break  # a larger batch takes longer still
            compiled[mode, size] = batch
    return compiled


def fit_crossover(samples: Mapping[Batch, Samples], outputs: int) -> Crossover | None:
    """Fit a line to each mode's batches, and find their crossing.

    `None` unless both modes have two sizes.
    """
    lines: dict[str, Line] = {}
    shown: dict[str, ModeLine] = {}
    for mode in ("forward", "reverse"):
        sizes = {size: taken.wall for (of, size), taken in samples.items() if of == mode}
        if len(sizes) < 2:
            return None
        lines[mode] = line = fit_line(list(sizes), list(sizes.values()))
        shown[mode] = ModeLine(
            sizes=tuple(sizes),
            seconds=tuple(float(np.median(wall)) for wall in sizes.values()),
            intercept=line.intercept,
            slope=line.slope,
        )
    inputs = crossing(lines["forward"], lines["reverse"], outputs)
    return Crossover(forward=shown["forward"], reverse=shown["reverse"], inputs=inputs)


def _push(problem: Problem) -> Callable[[Leaves, Leaves, Leaves], object]:
    def program(x: Leaves, fixed: Leaves, tangents: Leaves) -> object:
        def along(tangent: Leaves) -> Output:
            return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1]

        return jax.vmap(along)(tangents)

    return program


def _pull(problem: Problem) -> Callable[[Leaves, Leaves, Output], object]:
    def program(x: Leaves, fixed: Leaves, cotangents: Output) -> object:
        _, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
        return jax.vmap(pull)(cotangents)

    return program


def _normal(random: np.random.Generator, count: int, like: jax.Array) -> np.ndarray:
    return random.standard_normal((count, *like.shape)).astype(like.dtype)
