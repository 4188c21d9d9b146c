"""A derivative by one method, as a function of the inputs of the function itself."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ..program.arguments import Argnums
from ..program.told import described
from .choice import unknown, unknown_method
from .forms import ALONG, Form
from .inputs import read_inputs
from .jacobians import columns, rows
from .method import Label, Method, Preparation, Probe, Program, Search
from .outputs import read_function
from .problem import canonical
from .table import METHODS

#: The option that says what a search has found, for the methods that search.
OPTIONS = {
    "forward_chunked": "chunk",
    "reverse_chunked": "chunk",
    "checkpointed": "blocks",
    "numerical": "step",
    "numerical_forward": "step",
}
_BY_CHUNK = {"forward_chunked": columns, "reverse_chunked": rows}
_BLOCKS = ("nothing kept", "products kept", "scans nested")


def structured_passes(method: Method) -> int | None:
    """Return the passes of a method that a function's structure allows; `None` for all others.

    It stands in no table, is nobody's own and no rewrite, and its passes hang on no sizes.

    Example:
        >>> structured_passes(METHODS[0])
    """
    known = any(method.name == each.name for each in METHODS)
    if known or method.from_user or method.rewrite or method.kind not in ("jacobian", "hessian"):
        return None
    return 0 if method.name.startswith("constant") else method.evaluations(0, 0)


class Way(NamedTuple):
    """A method, and what has been settled for it.

    Attributes:
        method: The method.
        label: What a search has chosen: a chunk, a step, the kind of blocks.
        made: What a preparation has made, whose arguments are those that it was made for.
    """

    method: Method
    label: Label | None = None
    made: Program | None = None


def derivative(
    fn: Callable[..., object],
    method: str,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    chunk: int | None = None,
    blocks: str | None = None,
    step: float | None = None,
) -> Callable[..., Any]:
    """Return the derivative of `fn` by a method of `METHODS`, as a function of its inputs.

    The result is that of `jax.jacrev(fn, argnums)`; for methods of second order that of
    `jax.hessian`. Methods that are products take a vector after the inputs, and return what
    `jax.jvp`, `jax.vjp`, and for `hvp_...` the product with the Hessian, would. With `has_aux` the
    last part of the result is `aux`. What is differentiated but holds no floats is `None` there.
    The function can be jitted and vmapped. Nothing is checked: `compare` does so.

    Args:
        fn: A function of arrays or pytrees.
        method: The name of a method.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        has_aux: Whether `fn` returns a pair, of which the first alone is differentiated.
        chunk: How many tangents or cotangents are pushed at a time, for the methods in chunks.
        blocks: `"nothing kept"`, `"products kept"` or `"scans nested"`, for `checkpointed`.
        step: The step of a difference over max(1, |x|), for the numerical methods.

    Raises:
        ValueError: If the method is unknown or an option is none of its own, or is out of range.
        TypeError: If `fn` is not callable.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import derivative
        >>> slope = jax.jit(derivative(jnp.sin, "forward_chunked", chunk=2))
        >>> slope(jnp.zeros(3)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if not callable(fn):
        raise TypeError(f"derivative needs a function to differentiate, got {described(fn)}")
    known = {each.name: each for each in METHODS if each.kind != "value"}
    if method not in known:
        raise ValueError(unknown_method(method, known))
    given = {"chunk": chunk, "blocks": blocks, "step": step}
    label = _label(method, {name: value for name, value in given.items() if value is not None})
    return as_function(fn, Way(known[method], label), argnums=argnums, has_aux=has_aux)


def as_function(
    fn: Callable[..., object], way: Way, *, argnums: Argnums, has_aux: bool
) -> Callable[..., Any]:
    """Return a function of the inputs of `fn`, and for products of a vector, to its derivative."""
    along = way.method.kind in ALONG

    def derivative(*inputs: Any) -> Any:
        if along and len(inputs) < 2:
            raise TypeError(
                f"{way.method.name} is a product: give the inputs of the function and then a vector"
            )
        *inputs_, vector = inputs if along else (*inputs, None)
        with jax.ensure_compile_time_eval():  # so that Python's numbers keep their values
            given = read_inputs(tuple(inputs_), argnums, inside=True, caller="derivative")
        given, outputs = read_function(fn, given, has_aux=has_aux, traced_inside=True)
        form = Form(canonical(fn, given, outputs, has_aux=has_aux), argnums)
        result = _in_form(form, way.method, _result(form, way, vector))
        if not has_aux:
            return result
        output: Any = fn(*inputs_)
        return _with_aux(way.method.kind, result, output[1])

    derivative.__name__ = derivative.__qualname__ = f"{way.method.name}_derivative"
    return derivative


def _result(form: Form, way: Way, vector: Any) -> Any:
    """Return what the method's program returns at the inputs."""
    method, problem, probe = way.method, form.problem, Probe(form.problem.x, ())
    if method.kind == "value_and_vjp":
        probe = Probe(problem.x, form.cotangent(vector))
    elif method.kind in ALONG:
        probe = Probe(form.tangent(vector), ())
    if method.name in _BY_CHUNK and way.label is not None:
        build = partial(_BY_CHUNK[method.name], problem)
        return build(int(way.label), problem.x, problem.fixed)
    if method.name == "linearize":  # whose row is of the linear part alone
        return jax.linearize(lambda x: problem.fn(x, problem.fixed), problem.x)[1](probe.tangent)
    description = method.build(problem, probe)
    if isinstance(description, Preparation):
        return _prepared(description, way, form)(problem.x, problem.fixed)
    program = description if isinstance(description, Program) else _settled(description, way)
    return program.fn(*program.args)


def _prepared(description: Preparation, way: Way, form: Form) -> Callable[..., Any]:
    """Return the function that a preparation makes, or has made for inputs of the same kind."""
    _check_whole_numbers(way.method, form)
    args = (form.problem.x, form.problem.fixed)
    with jax.ensure_compile_time_eval():  # for the numbers that the program holds
        if way.made is not None and _alike(way.made.args, args):
            return way.made.fn
        return description.make(lambda: math.inf).fn


def _alike(one: tuple, other: tuple) -> bool:
    """Whether arrays have the same types, and the same values where they hold no floats."""
    pairs = list(zip(*map(jax.tree.leaves, (one, other)), strict=False))
    same = [a.shape == b.shape and a.dtype == b.dtype for a, b in pairs]
    held = [(a, b) for a, b in pairs if not jnp.issubdtype(a.dtype, jnp.floating)]
    counted = len(jax.tree.leaves(one)) == len(jax.tree.leaves(other))
    return counted and all(same) and all(bool(jnp.array_equal(a, b)) for a, b in held)


def _settled(search: Search, way: Way) -> Program:
    """Return the program of a search that has been made."""
    if way.label is None:
        assert search.unguided is not None
        return search.unguided
    if way.label not in search.trials and search.by == "bytes":
        raise ValueError(f"this function has no {way.label}; it has: {', '.join(search.trials)}")
    return search.program(way.label)


def _in_form(form: Form, method: Method, result: Any) -> Any:
    """Bring what a method's program returns to the form of JAX's own transformations."""
    if method.product is not None:  # a candidate of a form of its own
        return result
    if method.whole is not None:
        result = method.whole(result, form.problem)
    if method.kind == "jacobian":
        return form.of_jacobian(result)
    if method.kind == "hessian":
        return form.of_hessian(result)
    if method.kind == "jvp":
        return form.of_outputs(result)
    if method.kind == "value_and_jvp":
        return tuple(map(form.of_outputs, result))
    if method.kind in ("value_and_vjp", "value_and_grad"):
        return form.of_outputs(result[0]), form.of_inputs(result[1])
    return result if method.kind == "trace" else form.of_inputs(result)


def _with_aux(kind: str, result: Any, aux: object) -> tuple:
    """Put `aux` where JAX's transformations do."""
    if kind == "value_and_grad":
        value, gradient = result
        return (value, aux), gradient
    return (*result, aux) if kind in ("value_and_jvp", "value_and_vjp") else (result, aux)


def _label(method: str, given: dict[str, Any]) -> Label | None:
    """Return what a search would have found, as the user gives it.

    Raises:
        ValueError: If an option is none of the method's own, or is out of range.
    """
    wanted = OPTIONS.get(method)
    for name in given:
        if name != wanted:
            own = f"its option is {wanted}" if wanted else "it has no options"
            raise ValueError(f"{method} takes no {name}: {own}")
    value: Any = given.get(str(wanted))
    whole = hasattr(value, "__index__") and not isinstance(value, bool) and value >= 1
    if wanted == "chunk" and not whole:
        raise ValueError(f"{method} needs chunk, an integer above 0, got {value!r}")
    if wanted == "blocks":
        kind = str(value or _BLOCKS[0])
        if kind not in _BLOCKS:
            raise ValueError(unknown("kind of blocks", kind, _BLOCKS))
        return kind
    if wanted == "step" and value is not None and not value > 0:
        raise ValueError(f"{method} needs a step above 0, got {value!r}")
    return value


def _check_whole_numbers(method: Method, form: Form) -> None:
    """Raise if a program that is made of the whole numbers among the inputs cannot see them."""
    for leaf in form.problem.fixed:
        if isinstance(leaf, Tracer) and not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"the {method.name} derivative is made for the whole numbers among the inputs, and "
                "these have no value inside of a transformation of JAX: hold them outside, such as "
                "jax.jit(lambda x: derivative(x, k))"
            )
