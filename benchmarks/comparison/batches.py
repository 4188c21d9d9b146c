"""Batches of tangents and of cotangents: what each further one costs, and where the modes cross."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ..derivatives.problem import Problem
from ..instrument.lines import Estimate, Line, crossing, fit_line
from ..instrument.timing import Compiled, Samples, compile_for
from .experiment import Case

#: Directions in a batch, as far as the function has as many.
_SIZES = (1, 4, 16, 64, 256)


class ModeLine(NamedTuple):
    """Seconds of a batch of k directions in one mode, and the line through them.

    Attributes:
        sizes: The batch sizes k.
        seconds: The median seconds of each.
        intercept: What a batch costs whatever its size.
        slope: What each further direction costs.
    """

    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    intercept: Estimate
    slope: Estimate


class Crossover(NamedTuple):
    """Where forward mode stops to be the faster one.

    Attributes:
        forward, reverse: What batches cost in each mode.
        inputs: For the outputs that the function has, how many inputs it may have until reverse
            mode is faster.
    """

    forward: ModeLine
    reverse: ModeLine
    inputs: Estimate


def compile_batches(case: Case, seed: int) -> dict[tuple[str, int], Compiled]:
    """The programs of both modes at every batch size; none where a mode cannot be.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.comparison.experiment import make_case
        >>> case = make_case(
        ...     jnp.sin, (jnp.ones(5),), argnums=None, order=1, budget=1.0, seed=0
        ... )
        >>> list(compile_batches(case, 0))
        [('forward', 1), ('forward', 4), ('reverse', 1), ('reverse', 4)]
    """
    if case.obstacles.keys() & {"forward", "reverse"}:
        return {}
    problem, random = case.problem, np.random.default_rng(seed)
    outputs = jax.eval_shape(problem.fn, problem.x, problem.fixed)
    modes = {"forward": (_push, problem.x, problem.n), "reverse": (_pull, outputs, problem.m)}
    compiled = {}
    for mode, (build, like, most) in modes.items():
        for size in (size for size in _SIZES if size <= max(most, _SIZES[1])):  # a line is two
            directions = jax.tree.map(lambda leaf, k=size: _normal(random, k, leaf), like)
            args = (problem.x, problem.fixed, directions)
            compiled[mode, size] = compile_for(build(problem), args)
    return compiled


def fit(samples: Mapping[tuple[str, int], Samples], outputs: int) -> Crossover | None:
    """The lines and their crossing; `None` unless both modes have two sizes."""
    lines: dict[str, Line] = {}
    shown: dict[str, ModeLine] = {}
    for mode in ("forward", "reverse"):
        own = {size: taken.wall for (of, size), taken in samples.items() if of == mode}
        if len(own) < 2:
            return None
        lines[mode] = line = fit_line(list(own), list(own.values()))
        medians = tuple(float(np.median(wall)) for wall in own.values())
        shown[mode] = ModeLine(tuple(own), medians, line.intercept, line.slope)
    inputs = crossing(lines["forward"], lines["reverse"], outputs)
    return Crossover(shown["forward"], shown["reverse"], inputs)


def _push(problem: Problem) -> Any:
    def program(x: tuple, fixed: tuple, tangents: tuple) -> Any:
        def along(tangent: tuple) -> Any:
            return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1]

        return jax.vmap(along)(tangents)

    return program


def _pull(problem: Problem) -> Any:
    def program(x: tuple, fixed: tuple, cotangents: Any) -> Any:
        _, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
        return jax.vmap(pull)(cotangents)

    return program


def _normal(random: np.random.Generator, count: int, like: Any) -> np.ndarray:
    return random.standard_normal((count, *like.shape)).astype(like.dtype)
