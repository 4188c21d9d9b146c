"""The sparse forms of a result: numbers in the order of a pattern, and arrays that place them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO, BCSR
from scipy.sparse import csr_array

from ..pattern.marks import extents


class Sparse:
    """Makes a sparse matrix of the numbers of a pattern; all such share the arrays that place them.

    These are made once: a program that returns them would copy them at each call, which takes
    longer than most Jacobians.

    Example:
        >>> form = Sparse("csr", csr_array(np.eye(3)))
        >>> form(jnp.arange(1.0, 4.0)).todense().diagonal().tolist()
        [1.0, 2.0, 3.0]
    """

    def __init__(self, output: str, rows: csr_array) -> None:
        """Place the entries of a pattern, as `"csr"` or as `"bcoo"`."""
        self._output, self._rows = output, rows
        self._kind = BCSR if output == "csr" else BCOO
        self._place()

    def __call__(self, data: Any) -> Any:
        """Return the matrix of some numbers."""
        if self._places[0].is_deleted() or self._places[-1].is_deleted():  # donated with a result
            self._place()
        # What JAX's pytrees do takes as long again as the call of a small program.
        matrix: Any = object.__new__(self._kind)
        matrix.__dict__.update(self._attributes, data=data)
        return matrix

    def _place(self) -> None:
        """Make the arrays, and the attributes that all matrices have alike."""
        with jax.ensure_compile_time_eval():
            self._places = self._placed()
            one = self._kind(
                (jnp.zeros(self._rows.nnz), *self._places),  # pyright: ignore[reportArgumentType]
                shape=extents(self._rows),
                indices_sorted=True,
                unique_indices=True,
            )
        self._attributes = {name: value for name, value in vars(one).items() if name != "data"}

    def _placed(self) -> tuple[jax.Array, ...]:
        rows = self._rows
        if self._output == "csr":
            return jnp.asarray(rows.indices), jnp.asarray(rows.indptr)
        row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        return (jnp.asarray(np.stack([row_of, rows.indices], axis=1).astype(np.int32)),)
