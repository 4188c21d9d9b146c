"""Which parameters a penalty applies to, and how much each of them contributes."""

import html
from collections.abc import Callable
from dataclasses import dataclass

import jax

from ._equality import equal_by_fields
from ._selection import PyTree, Select, selected_leaves
from .penalties import is_weight, l2


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Share:
    """A leaf that a penalty applies to, with its part in the penalty.

    Two shares are equal if all their fields are; NaN equals NaN.

    Attributes:
        path: Where the leaf is, its names and positions joined by dots.
        shape: Its shape.
        value: Its penalty.
        share: Its penalty divided by that of all leaves.

    Example:
        >>> from gradwise import losses
        >>> losses.Share(path="0.weight", shape=(3, 4), value=0.5, share=0.25)
        Share(0.weight (3, 4): 0.5, 25.0% of the penalty)
    """

    path: str
    shape: tuple[int, ...]
    value: float
    share: float

    def __repr__(self) -> str:
        size = f"{self.value:.4g}, {self.share:.1%} of the penalty"
        return f"Share({self.path or 'params'} {self.shape}: {size})"

    def _repr_html_(self) -> str:
        cells = self.path or "params", str(self.shape), f"{self.value:.4g}", f"{self.share:.1%}"
        headings = "".join(f"<th>{name}</th>" for name in ("path", "shape", "value", "share"))
        row = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        return f"<table><tr>{headings}</tr><tr>{row}</tr></table>"


def penalized(
    params: PyTree,
    *,
    penalty: Callable[[jax.Array], jax.Array] = l2,
    select: Select = is_weight,
) -> tuple[Share, ...]:
    """Return the leaves that a penalty applies to, each with its share of the penalty.

    Args:
        params: A pytree of arrays, or one array; not traced.
        penalty: `l1`, `l2` or any other scalar function of one array.
        select: `select(path, leaf) -> bool`, which leaves count; by default `is_weight`.

    Raises:
        ValueError: If no leaf is selected.
        TypeError: If a selected leaf does not hold real numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> params = ({"weight": jnp.ones((2, 3)), "bias": jnp.ones(3)}, {"weight": jnp.ones(2)})
        >>> for leaf in losses.penalized(params):
        ...     print(leaf.path, leaf.shape, leaf.value, leaf.share)
        0.weight (2, 3) 6.0 0.75
        1.weight (2,) 2.0 0.25
    """
    leaves = selected_leaves("penalized", params, select)
    values = [float(penalty(leaf)) for _, leaf in leaves]
    total = sum(values) or 1.0
    return tuple(
        Share(path=".".join(map(str, path)), shape=leaf.shape, value=value, share=value / total)
        for (path, leaf), value in zip(leaves, values, strict=True)
    )
