"""asdex, which colours sparse Jacobians; its sparse form under `jax.jit` is BCOO."""

from collections.abc import Callable
from typing import Any

import jax

from .peer import Peer, SparseJacobian, library


def _jacobian(fn: Callable[..., Any], x: jax.Array, *, dense: bool) -> SparseJacobian:
    asdex = library("asdex")
    colouring = asdex.jacobian_coloring(fn, x)
    form = "dense" if dense else "bcoo"
    return SparseJacobian(
        jax.jit(asdex.jacobian_from_coloring(fn, colouring, output_format=form)),
        colouring.num_colors,
    )


PEER = Peer(name="asdex", packages=("asdex",), sparse_jacobian=_jacobian)
