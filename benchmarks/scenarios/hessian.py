"""Second derivatives: Hessian-vector products and Hessians, by every sensible composition."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

from . import helmholtz, tridiagonal
from ._inputs import on_device
from .scenario import Candidate, Scenario, Suite

#: Variables of the formulas; rows, inputs and units of the network; steps and units of the RNN.
_VARIABLES = {"small": 5, "medium": 50, "large": 200}
_MLP = {"small": (4, 2, 3), "medium": (32, 4, 16), "large": (128, 8, 64)}
_RNN = {"small": (3, 2), "medium": (50, 8), "large": (200, 16)}


def scenarios(size: str) -> Suite:
    """Return the four functions at a size.

    Example:
        >>> list(scenarios("small"))
        ['hessian/helmholtz', 'hessian/rosenbrock', 'hessian/mlp', 'hessian/rnn']
    """
    return {
        "hessian/helmholtz": partial(_helmholtz, _VARIABLES[size]),
        "hessian/rosenbrock": partial(_rosenbrock, _VARIABLES[size]),
        "hessian/mlp": partial(_mlp, *_MLP[size]),
        "hessian/rnn": partial(_rnn, *_RNN[size]),
    }


def rosenbrock(x: jax.Array) -> jax.Array:
    """Compute Rosenbrock's valley (1960), sum_i 100 (x_i+1 - x_i^2)^2 + (1 - x_i)^2: `[]`.

    Example:
        >>> jax.jit(rosenbrock)(np.zeros(3, np.float32))
        Array(2., dtype=float32)
    """
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def mlp_loss(params: tuple[jax.Array, jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    """Compute the mean squared error of `tanh(x W1) W2` `[rows, 1]` against `y`: `[]`.

    Example:
        >>> params = np.ones((2, 3)), np.zeros((3, 1))
        >>> float(jax.jit(mlp_loss)(params, np.ones((4, 2)), np.full((4, 1), 2.0)))
        4.0
    """
    first, second = params
    return jnp.mean((jnp.tanh(x @ first) @ second - y) ** 2)


def rnn_loss(weight: jax.Array, state: jax.Array, xs: jax.Array) -> jax.Array:
    """Compute the mean square of h after a scan of h <- tanh(W h + x_t) over all t: `[]`.

    Example:
        >>> float(rnn_loss(jnp.zeros((2, 2)), jnp.ones(2), jnp.zeros((3, 2))))
        0.0
    """

    def step(state: jax.Array, x: jax.Array) -> tuple[jax.Array, None]:
        return jnp.tanh(weight @ state + x), None

    return jnp.mean(jax.lax.scan(step, state, xs)[0] ** 2)


def _helmholtz(n: int) -> Scenario:
    return Scenario(
        name="hessian/helmholtz",
        fn=helmholtz.free_energy,
        inputs=helmholtz.inputs(n),
        purpose="A dense Hessian of a cheap function: n products, or all directions in one batch.",
        argnums=(0,),
        order=2,
        methods="all",
        oracle=helmholtz.oracle,
        dtype="float64",
    )


def _rosenbrock(n: int) -> Scenario:
    def hessian(x: jax.Array) -> jax.Array:
        return tridiagonal.compressed(lambda t: jax.jvp(jax.grad(rosenbrock), (x,), (t,))[1], x)

    def oracle(x: np.ndarray) -> float:
        return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))

    return Scenario(
        name="hessian/rosenbrock",
        fn=rosenbrock,
        inputs=(jnp.asarray(np.random.default_rng(0).standard_normal(n)),),
        purpose="A Hessian of three diagonals: three products give all of it.",
        order=2,
        methods="all",
        candidates=(
            Candidate(
                name="compressed", mode="mixed", derivative=hessian, product=tridiagonal.apply
            ),
        ),
        oracle=oracle,
        dtype="float64",
    )


def _mlp(rows: int, inputs: int, units: int) -> Scenario:
    random = np.random.default_rng(1)

    def oracle(params: tuple, x: np.ndarray, y: np.ndarray) -> np.floating:
        return np.mean((np.tanh(x @ params[0]) @ params[1] - y) ** 2)

    params = random.standard_normal((inputs, units)), random.standard_normal((units, 1))
    data = random.standard_normal((rows, inputs)), random.standard_normal((rows, 1))
    return Scenario(
        name="hessian/mlp",
        fn=mlp_loss,
        inputs=on_device((params, *data)),
        purpose="A network's loss in its weights: the Hessian that second-order training wants.",
        argnums=(0,),
        order=2,
        methods="all",
        oracle=oracle,
        dtype="float64",
    )


def _rnn(steps: int, units: int) -> Scenario:
    random = np.random.default_rng(2)

    def oracle(weight: np.ndarray, state: np.ndarray, xs: np.ndarray) -> np.floating:
        for x in xs:
            state = np.tanh(weight @ state + x)
        return np.mean(state**2)

    shapes = (units, units), (units,), (steps, units)
    return Scenario(
        name="hessian/rnn",
        fn=rnn_loss,
        inputs=on_device(tuple(random.standard_normal(shape) for shape in shapes)),
        purpose="A scan differentiated twice: reverse mode through the reverse of a loop.",
        argnums=(0,),
        order=2,
        methods="all",
        oracle=oracle,
        dtype="float64",
    )
