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
        self._places = self._placed()
        kind = BCSR if output == "csr" else BCOO
        like = kind(
            (jnp.zeros(rows.nnz), *self._places),  # pyright: ignore[reportArgumentType]
            shape=extents(rows),
            indices_sorted=True,
            unique_indices=True,
        )
        self._structure = jax.tree.structure(like)

    def __call__(self, data: Any) -> Any:
        """Return the matrix of some numbers."""
        for array in self._places:
            if array.is_deleted():  # donated with a result
                self._places = self._placed()
                break
        return self._structure.unflatten((data, *self._places))

    def _placed(self) -> tuple[jax.Array, ...]:
        rows = self._rows
        with jax.ensure_compile_time_eval():
            if self._output == "csr":
                return jnp.asarray(rows.indices), jnp.asarray(rows.indptr)
            row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
            return (jnp.asarray(np.stack([row_of, rows.indices], axis=1).astype(np.int32)),)
