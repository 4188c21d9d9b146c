"""The scenarios of the pathologies: their inputs and oracles, what goes wrong, and the cures."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._inputs import normal
from ..scenario import Scenario, Suite
from . import functions

_LENGTH = {"small": 6, "medium": 100_000, "large": 1_000_000}
_STEPS = {"small": 4, "medium": 200, "large": 1000}
_ROOTS = {"small": 5, "medium": 1000, "large": 100_000}
_MATRIX = {"small": 3, "medium": 128, "large": 512}
#: Products along one direction; a dense Jacobian would take longer and show the same.
_PRODUCTS = ("value", "jvp", "linearize", "vjp")


class _Pathology(NamedTuple):
    """A function, what it shows, and `build(name, fn, purpose, size)` of its scenario."""

    build: Callable[[str, Callable, str, str], Scenario]
    fn: Callable[..., Any]
    purpose: str


def scenarios(size: str) -> Suite:
    """Return every pathology and its cures at a size.

    Example:
        >>> list(scenarios("small"))[:3]
        ['pathologies/sines', 'pathologies/sines_barrier', 'pathologies/sines_scan']
    """
    return {
        f"pathologies/{name}": partial(build, f"pathologies/{name}", fn, purpose, size)
        for name, (build, fn, purpose) in _PATHOLOGIES.items()
    }


def _sines(name: str, fn: Callable, purpose: str, size: str) -> Scenario:
    def oracle(x: np.ndarray) -> np.floating:
        for _ in range(functions.SINES):
            x = np.sin(x)
        return np.sum(x)

    return Scenario(
        name=name,
        fn=fn,
        inputs=_vector(_LENGTH[size]),
        purpose=purpose,
        methods=(*_PRODUCTS, "value_and_grad"),
        oracle=oracle,
    )


def _rewrite(name: str, fn: Callable, purpose: str, size: str) -> Scenario:
    random, length, steps = np.random.default_rng(1), _LENGTH[size], _STEPS[size]
    reads, writes = (jnp.asarray(random.integers(0, length, steps, np.int32)) for _ in range(2))

    def oracle(x: np.ndarray, reads: np.ndarray, writes: np.ndarray) -> np.ndarray:
        x = x.copy()
        for read, write in zip(reads, writes, strict=True):
            x[write] = np.sin(x[read])
        return x

    return Scenario(
        name=name,
        fn=fn,
        inputs=(*_vector(length), reads, writes),
        purpose=purpose,
        methods=_PRODUCTS,
        oracle=oracle,
    )


def _root(name: str, fn: Callable, purpose: str, size: str) -> Scenario:
    def oracle(a: np.ndarray) -> np.ndarray:  # y^3 + y = a in closed form
        return 2 / np.sqrt(3) * np.sinh(np.arcsinh(1.5 * np.sqrt(3) * a) / 3)

    a = jnp.asarray(np.random.default_rng(2).uniform(-10, 10, _ROOTS[size]))
    return Scenario(
        name=name,
        fn=fn,
        inputs=(a,),
        purpose=purpose,
        methods=_PRODUCTS,
        oracle=oracle,
        dtype="float64",
    )


def _determinant(name: str, fn: Callable, purpose: str, size: str) -> Scenario:
    n = _MATRIX[size]
    half = np.random.default_rng(3).standard_normal((n, n), np.float32)
    matrix = half @ half.T / n + np.eye(n, dtype=np.float32)

    def oracle(a: np.ndarray) -> np.floating:
        return np.linalg.slogdet((a + a.T) / 2)[1]

    return Scenario(
        name=name,
        fn=fn,
        inputs=(jnp.asarray(matrix),),
        purpose=purpose,
        methods=(*_PRODUCTS, "value_and_grad"),
        oracle=oracle,
    )


def _softplus(name: str, fn: Callable, purpose: str, size: str) -> Scenario:
    def oracle(x: np.ndarray) -> np.ndarray:
        return np.log1p(np.exp(x))

    return Scenario(
        name=name,
        fn=fn,
        inputs=_vector(_LENGTH[size]),
        purpose=purpose,
        methods=_PRODUCTS,
        oracle=oracle,
    )


def _vector(length: int) -> tuple[jax.Array]:
    return (normal(np.random.default_rng(4), length),)


#: The pathologies by name; a cure follows what it cures.
_PATHOLOGIES: dict[str, _Pathology] = {
    "sines": _Pathology(
        _sines,
        functions.sines,
        "XLA's fusion computes inner sines again for every outer cosine.",
    ),
    "sines_barrier": _Pathology(
        _sines,
        functions.sines_barrier,
        "Cure: barriers, so that each sine is computed once.",
    ),
    "sines_scan": _Pathology(
        _sines,
        functions.sines_scan,
        "Cure: a scan, which computes each step's sine once too.",
    ),
    "rewrite": _Pathology(
        _rewrite,
        functions.rewrite,
        "A loop that reads and writes an array: its derivative copies the array at every step.",
    ),
    "rewrite_barrier": _Pathology(
        _rewrite,
        functions.rewrite_barrier,
        "Cure for forward mode: each step reads before it writes, so nothing is copied.",
    ),
    "while_loop": _Pathology(
        _root, functions.cubic_root, "A loop of unknown length has no reverse mode."
    ),
    "while_loop_scan": _Pathology(
        _root,
        functions.cubic_root_scan,
        "Cure: a scan of enough steps has both modes.",
    ),
    "lapack": _Pathology(
        _determinant,
        functions.log_determinant,
        "XLA counts no operations inside LAPACK, so its ratio of operations misleads.",
    ),
    "lapack_rule": _Pathology(
        _determinant,
        functions.log_determinant_rule,
        "Cure: a closed-form derivative, of operations that are known.",
    ),
    "custom_vjp": _Pathology(
        _softplus,
        functions.softplus_vjp,
        "A custom_vjp gives reverse mode and takes forward mode away.",
    ),
    "custom_jvp": _Pathology(
        _softplus,
        functions.softplus_jvp,
        "Cure: a custom_jvp serves both modes.",
    ),
}
