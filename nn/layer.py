"""The contract of all layers, and two ways to make a layer from a plain function."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, get_origin

import jax

from ._checks import NO_INPUT, canonical, check_array, check_given, check_key, check_params, hide
from ._watch import Watch, read

Params = TypeVar("Params")
State = TypeVar("State")
Params_co = TypeVar("Params_co", covariant=True)
State_co = TypeVar("State_co", covariant=True)
Params_contra = TypeVar("Params_contra", contravariant=True)


class Init(Protocol[Params_co, State_co]):
    """The type of `Layer.init`, the function that draws the parameters and the first state.

    Example:
        A function that takes the `init` of any layer, and runs it for its shapes alone:

        >>> import jax
        >>> from gradwise import nn
        >>> def count_parameters(init: nn.Init) -> int:
        ...     params, state = jax.eval_shape(init, jax.random.key(0))
        ...     return sum(leaf.size for leaf in jax.tree.leaves(params))
        >>> count_parameters(nn.dense(3, 4).init)
        16
    """

    def __call__(self, key: jax.Array, /) -> tuple[Params_co, State_co]:
        """Return `(params, state)`; they depend on `key` and on nothing else."""
        ...


class Apply(Protocol[Params_contra, State]):
    """The type of `Layer.apply`, the function that computes a layer on a batch.

    Example:
        A layer written by hand; `apply` must take all three options, used or not:

        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> def scale(params, state, x, /, *, key=None, train=False, mask=None):
        ...     return params * x, state
        >>> apply: nn.Apply[float, tuple[()]] = scale
        >>> layer = nn.serial(nn.Layer(lambda key: (2.0, ()), apply), nn.activation(nn.relu))
        >>> layer.apply((2.0, ()), ((), ()), jnp.array([-1.0, 3.0]))[0]
        Array([0., 6.], dtype=float32)
    """

    def __call__(
        self,
        params: Params_contra,
        state: State,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        """Return the output and the next state.

        Args:
            params: The parameters that `init` drew, or that training made of them.
            state: What the layer remembers between batches, such as running statistics.
            x: Inputs `[batch, ..., features]`.
            key: The source of randomness; the layer is random if and only if a key is given.
            train: Whether the layer uses the statistics of this batch and returns a new state.
            mask: True for what is real: `[batch]` bool for rows, or `[batch, time]` for the steps
                of sequences `[batch, time, ..., features]`. What is hidden changes neither the rest
                of the output nor the state nor a gradient, whatever it holds, NaN included;
                what comes out at a hidden place means nothing. After a layer that makes one vector
                of each sequence, a row is real if any of its steps is.
        """
        ...


class Layer(NamedTuple, Generic[Params, State]):
    """A pair of pure functions; a model is a layer too.

    `train` and `key` are independent switches. Training is `train=True, key=key`; inference is
    neither; `key=key` alone draws from the network while its statistics stay as they are.

    Attributes:
        init: `init(key) -> (params, state)`.
        apply: `apply(params, state, x, *, key=None, train=False, mask=None) -> (y, state)`.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> layer = nn.dense(3, 4)
        >>> layer
        dense(3, 4): 16 parameters
        >>> params, state = layer.init(jax.random.key(0))
        >>> y, state = layer.apply(params, state, jax.numpy.ones((5, 3)))
        >>> y.shape
        (5, 4)
    """

    init: Init[Params, State]
    apply: Apply[Params, State]

    def __repr__(self) -> str:
        try:
            params, _ = jax.eval_shape(self.init, jax.random.key(0))  # nothing is drawn
            count = sum(leaf.size for leaf in jax.tree.leaves(params))
        except Exception:  # whatever the user's own `init` raises: a repr does not
            return "Layer(init, apply)"  # the addresses of two inner functions would tell nothing
        number = f"{count:,}" if count else "no"
        return f"{_title(self)}: {number} parameter{'' if count == 1 else 's'}"


def titled(layer: Layer[Params, State], title: str) -> Layer[Params, State]:
    """Return a layer with what its `repr` calls it; nothing else reads that."""
    vars(layer.apply)["title"] = (layer.apply, title)
    return layer


def _title(layer: Layer) -> str:
    """Return what a layer is called: by its title, by its factory, or by how many it is made of.

    `functools.wraps` copies notes to functions that do something else, so they name their own.
    """
    owner, title = getattr(layer.apply, "title", (None, ""))
    if owner is layer.apply:
        return title
    name = getattr(layer.apply, "__qualname__", type(layer.apply).__name__)
    name = name.removesuffix(".<locals>.apply").rpartition("<locals>.")[2]
    note = getattr(layer.apply, "anatomy", None)
    parts = getattr(note, "parts", ()) if getattr(note, "apply", None) is layer.apply else ()
    return f"{name} of {len(parts)} layers" if len(parts) > 1 else name


def stateless(
    init: Callable[[jax.Array], Params], fn: Callable[[Params, jax.Array], jax.Array]
) -> Layer[Params, tuple[()]]:
    """Make a layer of `fn(params, x)`, with no state and no randomness.

    Under a mask `fn` gets the input with 0 in the entries that are hidden.

    Args:
        init: `init(key)` draws the parameters.
        fn: Maps the parameters and `[batch, ...]` to `[batch, ...]`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> scale = nn.stateless(lambda key: jnp.float32(3.0), lambda params, x: params * x)
        >>> params, state = scale.init(jax.random.key(0))
        >>> scale.apply(params, state, jnp.ones(2))
        (Array([3., 3.], dtype=float32), ())
    """
    return hiding("stateless", init, fn)


def hiding(
    who: str,
    init: Callable[[jax.Array], Params],
    fn: Callable[[Params, jax.Array], jax.Array],
    kind: type = tuple,
) -> Layer[Params, tuple[()]]:
    """Make a layer of `fn(params, x)` as `stateless` does, with a name for errors and `summary`.

    Its parameters are a NamedTuple of this `kind`.
    """

    def hidden(params: Params, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        return fn(params, jax.tree.map(lambda leaf: hide(who, leaf, mask), x))

    return masked(who, init, hidden, kind)


def masked(
    who: str,
    init: Callable[[jax.Array], Params],
    fn: Callable[[Params, jax.Array, jax.Array | None], jax.Array],
    kind: type = tuple,
) -> Layer[Params, tuple[()]]:
    """Make a layer of `fn(params, x, mask)`, with no state and no randomness.

    Its parameters are a NamedTuple of this `kind`.
    """

    def init_without_state(key: jax.Array, /) -> tuple[Params, tuple[()]]:
        check_key("init", key)
        return init(key), ()

    def apply(
        params: Params,
        state: tuple[()],
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple[()]]:
        del key, train
        check_given(who, x)
        check_params(who, params, kind)
        return fn(params, canonical(x), mask), state

    apply.__qualname__ = who
    return Layer(init_without_state, apply)


def activation(fn: Callable[[jax.Array], jax.Array]) -> Layer[tuple[()], tuple[()]]:
    """Make a layer of an activation, a function of one array; it has no parameters.

    Raises:
        TypeError: If `fn` is not a function, or is a layer already.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.activation(nn.relu)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.array([-1.0, 2.0]))[0]
        Array([0., 2.], dtype=float32)
    """
    if isinstance(fn, Layer):
        raise TypeError("activation expected a function of one array, got a Layer; use it as it is")
    if not callable(fn):
        raise TypeError(f"activation expected a function of one array, got {fn!r}")
    check_called("activation", "a function of one array", fn)
    name = getattr(fn, "__name__", type(fn).__name__)
    return observed_activation(name, lambda _: (), lambda _, x: fn(x))


def check_called(who: str, wanted: str, fn: object) -> None:
    """Check that `fn` is no function that makes a layer and was not called, such as `nn.dropout`.

    Raises:
        TypeError: If it is one.
    """
    made = getattr(fn, "__annotations__", {}).get("return")
    if (get_origin(made) or made) is Layer:
        name = getattr(fn, "__name__", "it")
        raise TypeError(f"{who} expected {wanted}, got {name}, which makes a layer: call {name}()")


def observed_activation(
    name: str,
    init: Callable[[jax.Array], Params],
    fn: Callable[[Params, jax.Array], jax.Array],
    kind: type = tuple,
) -> Layer[Params, tuple[()]]:
    """Make a layer of `fn(params, x)` as `stateless` does, which `saturation` can observe."""

    def apply(
        params: Params,
        state: Any,  # (), or a Watch that `saturation` has put in its place
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, Any]:
        del key, train
        check_array(name, x)
        check_params(name, params, kind)
        x = hide(name, canonical(x), mask)
        if isinstance(state, Watch):
            state = read(state, name, lambda x: fn(params, x), x, mask)
        return fn(params, x), state

    apply.__qualname__ = name
    return Layer(stateless(init, fn).init, apply)
