"""Small linear systems that are solved one after the other, and could be solved in one batch."""

from collections.abc import Iterator

from ..advice import Advice
from ..jaxpr import names
from ..loops import of_scan
from .scope import Scope, Step

_FACTORIZATIONS = names("lu cholesky eigh qr svd eig householder_product")
#: A system up to this size takes less time than the call that solves it.
_SMALL = 64
#: Fewer systems are not worth a word.
_FEW = 8


def find_small_solves(program: Scope) -> Iterator[Advice]:
    """Find small systems in a row, written out or in a loop that hands nothing on.

    Under `jax.vmap` a solve is a batch already, jitted or not.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def solved(a, b):
        ...     return jax.lax.map(lambda pair: jnp.linalg.solve(*pair), (a, b))
        >>> traced = jax.make_jaxpr(solved)(jnp.ones((9, 3, 3)), jnp.ones((9, 3)))
        >>> [advice.what for advice in find_small_solves(read_scopes(traced, [True, True]))]
        ['9 systems of 3 unknowns are solved one after the other']
    """
    for scope in program.every():
        holder = scope.holder
        if scope.kind == "scan" and holder is not None and _hands_nothing_on(holder):
            alone = next((s for s in scope.steps if _is_small(s)), None)
            if alone is not None and (scope.turns or 0) >= _FEW:
                yield _advice(alone, scope.turns or 0)
        yield from _written_out(scope)


def _is_small(step: Step) -> bool:
    return step.name in _FACTORIZATIONS and _size(step) <= _SMALL


def _size(step: Step) -> int:
    return max(step.inputs[0].shape[-2:])


def _hands_nothing_on(loop: Step) -> bool:
    """Whether the turns of a scan know nothing of one another, but for what counts them."""
    return not any(value.floats for value in of_scan(loop.eqn, loop.bodies[0].inputs).carry)


def _written_out(scope: Scope) -> Iterator[Advice]:
    """Find systems of one size that no one of them is needed for another of."""
    groups: dict[tuple, list[Step]] = {}
    for step in scope.steps:
        if _is_small(step) and len(step.inputs[0].shape) == 2:
            key = (step.name, step.inputs[0].shape, step.inputs[0].dtype.name)
            groups.setdefault(key, []).append(step)
    for steps in groups.values():
        different = {step.inputs[0].number: step for step in steps}
        if len(different) >= _FEW and _longest_chain(scope, steps) == 1:
            yield _advice(steps[0], len(different))


def _longest_chain(scope: Scope, steps: list[Step]) -> int:
    """Return how many of some steps at most need one another's results."""
    depths: dict[int, int] = {}
    chosen = set(map(id, steps))
    deepest = 0
    for step in scope.steps:
        depth = max((depths.get(id(value), 0) for value in step.inputs), default=0)
        depth += id(step) in chosen
        deepest = max(deepest, depth)
        depths |= dict.fromkeys(map(id, step.outputs), depth)
    return deepest


def _advice(step: Step, count: int) -> Advice:
    unknowns = _size(step)
    return Advice(
        pattern="small solves",
        what=f"{count:,} systems of {unknowns} unknowns are solved one after the other",
        line=step.line,
        cure="solve them in one batch",
        code=f"# As [{count}, {unknowns}, {unknowns}], bs [{count}, {unknowns}]\n"
        "xs = jax.vmap(jnp.linalg.solve)(As, bs)",
        saves=f"{count - 1:,} of {count:,} calls of LAPACK, and as many compilations if they are "
        "written out"
        if step.scope.kind != "scan"
        else f"{count - 1:,} of {count:,} turns",
        factor=1 + count / _FEW,
    )
