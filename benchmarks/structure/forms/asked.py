"""What derivative is asked for, and the form that it is handed out in."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ...derivatives.problem import Leaves, Problem
from ...program.arguments import Argnums
from ..ways import Way
from .beside import without_static
from .operators import kind_of_entries, of_entries
from .sparse import Sparse

#: The forms of a result.
OUTPUTS = ("dense", "csr", "bcoo", "operator")


def title_of(order: int, name: str) -> str:
    """Return the name of a derivative's program, as profiles and HLO show it.

    Example:
        >>> title_of(1, "lambda (model.py:3)")
        'jacobian_of_lambda_model_py_3'
    """
    words = re.sub(r"\W+", "_", name).strip("_")
    return f"{'hessian' if order == 2 else 'jacobian'}_of_{words}"


def named(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function under a name that `jax.jit` passes on to the program that it makes of it.

    Example:
        >>> import jax
        >>> "module @jit_half" in jax.jit(named("half", lambda x: x / 2)).lower(1.0).as_text()
        True
    """

    def program(*args: Any) -> Any:
        return fn(*args)

    program.__name__ = program.__qualname__ = name
    return program


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
        symmetric: Whether the derivative is its own mirror for every x.
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
    symmetric: bool = False

    @property
    def what(self) -> str:
        """Which derivative it is: a Jacobian or a Hessian."""
        return "Hessian" if self.order == 2 else "Jacobian"

    @property
    def title(self) -> str:
        """What a profile calls its program, such as `"jacobian_of_stencil"`."""
        return title_of(self.order, self.name)

    @property
    def m(self) -> int:
        """How many numbers the outputs hold."""
        return int(sum(np.prod(shape, dtype=np.int64) for shape in self.shapes))

    @property
    def sparse(self) -> bool:
        """Whether the result holds the numbers at the places of the pattern alone."""
        return self.output in ("csr", "bcoo")


class Finish(NamedTuple):
    """What brings a derivative to the form that was asked for, with what stands beside it.

    Attributes:
        inside: Called as `inside(way, problem, tables, x, fixed)` while a program is traced.
        outside: Called with what that program returns; `None` where that is the derivative.
    """

    inside: Callable[..., Any]
    outside: Callable[[Any], Any] | None


def finished(asked: Asked, rows: csr_array | None) -> Finish:
    """Return what brings a derivative to the form that was asked for."""
    if asked.sparse and rows is None:
        raise ValueError(
            f"what depends on what in {asked.name} is not known, so that it has no sparse form: "
            "ask for output='dense'"
        )
    form = _operator(rows) if asked.output == "operator" else _FORMS[asked.output](asked)
    placed = Sparse(asked.output, rows) if asked.sparse and rows is not None else None

    def both(way: Way, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Any:
        assert asked.aux is not None
        return form(way, problem, tables, x, fixed), asked.aux(x, fixed)

    def both_placed(results: Any) -> Any:
        derivative = placed(results[0]) if placed else results[0]
        return derivative, without_static(results[1])

    return Finish(form, placed) if asked.aux is None else Finish(both, both_placed)


def _dense(asked: Asked) -> Callable[..., Any]:
    return lambda way, *args: asked.of_form(way.dense(*args))


def _numbers(asked: Asked) -> Callable[..., Any]:
    """Return the numbers alone; a program that returned their places would copy them."""
    del asked
    return lambda way, *args: way.data(*args)


def _operator(rows: csr_array | None) -> Callable[..., Any]:
    kind = None if rows is None else kind_of_entries(rows)

    def form(way: Way, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Any:
        if way.plan is None and not way.by_entries:
            return way.dense(problem, tables, x, fixed)
        assert rows is not None
        assert kind is not None
        return of_entries(kind, rows, way.data(problem, tables, x, fixed))

    return form


_FORMS = {"dense": _dense, "csr": _numbers, "bcoo": _numbers}
