"""A function's arguments: what is differentiated, what is held fixed, and what can be neither."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..program.arguments import Argnums, read_argnums
from .told import described, sentences

#: The arrays of a pytree.
Leaves: TypeAlias = tuple[jax.Array, ...]

#: The transformations of JAX by what a value is inside of them.
_TRANSFORMATIONS = {
    "DynamicJaxprTracer": "jax.jit, or in a loop or branch of jax.lax",
    "JVPTracer": "jax.grad or jax.jvp",
    "LinearizeTracer": "jax.grad or jax.vjp",
    "BatchTracer": "jax.vmap",
}
_NEEDED = "{is} held as the value that was given: the function needs it while it is traced"
_NARROWED = "(float64 in NumPy) {is} float32 here, since jax_enable_x64 is off"
_COMPLEX = "its real and its imaginary part as two arguments"


class Inputs(NamedTuple):
    """The leaves of all arguments, sorted.

    Attributes:
        given: All leaves as they came.
        names: What each is called, such as `"argument 0['w']"`.
        owners: Of which argument each is.
        arrays: Those that a program takes as arrays, by their place among the leaves.
        wanted: The places of those that are differentiated.
        values: The places of numbers and arrays that are held as they came, as `static_argnums`
            holds them.
        chosen: Which arguments are differentiated.
        named: Whether the caller has named these.
        treedef: The structure of the arguments.
    """

    given: Sequence[object]
    names: Sequence[str]
    owners: Sequence[int]
    arrays: dict[int, jax.Array]
    wanted: Sequence[int]
    values: frozenset[int]
    chosen: tuple[int, ...]
    named: bool
    treedef: jax.tree_util.PyTreeDef  # pyright: ignore[reportInvalidTypeForm]

    @property
    def x(self) -> Leaves:
        """The arrays that are differentiated."""
        return tuple(self.arrays[place] for place in self.wanted)

    @property
    def fixed(self) -> Leaves:
        """The arrays that are held fixed."""
        return tuple(self.arrays[place] for place in self._held)

    @property
    def _held(self) -> list[int]:
        wanted = set(self.wanted)
        return [place for place in self.arrays if place not in wanted]

    def arguments(self, x: Leaves, fixed: Leaves) -> tuple:
        """Return all arguments, with `x` where floats are differentiated and `fixed` elsewhere."""
        moving, held = zip(self.wanted, x, strict=True), zip(self._held, fixed, strict=True)
        return self._restored(dict(enumerate(self.given)) | dict(moving) | dict(held))

    def rebuild(self, values: Sequence) -> tuple:
        """Return the differentiated arguments, with `None` for every leaf that is held fixed."""
        nothing = dict.fromkeys(range(self.treedef.num_leaves))
        whole = self._restored(nothing | dict(zip(self.wanted, values, strict=True)))
        return tuple(whole[argnum] for argnum in self.chosen)

    def _restored(self, leaves: dict[int, object]) -> tuple:
        """Return all arguments, with these leaves."""
        every = [leaves[place] for place in range(self.treedef.num_leaves)]
        return jax.tree.unflatten(self.treedef, every)

    def holding_whole_numbers(self) -> "Inputs | None":
        """Return the same with Python's ints and bools held as they came; `None` without any."""
        whole = {i for i in self.arrays if isinstance(self.given[i], (bool, int))}
        return self._holding(whole) if whole else None

    def holding_all(self) -> "Inputs | None":
        """Return the same with all held as it came that nobody has asked to differentiate.

        It is `None` if there is no such leaf, or nothing else.
        """
        floats = {i for i in self.wanted if isinstance(self.given[i], float) and not self.named}
        places = set(self._held) | floats
        return self._holding(places) if places and set(self.wanted) != floats else None

    def _holding(self, places: set[int]) -> "Inputs":
        """Return the same with some leaves held as they came."""
        return self._replace(
            arrays={place: leaf for place, leaf in self.arrays.items() if place not in places},
            wanted=[place for place in self.wanted if place not in places],
            values=frozenset(places),
        )

    def notes(self) -> tuple[str, ...]:
        """Say what is held fixed, and what is not as it came."""
        held = [i for i in self._held if self.owners[i] in self.chosen]
        narrowed = [i for i, leaf in self.arrays.items() if _is_narrowed(self.given[i], leaf)]
        return sentences(
            [(self.names[i], _text_of_held(self.arrays[i])) for i in held]
            + [(f"{self.names[i]} ({_short(self.given[i])})", _NEEDED) for i in self.values]
            + [(self.names[i], _NARROWED) for i in narrowed]
        )


def read_inputs(inputs: tuple, argnums: Argnums) -> Inputs:
    """Sort the leaves of the arguments, and refuse those that nothing can be measured with.

    Raises:
        TypeError: If an argument that is to be differentiated is complex, or has no values.
        ValueError: If `argnums` is empty or out of range, an array is being traced or lies on the
            devices of several processes, or no input holds floats.
    """
    chosen = read_argnums(argnums, len(inputs))
    check_outside(jnp.zeros(()), "it is called")
    pairs, treedef = jax.tree.flatten_with_path(inputs)
    given, owners = [leaf for _, leaf in pairs], [path[0].idx for path, _ in pairs]
    names = [f"argument {path[0].idx}{jax.tree_util.keystr(path[1:])}" for path, _ in pairs]
    for name, leaf in zip(names, given, strict=True):
        _check_values(name, leaf)
    read = {place: as_array(leaf) for place, leaf in enumerate(given)}
    arrays = {place: leaf for place, leaf in read.items() if leaf is not None}
    ours = [place for argnum in chosen for place in arrays if owners[place] == argnum]
    wanted = [place for place in ours if jnp.issubdtype(arrays[place].dtype, jnp.floating)]
    is_complex = [p for p in ours if jnp.issubdtype(arrays[p].dtype, jnp.complexfloating)]
    if is_complex and (argnums is not None or not wanted):
        raise TypeError(
            f"{names[is_complex[0]]} is complex ({arrays[is_complex[0]].dtype}), and a derivative "
            f"is taken by real numbers: give {_COMPLEX}, such as "
            "compare(lambda re, im: fn(re + 1j * im), z.real, z.imag)"
        )
    if not wanted:
        raise ValueError(
            "no input holds floating-point numbers, so there is nothing to differentiate; "
            f"got {', '.join(map(described, given)) or 'no inputs'}"
        )
    named = argnums is not None
    return Inputs(given, names, owners, arrays, wanted, frozenset(), chosen, named, treedef)


def as_array(leaf: object) -> jax.Array | None:
    """Return what holds numbers as an array, and `None` for what does not."""
    if isinstance(leaf, jax.Array):
        return leaf
    if not isinstance(leaf, (bool, int, float, complex, np.ndarray, np.generic)):
        return None
    try:
        return jnp.asarray(leaf)
    except (TypeError, OverflowError):  # texts, dates, objects; integers of too many bits
        return None


def check_outside(value: object, what: str) -> None:
    """Raise `ValueError` if a value has none, because JAX is transforming the caller.

    Args:
        value: Any value.
        what: What is inside of the transformation then, as the beginning of a sentence.
    """
    if isinstance(value, Tracer):
        where = _TRANSFORMATIONS.get(type(value).__name__, "a transformation of JAX")
        raise ValueError(
            f"compare runs and times the function, but {what} inside {where}, where no array has "
            "a value yet: call it outside, with arrays that do"
        )


def _check_values(name: str, leaf: object) -> None:
    """Raise if a leaf has no values that this process can compute with."""
    check_outside(leaf, f"{name} is")
    if isinstance(leaf, jax.ShapeDtypeStruct):
        raise TypeError(f"{name} is a jax.ShapeDtypeStruct, which has no values: give an array")
    if not getattr(leaf, "is_fully_addressable", True):
        raise ValueError(
            f"{name} lies on the devices of several processes, and compare measures in one: give "
            "it an array of this process, such as x.addressable_data(0)"
        )
    if isinstance(leaf, jax.Array) and leaf.is_deleted():
        raise ValueError(
            f"{name} has been deleted, as an argument is that is donated (donate_argnums): give a "
            "copy of it"
        )


def _text_of_held(leaf: jax.Array) -> str:
    """Say of an array that it is held fixed, and what to do if that was not meant."""
    recipe = f"; give {_COMPLEX}, to differentiate by them"
    is_complex = jnp.issubdtype(leaf.dtype, jnp.complexfloating)
    return f"({leaf.dtype}) {{is}} held fixed{recipe if is_complex else ''}"


def _is_narrowed(given: object, leaf: jax.Array) -> bool:
    """Whether a float64 of NumPy has become a float32."""
    dtype = given.dtype if isinstance(given, (np.ndarray, np.generic)) else None
    return dtype == np.float64 and leaf.dtype == jnp.float32


def _short(value: object) -> str:
    """Write a number as it is, and an array by its type."""
    if isinstance(value, (jax.Array, np.ndarray)):
        return f"{value.dtype}{list(value.shape)}"
    return repr(value)[:40]
