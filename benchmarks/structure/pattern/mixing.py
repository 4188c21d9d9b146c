"""The coarsest rule, which is right for every operation: all that goes in mixes."""

from collections.abc import Sequence

import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import shape
from .held import OPAQUE
from .marks import Marked, Value, union, union_of


def mixed(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Let every number of the results depend on all that any operand depends on."""
    alls = [
        union_of(o.rows, np.arange(o.rows.shape[0])[None])
        for o in operands
        if isinstance(o, Marked) and o.rows.shape[0]
    ]
    if not alls:
        return [OPAQUE] * len(eqn.outvars)
    row = Marked(union(alls), ())
    return [row.broadcast(shape(v)) for v in eqn.outvars]
