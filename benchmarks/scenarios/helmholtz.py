"""The gradient of the Helmholtz free energy for n = 1 ... 200 inputs (Baydin et al., 2018)."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .scenario import Scenario, Suite

_INPUTS = {"small": (1, 4), "medium": (1, 10, 50, 200), "large": (1, 2, 5, 10, 20, 50, 100, 200)}
_METHODS = (
    "value",
    "jvp",
    "value_and_grad",
    "numerical",
    "numerical_forward",
    "symbolic",
    "forward",
    "reverse",
)
#: The gas constant in J / (mol K), times a temperature of 300 K.
_RT = 8.314 * 300.0


def scenarios(size: str) -> Suite:
    """Return the free energies of n substances, n over the range of a size.

    Example:
        >>> list(scenarios("medium"))
        ['helmholtz/n1', 'helmholtz/n10', 'helmholtz/n50', 'helmholtz/n200']
    """
    return {f"helmholtz/n{n}": partial(_scenario, n) for n in _INPUTS[size]}


def free_energy(x: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """Compute the Helmholtz free energy of a mixed fluid by Peng and Robinson's equation: `[]`.

        R T sum_i x_i log(x_i / (1 - b'x))
            - x'A x / (sqrt(8) b'x) log((1 + (1 + sqrt 2) b'x) / (1 + (1 - sqrt 2) b'x))

    The test of Baydin, Pearlmutter, Radul and Siskind, "Automatic differentiation in machine
    learning: a survey" (2018), after Griewank (1989).

    Args:
        x: `[n]` amounts, positive and with b'x < 1.
        a: `[n, n]` attractions A.
        b: `[n]` volumes.

    Example:
        >>> x, a, b = np.full(1, 0.5), np.zeros((1, 1)), np.ones(1)
        >>> round(float(jax.jit(free_energy)(x, a, b)), 6)
        0.0
    """
    volume = b @ x
    ideal = _RT * jnp.sum(x * jnp.log(x / (1 - volume)))
    root = 2**0.5
    quotient = jnp.log((1 + (1 + root) * volume) / (1 + (1 - root) * volume))
    return ideal - x @ a @ x / (8**0.5 * volume) * quotient


def oracle(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Compute the free energy term by term in NumPy.

    Example:
        >>> round(oracle(np.full(1, 0.5), np.zeros((1, 1)), np.ones(1)), 6)
        0.0
    """
    n, volume = len(x), sum(float(bi) * float(xi) for bi, xi in zip(b, x, strict=True))
    ideal = sum(x[i] * (np.log(x[i]) - np.log(1 - volume)) for i in range(n))
    attraction = sum(x[i] * a[i, j] * x[j] for i in range(n) for j in range(n))
    numerator = np.log1p(volume + np.sqrt(2) * volume)
    quotient = numerator - np.log1p(volume - np.sqrt(2) * volume)
    return float(_RT * ideal - attraction / np.sqrt(8) / volume * quotient)


def inputs(n: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Draw amounts, attractions and volumes of n substances.

    Example:
        >>> [part.shape for part in inputs(3)]
        [(3,), (3, 3), (3,)]
    """
    random = np.random.default_rng(n)
    x, b = random.uniform(0.5, 1.0, n) / n, random.uniform(0.1, 0.9, n)
    half = random.uniform(0.0, 100.0, (n, n))
    return jnp.asarray(x), jnp.asarray((half + half.T) / 2), jnp.asarray(b)


def _scenario(n: int) -> Scenario:
    return Scenario(
        name=f"helmholtz/n{n}",
        fn=free_energy,
        inputs=inputs(n),
        purpose=f"The survey's own test at n = {n}: how the costs of the four ways grow.",
        argnums=(0,),
        methods=_METHODS,
        oracle=oracle,
        dtype="float64",
    )
