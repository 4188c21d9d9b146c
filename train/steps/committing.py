"""Make an update or leave everything as it was, in the buffers of what was before.

Whether a new parameter is finite is known only when all of them are, and by then something must
still hold the old parameters and the optimizer's old state. To hold both takes three times the
parameters with Adam. So the update is computed several times, once to be judged, once for the
parameters and once for each tree of the optimizer's state, which costs less than to read and write
what would be held: an update is a few operations on each entry, and the compiler makes one loop of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.extend import core

from .._text import excerpt
from .._types import Params, Tree
from .state import select

#: What is not computed again: it takes long, or it draws from a key.
_DEAR = ("dot_general", "conv_", "while", "scan", "cond", "sort", "top_k", "fft", "reduce_window")
_DEAR += ("cholesky", "eig", "svd", "qr", "lu", "triangular", "householder", "schur", "hessenberg")
_DEAR += ("tridiagonal", "random_", "custom_call", "callback", "ffi_call", "shard_map", "pallas")


class Given(NamedTuple):
    """What an update is made of."""

    slope: Params
    opt_state: Tree
    params: Params
    value: jax.Array


#: `propose(given) -> (params, opt_state)`, the new ones.
Propose: TypeAlias = Callable[[Given], tuple[Params, Tree]]


def commit(
    propose: Propose, given: Given, judge: Callable[[Params], tuple[jax.Array, jax.Array]]
) -> tuple[Params, Tree, jax.Array, jax.Array]:
    """Make an update unless `judge` undoes it, and hold no second copy of what it changes.

    Args:
        propose: The update; it is traced once.
        given: What it is made of.
        judge: `judge(new_params) -> (bad, undo)`, of which `undo` `[]` bool says that everything
            must stay as it was. It must say so of parameters that are not finite.

    Returns:
        `(params, opt_state, bad, undo)`.

    Raises:
        ValueError: If the update's state has another structure than the one before.

    Example:
        >>> given = Given(jnp.array(1.0), jnp.array(5), jnp.array(2.0), jnp.array(0.0))
        >>> def propose(given):
        ...     return given.params - given.slope, given.opt_state + 1
        >>> [int(leaf) for leaf in commit(propose, given, lambda new: (new, new < 1))]
        [1, 6, 1, 0]
        >>> [int(leaf) for leaf in commit(propose, given, lambda new: (new, new > 0))]
        [2, 5, 1, 1]
    """
    traced, shapes = jax.make_jaxpr(propose, return_shape=True)(given)
    structure = jax.tree.structure(shapes)

    def proposed(given: Given) -> tuple[Params, Tree]:
        leaves = core.jaxpr_as_fun(traced)(*jax.tree.leaves(given))
        return jax.tree.unflatten(structure, leaves)

    new = proposed(given)
    _check_structure(given.opt_state, new[1])
    bad, undo = judge(new[0])
    if any(name.startswith(_DEAR) for name in _primitives(traced.jaxpr)):
        params, opt_state = select(undo, (given.params, given.opt_state), new)
        return params, opt_state, bad, undo
    # The barriers keep the compiler from computing the update once and holding it.
    given, undo = jax.lax.optimization_barrier((given, undo))
    params = select(undo, given.params, proposed(given)[0])
    # The optimizer's state may be overwritten when the parameters, which are made of it, are there.
    # The compiler orders by what is read alone: so one entry of each parameter is read, which is
    # finite if nothing is undone.
    undo_rest = undo | _spoilt(params)
    opt_leaves, structure_of_rest = jax.tree.flatten(given.opt_state)
    for numbers in _groups(given.opt_state, given.params):
        # One barrier more for each: the compiler takes two of the same operands for one.
        given = jax.lax.optimization_barrier(given)
        old, new_leaves = (
            [jax.tree.leaves(tree)[number] for number in numbers]
            for tree in (given.opt_state, proposed(given)[1])
        )
        chosen = select(undo_rest, old, new_leaves)
        for number, leaf in zip(numbers, chosen, strict=True):
            opt_leaves[number] = leaf
    return params, jax.tree.unflatten(structure_of_rest, opt_leaves), bad, undo


def _check_structure(before: Tree, after: Tree) -> None:
    expected, got = map(jax.tree.structure, (before, after))
    if expected != got:
        raise ValueError(
            "the optimizer's update must return a state of the structure that it was given, "
            f"{excerpt(str(expected))}, got {excerpt(str(got))}"
        )


def _groups(opt_state: Tree, params: Params) -> list[list[int]]:
    """Return the numbers of the leaves that are computed together.

    These are the leaves of each tree that is as that of the parameters, such as Adam's mean and its
    mean of squares, and all others. Of what both means are made of, the gradient that was clipped
    for example, the compiler would hold a copy if one computation made both.

    Example:
        >>> import optax
        >>> params = {"bias": jnp.ones(3), "weight": jnp.ones((2, 3))}
        >>> _groups(optax.adam(0.1).init(params), params)
        [[0], [1, 2], [3, 4]]
    """
    structure = jax.tree.structure(params)

    def is_like_params(tree: Tree) -> bool:
        return jax.tree.structure(tree) == structure

    others: list[int] = []
    groups, count = [others], 0
    for entry in jax.tree.leaves(opt_state, is_leaf=is_like_params):
        numbers = range(count, count + len(jax.tree.leaves(entry)))
        if is_like_params(entry):
            groups.append([*numbers])
        else:
            others.extend(numbers)
        count += len(numbers)
    return [group for group in groups if group]


def _spoilt(params: Params) -> jax.Array:
    """Return whether the first entry of a parameter is not finite, `[]` bool."""
    entries = [
        ~jnp.isfinite(_first_entry(leaf))
        for leaf in jax.tree.leaves(params)
        if leaf.size and jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    return jnp.stack(entries).any() if entries else jnp.array(False)


def _first_entry(leaf: jax.Array) -> jax.Array:
    sharding = jax.typeof(leaf).sharding
    if any(axes is not None for axes in sharding.spec):  # an explicit mesh cuts no spread axis
        return jnp.abs(leaf).max()
    return leaf[(0,) * leaf.ndim]


def _primitives(jaxpr: core.Jaxpr) -> Iterator[str]:
    """Yield the names of all operations of a program, those within functions included."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_program):
            if _is_program(value):
                yield from _primitives(getattr(value, "jaxpr", value))


def _is_program(value: Any) -> bool:
    return isinstance(value, core.Jaxpr | core.ClosedJaxpr)
