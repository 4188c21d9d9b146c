"""A layer: a pair of pure functions, and the two ways to make one from a plain function."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import jax

from ._watch import Watch, read

Params = TypeVar("Params")
State = TypeVar("State")
Params_co = TypeVar("Params_co", covariant=True)
State_co = TypeVar("State_co", covariant=True)
Params_contra = TypeVar("Params_contra", contravariant=True)


class Init(Protocol[Params_co, State_co]):
    """Draws the parameters and the first state of a layer."""

    def __call__(self, key: jax.Array, /) -> tuple[Params_co, State_co]:
        """Return `(params, state)`, which depend on `key` alone."""
        ...


class Apply(Protocol[Params_contra, State]):
    """Computes a layer on a batch."""

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
            params: What `init` drew, or what training made of it.
            state: What the layer remembers between batches, such as running statistics.
            x: Inputs `[batch, ..., features]`.
            key: The layer is random if and only if a key is given.
            train: Whether statistics are the batch's, and the returned state is a new one.
            mask: `[batch]` bool, the rows that are real, for layers that look across rows.
        """
        ...


class Layer(NamedTuple, Generic[Params, State]):
    """A pair of pure functions; a model is a layer too.

    `train` and `key` are independent switches: `train=True, key=key` is training, neither is
    inference, and `key=key` alone draws from the network with its statistics frozen.

    Attributes:
        init: `init(key) -> (params, state)`.
        apply: `apply(params, state, x, *, key=None, train=False, mask=None) -> (y, state)`.

    Example:
        >>> import jax, nn
        >>> layer = nn.dense(3, 4)
        >>> params, state = layer.init(jax.random.key(0))
        >>> y, state = layer.apply(params, state, jax.numpy.ones((5, 3)))
        >>> y.shape
        (5, 4)
    """

    init: Init[Params, State]
    apply: Apply[Params, State]


def stateless(
    init: Callable[[jax.Array], Params], fn: Callable[[Params, jax.Array], jax.Array]
) -> Layer[Params, tuple[()]]:
    """Lift `fn(params, x)` to a layer that has no state, no randomness and one mode.

    Args:
        init: `init(key)` draws the parameters.
        fn: Maps the parameters and `[batch, ...]` to `[batch, ...]`.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> scale = nn.stateless(lambda key: jnp.float32(3.0), lambda params, x: params * x)
        >>> params, state = scale.init(jax.random.key(0))
        >>> scale.apply(params, state, jnp.ones(2))
        (Array([3., 3.], dtype=float32), ())
    """

    def init_without_state(key: jax.Array, /) -> tuple[Params, tuple[()]]:
        return init(key), ()

    def apply(
        params: Params,
        state: tuple[()],
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple[()]]:
        del key, train, mask
        return fn(params, x), state

    return Layer(init_without_state, apply)


def activation(fn: Callable[[jax.Array], jax.Array]) -> Layer[tuple[()], tuple[()]]:
    """Lift an activation, a function of one array, to a layer without parameters.

    Raises:
        TypeError: If `fn` is not a function, or is a layer already.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> layer = nn.activation(nn.relu)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.array([-1.0, 2.0]))[0]
        Array([0., 2.], dtype=float32)
    """
    if isinstance(fn, Layer):
        raise TypeError("activation expected a function of one array, got a Layer; use it as it is")
    if not callable(fn):
        raise TypeError(f"activation expected a function of one array, got {fn!r}")
    name = getattr(fn, "__name__", type(fn).__name__)
    return learned_activation(name, lambda _: (), lambda _, x: fn(x))


def learned_activation(
    name: str,
    init: Callable[[jax.Array], Params],
    fn: Callable[[Params, jax.Array], jax.Array],
) -> Layer[Params, tuple[()]]:
    """Lift `fn(params, x)` as `stateless` does, and let `saturation` watch it."""

    def apply(
        params: Params,
        state: Any,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, Any]:
        del key, train
        if isinstance(state, Watch):
            state = read(state, name, lambda x: fn(params, x), x, mask)
        return fn(params, x), state

    return Layer(stateless(init, fn).init, apply)
