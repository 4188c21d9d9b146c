"""Which outputs of a function may depend on which inputs, for every x, read off its JVP's program.

The JVP is linear in the tangent, custom rules are written out in it, and what has no slope is not
in it; so some thirty rules say how marks pass (cf. A. H. Gebremedhin, F. Manne, A. Pothen, What
Color Is Your Jacobian?, 2005; A. Griewank and A. Walther, Evaluating Derivatives, 2008, ch. 7).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr
from scipy.sparse import csr_array, vstack

from ...instrument.clock import work_left
from ...program.jaxpr import kind, shape, trace
from ...program.walk import equations
from .held import OPAQUE
from .loops import LOOPS
from .marks import MOST_ENTRIES, Held, Marked, TooLargeError, Value, identity, nothing
from .parts import uses
from .walking import Walk

#: Seconds that looking may take.
_LIMIT = 5.0


class Pattern(NamedTuple):
    """Which outputs may depend on which inputs.

    Attributes:
        rows: `[m, n]`, an entry for each number that may be other than zero at some x.
        unknown: Operations that no rule is known for, with their lines; they mix everything.
        curved: Operations of custom rules that are not linear in the direction, with their lines:
            a sum of directions does not tell what single ones do.
        bound: Which of the fixed arguments' values it depends on, by their places.
        constant: Whether the Jacobian is the same for all inputs.
    """

    rows: csr_array
    unknown: tuple[str, ...] = ()
    bound: frozenset[int] = frozenset()
    constant: bool = False
    curved: tuple[str, ...] = ()


def find_pattern(
    fn: Callable[..., Sequence[jax.Array]],
    x: Sequence[Any],
    fixed: Sequence[Any] = (),
    *,
    limit: float = _LIMIT,
    left: Callable[[], float] | None = None,
) -> Pattern:
    """Return the pattern of the Jacobian of `fn(x, fixed)` by `x`; nothing is run.

    Args:
        fn: A function of two sequences of arrays to a sequence of float arrays.
        x: What is differentiated: arrays or `ShapeDtypeStruct`s of floats.
        fixed: What is not. Integer arrays among them that have values are bound: the pattern holds
            for these.
        limit: Seconds that this may take,
        left: or what tells how many of them are left.

    Raises:
        TooLargeError: If the pattern, or looking for it, outgrows the limits.

    Example:
        >>> import jax.numpy as jnp
        >>> pattern = find_pattern(lambda x, _: [x[0][1:] * x[0][:-1]], [jnp.ones(4)])
        >>> pattern.rows.toarray()
        array([[1, 1, 0, 0],
               [0, 1, 1, 0],
               [0, 0, 1, 1]], dtype=int8)
    """
    values = [_argument(place, leaf) for place, leaf in enumerate(fixed)]
    walk, program = Walk(left or work_left(limit), LOOPS), _pushed(fn, x, fixed)
    if program is not None:
        marked = _identity_of(x)
        results = walk.run(program, [*[OPAQUE] * len(x), *marked, *values])
        rows = _joined(results, program, marked)
    else:
        outputs = jax.eval_shape(fn, x, fixed)
        program = trace(lambda x, t, f: jax.vjp(lambda x: fn(x, f), x)[1](t)[0], x, outputs, fixed)
        marked = _identity_of(outputs)
        results = walk.run(program, [*[OPAQUE] * len(x), *marked, *values])
        rows = csr_array(_joined(results, program, marked).T.tocsr())
    # Its inputs are x, the marked ones, and what is fixed.
    others = range(len(program.jaxpr.invars) - len(fixed), len(program.jaxpr.invars))
    constant = not program.jaxpr.effects and not uses(program, [*range(len(x)), *others])
    unknown, curved = (tuple(dict.fromkeys(told)) for told in (walk.unknown, walk.curved))
    return Pattern(rows, unknown, frozenset(walk.bound), constant, curved)


def _pushed(
    fn: Callable[..., Sequence[jax.Array]], x: Sequence[Any], fixed: Sequence[Any]
) -> ClosedJaxpr | None:
    """Return the program of the JVP; `None` where a rule only says how to go backwards."""
    try:
        program = trace(lambda x, t, f: jax.jvp(lambda x: fn(x, f), (x,), (t,))[1], x, x, fixed)
    except TypeError:
        return None
    one_way = any(kind(eqn) == "custom_lin" for eqn, _ in equations(program))
    return None if one_way else program


def _argument(place: int, leaf: Any) -> Value:
    """Bind the values of an array of integers or truth values; of floats nothing is assumed."""
    whole = jnp.issubdtype(leaf.dtype, jnp.integer) or leaf.dtype == bool
    if not whole or isinstance(leaf, (jax.ShapeDtypeStruct, Tracer)):
        return OPAQUE
    return Held(lambda: [leaf], frozenset({place}))


def _identity_of(leaves: Sequence[Any]) -> list[Marked]:
    sizes = [math.prod(leaf.shape) for leaf in leaves]
    if sum(sizes) > MOST_ENTRIES:
        raise TooLargeError(f"{sum(sizes):,} numbers")
    every, start, marked = identity(sum(sizes)), 0, []
    for leaf, size in zip(leaves, sizes, strict=True):
        marked.append(Marked(csr_array(every[start : start + size]), leaf.shape))
        start += size
    return marked


def _joined(results: Sequence[Value], program: ClosedJaxpr, marked: Sequence[Marked]) -> csr_array:
    """Return the rows of all results; what is not marked depends on nothing."""
    n = marked[0].rows.shape[1]
    atoms = program.jaxpr.outvars
    parts = [
        r.rows if isinstance(r, Marked) else nothing(math.prod(shape(atom)), n)
        for r, atom in zip(results, atoms, strict=True)
    ]
    return csr_array(vstack(parts, format="csr"))
