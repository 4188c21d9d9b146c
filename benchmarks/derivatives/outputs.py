"""What a function returns: which of its leaves are differentiated, and which are left out."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from ..program.inputs import Inputs, Leaves, first_that_traces
from ..program.messages import untraceable
from ..program.told import described, sentences
from ..program.walk import endless_loops
from .inputs import check_outside

_PARTS = "({}) {{is}} differentiated as real and imaginary part"
_NO_FLOATS = "({}) {{is}} left out, being of no floating type"
_CONSTANT = "{is} left out, being no array of JAX"
_PAIR = "if the output is (loss, aux), has_aux=True leaves aux out; here both are differentiated"


class Outputs(NamedTuple):
    """The leaves of what a function returns.

    Attributes:
        kept: The places of those that are differentiated, among all leaves.
        complex: Whether each of these is complex; a complex step makes real ones so too.
        shapes: What these are: a complex one is two, its real and its imaginary part.
        notes: What is left out, and what is not as it came.
        structure: That of the output, without what is left out as `aux`.
    """

    kept: tuple[int, ...]
    complex: tuple[bool, ...]
    shapes: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...]
    structure: jax.tree_util.PyTreeDef  # pyright: ignore[reportInvalidTypeForm]

    @property
    def m(self) -> int:
        """How many numbers are differentiated."""
        return sum(map(math.prod, self.shapes))

    @property
    def scalar(self) -> bool:
        """Whether it is one scalar."""
        return self.shapes == ((),)

    def unpack(self, output: object) -> Leaves:
        """Take what is differentiated out of a value of the output's structure."""
        leaves = jax.tree.leaves(output)
        unpacked: list[jax.Array] = []
        for place, in_parts in zip(self.kept, self.complex, strict=True):
            leaf = leaves[place]
            unpacked += parts(leaf) if in_parts else (leaf,)
        return tuple(unpacked)

    def pack(self, leaves: Sequence, join: Callable[[Any, Any], object]) -> Any:
        """Bring what belongs to each of `shapes` to the output's structure.

        Args:
            leaves: One for each of `shapes`.
            join: `join(real, imag)` makes one of the two that belong to a complex leaf.
        """
        ordered, every = iter(leaves), [None] * self.structure.num_leaves
        for place, in_parts in zip(self.kept, self.complex, strict=True):
            first = next(ordered)
            every[place] = join(first, next(ordered)) if in_parts else first
        return jax.tree.unflatten(self.structure, every)


def parts(leaf: jax.Array) -> Leaves:
    """Return a real array as it is, and a complex one as its real and its imaginary part."""
    return (leaf.real, leaf.imag) if jnp.iscomplexobj(leaf) else (leaf,)


class _Leaf(NamedTuple):
    """A leaf of the output: its name, what it is, and the dtype and shape of an array of JAX."""

    name: str
    text: str
    dtype: np.dtype | None = None
    shape: tuple[int, ...] = ()

    def holds(self, numbers: type) -> bool:
        """Whether it is an array of a kind of numbers."""
        return self.dtype is not None and jnp.issubdtype(self.dtype, numbers)


class _Trace(NamedTuple):
    """What one trace of a function has shown.

    Attributes:
        leaves: Those of its output, without what is left out as `aux`.
        structure: That of the same.
        text: The output in words.
        pair: Whether it is a pair.
        program: The program.
    """

    leaves: list[_Leaf]
    structure: jax.tree_util.PyTreeDef  # pyright: ignore[reportInvalidTypeForm]
    text: str
    pair: bool
    program: ClosedJaxpr


def read_function(
    fn: Callable[..., object],
    inputs: Inputs,
    *,
    has_aux: bool,
    traced_inside: bool = False,
    caller: str = "compare",
) -> tuple[Inputs, Outputs]:
    """Trace a function, and find what it needs its inputs as and what it returns.

    Args:
        fn: The function.
        inputs: Its inputs.
        has_aux: Whether it returns a pair, of which the first alone is differentiated.
        traced_inside: Whether it may use values that JAX is transforming.
        caller: What the user has called.

    Raises:
        TypeError: If the function cannot be traced, or returns no arrays of floats.
        ValueError: If it uses a value that JAX is transforming.
    """
    try:
        inputs, traced = first_that_traces(
            lambda way: _traced(fn, way, has_aux=has_aux), inputs, _endless
        )
    except Exception as failure:
        reason = untraceable(failure)
        raise TypeError(f"JAX cannot trace the function: {reason}") from failure
    for constant in () if traced_inside else traced.program.consts:
        check_outside(constant, "the function uses a value from", caller)
    if has_aux and not traced.pair:
        raise TypeError(
            f"has_aux=True is for a function that returns (loss, aux), this one returned "
            f"{traced.text}"
        )
    kept = [place for place, leaf in enumerate(traced.leaves) if leaf.holds(jnp.inexact)]
    if not kept:
        raise TypeError(_without_floats(traced))
    in_parts = [traced.leaves[place].holds(jnp.complexfloating) for place in kept]
    shapes: list[tuple[int, ...]] = []
    for place, both in zip(kept, in_parts, strict=True):
        shapes += [traced.leaves[place].shape] * (2 if both else 1)
    notes = _notes(traced, shapes, has_aux=has_aux)
    parts_of = tuple(in_parts)
    return inputs, Outputs(tuple(kept), parts_of, tuple(shapes), notes, traced.structure)


def _traced(fn: Callable[..., object], inputs: Inputs, *, has_aux: bool) -> _Trace:
    """Trace a function once, and keep of its output what is no tracer."""
    shown: list[tuple[list[_Leaf], Any, str, bool]] = []

    def arrays(x: Leaves, fixed: Leaves) -> list[jax.Array]:
        output = fn(*inputs.arguments(x, fixed))
        pair = isinstance(output, tuple) and len(output) == 2
        main = output[0] if has_aux and pair else output  # pyright: ignore[reportIndexIssue]
        leaves = jax.tree.leaves_with_path(main)
        named = [_leaf(path, leaf) for path, leaf in leaves]
        shown.append((named, jax.tree.structure(main), described(output), pair))
        return [leaf for _, leaf in leaves if isinstance(leaf, jax.Array)]

    program = jax.make_jaxpr(arrays)(inputs.x, inputs.fixed)
    return _Trace(*shown[-1], program)


def _leaf(path: tuple, leaf: object) -> _Leaf:
    name = f"output{jax.tree_util.keystr(path)}"
    if isinstance(leaf, jax.Array):
        return _Leaf(name, str(leaf.dtype), leaf.dtype, leaf.shape)
    return _Leaf(name, described(leaf))


def _endless(traced: _Trace) -> int:
    """Return how many loops of a program have no length that is known before they run."""
    return endless_loops(traced.program)


def _without_floats(traced: _Trace) -> str:
    """Say why an output has no derivative."""
    dtypes = [leaf.text for leaf in traced.leaves if leaf.dtype is not None]
    if dtypes:
        return (
            "the function must return floating-point numbers to have a derivative, got "
            f"{', '.join(dtypes)}"
        )
    got = traced.leaves[0].text if traced.leaves else traced.text
    return f"the function must return an array or a pytree of arrays, it returned {got}"


def _notes(traced: _Trace, shapes: list[tuple[int, ...]], *, has_aux: bool) -> tuple[str, ...]:
    """Say what is left out, what is not as it came, and what may be meant otherwise."""
    pairs: list[tuple[str, str]] = [("aux", "{is} left out, as has_aux asks")] if has_aux else []
    for leaf in traced.leaves:
        if leaf.holds(jnp.complexfloating):
            pairs.append((leaf.name, _PARTS.format(leaf.text)))
        elif not leaf.holds(jnp.inexact):
            constant = (f"{leaf.name} ({leaf.text})", _CONSTANT)
            array = (leaf.name, _NO_FLOATS.format(leaf.text))
            pairs.append(constant if leaf.dtype is None else array)
    like_loss_and_aux = traced.pair and not has_aux and len(shapes) > 1 and shapes[0] == ()
    return sentences(pairs) + ((_PAIR,) if like_loss_and_aux else ())
