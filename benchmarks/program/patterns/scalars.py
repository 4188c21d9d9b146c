"""Many numbers where one array would do: each is an argument, a buffer and a kernel of its own."""

from collections import Counter
from collections.abc import Iterator

from ..advice import Advice
from ..loops import of_scan
from .scope import Scope, Step
from .words import times

#: From so many single numbers on, an array is worth a word: among inputs, and from turn to turn.
_MANY_LEAVES, _MANY_CARRIES = 16, 8
#: Fewer turns take no time.
_FEW_TURNS = 16


def find_scalar_leaves(program: Scope) -> Iterator[Advice]:
    """Find a function of many inputs of one number each.

    Example:
        >>> import jax
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> traced = jax.make_jaxpr(lambda x: sum(x))([1.0] * 20)
        >>> [advice.what for advice in find_scalar_leaves(read_scopes(traced, [True] * 20))]
        ['20 of the inputs are single numbers']
    """
    leaves = scalar_leaves(program)
    if len(leaves) >= _MANY_LEAVES:
        yield Advice(
            pattern="scalar leaves",
            what=f"{len(leaves)} of the inputs are single numbers",
            line="",
            cure="stack them in one array",
            code=_CODE_OF_LEAVES,
            saves=f"{len(leaves) - 1} arguments and as many results of every call",
            factor=1 + len(leaves) / _MANY_LEAVES,
        )


_CODE_OF_LEAVES = """\
flat, unravel = jax.flatten_util.ravel_pytree(params)
stacked = jax.jit(jax.grad(lambda flat: fn(unravel(flat))))
gradient = unravel(stacked(flat))"""


def scalar_leaves(program: Scope) -> list[int]:
    """Return the places of the differentiated inputs that are single numbers of the commonest type.

    Example:
        >>> import jax
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> traced = jax.make_jaxpr(lambda a, b: a * b)(1.0, jax.numpy.ones(3))
        >>> scalar_leaves(read_scopes(traced, [True, True]))
        [0]
    """
    single = [
        (place, value.dtype.name)
        for place, value in enumerate(program.inputs)
        if value.active and value.floats and value.shape == ()
    ]
    commonest = Counter(dtype for _, dtype in single).most_common(1)
    return [place for place, dtype in single if dtype == commonest[0][0]]


def find_scalar_carries(program: Scope) -> Iterator[Advice]:
    """Find scans that hand on many single numbers.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def turn(i, numbers):
        ...     return [jnp.sin(x) for x in numbers]
        >>> traced = jax.make_jaxpr(lambda x: sum(jax.lax.fori_loop(0, 20, turn, [x] * 9)))(1.0)
        >>> [advice.pattern for advice in find_scalar_carries(read_scopes(traced, [True]))]
        ['scalar carries']
    """
    for scope in program.every():
        for step in scope.steps:
            if step.name == "scan" and (step.bodies[0].turns or 0) >= _FEW_TURNS:
                carries = scalar_carries(step)
                if len(carries) >= _MANY_CARRIES and not scope.ruled:
                    yield _advice_on_carries(step, len(carries))


def scalar_carries(loop: Step) -> list[int]:
    """Return the places of the single floats, all of one type, among what a scan hands on."""
    values = of_scan(loop.eqn, loop.bodies[0].inputs).carry
    single = [
        (place, value.dtype.name)
        for place, value in enumerate(values)
        if value.floats and value.active and value.shape == ()
    ]
    commonest = Counter(dtype for _, dtype in single).most_common(1)
    return [place for place, dtype in single if dtype == commonest[0][0]]


def _advice_on_carries(loop: Step, count: int) -> Advice:
    factor = 1 + count / _MANY_CARRIES
    return Advice(
        pattern="scalar carries",
        what=f"a loop of {loop.bodies[0].turns:,} turns hands on {count} single numbers, and its "
        "derivative keeps and moves each by itself",
        line=loop.line,
        cure="hand them on as one array",
        code=_CODE_OF_CARRIES,
        saves=f"{times(factor)} the buffers, by count",
        factor=factor,
    )


_CODE_OF_CARRIES = """\
def body(state, x):          # one array: work on all of it at once
    a, b, *others = state
    ...
    return jnp.stack([a, b, *others]), None
state, _ = jax.lax.scan(body, jnp.stack(numbers), xs)"""
