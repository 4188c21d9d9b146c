"""`structure`: what a function's Jacobian allows, from its program alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ..derivatives.inputs import read_inputs
from ..derivatives.outputs import read_function
from ..derivatives.problem import Problem, canonical
from ..instrument.clock import work_left
from ..program.arguments import Argnums
from ..program.messages import guarded
from ..program.names import line_of_function, name_of
from ..program.told import described
from .choosing.further import further_ways
from .colouring.plans import plans
from .drawing.shapes import shape_of
from .drawing.sketching import band_of, blocks_of, distinct
from .modes import blocked_modes
from .pattern.detection import Pattern
from .pattern.marks import TooLargeError
from .pattern.parts import linear_in
from .pattern.whole import pattern_of_problem
from .sought import Sought
from .structured import Structure

#: Seconds that looking may take.
_LIMIT = 5.0


def structure(fn: Callable[..., object], *inputs: object, argnums: Argnums = None) -> Structure:
    """Look at which outputs of `fn` may depend on which inputs; nothing is run.

    Read off the program of the JVP, so that it holds for every x (custom rules count as they are
    written). It may say too much, where values decide, and never too little (cf. A. Griewank, A.
    Walther, Evaluating Derivatives, 2008, ch. 7).

    Args:
        fn: A pure function of arrays or pytrees to an array or pytree.
        *inputs: Its arguments, or `jax.ShapeDtypeStruct`s in their place.
        argnums: The arguments to differentiate; `None` for every one that holds floats.

    Raises:
        TypeError: If `fn` is not callable or cannot be traced.
        ValueError: If `argnums` is out of range, nothing is there to be differentiated, JAX has no
            rule for it, or looking takes more than 5 seconds of computing or 2 GB.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import structure
        >>> found = structure(lambda x: x[1:] * x[:-1], jnp.ones(40))
        >>> found.colours
        {'coloured (forward, 2)': 2, 'coloured (reverse, 2)': 2}
        >>> found.lower, found.upper, found.unused
        (0, 1, 0)
    """
    if not callable(fn):
        raise TypeError(f"structure needs a function to look at, got {described(fn)}")
    read = read_inputs(inputs, argnums, inside=True, caller="structure")
    given, outputs = read_function(fn, read, has_aux=False, caller="structure")
    problem = canonical(fn, given, outputs, has_aux=False)
    left = work_left(_LIMIT)
    outputs_of = lambda x, f: jax.tree.leaves(problem.fn(x, f))  # noqa: E731
    pattern = _pattern(name_of(fn), problem, left)
    rows = pattern.rows
    lower, upper = band_of(rows)
    inside = [leaf.shape for leaf in problem.x]
    # Of a rule that is not linear in a direction, sums of directions tell nothing.
    chosen = [] if pattern.curved else plans(rows, inside, outputs.shapes, left=left)
    sought = Sought(problem, rows, problem.n, left, runs=False)
    others, _ = further_ways(sought)
    names, count = given.names_in_order, len(problem.x)
    parts, _ = guarded(
        "tell what is linear",
        lambda: linear_in(outputs_of, problem.x, problem.fixed, left),
        {},
    )
    return Structure(
        name=name_of(fn),
        m=problem.m,
        n=problem.n,
        starts=rows.indptr,
        columns=rows.indices,
        colours={plan.name: plan.count for plan in chosen},
        further={} if pattern.curved else {way.name: way.passes for way in others},
        constant=pattern.constant,
        blocks=blocks_of(rows),
        lower=lower,
        upper=upper,
        unused=problem.n - distinct(rows.indices, problem.n),
        linear=tuple(names[place] for place in parts),
        same_by=tuple(names[place] for place, same in parts.items() if same),
        unknown=(*pattern.unknown, *(f"{what}, not linear" for what in pattern.curved)),
        bound=bool(pattern.bound),
        shape=shape_of(rows),
        line=line_of_function(fn),
        reasons={way.name: way.why for way in others if way.why},
        inputs={names[place]: leaf.size for place, leaf in enumerate(problem.x)},
        free=tuple(names[count + place] for place, leaf in enumerate(problem.fixed) if _free(leaf)),
    )


def _pattern(name: str, problem: Problem, left: Callable[[], float]) -> Pattern:
    """Return the pattern of a function that has one.

    Raises:
        TooLargeError: If it is too large to be looked at.
        ValueError: If JAX can differentiate the function in neither mode.
    """
    try:
        return pattern_of_problem(problem, left)
    except TooLargeError as error:
        raise TooLargeError(
            f"structure cannot tell what depends on what in {name}: {error}; give a smaller size, "
            "or take gradwise.jacobian, which takes a plain mode there"
        ) from None
    except Exception:  # whatever JAX raises where it has no rule
        blocked = blocked_modes(problem)
        if not {"forward", "reverse"} <= blocked.keys():
            raise
        reason = blocked["forward"].reason
        raise ValueError(f"{name} has no derivative in JAX: {reason}") from None


def _free(leaf: object) -> bool:
    """Whether a leaf holds whole numbers or truth values that nobody has given."""
    floating = jnp.issubdtype(getattr(leaf, "dtype", jnp.float32), jnp.inexact)
    return isinstance(leaf, jax.ShapeDtypeStruct) and not floating
