"""A callback into Python: in a loop it stops the device in every turn."""

from collections.abc import Iterator

from ..advice import Advice
from ..jaxpr import names
from .scope import Scope, Step

_CALLBACKS = names("pure_callback io_callback debug_callback debug_print")
#: A callback in a loop of fewer turns is not worth a word.
_FEW_TURNS = 8


def find_callbacks(program: Scope) -> Iterator[Advice]:
    """Find callbacks inside of loops, and those that a batch of directions runs one by one.

    Example:
        >>> import jax
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def noisy(i, x):
        ...     jax.debug.print("{}", x)
        ...     return 2 * x
        >>> traced = jax.make_jaxpr(lambda x: jax.lax.fori_loop(0, 9, noisy, x))(1.0)
        >>> [advice.what for advice in find_callbacks(read_scopes(traced, [True]))]
        ['a loop of 9 turns calls Python in each of them']
    """
    for scope in program.every():
        for step in scope.steps:
            loop = scope.loop
            if step.name not in _CALLBACKS:
                continue
            if loop is not None and (loop.turns is None or loop.turns >= _FEW_TURNS):
                yield _in_loop(step, loop)
            elif _one_by_one(step):
                yield _in_batch(step)


def _in_loop(step: Step, loop: Scope) -> Advice:
    counted = f"{loop.turns:,} turns" if loop.turns is not None else "unknown length"
    silent = step.name.startswith("debug")
    return Advice(
        pattern="callback in a loop",
        what=f"a loop of {counted} calls Python in each of them",
        line=step.line,
        cure="return the numbers as outputs of the loop, and show them after it"
        if silent
        else "compute it in JAX, or call Python once for all turns",
        code=_CODE_OF_PRINTS if silent else _CODE_OF_CALLS,
        saves="a stop of the device in every turn",
        factor=float(loop.turns or _FEW_TURNS),
    )


_CODE_OF_PRINTS = """\
# body returns (carry, what you print)
carry, seen = jax.lax.scan(body, carry, xs)
print(seen)"""
_CODE_OF_CALLS = """\
like = jax.ShapeDtypeStruct(xs.shape, xs.dtype)
ys = jax.pure_callback(f, like, xs)     # once, before the loop
carry, _ = jax.lax.scan(body, carry, ys)"""


def _one_by_one(step: Step) -> bool:
    """Whether a batch of directions calls Python for each: its operands are differentiated."""
    method = step.eqn.params.get("vmap_method")
    return method == "sequential" and any(value.active for value in step.inputs)


def _in_batch(step: Step) -> Advice:
    return Advice(
        pattern="callback one by one",
        what="a callback is run once for each direction of a Jacobian",
        line=step.line,
        cure="let it take a whole batch",
        code=_CODE_OF_BATCH,
        saves="a call of Python for every direction but one",
        factor=1.5,
    )


_CODE_OF_BATCH = """\
# f is NumPy, and takes arrays with any axes before its own
y = jax.pure_callback(f, shape, x, vmap_method="expand_dims")"""
