"""A Jacobian that is known by its products: `J @ v`, `J.T @ u`, and `todense()`.

It holds either its entries, or the function's linear part at the inputs, as `jax.linearize` makes
it, so that a product runs neither the function nor a trace of it again.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun
from scipy.sparse import csr_array

from ...derivatives.problem import Leaves, Problem
from ...program.jaxpr import kind, trace
from ...program.messages import WrongInputsError, is_our_own, whole_tracebacks
from ...program.told import described
from ...program.walk import equations
from ..pattern.marks import extents

#: Products that are taken of an operator at one point, as far as anybody knows.
PRODUCTS = 10

#: `push(parts, v)` returns `J v`, and `pull(parts, u)` returns `u J`, of flat vectors.
Product = Callable[[Any, jax.Array], jax.Array]


class Kind:
    """How products are taken; it is the same object for all inputs, and so one type in a scan."""

    def __init__(
        self,
        shape: tuple[int, int],
        push: Product,
        pull: Product | None,
        ranks: Sequence[int],
    ) -> None:
        """Say how products are taken of the parts that an operator holds, arrays of some ranks."""
        self.shape, self.push, self.pull, self.ranks = shape, push, pull, ranks


class Operator:
    """A matrix `[m, n]` that is known by its products, and a pytree: for `jit`, `vmap` and `scan`.

    Its rows are the numbers of the outputs, and its columns those of the differentiated inputs, in
    their order.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import jacobian
        >>> x = jnp.arange(4.0)
        >>> matrix = jacobian(lambda x: x[1:] * x[:-1], x, output="operator", measure=False)(x)
        >>> matrix.shape, (matrix @ jnp.ones(4)).tolist(), (matrix.T @ jnp.ones(3)).tolist()
        ((3, 4), [1.0, 3.0, 5.0], [1.0, 2.0, 4.0, 2.0])
    """

    #: So that an array on its left leaves the product to it.
    __array_priority__ = 100

    def __init__(self, kind: Kind, parts: Any, *, transposed: bool = False) -> None:
        """Hold what products are taken of."""
        self._kind, self._parts, self._transposed = kind, parts, transposed

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns it has."""
        m, n = self._kind.shape
        return (n, m) if self._transposed else (m, n)

    @property
    def ndim(self) -> int:
        """It is a matrix."""
        return 2

    @property
    def T(self) -> "Operator":  # noqa: N802  (as arrays call it)
        """Its transpose."""
        return Operator(self._kind, self._parts, transposed=not self._transposed)

    def __matmul__(self, other: Any) -> jax.Array:
        """Return the product with a vector `[n]`, or with each column of a matrix `[n, k]`.

        Raises:
            ValueError: If it has another shape.
        """
        other = _as_array(other)
        if other.ndim not in (1, 2) or other.shape[0] != self.shape[1]:
            raise WrongInputsError(
                f"an operator of shape {self.shape} takes a vector [{self.shape[1]}] or a matrix "
                f"[{self.shape[1]}, k], got shape {other.shape}: for pytrees, flatten them by "
                "jax.flatten_util.ravel_pytree"
            )
        if jnp.iscomplexobj(other):  # it is real itself
            return jax.lax.complex(self @ other.real, self @ other.imag)
        take = self._kind.pull if self._transposed else self._kind.push
        if take is None:
            raise ValueError("the function has no reverse mode, and so no products from the left")
        if [part.ndim for part in jax.tree.leaves(self._parts)] != list(self._kind.ranks):
            raise ValueError(
                "these are several operators, such as jax.vmap returns: take their products inside "
                "of jax.vmap, as by jax.vmap(lambda operator: operator @ vector)(operators)"
            )
        product = lambda vector: take(self._parts, vector)  # noqa: E731
        return product(other) if other.ndim == 1 else jax.vmap(product, 1, 1)(other)

    def __rmatmul__(self, other: Any) -> jax.Array:
        """Return the product of a vector `[m]`, or of each row of a matrix `[k, m]`, with it.

        Raises:
            ValueError: If it has another shape.
        """
        return (self.T @ _as_array(other).T).T

    def todense(self) -> jax.Array:
        """Return it as an array, by as many products as its shorter side has numbers.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> matrix = jacobian(jnp.sin, jnp.zeros(2), output="operator", measure=False)
            >>> matrix(jnp.zeros(2)).todense().tolist()
            [[1.0, 0.0], [0.0, 1.0]]
        """
        rows, columns = self.shape
        if columns <= rows or (self._kind.pull is None and not self._transposed):
            return self @ jnp.eye(columns)
        return (self.T @ jnp.eye(rows)).T

    def __repr__(self) -> str:
        return f"Operator({self.shape[0]:,} x {self.shape[1]:,})"


jax.tree_util.register_pytree_node(
    Operator,
    lambda operator: ((operator._parts,), (operator._kind, operator._transposed)),
    lambda kind, parts: Operator(kind[0], parts[0], transposed=kind[1]),
)


def _as_array(vector: Any) -> jax.Array:
    if isinstance(vector, (str, dict)) or not jax.tree.leaves(vector):  # JAX's errors name neither
        raise TypeError(
            f"an operator takes a vector or a matrix, got {described(vector)}: for pytrees, "
            "flatten them by jax.flatten_util.ravel_pytree"
        )
    return jnp.asarray(vector)


def kind_of_entries(rows: csr_array) -> Kind:
    """Return how products are taken of `(data, row of each, column of each)`."""
    m, n = extents(rows)

    def push(parts: Leaves, vector: jax.Array) -> jax.Array:
        data, row_of, column_of = parts
        return jax.ops.segment_sum(data * vector[column_of], row_of, m, indices_are_sorted=True)

    def pull(parts: Leaves, vector: jax.Array) -> jax.Array:
        data, row_of, column_of = parts
        return jax.ops.segment_sum(data * vector[row_of], column_of, n)

    return Kind((m, n), push, pull, (1, 1, 1))


def of_entries(kind: Kind, rows: csr_array, data: jax.Array) -> Operator:
    """Return the operator of a matrix whose entries are known."""
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)).astype(np.int32)
    return Operator(kind, (data, jnp.asarray(row_of), jnp.asarray(rows.indices)))


class Linear:
    """The linear part of a function at inputs: a program that makes it, and how it is run.

    It is traced when it is asked for first: that of a long program takes long.
    """

    def __init__(self, problem: Problem) -> None:
        """Say of what."""
        self._problem = problem
        self._inputs, self._fixed = (list(map(_like, p)) for p in (problem.x, problem.fixed))
        outputs = jax.eval_shape(problem.fn, problem.x, problem.fixed)
        self._outputs, self._form = jax.tree.flatten(outputs)

    def __call__(self, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Operator:
        """Return the operator at some inputs."""
        del problem, tables
        run, _, _ = self._traced
        return Operator(self.kind, tuple(run(*x, *fixed)))

    @cached_property
    def kind(self) -> Kind:
        """How products are taken, by the modes that there are."""
        n, m = self._problem.n, sum(leaf.size for leaf in self._outputs)
        parts = jax.eval_shape(self._traced[0], *self._inputs, *self._fixed)
        reverse = self._takes(self._pull, parts, m)
        # A rule may only say how to go backwards.
        forward = not reverse or self._takes(self._push, parts, n)
        push = self._push if forward else self._push_by_transposes
        ranks = [part.ndim for part in jax.tree.leaves(parts)]
        return Kind((m, n), push, self._pull if reverse else None, ranks)

    @cached_property
    def _traced(self) -> tuple[Callable[..., Sequence[Any]], Any, list[Any]]:
        structures: list[Any] = []

        def residuals(x: Leaves, fixed: Leaves) -> list[jax.Array]:
            run = jax.linearize(lambda *x: self._problem.fn(x, fixed), *x)[1]
            leaves, structure = jax.tree.flatten(run)
            structures.append(structure)
            return leaves

        program = trace(residuals, tuple(self._inputs), tuple(self._fixed))
        return jaxpr_as_fun(program), structures[-1], [part.dtype for part in program.out_avals]

    def _function(self, parts: Leaves) -> Callable[..., Any]:
        _, structure, dtypes = self._traced
        # Whoever holds an operator may have made its arrays wider, as a check in float64 does.
        pairs = zip(parts, dtypes, strict=True)
        held = [part if part.dtype == dtype else part.astype(dtype) for part, dtype in pairs]
        return jax.tree.unflatten(structure, held)

    def _push(self, parts: Leaves, vector: jax.Array) -> jax.Array:
        return _flat(self._function(parts)(*_unflat(vector, self._inputs)))

    def _takes(self, product: Product, parts: Any, size: int) -> bool:
        try:
            with whole_tracebacks():
                program = trace(product, parts, jax.ShapeDtypeStruct((size,), "float32"))
        except Exception as error:  # a custom rule raises whatever it likes
            if is_our_own(error):
                raise
            return False
        # Of a rule that only says how to go backwards, JAX says so once the program is run.
        return not any(kind(eqn) == "custom_lin" for eqn, _ in equations(program))

    def _push_by_transposes(self, parts: Leaves, vector: jax.Array) -> jax.Array:
        m = sum(leaf.size for leaf in self._outputs)
        dtype = jnp.result_type(*self._outputs)
        back = jax.linear_transpose(
            lambda u: self._pull(parts, u), jax.ShapeDtypeStruct((m,), dtype)
        )
        return back(vector.astype(jnp.result_type(*self._inputs)))[0]

    def _pull(self, parts: Leaves, vector: jax.Array) -> jax.Array:
        back = jax.linear_transpose(self._function(parts), *self._inputs)
        return _flat(back(jax.tree.unflatten(self._form, _unflat(vector, self._outputs))))


def _like(leaf: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)


def _unflat(vector: jax.Array, like: Sequence[jax.ShapeDtypeStruct]) -> list[jax.Array]:
    parts = jnp.split(vector, np.cumsum([leaf.size for leaf in like])[:-1])
    return [p.reshape(leaf.shape).astype(leaf.dtype) for p, leaf in zip(parts, like, strict=True)]


def _flat(tree: Any) -> jax.Array:
    return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(tree)])


def some_products(result: Any) -> Any:
    """Return some products of an operator, for its time with all that it is made for."""
    operator = result[0] if isinstance(result, tuple) and result else result
    if not isinstance(operator, Operator):
        return result

    def pair(_: int, vector: jax.Array) -> jax.Array:
        pushed = operator @ vector
        both = operator._kind.pull is not None
        return (operator.T @ pushed).astype(vector.dtype) if both else vector + jnp.sum(pushed)

    return jax.lax.fori_loop(0, PRODUCTS // 2, pair, jnp.ones(operator.shape[1]))
