"""A Jacobian that is sparse plus low rank: hold a few numbers still, colour the rest, add them.

A mean, a norm or a sum over all inputs makes a Jacobian dense by a few numbers alone. With these
as `s(x)` and the function as `F(x, s)`, `J = F_x + F_s s_x`: `F_x` takes a few colours, `F_s` a
pass forward and `s_x` one backward for each of these numbers.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Var
from scipy.sparse import csr_array

from ...check.float64 import own_program
from ...derivatives.jacobians import Jacobian, one_hot
from ...derivatives.problem import Leaves, Problem
from ...instrument.units import counted
from ..colouring.compressed import dense_jacobian
from ..colouring.plans import Plan, plans, proves
from ..colouring.products import products
from ..colouring.tables import tables_of
from ..pattern.detection import find_pattern
from ..pattern.marks import TooLargeError, extents
from ..sought import Sought
from ..ways import FORWARD, REVERSE, Way, gathered, product
from .flat import Flat, before_cut, flat, lines_of, part, size_of, variables
from .pieces import Piece

#: A split saves at least this many times the passes.
_SAVES = 2
#: A value is narrow if the inputs and the outputs hold so many times more.
_NARROW = 8


class Split(NamedTuple):
    """A program with some values held still.

    Attributes:
        narrow: The program's inputs to these values.
        rest: The inputs, and these values, to the outputs.
        size: How many numbers they are.
        lines: The user's lines that compute these values.
    """

    narrow: Piece
    rest: Piece
    size: int
    lines: tuple[str, ...] = ()


def split(sought: Sought) -> Way | None:
    """Return the way by a sparse part and one of low rank, if that saves passes.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jnp.sin(x) / jnp.sum(x**2), (jnp.ones(20),))
        >>> way = split(Sought(problem))
        >>> way.name, way.passes
        ('split (1+1+1)', 3)
    """
    problem = sought.problem
    outputs = [leaf.shape for leaf in jax.tree.leaves(_outputs(problem))]
    parts = sparse_and_narrow(problem, sought.rows, sought.m, outputs, sought.left)
    if parts is None:
        return None
    found, left, colours = parts

    def dense(problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Jacobian:
        return _sum(found, problem, tables, x, fixed)

    forward = (found.size + colours.forward.count) * FORWARD
    reverse = (found.size + colours.reverse.count) * REVERSE
    cost = (forward + reverse) * sought.operations
    cost += sought.m * sought.n * (1 + found.size) * 0.25
    name = f"split ({found.size:,}+{colours.count:,}+{found.size:,})"
    why = f"with {counted(found.size, 'number')} held still, the rest is sparse"
    why += f", those of {', '.join(found.lines)}" if found.lines else ""
    passes = 2 * found.size + colours.count
    tables = tables_of(left, colours, problem, outputs)
    return Way(name, passes, cost, dense, gathered(dense, sought.rows), tables, why=why)


def sparse_and_narrow(
    problem: Problem,
    rows: csr_array | None,
    m: int,
    outputs: Sequence[tuple[int, ...]],
    remaining: Callable[[], float],
) -> tuple[Split, csr_array, Plan] | None:
    """Return the values to hold still, the pattern of what is left, and its colours.

    Args:
        problem: What is differentiated; its inputs may be `ShapeDtypeStruct`s.
        rows: The pattern of its Jacobian; `None` if it is not known.
        m: How many numbers its outputs hold.
        outputs: The shapes of these.
        remaining: Tells how many seconds are left.
    """
    most = min(problem.n, m) // _SAVES
    found = _find(problem, m, most // 2)
    if found is None:
        return None
    left = _left(found, problem, remaining())
    if left is None or not _pays(left, rows, most - 2 * found.size):
        return None
    colours = coloured(left, problem, outputs, remaining)
    if colours is None or 2 * found.size + colours.count > most:
        return None
    return found, left, colours


def _outputs(problem: Problem) -> Any:
    return jax.eval_shape(problem.fn, problem.x, problem.fixed)


def _find(problem: Problem, m: int, most: int) -> Split | None:
    """Hold the fewest numbers that are on every path through any narrow value."""
    whole = flat(own_program(problem), len(problem.x)) if most else None
    if whole is None:
        return None
    held = _held(whole, min(problem.n, m) // _NARROW, most)
    if not held:
        return None
    jaxpr = whole.program.jaxpr
    narrow = part(whole, jaxpr.invars, held)
    rest = part(whole, [*jaxpr.invars, *held], jaxpr.outvars)
    return Split(narrow, rest, int(sum(map(size_of, held))), lines_of(whole, held))


def _held(whole: Flat, narrow: int, most: int) -> list[Var] | None:
    """Return the least of the narrow values that meet every path through one of them.

    A wide value is two nodes, `2 i` where no narrow one was passed and `2 i + 1` where one was; a
    narrow one is an edge between them, and so are equations two nodes. Paths end at the latter.
    """
    active, jaxpr, endless = whole.active, whole.program.jaxpr, most + 1
    source, sink = 2 * len(active), 2 * len(active) + 1
    is_narrow = {v: size_of(v) <= narrow for v in active}
    edges: list[tuple[int, int, float]] = [(source, 2 * active[v], endless) for v in whole.inputs]
    edges += [(2 * i, 2 * i + 1, size_of(v)) for v, i in active.items() if is_narrow[v]]
    edges += [(2 * active[v] + 1, sink, endless) for v in {*variables(jaxpr.outvars)} & {*active}]
    for place, eqn in enumerate(jaxpr.eqns):
        before = sink + 1 + 2 * place
        operands = {v for v in variables(eqn.invars) if v in active}
        for v in operands:
            edges.append((2 * active[v] + 1, before + 1, endless))
            edges += [] if is_narrow[v] else [(2 * active[v], before, endless)]
        for v in eqn.outvars if operands else ():
            if v in active:
                end = 2 * active[v]
                after = end if is_narrow[v] else end + 1
                edges += [(before, end, endless), (before + 1, after, endless)]
    reached = before_cut(edges, source, sink, most)
    if reached is None:
        return None
    both = ((2 * i in reached, 2 * i + 1 in reached) for i in active.values())
    pairs = zip(active, both, strict=True)
    return [v for v, (start, end) in pairs if is_narrow[v] and start and not end]


def _left(found: Split, problem: Problem, limit: float) -> csr_array | None:
    """Return the pattern of what is left where the narrow values are held."""
    held = jax.eval_shape(found.narrow.own, *problem.x, *problem.fixed)

    def fn(x: Sequence[Any], fixed: Sequence[Any]) -> list[jax.Array]:
        return found.rest(*x, *fixed)

    try:
        pattern = find_pattern(fn, problem.x, (*problem.fixed, *held), limit=limit)
    except TooLargeError:
        return None
    if pattern.bound:  # other whole numbers, another pattern
        return None
    pattern.rows.sort_indices()
    return pattern.rows


def _pays(left: csr_array, rows: csr_array | None, most: int) -> bool:
    """Whether little enough is left to be worth colouring; where nothing is, it is a cut."""
    sparser = rows is None or left.nnz * _SAVES <= rows.nnz
    return 0 < left.nnz <= most * max(extents(left)) and sparser


def coloured(
    left: csr_array,
    problem: Problem,
    outputs: Sequence[tuple[int, ...]],
    remaining: Callable[[], float],
    stops: Collection[str] = (),
) -> Plan | None:
    """Return the fewest colours of a pattern; `None` if none are proved, or a mode stops them."""
    shapes = [leaf.shape for leaf in problem.x]
    proved = [plan for plan in plans(left, shapes, outputs, left=remaining) if proves(left, plan)]
    if "forward" in stops:
        proved = [plan for plan in proved if not plan.forward.count]
    if "reverse" in stops:
        proved = [plan for plan in proved if not plan.reverse.count]
    return min(proved, key=lambda plan: plan.count, default=None)


def _sum(found: Split, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Jacobian:
    """Return the Jacobian with the structure of `jax.jacrev`."""
    outer, inner, still = factors(found, problem, x, fixed)
    low_rank = tuple(tuple(product(o, i) for i in inner) for o in outer)
    return dense_jacobian(still, tables, products(still, tables, x, still.fixed), low_rank)


def factors(
    found: Split, problem: Problem, x: Leaves, fixed: Leaves
) -> tuple[Leaves, Leaves, Problem]:
    """Return both factors of the part of low rank, `[size, *leaf]`, and the function of the rest.

    The first is of the outputs, the second of the inputs; the function takes the values that are
    held still as further fixed arguments.
    """

    def narrow(x: Leaves) -> Leaves:
        return tuple(found.narrow(*x, *fixed))

    def rest(x: Leaves, others: Leaves) -> Leaves:
        return tuple(found.rest(*x, *others))

    def push(tangent: Leaves) -> Leaves:
        return jax.jvp(lambda held: rest(x, (*fixed, *held)), (held,), (tangent,))[1]

    held, pull = jax.vjp(narrow, x)
    basis = jax.vmap(lambda index: one_hot(index, held))(jnp.arange(found.size))
    inner, outer = jax.vmap(pull)(basis)[0], jax.vmap(push)(basis)
    return outer, inner, problem._replace(fn=rest, fixed=(*fixed, *held))
