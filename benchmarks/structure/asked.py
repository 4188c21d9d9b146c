"""What derivative is asked for, and the form that it is handed out in."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO, BCSR
from scipy.sparse import csr_array

from ..derivatives.problem import Leaves, Problem
from ..program.arguments import Argnums
from .marks import extents
from .operators import kind_of_entries, of_entries
from .ways import Way

#: The forms of a result.
OUTPUTS = ("dense", "csr", "bcoo", "operator")


class Asked(NamedTuple):
    """What derivative is asked for.

    Attributes:
        name: The function's name.
        problem: What is differentiated once: for a Hessian the gradient.
        shapes: Those of its outputs.
        of_form: Brings a dense result to the form of the user's function.
        argnums: The arguments that are differentiated, as the user has said it.
        order: 1 for a Jacobian, 2 for a Hessian.
        output: One of `OUTPUTS`.
        known: The pattern that the user has given.
        aux: Returns what a function returns beside its outputs; `None` if it returns nothing.
        line: Where it is written, such as `"model.py:3"`; `""` if nobody knows.
        caller: What the user has called.
    """

    name: str
    problem: Problem
    shapes: Sequence[tuple[int, ...]]
    of_form: Callable[[Any], Any]
    argnums: Argnums
    order: int
    output: str
    known: csr_array | None = None
    aux: Callable[[Leaves, Leaves], Any] | None = None
    line: str = ""
    caller: str = "jacobian"

    @property
    def m(self) -> int:
        """How many numbers the outputs hold."""
        return int(sum(np.prod(shape, dtype=np.int64) for shape in self.shapes))

    @property
    def sparse(self) -> bool:
        """Whether the result holds the numbers at the places of the pattern alone."""
        return self.output in ("csr", "bcoo")


def finished(asked: Asked, rows: csr_array | None) -> Callable[..., Any]:
    """Return what brings a derivative to the form that was asked for, with what stands beside it.

    It is called as `finish(way, problem, tables, x, fixed)`.
    """
    form = _FORMS[asked.output](asked, rows)

    def finish(way: Way, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Any:
        result = form(way, problem, tables, x, fixed)
        return result if asked.aux is None else (result, asked.aux(x, fixed))

    return finish


def _dense(asked: Asked, rows: csr_array | None) -> Callable[..., Any]:
    del rows
    return lambda way, *args: asked.of_form(way.dense(*args))


def _csr(asked: Asked, rows: csr_array | None) -> Callable[..., Any]:
    del asked
    assert rows is not None

    def form(way: Way, *args: Any) -> BCSR:
        places = jnp.asarray(rows.indices), jnp.asarray(rows.indptr)
        return BCSR((way.data(*args), *places), shape=extents(rows))

    return form


def _bcoo(asked: Asked, rows: csr_array | None) -> Callable[..., Any]:
    del asked
    assert rows is not None
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    places = np.stack([row_of, rows.indices], axis=1).astype(np.int32)

    def form(way: Way, *args: Any) -> BCOO:
        parts = way.data(*args), jnp.asarray(places)
        return BCOO(parts, shape=extents(rows), indices_sorted=True, unique_indices=True)

    return form


def _operator(asked: Asked, rows: csr_array | None) -> Callable[..., Any]:
    kind = None if rows is None else kind_of_entries(rows)
    del asked

    def form(way: Way, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Any:
        if way.plan is None:
            return way.dense(problem, tables, x, fixed)
        assert rows is not None
        assert kind is not None
        return of_entries(kind, rows, way.data(problem, tables, x, fixed))

    return form


_FORMS = {"dense": _dense, "csr": _csr, "bcoo": _bcoo, "operator": _operator}
