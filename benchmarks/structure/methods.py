"""What a function's structure allows, as methods that stand in a comparison beside the others."""

from collections.abc import Callable, Collection
from functools import partial
from typing import NamedTuple

import numpy as np
from jax.core import Tracer

from ..derivatives.method import Method, Probe, Program
from ..derivatives.problem import Problem, gradient_problem
from ..instrument.clock import work_left
from .choosing.further import further_ways
from .colouring.stars import is_symmetric
from .drawing.sketch import Sketch
from .drawing.sketching import sketch_of
from .pattern.detection import Pattern
from .pattern.marks import TooLargeError
from .pattern.whole import pattern_of_problem
from .sought import Sought
from .ways import MOST_DENSE, Way, constant, ways_of

#: A row must save this many times the passes of the better plain mode.
_SAVES = 2
#: Rows at most.
_MOST = 2
#: Functions of fewer inputs or outputs have nothing to save.
_FEW = 4


def structured(
    problem: Problem, *, order: int = 1, stops: Collection[str] = (), limit: float = 5.0
) -> tuple[Method, ...]:
    """Return the methods that a function's structure allows, the cheapest first; see `look_for`.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: x[1:] * x[:-1], (jnp.ones(20),))
        >>> [method.name for method in structured(problem)]
        ['coloured (forward, 2)', 'coloured (reverse, 2)']
    """
    return look_for(problem, order=order, stops=stops, limit=limit).methods


class Found(NamedTuple):
    """What looking at a function has found.

    Attributes:
        methods: The methods that its structure allows, the cheapest first.
        pattern: What depends on what; `None` where that is not known, or all on everything.
    """

    methods: tuple[Method, ...] = ()
    pattern: Sketch | None = None


def look_for(
    problem: Problem, *, order: int = 1, stops: Collection[str] = (), limit: float = 5.0
) -> Found:
    """Return the methods that a function's structure allows, and its pattern.

    Args:
        problem: What is differentiated.
        order: 1 for Jacobians, 2 for Hessians.
        stops: The modes that are impossible.
        limit: Seconds that looking may take; a quarter of them more for what needs no pattern.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: x[1:] * x[:-1], (jnp.ones(20),))
        >>> look_for(problem).pattern
        Sketch(19 x 20, 38 entries)
    """
    whole = problem if order == 1 else gradient_problem(problem)
    fewest = min(whole.n, whole.m)
    if fewest < _FEW or (order == 2 and not problem.scalar) or whole.n * whole.m * 8 > MOST_DENSE:
        return Found()
    shapes = problem.outputs.shapes if order == 1 else [leaf.shape for leaf in problem.x]
    left = work_left(limit)
    pattern = _pattern(whole, limit)
    rows = pattern.rows if pattern else None
    sketch = sketch_of(rows) if rows is not None and rows.nnz < whole.n * whole.m else None
    if pattern and pattern.curved:  # sums of directions tell nothing
        return Found((), sketch)
    sought = Sought(whole, rows, whole.n, work_left(max(left(), limit / 4)))
    others, _ = further_ways(sought)
    symmetric = order == 2 and is_symmetric(problem)
    ways = ways_of(whole, rows, shapes, whole.n, left=left, symmetric=symmetric)
    found = [way for way in ways if way.plan]
    found = sorted([*found, *others], key=lambda way: way.cost)
    found = [way for way in found if _SAVES * way.passes <= fewest and not way.modes & set(stops)]
    by_colours = [way for way in found if way.plan]
    if pattern and pattern.constant and by_colours:
        found = [constant(whole, by_colours[0]), *found]
    return Found(tuple(_method(way, problem, pattern, order) for way in found[:_MOST]), sketch)


def _pattern(problem: Problem, limit: float) -> Pattern | None:
    try:
        return pattern_of_problem(problem, work_left(limit))
    except TooLargeError:  # its program may tell more
        return None


def _method(way: Way, looked_at: Problem, pattern: Pattern | None, order: int) -> Method:
    types = [(leaf.shape, leaf.dtype) for leaf in (*looked_at.x, *looked_at.fixed)]
    places = way.bound | (pattern.bound if pattern and way.plan else frozenset())
    bound = {place: np.array(looked_at.fixed[place]) for place in places}

    def build(problem: Problem, probe: Probe) -> Program:
        del probe
        if [(leaf.shape, leaf.dtype) for leaf in (*problem.x, *problem.fixed)] != types:
            raise ValueError(f"{way.name} is a derivative for inputs of other shapes or dtypes")
        for place, value in bound.items():
            if isinstance(problem.fixed[place], Tracer):
                raise ValueError(
                    f"{way.name} is a derivative for the whole numbers among the inputs that were "
                    "given, which have no value inside of a transformation of JAX"
                )
            if not np.array_equal(np.asarray(problem.fixed[place]), value):
                raise ValueError(f"{way.name} is a derivative for other whole numbers")
        whole = problem if order == 1 else gradient_problem(problem)
        run: Callable[..., object] = partial(way.dense, whole, way.tables)
        return Program(run, (problem.x, problem.fixed))

    return Method(
        name=way.name,
        mode="mixed",
        kind="jacobian" if order == 1 else "hessian",
        order=order,
        requires=tuple(sorted(way.modes)) if way.passes else (),
        exact=True,
        summary=_summary(way),
        build=build,
        evaluations=lambda n, m: max(way.passes, 1),
    )


def _summary(way: Way) -> str:
    if not way.passes:
        return "computed once: it is the same for all inputs"
    return f"{way.passes:,} {'pass' if way.passes == 1 else 'passes'}: {way.why}"
