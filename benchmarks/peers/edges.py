"""The edge cases: one question each, asked of every library that offers the function.

A question gets a library's function and returns what is shown; what is right is known beforehand,
from float64 in NumPy or from a closed form.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .peer import Peer
from .result import Answer, Edge

_ROWS, _FEATURES = 64, 3
_NOISE = np.random.default_rng(0).normal(size=(_ROWS, _FEATURES))
_RAISES = "an error"


class Case(NamedTuple):
    """A question.

    Attributes:
        name: What is done.
        function: The entry of `Edges` that it is done with.
        ask: Does it with a library's function.
        truth: What is right, in words.
        right: Whether an answer is; an error is right where `truth` is an error, and only there.
    """

    name: str
    function: str
    ask: Callable[[Callable], Any]
    truth: str
    right: Callable[[Any], bool]


def ask_all(peers: Sequence[Peer], cases: Sequence[Case] | None = None) -> tuple[Edge, ...]:
    """Every case with the answers of the peers that are installed and offer its function."""
    present = [peer for peer in peers if peer.missing is None]
    edges = []
    for case in CASES if cases is None else cases:
        functions = {peer.name: getattr(peer.edges, case.function) for peer in present}
        answers = {name: _answer(case, fn) for name, fn in functions.items() if fn is not None}
        edges.append(Edge(case.name, case.truth, answers))
    return tuple(edges)


def _answer(case: Case, function: Callable) -> Answer:
    try:
        found = case.ask(function)
    except Exception as error:  # whatever a library raises is its answer
        return Answer(type(error).__name__, case.truth == _RAISES)
    return Answer(_shown(found), bool(case.right(found)))


def _shown(found: Any) -> str:
    if isinstance(found, tuple):
        return str(found)
    value = float(found)
    return "NaN" if np.isnan(value) else f"{value:.3g}"


def _moments(mean: float, dtype: Any = np.float32) -> Callable:
    """How far a training output is off, at most, from float64 on the same numbers."""
    x = (mean + _NOISE).astype(dtype)
    exact = x.astype(np.float64) - x.astype(np.float64).mean(axis=0)
    exact /= np.sqrt((exact**2).mean(axis=0) + 1e-5)

    def ask(batch_norm):
        y = np.asarray(batch_norm((jnp.asarray(x),)), np.float64)
        return np.max(np.abs(y - exact))

    return ask


def _inference_error(batch_norm):
    x = (5 + 2 * _NOISE).astype(np.float32)
    exact = (x - x.mean(axis=0)) / x.std(axis=0)
    y = batch_norm((jnp.asarray(x),), jnp.asarray(x[:4]))
    return np.max(np.abs(np.asarray(y) - exact[:4]))


def _constant(batch_norm):
    return jnp.max(jnp.abs(batch_norm((jnp.full((_ROWS, _FEATURES), 0.1),))))


def _gradient_beside_hidden_nan(masked_batch_norm):
    x, mask = jnp.asarray(_NOISE, jnp.float32).at[-1].set(jnp.nan), jnp.arange(_ROWS) < _ROWS - 1
    gradient = jax.grad(lambda x: jnp.sum(jnp.where(mask[:, None], masked_batch_norm(x, mask), 0)))
    return gradient(x)[0, 0]


def _all_dropped(dropout):
    return jnp.sum(jax.grad(lambda x: jnp.sum(dropout(1.0, x, jax.random.key(0))))(jnp.ones(8)))


def _saturated(sigmoid):
    exact = np.exp(-20.0) / (1 + np.exp(-20.0)) ** 2
    return jax.grad(sigmoid)(20.0) / exact


def _label_gradient(cross_entropy, label: int):
    labels = jnp.array([label])
    return jax.grad(lambda z: jnp.sum(cross_entropy(z, labels)))(jnp.array([[0.0, 1.0, 2.0]]))[0, 0]


def _many_classes(cross_entropy):
    return cross_entropy(jnp.zeros((1, 70_000), jnp.float16), jnp.array([3]))[0]


def _hidden_nan(masked_cross_entropy):
    logits, shown = jnp.array([[0.0, 1.0], [jnp.nan, 0.0]]), jnp.array([True, False])
    gradient = jax.grad(lambda z: masked_cross_entropy(z, jnp.eye(2), shown))
    return jnp.sum(gradient(logits))


def _all_hidden(masked_cross_entropy):
    return masked_cross_entropy(jnp.zeros((2, 2)), jnp.eye(2), jnp.zeros(2, bool))


def _decayed_bias(decay):
    return decay({"weight": jnp.ones(2), "bias": jnp.ones(2)})["bias"][0]


def _at_zero(norm):
    return jax.grad(norm)({"weight": jnp.zeros(3)})["weight"][0]


def _below(limit: float) -> Callable[[Any], bool]:
    return lambda found: bool(abs(found) < limit)


def _zero(found: Any) -> bool:
    return bool(found == 0)


def _raised(_: Any) -> bool:
    return False  # an answer was given where there is none


CASES = (
    Case(
        "batch norm of 1e4 + N(0, 1): error",
        "batch_norm",
        _moments(1e4),
        "0",
        _below(1e-5),
    ),
    Case(
        "batch norm of 1e6 + N(0, 1): error",
        "batch_norm",
        _moments(1e6),
        "0",
        _below(1e-5),
    ),
    Case(
        "batch norm, float16, 200 + N(0, 1): error",
        "batch_norm",
        _moments(200, np.float16),
        "0",
        _below(2e-3),  # half of float16's spacing, and a little
    ),
    Case("batch norm of a constant 0.1", "batch_norm", _constant, "0", _zero),
    Case("inference after one step: error", "batch_norm", _inference_error, "0", _below(0.05)),
    Case(
        "batch norm of one row, training",
        "batch_norm",
        lambda batch_norm: jnp.max(batch_norm((jnp.ones((1, _FEATURES)),))),
        _RAISES,
        _raised,
    ),
    Case(
        "batch norm, NaN behind the mask: gradient",
        "masked_batch_norm",
        _gradient_beside_hidden_nan,
        "0",
        _below(1e-4),
    ),
    Case(
        "dropout of rate 1.5",
        "dropout",
        lambda dropout: jnp.max(dropout(1.5, jnp.ones(8), jax.random.key(0))),
        _RAISES,
        _raised,
    ),
    Case("dropout of rate 1: gradient", "dropout", _all_dropped, "0", _zero),
    Case(
        "sigmoid'(20), over the true one",
        "sigmoid",
        _saturated,
        "1",
        lambda found: bool(abs(found - 1) < 1e-5),
    ),
    Case(
        "class id = classes: gradient",
        "cross_entropy",
        lambda loss: _label_gradient(loss, 3),
        "NaN",
        np.isnan,
    ),
    Case(
        "class id -1: gradient",
        "cross_entropy",
        lambda loss: _label_gradient(loss, -1),
        "NaN",
        np.isnan,
    ),
    Case(
        "float16, 70,000 equal logits",
        "cross_entropy",
        _many_classes,
        "11.2",
        lambda found: bool(abs(found - np.log(70_000)) < 1e-2),
    ),
    Case(
        "class ids for a distribution",
        "distribution_cross_entropy",
        lambda loss: jnp.max(loss(jnp.eye(3), jnp.arange(3))),
        _RAISES,
        _raised,
    ),
    Case(
        "infinite logit of the right class",
        "distribution_cross_entropy",
        lambda loss: loss(jnp.array([[jnp.inf, 0.0]]), jnp.array([[1.0, 0.0]]))[0],
        "0",
        _zero,
    ),
    Case(
        "4 predictions, labels of shape (4, 1)",
        "binary_cross_entropy",
        lambda loss: jnp.shape(loss(jnp.ones(4), jnp.ones((4, 1)))),
        _RAISES,
        _raised,
    ),
    Case(
        "binary label 2",
        "binary_cross_entropy",
        lambda loss: jnp.sum(loss(jnp.array([[30.0]]), jnp.array([[2.0]]))),
        "NaN",
        np.isnan,
    ),
    Case("NaN behind where: gradient", "masked_cross_entropy", _hidden_nan, "0", _below(1e-6)),
    Case("mean of nothing", "masked_cross_entropy", _all_hidden, "0", _zero),
    Case("weight decay of a bias", "decay", _decayed_bias, "0", _zero),
    Case("size of weights, gradient at 0", "norm", _at_zero, "0", _zero),
)
