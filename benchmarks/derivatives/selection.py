"""Which methods are taken: by name, those of a first look, or all that apply."""

import math
from collections.abc import Sequence

from .choice import unknown_method
from .method import Method
from .table import METHODS

#: What a person asks for first, by order; the other methods are variations on these.
_FIRST_LOOK = {
    1: (
        "value",
        "numerical",
        "forward",
        "reverse",
        "forward_chunked",
        "reverse_chunked",
        "checkpointed",
    ),
    2: (
        "value",
        "gradient",
        "hvp_forward_over_reverse",
        "forward_over_reverse",
        "reverse_over_reverse",
        "columns",
        "diagonal_in_turn",
        "trace_in_turn",
    ),
}


#: Up to this many directions nobody cuts them into chunks.
_FEW = 4


#: From this many bytes on, what reverse mode keeps is worth a look at checkpointing.
MANY_BYTES = 2**24


def select(
    names: Sequence[str] | str | None,
    *,
    order: int = 1,
    n: int | None = None,
    m: int = 1,
    kept: float = math.inf,
) -> tuple[Method, ...]:
    """Return the methods of an order: by name, those of a first look, or all that apply.

    Args:
        names: Names of methods; `value` is always added, since costs are multiples of it. `"all"`
            for all that apply, and `None` for a first look: chunks where there are more than four
            directions to cut, and checkpointing where reverse mode keeps at least 16 MB.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        n: How many inputs there are, if that is known.
        m: How many outputs there are; methods that need one are not taken for several, unless by
            name.
        kept: How many bytes reverse mode keeps.

    Raises:
        ValueError: If a name or the order is unknown.

    Example:
        >>> [method.name for method in select(["forward", "reverse"])]
        ['value', 'forward', 'reverse']
        >>> [method.name for method in select(None, n=100, m=1, kept=1e3)]
        ['value', 'numerical', 'forward', 'reverse', 'forward_chunked']
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 (gradients, Jacobians) or 2 (Hessians), got {order!r}")
    known = {method.name: method for method in METHODS if method.order == order}
    applying = [method for method in known.values() if m == 1 or "scalar" not in method.requires]
    if names == "all":
        return tuple(applying)
    if names is None:
        needless = {
            "forward_chunked": n is not None and n <= _FEW,
            "reverse_chunked": m <= _FEW,
            "checkpointed": kept < MANY_BYTES,
        }
        first = [method for method in applying if method.name in _FIRST_LOOK[order]]
        return tuple(method for method in first if not needless.get(method.name))
    if isinstance(names, str):
        names = [names]
    for name in names:
        if name not in known:
            other = {method.name for method in METHODS} - known.keys()
            hint = f" ({name!r} is of order {3 - order})" if name in other else ""
            raise ValueError(unknown_method(name, known) + hint)
    return tuple(method for method in known.values() if method.name in {"value", *names})
