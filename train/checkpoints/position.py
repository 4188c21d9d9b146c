"""Where a run over host batches stands within its epoch, and how that is saved."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._process_errors import shared_errors
from .._processes import texts
from .._records import integer
from ..metrics import Figure


@dataclass(kw_only=True)
class Position:
    """What a run over host batches has done of its epoch; it changes with every step.

    Attributes:
        batches: The batches of this epoch that were trained on.
        sums: Their metrics, summed.
        saved_sums: The leaves of the sums, out of a checkpoint, which does not know what they are
            the sums of; a step of the resumed run does.
        source: What the source's `get_state()` gave after the last of them, or None.
    """

    batches: int = 0
    sums: dict[str, Figure] = field(default_factory=dict)
    saved_sums: list[jax.Array] = field(default_factory=list)
    source: object = None


def section_of(position: Position) -> dict[str, list[jax.Array]]:
    """Return the arrays of a position, as a section of a checkpoint.

    Example:
        >>> section_of(Position(batches=1, sums={"loss": (np.ones(2), np.ones(1))}))
        {'sums': [array([1., 1.]), array([1.])]}
    """
    return {"sums": jax.tree.leaves(position.sums) or position.saved_sums}


def header_of(position: Position) -> dict[str, object]:
    """Return what JSON can hold of a position; several processes call it together.

    Raises:
        TypeError: If the source's state is neither bytes nor what JSON gives back as it was.

    Example:
        >>> header_of(Position(batches=7, source=b"at 7"))
        {'batches': 7, 'sums': 0, 'source': {'bytes': 'YXQgNw=='}}
    """
    source = position.source
    sums = len(section_of(position)["sums"])
    fields: dict[str, object] = {"batches": position.batches, "sums": sums}
    can_be_saved = isinstance(source, bytes) or _survives_json(source)
    stored: dict[str, object] = {"json": source if can_be_saved else None}
    if isinstance(source, bytes):
        stored = {"bytes": base64.b64encode(source).decode()}
    with shared_errors():
        if not can_be_saved:
            raise TypeError(
                "get_state() of the train data must return bytes, or dictionaries, lists, numbers "
                f"and texts, to be saved in a checkpoint, got {source!r:.200}"
            )
    told = texts(json.dumps(stored))
    if len(told) == 1:
        return fields | {"source": stored}
    return fields | {"sources": [json.loads(text) for text in told]}


def position_from(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Position:
    """Return the position that `section_of` and `header_of` took apart.

    Another number of processes reads other parts of the data: then the sources' own states are of
    no use, and they are read up to the position.

    Args:
        header: What `header_of` returned.
        arrays: The arrays of the file, by their names there.
    """
    states = header["sources"] if "sources" in header else [header["source"]]
    same_parts = len(states) == jax.process_count()
    stored = states[jax.process_index()] if same_parts else {"json": None}
    encoded = stored.get("bytes")
    return Position(
        batches=integer("batches", header["batches"], 0),
        saved_sums=[
            jnp.asarray(arrays[f"position['sums'][{number}]"]) for number in range(header["sums"])
        ],
        source=stored.get("json") if encoded is None else base64.b64decode(encoded),
    )


def _survives_json(value: object) -> bool:
    try:
        return json.loads(json.dumps(value, allow_nan=False)) == value
    except (TypeError, ValueError, RecursionError):
        return False
