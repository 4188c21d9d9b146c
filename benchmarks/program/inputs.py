"""What a function's inputs are to whoever traces it: differentiated, arrays, or held as they came.

`compare`, `flops`, `residuals` and `obstacles` all read inputs here, and so take the same ones.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .arguments import Argnums, read_argnums
from .told import sentences

#: The arrays of a pytree.
Leaves: TypeAlias = tuple[jax.Array, ...]
Traced = TypeVar("Traced")

_NEEDED = "{is} held as the value that was given: the function needs it while it is traced"
_NARROWED = "(float64 in NumPy) {is} float32 here, since jax_enable_x64 is off"
#: How to differentiate by a complex number.
IN_PARTS = "its real and its imaginary part as two arguments"


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
    def names_in_order(self) -> tuple[str, ...]:
        """What each of `x` and then each of `fixed` is called."""
        return tuple(self.names[place] for place in self.places_in_order)

    @property
    def places_in_order(self) -> tuple[int, ...]:
        """The places of `x` and then of `fixed` among all leaves."""
        return (*self.wanted, *self._held)

    @property
    def _held(self) -> list[int]:
        wanted = set(self.wanted)
        return [place for place in self.arrays if place not in wanted]

    def arguments(self, x: Sequence, fixed: Sequence) -> tuple:
        """Return all arguments, with `x` where floats are differentiated and `fixed` elsewhere."""
        moving, held = zip(self.wanted, x, strict=True), zip(self._held, fixed, strict=True)
        return self._restored(dict(enumerate(self.given)) | dict(moving) | dict(held))

    def arrays_only(
        self, fn: Callable[..., object]
    ) -> Callable[[Sequence, Sequence], list[jax.Array]]:
        """Return `fn` as a function of `x` and `fixed` to the arrays among what it returns."""

        def arrays(x: Sequence, fixed: Sequence) -> list[jax.Array]:
            leaves = jax.tree.leaves(fn(*self.arguments(x, fixed)))
            return [leaf for leaf in map(as_array, leaves) if leaf is not None]

        return arrays

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


def sort_inputs(inputs: tuple, argnums: Argnums) -> Inputs:
    """Sort the leaves of the arguments.

    Raises:
        TypeError: If `argnums` is no integer, nor a sequence of them.
        ValueError: If `argnums` is empty or out of range.
    """
    chosen = read_argnums(argnums, len(inputs))
    pairs, treedef = jax.tree.flatten_with_path(inputs)
    given, owners = [leaf for _, leaf in pairs], [path[0].idx for path, _ in pairs]
    names = [f"argument {path[0].idx}{jax.tree_util.keystr(path[1:])}" for path, _ in pairs]
    read = {place: as_array(leaf) for place, leaf in enumerate(given)}
    arrays = {place: leaf for place, leaf in read.items() if leaf is not None}
    ours = [place for argnum in chosen for place in arrays if owners[place] == argnum]
    wanted = [place for place in ours if jnp.issubdtype(arrays[place].dtype, jnp.floating)]
    named = argnums is not None
    return Inputs(given, names, owners, arrays, wanted, frozenset(), chosen, named, treedef)


def first_that_traces(
    attempt: Callable[[Inputs], Traced], inputs: Inputs, loops: Callable[[Traced], int]
) -> tuple[Inputs, Traced]:
    """Trace a function with its inputs in the first way in which it can be traced.

    The usual way is that every number is an array, as for `jax.jit`. Then Python's ints and bools
    are held as they came, as for `jax.grad`; then all that nobody has asked to differentiate. A
    loop whose length is a Python int has none once the int is an array, and then no reverse mode.

    Args:
        attempt: Traces the function with its inputs in one way.
        inputs: The inputs in the usual way.
        loops: Counts the loops of what was traced whose length is not known before they run.

    Raises:
        Exception: If the function can be traced in no way; it is what the last one raised.
    """
    failure: Exception | None = None
    ints = inputs.holding_whole_numbers()
    for way in filter(None, (inputs, ints, inputs.holding_all())):
        try:
            traced = attempt(way)
        except Exception as error:  # whatever the user's function raises
            failure = error
            continue
        if way is inputs and ints and loops(traced):
            again = attempt(ints)
            return (ints, again) if loops(again) < loops(traced) else (inputs, traced)
        return way, traced
    assert failure is not None
    raise failure


def as_array(leaf: object) -> jax.Array | None:
    """Return what holds numbers as an array, and `None` for what does not.

    A `jax.ShapeDtypeStruct`, which has no numbers, stands for the array that it describes.
    """
    if isinstance(leaf, (jax.Array, jax.ShapeDtypeStruct)):
        return leaf  # pyright: ignore[reportReturnType]
    if not isinstance(leaf, (bool, int, float, complex, np.ndarray, np.generic)):
        return None
    try:
        return jnp.asarray(leaf)
    except (TypeError, OverflowError):  # texts, dates, objects; integers of too many bits
        return None


def _text_of_held(leaf: jax.Array) -> str:
    """Say of an array that it is held fixed, and what to do if that was not meant."""
    recipe = f"; give {IN_PARTS}, to differentiate by them"
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
