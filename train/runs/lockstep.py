"""Keep several processes at the same step: a signal, an end or an error of one counts for all.

With each batch every process tells the others whether it has one, which signal it has received,
whether its source has failed, and what shapes its batches have. That is read when the batch is
trained on, some batches later, so that no step waits for the host of another process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from .._process_errors import raise_for
from .._processes import agree, fingerprint, read, send, several
from .._text import excerpt
from ..steps import Batch
from .placement import Placement


@dataclass(kw_only=True)
class Lockstep:
    """What the processes of a run know of one another; of one process, what it knows itself.

    Attributes:
        received: Returns the signal that this process has received, or 0.
        number: The signal that all of them know, or 0.
    """

    received: Callable[[], int]
    number: int = 0

    def known(self) -> int:
        """Return the signal that ends the run, or 0, without asking the other processes."""
        return self.number if several() else self.received()

    def agreed(self) -> int:
        """Return the signal that ends the run, or 0, after asking them."""
        if several() and not self.number:
            self.number = int(agree(self.received()).max())
        return self.known()

    def ahead(
        self,
        batches: Iterator[tuple[Batch, Any]],
        count: int,
        placement: Placement,
        example: Callable[[], Batch],
    ) -> Iterator[tuple[Batch, Batch, Any]]:
        """Put batches on the devices `count` ahead of their use, so that copying overlaps work.

        Of several processes, one that has none left goes on with batches of masked rows until all
        have none left.

        Args:
            batches: Padded batches of this process, each with anything else.
            count: How many wait on the devices at most.
            placement: Where they go.
            example: Returns any batch, for a process that has none.

        Yields:
            The batch on the host, the same on the devices, and what came with it.

        Raises:
            ProcessError: If the source of another process has failed.
            ValueError: If the processes give batches of different shapes or types.
        """
        if not several():
            yield from _ahead(batches, count, placement)
            return
        waiting: deque[tuple[Batch, Batch, Any, jax.Array]] = deque()
        last: tuple[Batch, Any] | None = None
        error: Exception | None = None
        while True:
            has_one = False
            if error is None:
                try:
                    entry = next(batches, None)
                    has_one = entry is not None
                    if entry is None:
                        batch, other = last or (example(), None)
                        entry = _masked(batch), other
                    last = entry
                except Exception as caught:
                    error = caught
            shapes = 0 if last is None else fingerprint(jax.tree.map(_described, last[0]))
            told = send([has_one, self.received(), error is not None, shapes])
            host, other = last if error is None and last is not None else (None, None)
            placed = None if host is None else placement.put(host)
            waiting.append((host, placed, other, told))  # pyright: ignore[reportArgumentType]
            if len(waiting) > count:
                *taken, told = waiting.popleft()
                if not self._goes_on(read(told), error, taken[0]):
                    return
                yield tuple(taken)  # pyright: ignore[reportReturnType]

    def _goes_on(self, told: np.ndarray, error: Exception | None, own: Batch) -> bool:
        """Return whether any process has a batch, and note the signal that one has received."""
        has_one, received, failed, shapes = told.T
        raise_for(error, failed)
        self.number = self.number or int(received.max())
        if (shapes != shapes[0]).any():
            raise ValueError(
                "the processes must give batches of the same shapes and types, but for the number "
                f"of rows, and they differ: process {jax.process_index()} gives x and y of "
                f"{excerpt(jax.tree.map(_described, tuple(own[:2])))}"
            )
        return bool(has_one.any())


def _ahead(
    batches: Iterator[tuple[Batch, Any]], count: int, placement: Placement
) -> Iterator[tuple[Batch, Batch, Any]]:
    waiting: deque[tuple[Batch, Batch, Any]] = deque()
    for batch, other in batches:
        waiting.append((batch, placement.put(batch), other))
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def _masked(batch: Batch) -> Batch:
    """Return a batch of the same shapes with no real row."""
    return jax.tree.map(_zeros_like, batch)


def _described(leaf: np.ndarray | jax.Array) -> str:
    return f"{jax.dtypes.canonicalize_dtype(leaf.dtype)} {leaf.shape}"


def _zeros_like(leaf: np.ndarray | jax.Array) -> np.ndarray | jax.Array:
    on_host = getattr(leaf, "is_fully_addressable", True)
    return np.zeros(leaf.shape, leaf.dtype) if on_host else jax.numpy.zeros_like(leaf)
