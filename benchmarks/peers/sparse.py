"""Sparse Jacobians: how many passes each library takes, how long they take, and who is right.

A library is timed on a function only if its Jacobian is that of `jax.jacrev`. Two functions have a
custom rule: a library that reads the program of the function itself misses what the rule says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..instrument.samples import Samples
from ..instrument.statistics import Ratio, ratio
from ..instrument.timing import interleave
from .gradwise import PEER as OURS
from .peer import Peer, SparseJacobian, library
from .result import SparseTiming
from .timings import OnProgress, in_one_line

#: Errors over the largest entry above which a Jacobian in float32 is another one.
_WRONG = 1e-3
#: Which form a Jacobian is asked in: as an array, or not.
_FORMS = {"dense": True, "sparse": False}


def _stencil(x: jax.Array) -> jax.Array:
    return x[2:] - 2 * x[1:-1] ** 2 + jnp.sin(x[:-2])


def _laplacian(u: jax.Array) -> jax.Array:
    return sum((jnp.roll(u, step, axis) for step in (1, -1) for axis in (0, 1)), -4 * u)


def _brusselator(x: jax.Array) -> jax.Array:
    u, v = x.reshape(2, 32, 32)
    rates = _laplacian(u) + u * u * v - 3 * u, _laplacian(v) + u - u * u * v
    return jnp.concatenate([rate.ravel() for rate in rates])


def _arrow(x: jax.Array) -> jax.Array:
    return jnp.concatenate([jnp.sum(x**2)[None], x[1:] ** 2 * x[0]])


def _layer_norm(x: jax.Array) -> jax.Array:
    return (x - jnp.mean(x)) / jnp.sqrt(jnp.var(x) + 1e-5)


@jax.custom_jvp
def _rounded(x: jax.Array) -> jax.Array:
    return jnp.round(x)


_rounded.defjvp(lambda x, t: (jnp.round(x[0]), t[0]))


@jax.custom_vjp
def _halved(x: jax.Array) -> jax.Array:
    return x**2


_halved.defvjp(lambda x: (x**2, x), lambda x, g: (x * g,))


class Function(NamedTuple):
    """A function of one vector, and how long that is."""

    fn: Callable[[jax.Array], jax.Array]
    size: int


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "stencil": Function(_stencil, 1024),
        "Brusselator": Function(_brusselator, 2048),
        "arrow": Function(_arrow, 600),
        "layer norm": Function(_layer_norm, 1024),
        "custom JVP": Function(lambda x: _rounded(3 * x)[1:] * x[:-1], 800),
        "custom VJP": Function(lambda x: _halved(x)[1:] * x[:-1], 800),
    }
)


def sparse_timings(
    peers: Sequence[Peer],
    *,
    budget: float,
    functions: Mapping[str, Function] = FUNCTIONS,
    on_progress: OnProgress = lambda text, share: None,
) -> tuple[SparseTiming, ...]:
    """Check and time the sparse Jacobians of the libraries that have such a thing.

    Args:
        peers: The libraries; gradwise is measured if any other one can be.
        budget: Seconds of timing, all libraries and functions together.
        functions: What is differentiated.
        on_progress: Told what is being done, and the share of it that is done.

    Returns:
        A line for each function in each library, or one that says why a library has none.

    Example:
        >>> other = Peer(name="other", packages=("no_such_library",), sparse_jacobian=print)
        >>> sparse_timings([OURS, other], budget=0.1)
        (SparseTiming(all, other: not installed: no_such_library),)
    """
    able = {peer: _unavailable(peer) for peer in peers if peer.sparse_jacobian}
    lines = [
        SparseTiming(function="all", library=peer.name, note=why)
        for peer, why in able.items()
        if why
    ]
    present = [peer for peer, why in able.items() if not why]
    if all(peer is OURS for peer in present):
        return tuple(lines)
    calls: dict[str, Callable[[], object]] = {}
    found: dict[tuple[str, str], SparseTiming] = {}
    for place, (function, (fn, size)) in enumerate(functions.items()):
        on_progress(f"sparse: {function}", place / len(functions) / 2)
        x = jnp.asarray(np.random.default_rng(7).standard_normal(size), jnp.float32)
        for peer in present:
            line, ready = _built(function, fn, x, peer)
            found[function, peer.name] = line
            calls |= {
                _key(function, peer.name, form): partial(one.call, x) for form, one in ready.items()
            }
    samples, _ = interleave(
        calls,
        budget=budget,
        on_round=lambda share: on_progress("measuring sparse", (1 + share) / 2),
    )
    return (*(_timed(line, samples) for line in found.values()), *lines)


def _unavailable(peer: Peer) -> str:
    """Return why a library cannot be used: it is not there, or not with this version of JAX."""
    try:
        for package in () if peer.missing else peer.packages:
            library(package)
    except Exception as error:  # whatever a library raises as it is imported
        return in_one_line(error)
    return peer.missing or ""


def _built(
    function: str, fn: Callable[..., Any], x: jax.Array, peer: Peer
) -> tuple[SparseTiming, dict[str, SparseJacobian]]:
    """Build a library's Jacobian in both forms, and check it; what is wrong is not to be timed."""
    line = partial(SparseTiming, function=function, library=peer.name)
    assert peer.sparse_jacobian is not None
    try:
        ready = {form: peer.sparse_jacobian(fn, x, dense=dense) for form, dense in _FORMS.items()}
        mine, true = np.asarray(ready["dense"].call(x)), np.asarray(jax.jacrev(fn)(x))
        jax.block_until_ready(ready["sparse"].call(x))
    except Exception as error:  # whatever a library raises is its line of the table
        return line(note=in_one_line(error)), {}
    passes = ready["dense"].passes
    error = float(np.abs(mine - true).max() / np.abs(true).max())
    if not error < _WRONG:
        return line(passes=passes, error=error, note="wrong"), {}
    return line(passes=passes, error=error), ready


def _key(function: str, library: str, form: str) -> str:
    return f"{function}, {library}, {form}"


def _timed(line: SparseTiming, samples: dict[str, Samples]) -> SparseTiming:
    """Fill in the times of a line, and their ratios to those of gradwise."""

    def over(form: str) -> tuple[float | None, Ratio | None]:
        mine = samples.get(_key(line.function, line.library, form))
        ours = samples.get(_key(line.function, OURS.name, form))
        if mine is None:
            return None, None
        return mine.seconds, ratio(mine, ours) if ours else None

    (dense, dense_ratio), (sparse, sparse_ratio) = over("dense"), over("sparse")
    return replace(
        line, dense=dense, dense_ratio=dense_ratio, sparse=sparse, sparse_ratio=sparse_ratio
    )
