"""One matrix that is factored in two ways, where one factor would do for both.

XLA merges factorizations of one kind of one matrix, and lifts them out of loops: two calls of
`solve` are no concern. It does not know that a Cholesky factor solves what LU would.
"""

from collections.abc import Iterator

import numpy as np

from ..advice import Advice
from .scope import Scope, Step, Value, root
from .words import shaped

#: How one factor does for all; the first kind that a matrix has is the one to keep.
_CODES = {
    "cholesky": """\
c = jnp.linalg.cholesky(A)   # once
x = jax.scipy.linalg.cho_solve((c, True), b)    # not solve, inv
logdet = 2 * jnp.sum(jnp.log(jnp.diagonal(c)))  # not slogdet""",
    "eigh": """\
w, v = jnp.linalg.eigh(A)    # once
x = v @ ((v.T @ b) / w)      # not solve, inv
logdet = jnp.sum(jnp.log(w)) # not slogdet""",
}
#: What each kind costs, in n^3.
_COSTS = {"cholesky": 1 / 3, "lu": 2 / 3, "eigh": 9.0}
_NAMES = {"cholesky": "Cholesky", "lu": "LU (solve, inv, det)", "eigh": "eigh"}
#: Smaller matrices are factored in no time.
_SMALL = 8


def find_factorizations(program: Scope) -> Iterator[Advice]:
    """Find matrices that are factored in two ways.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> def likelihood(a, x):
        ...     spread = jnp.sum(jnp.log(jnp.diagonal(jnp.linalg.cholesky(a))))
        ...     return spread + x @ jnp.linalg.solve(a, x)
        >>> traced = jax.make_jaxpr(likelihood)(jnp.eye(9), jnp.ones(9))
        >>> [advice.what for advice in find_factorizations(read_scopes(traced, [True, True]))]
        ['float32[9, 9] is factored twice: as Cholesky and LU (solve, inv, det)']
    """
    found: dict[int, list[Step]] = {}
    for scope in program.every():
        for step in scope.steps:
            if step.name in _COSTS and step.inputs[0].shape[-1] >= _SMALL:
                found.setdefault(_plain(step.inputs[0]).number, []).append(step)
    for steps in found.values():
        kinds = {step.name: step for step in steps}
        if len(kinds) > 1:
            yield _advice(kinds)


def _plain(value: Value) -> Value:
    """Return the matrix that a value is, if it is made symmetric or cut off from derivatives."""
    value = root(value)
    step = value.maker
    if step is None:
        return value
    if step.name in ("stop_gradient", "copy"):
        return _plain(step.inputs[0])
    if step.name in ("div", "mul") and _is_half(step):
        total = step.inputs[0].maker
        if total is not None and total.name == "add":
            first, second = total.inputs
            if _is_transpose(second, first) or _is_transpose(first, second):
                return _plain(first if _is_transpose(second, first) else second)
    return value


def _is_half(step: Step) -> bool:
    number = step.inputs[1].constant
    return number is not None and np.size(number) == 1 and float(number) in (0.5, 2.0)


def _is_transpose(value: Value, of: Value) -> bool:
    step = value.maker
    return step is not None and step.name == "transpose" and step.inputs[0].number == of.number


def _advice(kinds: dict[str, Step]) -> Advice:
    kept = next(name for name in _CODES if name in kinds)
    cost = sum(_COSTS[name] for name in kinds)
    told = " and ".join(_NAMES[name] for name in _NAMES if name in kinds)
    spare = next(step for name, step in kinds.items() if name != kept)
    return Advice(
        pattern="two factorizations",
        what=f"{shaped(spare.inputs[0])} is factored twice: as {told}",
        line=spare.line,
        cure=f"use the factor of {'Cholesky' if kept == 'cholesky' else 'eigh'} for both",
        code=_CODES[kept],
        saves=f"{cost - _COSTS[kept]:.2g} n^3 of {cost:.2g} n^3 operations",
        factor=cost / _COSTS[kept] if cost < 3 else 1.1,
    )
