"""The one small shape that every library is adapted to."""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from typing import Any, NamedTuple

from .task import Task


class Model(NamedTuple):
    """A network as a library gives it: pytrees of arrays and a function of them.

    Attributes:
        params: What is differentiated.
        state: What the function threads through: batch statistics, a library's own keys.
        loss: `loss(params, state, key, x, y) -> (mean loss, state)`, in training mode.
    """

    params: Any
    state: Any
    loss: Callable[..., tuple[Any, Any]]


class Trainer(NamedTuple):
    """A training under way.

    Attributes:
        call: Takes `epochs` passes over the data and returns the last loss, not blocked on.
        epochs: How many passes a call takes.
    """

    call: Callable[[], Any]
    epochs: int


class Edges(NamedTuple):
    """What a library offers of the functions that the edge cases ask about; `None` if nothing.

    Attributes:
        batch_norm: `(batches, x=None)`: trains on each batch in turn; the last output, or, if `x`
            is given, the inference on it. Momentum 0.99.
        masked_batch_norm: `(x, mask)`: the training output where some rows are no data.
        dropout: `(rate, x, key)`.
        sigmoid: `(x)`.
        cross_entropy: `(logits, labels)`: class ids to one value each.
        distribution_cross_entropy: `(logits, targets)`.
        binary_cross_entropy: `(logits, labels)` as the library's users call it.
        masked_cross_entropy: `(logits, targets, where)` to the mean over what is shown.
        norm: `(params)`: a penalty on the size of parameters.
        decay: `(params)`: the direction in which weight decay moves them, for a zero gradient.
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


class Peer(NamedTuple):
    """A library beside this one.

    Attributes:
        name: As tables show it.
        packages: What `pip install` has to bring, by the names they are imported by.
        edges: What it is asked about the edge cases.
        model: Builds a task's network.
        trainer: Builds a task's training the way the library's own guide writes it.
    """

    name: str
    packages: tuple[str, ...] = ()
    edges: Edges = Edges()
    model: Callable[[Task], Model] | None = None
    trainer: Callable[[Task], Trainer] | None = None

    @property
    def missing(self) -> str | None:
        """What is not installed, in words; `None` if all is."""
        absent = [package for package in self.packages if find_spec(package) is None]
        return f"not installed: {', '.join(absent)}" if absent else None


def library(name: str) -> Any:
    """A library, imported when it is used and not before: it may not be there.

    Example:
        >>> library("math").pi > 3
        True
    """
    return import_module(name)


def versions(peers: Iterable[Peer]) -> dict[str, str]:
    """The versions of the installed packages that the peers need, by distribution.

    Example:
        >>> versions([Peer("JAX", ("jax",)), Peer("none", ("no_such_library",))]).keys()
        dict_keys(['jax'])
    """
    distributions = packages_distributions()
    needed = (package for peer in peers for package in peer.packages)
    names = (distributions[package][0] for package in needed if package in distributions)
    return {name: version(name) for name in dict.fromkeys(names)}
