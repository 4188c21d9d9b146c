"""`jacobian` and `hessian`: the derivative that is cheapest of all, handed back as a function."""

import html
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.experimental.sparse import BCOO, BCSR
from scipy.sparse import csr_array

from .._equality import equal_by_fields
from ..derivatives.forms import Form
from ..derivatives.problem import Leaves, Problem, gradient_problem, make_problem
from ..instrument import units
from ..instrument.statistics import contention
from ..instrument.timing import interleave
from ..program.arguments import Argnums
from ..program.flops import flops
from ..program.inputs import sort_inputs
from ..program.messages import guarded
from ..program.names import name_of
from ..program.obstacles import obstacles
from .further import further_ways
from .marks import TooLargeError
from .pattern import Pattern, find_pattern
from .verify import is_right
from .ways import Way, as_matrix, constant, ways_of

#: The forms of a result.
OUTPUTS = ("dense", "csr", "bcoo")
#: Ways that are measured against one another, and the seconds for all of them.
_MOST_MEASURED, _SECONDS = 3, 0.6
#: Wall over CPU time from which times are not believed.
_BUSY = 1.3


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Rival:
    """A way to take a Jacobian that was weighed.

    Attributes:
        name: Such as `"coloured (forward, 3)"`.
        passes: How many directions it pushes or pulls.
        seconds: Median seconds of a call; `None` if it was not measured.
    """

    name: str
    passes: int
    seconds: float | None = None


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Jacobian:
    """A Jacobian or a Hessian as a function of the inputs of the function that it is of.

    `print(jacobian)` says which way it is taken, and why.

    Attributes:
        name: The function's name.
        order: 1 for a Jacobian, 2 for a Hessian.
        n: How many numbers are differentiated.
        m: How many numbers the output holds; for a Hessian as many as inputs.
        way: How it is taken, such as `"coloured (forward, 3)"`, `"reverse"` or `"constant"`.
        rivals: What it was chosen from.
        entries: How many numbers of it may be other than zero; `None` if nobody knows.
        output: `"dense"`, `"csr"` or `"bcoo"`.
        notes: What else a reader should know.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import jacobian
        >>> square = jacobian(lambda x: x**2, jnp.ones(3), output="csr", measure=False)
        >>> isinstance(square, Jacobian), square.entries, square(jnp.arange(3.0)).data.tolist()
        (True, 3, [0.0, 2.0, 4.0])
    """

    name: str
    order: int
    n: int
    m: int
    way: str
    rivals: tuple[Rival, ...]
    entries: int | None
    output: str
    notes: tuple[str, ...] = ()
    _made: "_Made | None" = field(default=None, compare=False)

    def __call__(self, *inputs: Any) -> Any:
        """Return the derivative at the inputs, in the form of `jax.jacrev(fn, argnums)`.

        As a sparse array it is a matrix, `[m, n]`, whose rows are the numbers of the outputs and
        whose columns are those of the differentiated inputs, in their order.

        Raises:
            ValueError: If the inputs have other shapes or dtypes than those that it was made for,
                or other whole numbers where these decide what depends on what.
        """
        return self._way().run(*self._way().read(inputs))

    def check(self, *inputs: Any) -> bool:
        """Return whether the derivative is right at other inputs, by products in float64.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> jacobian(jnp.sin, jnp.ones(3), measure=False).check(jnp.zeros(3))
            True
        """
        made = self._way()
        x, fixed = made.read(inputs)
        return made.is_right(made.problem._replace(x=x, fixed=fixed), points=1)

    def _way(self) -> "_Made":
        if self._made is None:
            raise ValueError("this record has no function: get one from gradwise.jacobian")
        return self._made

    def __repr__(self) -> str:
        return f"{'Hessian' if self.order == 2 else 'Jacobian'}({self.name}: {self.way})"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def __str__(self) -> str:
        what = "Hessian" if self.order == 2 else "Jacobian"
        share = ""
        if self.entries is not None:
            share = f", {self.entries:,} of {self.n * self.m:,} entries may be other than 0"
        lines = [f"{what} of {self.name}: {self.m:,} x {self.n:,}{share}", f"taken {self.why}"]
        lines += [_line(rival, self.way) for rival in self.rivals]
        return "\n".join([*lines, *self.notes])

    @property
    def why(self) -> str:
        """Which way it is taken, and what that saves."""
        chosen = next(rival for rival in self.rivals if rival.name == self.way)
        others = [r for r in self.rivals if r.seconds and r.name in ("forward", "reverse")]
        text = f"by {self.way}"
        if self.way not in ("forward", "reverse", "constant"):
            text += f": {chosen.passes:,} passes do for {self.n:,} inputs and {self.m:,} outputs"
        if self.way == "constant":
            text += ": it is the same for all inputs, and was computed once"
        if others and chosen.seconds and chosen.name not in ("forward", "reverse"):
            best = min(others, key=lambda rival: rival.seconds or 0.0)
            factor = (best.seconds or 0.0) / chosen.seconds
            text += f"; {units.times(factor)} times faster than {best.name}"
        return text


def _line(rival: Rival, chosen: str) -> str:
    mark = "->" if rival.name == chosen else "  "
    time = "not measured" if rival.seconds is None else units.seconds(rival.seconds)
    return f"{mark} {rival.name:<36} {rival.passes:>9,} passes   {time}"


def jacobian(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    output: str = "dense",
    measure: bool = True,
) -> Jacobian:
    """Return the Jacobian of `fn` as a function, taken in the way that is cheapest at these inputs.

    The program of `fn` is looked at for what depends on what, for every x. Columns that meet in no
    row share a pass (Curtis, Powell and Reid, 1974); a few full rows or columns are taken by the
    other mode; a Jacobian that is the same everywhere is computed once. The cheapest ways are
    checked against products of JAX's own modes, in float64 where that is possible, here and at two
    points near, and then timed. What is not right is not handed out: then the plain mode is, with a
    warning.

    Args:
        fn: A pure function of arrays or pytrees to an array or pytree.
        *inputs: Where it is looked at: arguments of the shapes and dtypes that the result takes.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        output: `"dense"` for the result of `jax.jacrev(fn, argnums)`; `"csr"` or `"bcoo"` for one
            sparse matrix of `jax.experimental.sparse`, of the outputs' numbers by the inputs'.
        measure: Whether the ways are timed; if not, the least by count of operations is taken.

    Raises:
        TypeError: If `fn` is not callable or cannot be traced, or an input to differentiate is
            complex.
        ValueError: If `argnums` or `output` is out of range, nothing is there to be differentiated,
            or it is called inside of a transformation of JAX.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import jacobian
        >>> x = jnp.arange(6.0)
        >>> products = jacobian(lambda x: x[1:] * x[:-1], x, measure=False)
        >>> products.way
        'coloured (forward, 2)'
        >>> products(x)[0].tolist()
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    problem = make_problem(fn, inputs, argnums=argnums)
    form = Form(problem, argnums)
    return _cheapest(
        fn, problem, problem.outputs.shapes, form.of_jacobian, argnums, 1, output, measure
    )


def hessian(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    output: str = "dense",
    measure: bool = True,
) -> Jacobian:
    """Return the Hessian of a scalar `fn` as a function, in the way that is cheapest.

    It is the Jacobian of the gradient, so that a colour costs one product with the Hessian, forward
    over reverse. The arguments, checks and errors are those of `jacobian`; the result is that of
    `jax.hessian(fn, argnums)`.

    Raises:
        ValueError: If the function is not scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import hessian
        >>> x = jnp.arange(1.0, 5.0)
        >>> cubes = hessian(lambda x: jnp.sum(x**3), x, measure=False)
        >>> cubes.way, cubes(x).diagonal().tolist()
        ('coloured (forward, 1)', [6.0, 12.0, 18.0, 24.0])
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    problem = make_problem(fn, inputs, argnums=argnums)
    if not problem.scalar:
        raise ValueError(
            f"hessian takes a scalar function, this one has {problem.m} outputs: give one of them, "
            "or a sum"
        )
    form = Form(problem, argnums)
    shapes = [leaf.shape for leaf in problem.x]
    gradient = gradient_problem(problem)
    return _cheapest(fn, gradient, shapes, form.of_hessian, argnums, 2, output, measure)


class _Made:
    """A way that was chosen, compiled on demand, and what its inputs have to be."""

    def __init__(
        self,
        problem: Problem,
        argnums: Argnums,
        way: Way,
        pattern: Pattern | None,
        finish: Callable[..., Any],
    ) -> None:
        """Keep what a call needs."""
        self.problem, self.argnums, self.way, self.pattern = problem, argnums, way, pattern
        arrays, self._static = _without_static(way.tables)
        self._arrays = tuple(map(jnp.asarray, arrays))
        self._finish = finish
        self._jitted = jax.jit(self._program)

    def _program(self, x: Leaves, fixed: Leaves, arrays: tuple) -> Any:
        tables = _with_static(arrays, self._static)
        return self._finish(self.way, self.problem, tables, x, fixed)

    def run(self, x: Leaves, fixed: Leaves) -> Any:
        """Return the derivative."""
        return self._jitted(x, fixed, self._arrays)

    def read(self, inputs: tuple) -> tuple[Leaves, Leaves]:
        """Sort the arguments of a call.

        Raises:
            ValueError: If they are of another kind than those that the derivative was made for.
        """
        given = self.problem.given
        now = sort_inputs(inputs, self.argnums)
        again = "; call gradwise.jacobian again for these"
        if now.treedef != given.treedef:
            raise ValueError(
                f"the inputs have the structure {now.treedef}, it was made for "
                f"{given.treedef}{again}"
            )
        for place, array in given.arrays.items():
            other = now.arrays.get(place)
            if other is None or (other.shape, other.dtype) != (array.shape, array.dtype):
                got = "no array" if other is None else f"{other.dtype}{list(other.shape)}"
                raise ValueError(
                    f"{given.names[place]} is {got}, it was made for "
                    f"{array.dtype}{list(array.shape)}{again}"
                )
        for place in given.values:
            if not _equal(now.given[place], given.given[place]):
                raise ValueError(
                    f"{given.names[place]} is {now.given[place]!r}, it was made for "
                    f"{given.given[place]!r}{again}"
                )
        x = tuple(now.arrays[place] for place in given.wanted)
        held = [place for place in given.arrays if place not in set(given.wanted)]
        fixed = tuple(now.arrays[place] for place in held)
        for bound in self.pattern.bound if self.pattern and self.way.plan else ():
            name, value = given.names[held[bound]], fixed[bound]
            if isinstance(value, Tracer):
                raise ValueError(
                    f"{name} decides what depends on what, and has no value inside of "
                    "a transformation of JAX: hold it outside, such as "
                    "jax.jit(lambda x: jacobian(x, indices))"
                )
            if not np.array_equal(np.asarray(value), np.asarray(self.problem.fixed[bound])):
                raise ValueError(
                    f"{name} has other values than those that the derivative was made "
                    f"for, and these decide what depends on what{again}"
                )
        return x, fixed

    def is_right(self, problem: Problem, points: int) -> bool:
        """Check it by products."""
        if self.way.plain:
            return True  # JAX's own mode
        rows = self.pattern.rows if self.pattern and self.way.plan else None

        def numbers(problem: Problem, x: Leaves, fixed: Leaves) -> jax.Array:
            if rows is not None:
                return self.way.data(problem, self.way.tables, x, fixed)
            return as_matrix(self.way.dense(problem, self.way.tables, x, fixed), problem)

        return is_right(problem, rows, numbers, points=points)


def _without_static(tables: Any) -> tuple[list, Any]:
    """Take the arrays out of tables, and leave what builds them again."""
    leaves, structure = jax.tree.flatten(tables)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]
    others = [None if i in places else leaf for i, leaf in enumerate(leaves)]
    return [leaves[i] for i in places], (places, others, structure)


def _with_static(arrays: Sequence, static: Any) -> Any:
    places, others, structure = static
    leaves = list(others)
    for place, array in zip(places, arrays, strict=True):
        leaves[place] = array
    return jax.tree.unflatten(structure, leaves)


def _equal(one: object, other: object) -> bool:
    same = one == other if not isinstance(one, np.ndarray) else np.array_equal(one, other)
    return type(one) is type(other) and bool(np.all(same))


def _cheapest(
    fn: Callable[..., object],
    problem: Problem,
    shapes: Sequence[tuple[int, ...]],
    of_form: Callable[[Any], Any],
    argnums: Argnums,
    order: int,
    output: str,
    measure: bool,
) -> Jacobian:
    pattern, notes = _looked_at(problem)
    rows = pattern.rows if pattern else None
    blocked = obstacles(
        problem.fn, problem.x, problem.fixed, argnums=0, modes=("forward", "reverse")
    )
    operations = guarded(
        "count operations", lambda: flops(problem.fn, problem.x, problem.fixed).high, 0
    )[0]
    m = int(sum(np.prod(shape, dtype=np.int64) for shape in shapes))
    operations = max(float(operations), float(problem.n))
    others, faults = further_ways(problem, rows, m, operations)
    ways = [*ways_of(problem, rows, shapes, operations), *others]
    ways.sort(key=lambda way: way.cost)
    notes += faults
    ways = [way for way in ways if not way.modes & blocked.keys()]
    if not ways and len(blocked) == 2:
        raise ValueError(f"the function has no derivative in JAX: {blocked['forward'].reason}")
    if not ways:
        raise ValueError(
            f"a dense result of {sum(map(np.prod, shapes))} by {problem.n} numbers is too large, "
            "and nothing is known of its structure: ask for products by jax.jvp or jax.vjp"
        )
    if pattern and pattern.constant:
        ways = [constant(problem, way) for way in ways if way.plan][:1] + ways
    finish = partial(_finished, of_form, output, rows)
    made = {w.name: _Made(problem, argnums, w, pattern, finish) for w in ways[:_MOST_MEASURED]}
    seconds, busy = _measured(made, problem) if measure and len(made) > 1 else ({}, False)
    order_of_trial = sorted(made, key=lambda name: seconds.get(name, np.inf))
    best = _first_right(order_of_trial if seconds and not busy else list(made), made, problem, fn)
    if best is None:
        plain = next(w for w in ways if w.plain)
        best = plain.name
        made[best] = _Made(problem, argnums, plain, pattern, finish)
    if busy:
        notes += ("the machine was busy: the way of fewest operations is taken",)
    return Jacobian(
        name=name_of(fn),
        order=order,
        n=problem.n,
        m=m,
        way=best,
        rivals=tuple(
            Rival(name=way.name, passes=way.passes, seconds=seconds.get(way.name)) for way in ways
        ),
        entries=None if rows is None else int(rows.nnz),
        output=output,
        notes=notes,
        _made=made[best],
    )


def _first_right(
    names: Sequence[str],
    made: dict[str, _Made],
    problem: Problem,
    fn: Callable[..., object],
) -> str | None:
    """Return the first way that passes its check; of others, warn."""
    for name in names:
        right, fault = guarded("check it", partial(made[name].is_right, problem, points=3), False)
        if right:
            return name
        warnings.warn(
            f"gradwise: the {name} derivative of {name_of(fn)} did not pass its check and is not "
            f"used; please report this function{fault and f' ({fault})'}",
            stacklevel=4,
        )
    return None


def _looked_at(problem: Problem) -> tuple[Pattern | None, tuple[str, ...]]:
    """Look for the pattern; where it is not found, say why."""

    def outputs(x: Leaves, fixed: Leaves) -> list[jax.Array]:
        return jax.tree.leaves(problem.fn(x, fixed))

    def look() -> Pattern:
        return find_pattern(outputs, problem.x, problem.fixed)

    try:
        pattern, fault = guarded("find what depends on what", look, None)
    except TooLargeError as error:
        return None, (f"what depends on what is not known: {error}",)
    notes = (fault,) if fault else ()
    if pattern:
        pattern.rows.sort_indices()
        notes += tuple(f"{what} counts as mixing everything" for what in pattern.unknown)
    return pattern, notes


def _finished(
    of_form: Callable[[Any], Any],
    output: str,
    rows: csr_array | None,
    way: Way,
    problem: Problem,
    tables: Any,
    x: Leaves,
    fixed: Leaves,
) -> Any:
    """Return the derivative in the form that was asked for."""
    if output == "dense":
        return of_form(way.dense(problem, tables, x, fixed))
    if rows is None:
        raise ValueError("nothing is known of what depends on what: ask for output='dense'")
    data = way.data(problem, tables, x, fixed)
    if output == "csr":
        return BCSR((data, jnp.asarray(rows.indices), jnp.asarray(rows.indptr)), shape=rows.shape)
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    places = jnp.asarray(np.stack([row_of, rows.indices], axis=1).astype(np.int32))
    return BCOO((data, places), shape=rows.shape, indices_sorted=True, unique_indices=True)


def _measured(made: dict[str, _Made], problem: Problem) -> tuple[dict[str, float], bool]:
    """Time the ways against one another, and say whether the machine was too busy for that."""
    calls = {name: partial(one.run, problem.x, problem.fixed) for name, one in made.items()}
    samples, _ = interleave(calls, budget=_SECONDS)
    waited = [contention(one) for one in samples.values()]
    busy = jax.default_backend() == "cpu" and bool(waited) and min(waited) > _BUSY
    return {name: one.seconds for name, one in samples.items()}, busy
