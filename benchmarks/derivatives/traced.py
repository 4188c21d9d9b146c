"""A function read once for each type of its arguments: all who differentiate it see one program.

A user's function may be slow to trace (a solver, a simulator of 3000 lines), and every method,
check and count asks for its program. So it is traced the first time that it is called with
arguments of some types, and the program takes its place: with its source lines, its custom rules,
its callbacks and its shardings.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from ..program.jaxpr import bodies, constants, kind
from ..program.walk import equations

Returned = TypeVar("Returned")

#: Operations whose derivative is a rule of the user's, which is called when it is asked for.
_RULES = ("custom_jvp_call", "custom_vjp_call")


def traced_once(fn: Callable[..., Returned]) -> Callable[..., Returned]:
    """Return `fn` as its own program: it is traced once for each type of its arguments.

    Example:
        >>> import jax.numpy as jnp
        >>> calls = []
        >>> def double(x):
        ...     calls.append(x)
        ...     return 2 * x
        >>> once = traced_once(double)
        >>> once(jnp.ones(2)), jax.grad(lambda x: once(x).sum())(jnp.ones(2)), len(calls)
        (Array([2., 2.], dtype=float32), Array([2., 2.], dtype=float32), 1)
    """
    programs: dict[Hashable, Callable[..., Returned]] = {}

    def call(*args: object) -> Returned:
        leaves, structure = jax.tree.flatten(args)
        key = (structure, tuple(map(jax.typeof, leaves)), _settings())
        if key not in programs:
            programs[key] = _program(fn, args)
        return programs[key](*args)

    return call


def _settings() -> tuple:
    """Return the settings of JAX that decide what a trace comes to."""
    config = jax.config
    names = ("enable_x64", "default_matmul_precision", "numpy_dtype_promotion")
    return tuple(getattr(config, f"jax_{name}") for name in names)


def _program(fn: Callable[..., Returned], args: tuple) -> Callable[..., Returned]:
    """Return the program of `fn` as a function, or `fn` itself where the program is not enough."""
    abstract = jax.tree.map(lambda leaf: _abstract(jax.typeof(leaf)), args)
    traced, shapes = jax.make_jaxpr(fn, return_shape=True)(*abstract)
    closed = _with_copies(traced)
    structure, run = jax.tree.structure(shapes), jaxpr_as_fun(closed)

    def program(*args: object) -> Returned:
        return jax.tree.unflatten(structure, run(*jax.tree.leaves(args)))

    return fn if _has_ended_rules(closed) else program


def _with_copies(closed: ClosedJaxpr) -> ClosedJaxpr:
    """Return a program whose constants are its own: NumPy's arrays may be written to later."""

    def owned(value: Any) -> Any:
        if isinstance(value, ClosedJaxpr):
            return _with_copies(value)
        return tuple(map(owned, value)) if type(value) is tuple else value

    def constant(value: Any) -> Any:
        if isinstance(value, (jax.Array, Tracer)) or not hasattr(value, "__array__"):
            return value
        with jax.ensure_compile_time_eval():  # it may be traced inside of another trace
            return jnp.array(value, copy=True)

    eqns = []
    for eqn in closed.jaxpr.eqns:
        params = {name: owned(value) for name, value in eqn.params.items()}
        same = all(params[name] is value for name, value in eqn.params.items())
        eqns.append(eqn if same else eqn.replace(params=params))
    consts = [constant(value) for value in closed.consts]
    if all(a is b for a, b in zip(consts, closed.consts, strict=True)) and all(
        a is b for a, b in zip(eqns, closed.jaxpr.eqns, strict=True)
    ):
        return closed
    return ClosedJaxpr(closed.jaxpr.replace(eqns=eqns), consts)


def _abstract(aval: Any) -> jax.ShapeDtypeStruct:
    """Return a type as one traces at: with its sharding, where that is a part of the type."""
    mesh = getattr(aval.sharding, "mesh", None)
    sharding = None if mesh is None or mesh.empty else aval.sharding
    weak = getattr(aval, "weak_type", False)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=weak, sharding=sharding)


def _has_ended_rules(closed: ClosedJaxpr) -> bool:
    """Whether a custom rule inside holds an array of the trace, which has ended by now.

    Such a rule works only where the function is traced anew each time.
    """
    if not any(kind(eqn) in _RULES for eqn, _ in equations(closed)):
        return False
    run, like = jaxpr_as_fun(closed), [_abstract(leaf) for leaf in closed.in_avals]
    floats = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in like]
    moving = tuple(place for place, floating in enumerate(floats) if floating)

    def outputs(*some: jax.Array, rest: tuple) -> list[jax.Array]:
        changed = dict(zip(moving, some, strict=True))
        results = run(*(changed.get(place, leaf) for place, leaf in enumerate(rest)))
        return [y for y in results if jnp.issubdtype(y.dtype, jnp.floating)]

    def forward(*args: jax.Array) -> object:
        some = tuple(args[place] for place in moving)
        return jax.jvp(partial(outputs, rest=args), some, some)

    def reverse(*args: jax.Array) -> object:
        value, pull = jax.vjp(partial(outputs, rest=args), *(args[place] for place in moving))
        return pull(value)

    return any(_leaks(derive, like) for derive in (forward, reverse))


def _leaks(derive: Callable[..., object], like: list[jax.ShapeDtypeStruct]) -> bool:
    """Whether the program of a derivative holds an array of a trace that has ended."""
    try:
        program = jax.make_jaxpr(derive)(*like)
    except jax.errors.UnexpectedTracerError:
        return True
    except Exception:  # another obstacle, which is found and told where obstacles are
        return False
    inner = [body for eqn, _ in equations(program) for body in bodies(eqn)]
    return any(isinstance(c, Tracer) for p in (program, *inner) for c in constants(p))
