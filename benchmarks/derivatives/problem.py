"""A function and its inputs, brought to the one form that every method differentiates."""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..program import untraceable

Leaves = tuple[jax.Array, ...]


class Problem(NamedTuple):
    """`fn(x, fixed)`: differentiated by `x`, with everything else handed in beside it.

    What is held fixed is an argument and no constant, so that XLA cannot fold it into the program.

    Attributes:
        fn: `fn(x, fixed)` gives the floating leaves of the user's output, a tuple of arrays; for
            a scalar problem, the scalar.
        x: The floating leaves of the differentiated arguments, in the order of `argnums`.
        fixed: All other array leaves.
        n: Numbers in `x`.
        m: Numbers in the output.
        scalar: Whether the output is one scalar.
        rebuild: `rebuild(leaves)` gives the differentiated arguments, a tuple of pytrees, with
            `leaves` in the place of `x`; integer leaves in them become `None`.
        arguments: `arguments(x, fixed)` gives all of the user's arguments.
        unpack: Takes the floating leaves out of a value of the output's structure.
        notes: What was held fixed or left out, in words.
        narrow: Why it cannot be checked in float64, in words; see `precision.why_narrow`.
    """

    fn: Callable[[Leaves, Leaves], Any]
    x: Leaves
    fixed: Leaves
    n: int
    m: int
    scalar: bool
    rebuild: Callable[[Sequence], tuple]
    arguments: Callable[[Leaves, Leaves], tuple]
    unpack: Callable[[Any], tuple]
    notes: tuple[str, ...]
    narrow: str = ""


def problem(
    fn: Callable[..., Any], inputs: tuple, *, argnums: int | Sequence[int] | None = None
) -> Problem:
    """Splits `inputs` into what is differentiated and what is held fixed, and checks both.

    Args:
        fn: Arrays or pytrees to an array or pytree.
        inputs: Its arguments.
        argnums: The arguments to differentiate; `None` for every one that holds floats.

    Raises:
        TypeError: If `fn` is not callable, an input is complex, or `fn` returns no arrays.
        ValueError: If `argnums` is empty or out of range, or nothing is there to be
            differentiated: no floats, or arrays of no entries.

    Example:
        >>> found = problem(lambda x, k: x[k], (jnp.ones((2, 3)), 1))
        >>> found.n, found.m, found.notes
        (6, 3, ('argument 1 (int32) is held fixed',))
    """
    if not callable(fn):
        raise TypeError(f"compare needs a function to differentiate, got {_kind(fn)}")
    chosen = _chosen(inputs, argnums)
    leaves, treedef = jax.tree.flatten_with_path(inputs)
    arrays, static, wanted, notes = _sorted(leaves, chosen, argnums is None)
    if not wanted:
        raise ValueError(
            "no input holds floating-point numbers, so there is nothing to differentiate; "
            f"got {', '.join(_kind(leaf) for _, leaf in leaves) or 'no inputs'}"
        )
    held = [index for index in arrays if index not in set(wanted)]

    def arguments(x: Leaves, fixed: Leaves) -> tuple:
        every = static | dict(zip(wanted, x, strict=True)) | dict(zip(held, fixed, strict=True))
        return jax.tree.unflatten(treedef, [every[index] for index in range(len(leaves))])

    def rebuild(values: Sequence) -> tuple:
        every = dict.fromkeys(range(len(leaves))) | dict(zip(wanted, values, strict=True))
        whole = jax.tree.unflatten(treedef, [every[index] for index in range(len(leaves))])
        return tuple(whole[argnum] for argnum in chosen)

    x, fixed = tuple(arrays[i] for i in wanted), tuple(arrays[i] for i in held)
    shapes = _output_shapes(fn, arguments, x, fixed)
    floating = [i for i, shape in enumerate(shapes) if jnp.issubdtype(shape.dtype, jnp.floating)]
    if len(floating) < len(shapes):
        notes.append(f"{len(shapes) - len(floating)} output(s) of no floating type are left out")
    scalar = len(floating) == 1 and shapes[floating[0]].shape == ()

    def unpack(output: Any) -> tuple:
        parts = jax.tree.leaves(output)
        return tuple(parts[i] for i in floating)

    def canonical(x: Leaves, fixed: Leaves) -> Any:
        outputs = unpack(fn(*arguments(x, fixed)))
        return outputs[0] if scalar else outputs

    n, m = sum(leaf.size for leaf in x), sum(math.prod(shapes[i].shape) for i in floating)
    if not n or not m:
        raise ValueError(
            f"a derivative needs an input and an output of at least one number, got {n} and {m}"
        )
    return Problem(
        fn=canonical,
        x=x,
        fixed=fixed,
        n=n,
        m=m,
        scalar=scalar,
        rebuild=rebuild,
        arguments=arguments,
        unpack=unpack,
        notes=tuple(notes),
    )


def _sorted(
    leaves: Sequence[tuple[Any, Any]], chosen: Sequence[int], every: bool
) -> tuple[dict[int, jax.Array], dict[int, Any], list[int], list[str]]:
    """The leaves by index: arrays, and what is none; which to differentiate, and what is held."""
    arrays, static = {}, {}
    wanted, notes = [], []
    for index, (path, leaf) in enumerate(leaves):
        if not _is_array(leaf):
            static[index] = leaf
            continue
        arrays[index] = leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf)
        if jnp.issubdtype(arrays[index].dtype, jnp.complexfloating):
            raise TypeError(
                f"{_place(path)} is complex; compare differentiates real functions: "
                "pass the real and imaginary parts as two inputs"
            )
        if path[0].idx in chosen and jnp.issubdtype(arrays[index].dtype, jnp.floating):
            wanted.append(index)
        elif path[0].idx in chosen or every:
            notes.append(f"{_place(path)} ({arrays[index].dtype}) is held fixed")
    wanted.sort(key=lambda index: chosen.index(leaves[index][0][0].idx))
    return arrays, static, wanted, notes


def _chosen(inputs: tuple, argnums: int | Sequence[int] | None) -> tuple[int, ...]:
    """The arguments to differentiate, each once, in the order of `argnums` as `jax.grad` has it."""
    if argnums is None:
        return tuple(range(len(inputs)))
    wanted = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
    if not wanted:
        raise ValueError("argnums is empty: name an argument to differentiate, or give None")
    for argnum in wanted:
        if not _is_integer(argnum) or not -len(inputs) <= argnum < len(inputs):
            raise ValueError(f"argnums must name arguments 0 to {len(inputs) - 1}, got {argnum!r}")
    return tuple(dict.fromkeys(operator.index(argnum) % len(inputs) for argnum in wanted))


def _is_integer(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _output_shapes(fn: Callable, arguments: Callable, x: Leaves, fixed: Leaves) -> list:
    """Shapes of the output's leaves, found without running the function."""
    returned = {}

    def traced(x: Leaves, fixed: Leaves) -> list:
        output = fn(*arguments(x, fixed))
        strange = [leaf for leaf in jax.tree.leaves(output) if not _is_array(leaf)]
        if strange or not jax.tree.leaves(output):
            returned["kind"] = _kind(strange[0] if strange else output)
            return []
        return jax.tree.map(jnp.asarray, jax.tree.leaves(output))

    try:
        shapes = jax.eval_shape(traced, x, fixed)
    except Exception as error:
        obstacle = untraceable(error)
        place = f" at {obstacle.source}" if obstacle.source else ""
        raise TypeError(
            f"JAX cannot trace the function: {obstacle.reason}{place}; use {obstacle.instead}"
        ) from error
    if "kind" in returned:
        raise TypeError(
            "the function must return an array or a pytree of arrays, "
            f"it returned {returned['kind']}"
        )
    if not any(jnp.issubdtype(shape.dtype, jnp.floating) for shape in shapes):
        found = ", ".join(str(shape.dtype) for shape in shapes)
        raise TypeError(
            f"the function must return floating-point numbers to have a derivative, got {found}"
        )
    return shapes


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float, complex))


def _place(path: tuple) -> str:
    rest = jax.tree_util.keystr(path[1:])
    return f"argument {path[0].idx}{rest}"


def _kind(value: Any) -> str:
    if isinstance(value, (jax.Array, np.ndarray)):
        return f"an array of {value.dtype}"
    return f"{type(value).__name__} {value!r}"[:80]
