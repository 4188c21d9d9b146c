"""A function and its inputs, brought to the one form that every method differentiates."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from ..program.arguments import Argnums, read_argnums
from ..program.messages import untraceable

#: The arrays of a pytree.
Leaves: TypeAlias = tuple[jax.Array, ...]
#: What a problem's function returns: a scalar, or a tuple of arrays.
Output: TypeAlias = jax.Array | Leaves


class Problem(NamedTuple):
    """`fn(x, fixed)`: differentiated by `x`, with everything else handed in beside it.

    What is held fixed is an argument and no constant, so that XLA cannot fold it into the program.

    Attributes:
        fn: `fn(x, fixed)` returns the floating leaves of the user's output, a tuple of arrays; for
            a scalar problem, the scalar.
        x: The floating leaves of the differentiated arguments, in the order of `argnums`.
        fixed: All other array leaves.
        n: How many numbers `x` holds.
        m: How many numbers the output holds.
        scalar: Whether the output is one scalar.
        rebuild: `rebuild(leaves)` returns the differentiated arguments, a tuple of pytrees, with
            `leaves` in the place of `x`; integer leaves in them become `None`.
        arguments: `arguments(x, fixed)` returns all of the user's arguments.
        unpack: Takes the floating leaves out of a value of the output's structure.
        notes: What was held fixed or left out, in words.
        program: `fn` as it was traced in its own types, once somebody has asked for it.
        wide: `fn` in float64, likewise: to be called in 64-bit mode.
        float64_obstacle: Why there is no such function, in words; `None` if there is.
    """

    fn: Callable[[Leaves, Leaves], Output]
    x: Leaves
    fixed: Leaves
    n: int
    m: int
    scalar: bool
    rebuild: Callable[[Sequence], tuple]
    arguments: Callable[[Leaves, Leaves], tuple]
    unpack: Callable[[object], Leaves]
    notes: tuple[str, ...]
    program: ClosedJaxpr | None = None
    wide: Callable[[Leaves, Leaves], Output] | None = None
    float64_obstacle: str | None = None


class _Inputs(NamedTuple):
    """The leaves of all arguments, sorted.

    Attributes:
        arrays: Those that are arrays, by their place among the leaves.
        static: Those that are none, likewise.
        wanted: The places of those that are differentiated.
        treedef: The structure of the arguments.
        chosen: Which arguments are differentiated.
        notes: What is held fixed, in words.
    """

    arrays: dict[int, jax.Array]
    static: dict[int, object]
    wanted: list[int]
    treedef: jax.tree_util.PyTreeDef  # pyright: ignore[reportInvalidTypeForm]
    chosen: tuple[int, ...]
    notes: list[str]

    @property
    def held(self) -> list[int]:
        """The places of the arrays that are held fixed."""
        return [place for place in self.arrays if place not in set(self.wanted)]

    def arguments(self, x: Leaves, fixed: Leaves) -> tuple:
        """Return all arguments, with `x` where floats are differentiated and `fixed` elsewhere."""
        moving, held = zip(self.wanted, x, strict=True), zip(self.held, fixed, strict=True)
        return self._restored(self.static | dict(moving) | dict(held))

    def rebuild(self, values: Sequence) -> tuple:
        """Return the differentiated arguments, with `None` for every leaf that is held fixed."""
        nothing = dict.fromkeys(range(self.treedef.num_leaves))
        whole = self._restored(nothing | dict(zip(self.wanted, values, strict=True)))
        return tuple(whole[argnum] for argnum in self.chosen)

    def _restored(self, leaves: dict[int, object]) -> tuple:
        """Return all arguments, with these leaves."""
        every = [leaves[place] for place in range(self.treedef.num_leaves)]
        return jax.tree.unflatten(self.treedef, every)


def make_problem(fn: Callable[..., object], inputs: tuple, *, argnums: Argnums = None) -> Problem:
    """Split `inputs` into what is differentiated and what is held fixed, and check both.

    Args:
        fn: Arrays or pytrees to an array or pytree.
        inputs: Its arguments.
        argnums: The arguments to differentiate; `None` for every one that holds floats.

    Raises:
        TypeError: If `fn` is not callable, an input is complex, or `fn` returns no arrays.
        ValueError: If `argnums` is empty or out of range, or nothing is there to be
            differentiated: no floats, or arrays of no entries.

    Example:
        >>> problem = make_problem(lambda x, k: x[k], (jnp.ones((2, 3)), 1))
        >>> problem.n, problem.m, problem.notes
        (6, 3, ('argument 1 (int32) is held fixed',))
    """
    if not callable(fn):
        raise TypeError(f"compare needs a function to differentiate, got {_described(fn)}")
    parts = _sorted_inputs(inputs, argnums)
    x, fixed = (tuple(parts.arrays[i] for i in where) for where in (parts.wanted, parts.held))
    shapes = _output_shapes(fn, parts.arguments, x, fixed)
    floating = [i for i, shape in enumerate(shapes) if jnp.issubdtype(shape.dtype, jnp.floating)]
    scalar = len(floating) == 1 and shapes[floating[0]].shape == ()
    left_out = len(shapes) - len(floating)

    def unpack(output: object) -> Leaves:
        leaves = jax.tree.leaves(output)
        return tuple(leaves[i] for i in floating)

    def canonical(x: Leaves, fixed: Leaves) -> Output:
        outputs = unpack(fn(*parts.arguments(x, fixed)))
        return outputs[0] if scalar else outputs

    n, m = sum(leaf.size for leaf in x), sum(math.prod(shapes[i].shape) for i in floating)
    if not n or not m:
        raise ValueError(
            f"a derivative needs an input and an output of at least one number, got {n} and {m}"
        )
    note = [f"{left_out} output(s) of no floating type are left out"] if left_out else []
    return Problem(
        fn=canonical,
        x=x,
        fixed=fixed,
        n=n,
        m=m,
        scalar=scalar,
        rebuild=parts.rebuild,
        arguments=parts.arguments,
        unpack=unpack,
        notes=(*parts.notes, *note),
    )


def _sorted_inputs(inputs: tuple, argnums: Argnums) -> _Inputs:
    """Sort the leaves into arrays and others, and find which arrays are differentiated."""
    chosen = read_argnums(argnums, len(inputs))
    leaves, treedef = jax.tree.flatten_with_path(inputs)
    arrays, static, notes = {}, {}, []
    by_argument: dict[int, list[int]] = {argnum: [] for argnum in chosen}
    for index, (path, leaf) in enumerate(leaves):
        if not _is_array(leaf):
            static[index] = leaf
            continue
        arrays[index] = leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf)
        differentiated = path[0].idx in chosen
        dtype = arrays[index].dtype
        if differentiated and jnp.issubdtype(dtype, jnp.floating):
            by_argument[path[0].idx].append(index)
        elif differentiated and jnp.issubdtype(dtype, jnp.complexfloating):
            raise TypeError(
                f"{_place(path)} is complex ({dtype}): give its real and its imaginary part as two "
                "arguments, and compare a function of these"
            )
        elif differentiated or argnums is None:
            notes.append(f"{_place(path)} ({dtype}) is held fixed")
    wanted = [index for argnum in chosen for index in by_argument[argnum]]
    if not wanted:
        raise ValueError(
            "no input holds floating-point numbers, so there is nothing to differentiate; "
            f"got {', '.join(_described(leaf) for _, leaf in leaves) or 'no inputs'}"
        )
    return _Inputs(arrays, static, wanted, treedef, chosen, notes)


def _output_shapes(
    fn: Callable[..., object],
    arguments: Callable[[Leaves, Leaves], tuple],
    x: Leaves,
    fixed: Leaves,
) -> list[jax.ShapeDtypeStruct]:
    """Return the shapes of the output's leaves, found without running the function."""
    strange: list[object] = []

    def traced(x: Leaves, fixed: Leaves) -> list[jax.Array]:
        output = fn(*arguments(x, fixed))
        leaves = jax.tree.leaves(output)
        strange.extend([leaf for leaf in leaves if not _is_array(leaf)] or [output][len(leaves) :])
        return [] if strange else [jnp.asarray(leaf) for leaf in leaves]

    try:
        shapes = jax.eval_shape(traced, x, fixed)
    except Exception as error:
        raise TypeError(f"JAX cannot trace the function: {untraceable(error)}") from error
    if strange:
        raise TypeError(
            "the function must return an array or a pytree of arrays, "
            f"it returned {_described(strange[0])}"
        )
    if not any(jnp.issubdtype(shape.dtype, jnp.floating) for shape in shapes):
        dtypes = ", ".join(str(shape.dtype) for shape in shapes)
        raise TypeError(
            f"the function must return floating-point numbers to have a derivative, got {dtypes}"
        )
    return shapes


def _is_array(leaf: object) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float, complex))


def _place(path: tuple) -> str:
    return f"argument {path[0].idx}{jax.tree_util.keystr(path[1:])}"


def _described(value: object) -> str:
    if isinstance(value, (jax.Array, np.ndarray)):
        return f"an array of {value.dtype}"
    return f"{type(value).__name__} {value!r}"[:80]


def gradient_problem(problem: Problem, mode: str = "reverse") -> Problem:
    """Return the problem whose Jacobian is the Hessian of a scalar one: its gradient in a mode."""
    gradient = {"forward": jax.jacfwd, "reverse": jax.grad}[mode]
    wide = gradient(problem.wide) if problem.wide else None
    return problem._replace(
        fn=gradient(problem.fn), program=None, wide=wide, m=problem.n, scalar=False
    )
