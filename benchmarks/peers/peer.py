"""What every library is adapted to: its functions, its network, its training."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from typing import Any, NamedTuple

from .task import Task


class Model(NamedTuple):
    """A network of a library: pytrees of arrays, and a pure function of them.

    Attributes:
        params: What is differentiated.
        state: What is threaded through the function: batch statistics, a library's own keys.
        loss: `loss(params, state, key, x, y)` returns the mean loss and the new state, in training
            mode.

    Example:
        >>> model = Model(2.0, (), lambda params, state, key, x, y: ((params * x - y) ** 2, state))
        >>> model.loss(model.params, model.state, None, 3.0, 5.0)
        (1.0, ())
    """

    params: Any
    state: Any
    loss: Callable[..., tuple[Any, Any]]


class Trainer(NamedTuple):
    """A training that has begun, and that every call takes further.

    Attributes:
        call: Makes `epochs` passes over the data and returns the last loss, without waiting for it.
        epochs: How many passes a call makes.

    Example:
        >>> losses = iter([0.5, 0.25])
        >>> trainer = Trainer(lambda: next(losses), epochs=1)
        >>> trainer.call(), trainer.call()
        (0.5, 0.25)
    """

    call: Callable[[], Any]
    epochs: int


class SparseJacobian(NamedTuple):
    """A Jacobian as a library takes it by its sparsity.

    Attributes:
        call: `call(x)` returns it.
        passes: How many products of the function it takes.

    Example:
        >>> square = SparseJacobian(lambda x: 2 * x, passes=1)
        >>> square.call(3.0)
        6.0
    """

    call: Callable[[Any], Any]
    passes: int


@dataclass(frozen=True, kw_only=True)
class EdgeFunctions:
    """The functions of a library that are asked about edge cases; `None` where it offers none.

    Attributes:
        batch_norm: `batch_norm(batches, x=None)` trains on each batch in turn, with momentum 0.99,
            and returns the last output; if `x` is given, the inference on it instead.
        masked_batch_norm: `masked_batch_norm(x, mask)` returns the training output where the mask
            hides some rows.
        dropout: `dropout(rate, x, key)`.
        sigmoid: `sigmoid(x)`.
        cross_entropy: `cross_entropy(logits, labels)` takes class ids and returns one value each.
        distribution_cross_entropy: `distribution_cross_entropy(logits, targets)`.
        binary_cross_entropy: `binary_cross_entropy(logits, labels)`, as the library's users call
            it.
        masked_cross_entropy: `masked_cross_entropy(logits, targets, where)` returns the mean over
            the examples that `where` shows.
        norm: `norm(params)` returns a penalty on the size of parameters.
        decay: `decay(params)` returns the direction in which weight decay moves them if their
            gradient is zero.

    Example:
        >>> import jax
        >>> EdgeFunctions(sigmoid=jax.nn.sigmoid).dropout is None
        True
    """

    batch_norm: Callable | None = None
    masked_batch_norm: Callable | None = None
    dropout: Callable | None = None
    sigmoid: Callable | None = None
    cross_entropy: Callable | None = None
    distribution_cross_entropy: Callable | None = None
    binary_cross_entropy: Callable | None = None
    masked_cross_entropy: Callable | None = None
    norm: Callable | None = None
    decay: Callable | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Peer:
    """A library that is compared with the others.

    Attributes:
        name: What tables call it.
        packages: The packages it needs, by the names they are imported by.
        functions: Its functions that are asked about edge cases.
        model: `model(task)` builds the network of a task.
        trainer: `trainer(task)` builds the training of a task, written as the library's own guide
            writes it.
        sparse_jacobian: `sparse_jacobian(fn, x, dense=...)` builds the Jacobian of a function of
            one array at inputs like `x`: as an array, or in the library's sparse form.

    Example:
        >>> Peer(name="flax", packages=("no_such_library",)).missing
        'not installed: no_such_library'
    """

    name: str
    packages: tuple[str, ...] = ()
    functions: EdgeFunctions = EdgeFunctions()
    model: Callable[[Task], Model] | None = None
    trainer: Callable[[Task], Trainer] | None = None
    sparse_jacobian: Callable[..., SparseJacobian] | None = None

    @property
    def missing(self) -> str | None:
        """Which packages are not installed, in words; `None` if all are."""
        absent = [package for package in self.packages if find_spec(package) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def __repr__(self) -> str:
        return f"Peer({self.name})"


def library(name: str) -> Any:
    """Import a library when it is used and not before, because it may not be installed.

    Example:
        >>> library("math").pi > 3
        True
    """
    return import_module(name)


def versions(peers: Iterable[Peer]) -> dict[str, str]:
    """Return the versions of the installed packages that the peers need, by distribution.

    Example:
        >>> versions([Peer(name="JAX", packages=("jax",)), Peer(name="no packages")]).keys()
        dict_keys(['jax'])
    """
    distributions = packages_distributions()
    needed = (package for peer in peers for package in peer.packages)
    names = (distributions[package][0] for package in needed if package in distributions)
    return {name: version(name) for name in dict.fromkeys(names)}
