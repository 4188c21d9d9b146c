"""Many products with one Jacobian: the function's loops are run again for each of them.

XLA computes equal operations once, but merges no loops: a Python loop over `jax.jvp` or `jax.vjp`
of a function that holds one runs it as often as there are products.
"""

from collections.abc import Iterator

from ..advice import Advice
from .scope import LOOPS, Scope, Step
from .words import times

#: Fewer products are not worth a word.
_FEW = 3


def find_tangents(program: Scope) -> Iterator[Advice]:
    """Find products with one Jacobian that are taken one after the other.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def f(x):
        ...     return jax.lax.scan(lambda y, _: (jnp.sin(y), None), x, length=9)[0]
        >>> def products(x):
        ...     return sum(jax.jvp(f, (x,), (i * x,))[1] for i in range(4))
        >>> traced = jax.make_jaxpr(products)(1.0)
        >>> [advice.what for advice in find_tangents(read_scopes(traced, [True]))]
        ['one function is differentiated at one point 4 times over']
    """
    for scope in program.every():
        groups: dict[tuple, list[Step]] = {}
        for step in scope.steps:
            if _pushes_forward(step) and not _is_linearized(step):
                groups.setdefault((step.name, str(step.eqn.params)), []).append(step)
        for steps in groups.values():
            if len(steps) >= _FEW and _share_a_point(steps):
                yield _advice(steps)


def _pushes_forward(step: Step) -> bool:
    return step.name in LOOPS and "jvp(" in step.under and "transpose(" not in step.under


def _is_linearized(step: Step) -> bool:
    """Whether a loop takes what another one has kept for it, as after `jax.linearize`."""
    makers = [value.maker for value in step.inputs]
    return any(maker is not None and _pushes_forward(maker) for maker in makers)


def _share_a_point(steps: list[Step]) -> bool:
    """Whether loops start from the same numbers, beside tangents that differ."""
    floats = [
        {value.number for value in step.inputs if value.floats and value.constant is None}
        for step in steps
    ]
    return bool(set.intersection(*floats))


def _advice(steps: list[Step]) -> Advice:
    count = len(steps)
    return Advice(
        pattern="repeated products",
        what=f"one function is differentiated at one point {count} times over",
        line=steps[0].line,
        cure="linearize it once, and apply that to all directions",
        code=_CODE,
        saves=f"{times(count)} the runs of its loops",
        factor=float(count),
    )


_CODE = """\
y, push = jax.linearize(f, x)   # or: y, pull = jax.vjp(f, x)
products = jax.vmap(push)(jnp.stack(tangents))"""
