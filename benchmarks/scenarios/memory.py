"""The residuals of reverse mode in scans of T steps and networks of L layers, under checkpoints.

Reverse mode stores residuals of every step, so that its memory grows with the length. A checkpoint
stores only the input of a block and computes the block again. Checkpoints around single steps
reduce the memory by a factor; around blocks of sqrt(T) steps, all that is stored are the inputs of
sqrt(T) blocks (Chen et al., 2016).
"""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from math import isqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name

from ._inputs import normal
from .scenario import Candidate, Scenario, Suite

#: The lengths T and L, which are squares so that blocks of sqrt(T) steps fill them.
_STEPS = {"small": (4, 9), "medium": (64, 256, 1024), "large": (256, 1024, 4096)}
_LAYERS = {"small": (4,), "medium": (16, 64), "large": (16, 64, 144)}
#: Rows and units of the state of a scan, and of a network.
_SCAN_STATE = {"small": (2, 3), "medium": (32, 64), "large": (64, 128)}
_NETWORK_STATE = {"small": (3, 2), "medium": (128, 32), "large": (256, 64)}
_METHODS = ("value", "jvp", "vjp", "value_and_grad", "reverse", "checkpointed")

#: `step(state, x)` returns the next state.
Step = Callable[[jax.Array, Any], jax.Array]


class Policy(NamedTuple):
    """Where the checkpoints are.

    Attributes:
        steps: Whether there is one around each step.
        blocks: Whether there is one around each block of sqrt(T) steps.
        save: What a checkpoint around a step stores beside the step's input, as a policy of
            `jax.checkpoint_policies`.

    Example:
        >>> POLICIES["blocks"]
        Policy(steps=False, blocks=True, save=None)
    """

    steps: bool = False
    blocks: bool = False
    save: Callable[..., bool] | None = None


POLICIES = {
    "none": Policy(),
    "steps": Policy(steps=True),
    "steps_but_gates": Policy(
        steps=True, save=jax.checkpoint_policies.save_only_these_names("gate")
    ),
    "blocks": Policy(blocks=True),
    "blocks_and_steps": Policy(steps=True, blocks=True),
}


def scenarios(size: str) -> Suite:
    """Return scans and networks of every length of a size.

    Example:
        >>> list(scenarios("medium"))[2:4]
        ['memory/scan_T1024', 'memory/depth_L16']
    """
    scans: Suite = {
        f"memory/scan_T{n}": partial(_scan, n, *_SCAN_STATE[size]) for n in _STEPS[size]
    }
    networks: Suite = {
        f"memory/depth_L{n}": partial(_network, n, *_NETWORK_STATE[size]) for n in _LAYERS[size]
    }
    return scans | networks


def scan(policy: Policy, step: Step, state: jax.Array, xs: jax.Array) -> jax.Array:
    """Compute the state after a `lax.scan` over `xs` `[T, ...]`, under a checkpoint policy.

    Example:
        >>> add = lambda state, x: state + x
        >>> scan(POLICIES["blocks_and_steps"], add, jnp.array(0.0), jnp.arange(4.0))
        Array(6., dtype=float32)
    """
    # XLA does not look for common subexpressions across the steps of a scan.
    checkpoint = partial(jax.checkpoint, prevent_cse=False)
    inner = isqrt(len(xs))
    blocks = xs.reshape(-1, inner, *xs.shape[1:]) if policy.blocks else xs
    return _run(policy, checkpoint, _scanned, step, state, blocks)


def unroll(policy: Policy, step: Step, state: jax.Array, xs: Sequence) -> jax.Array:
    """Compute the same by a Python loop over a sequence, which is one long program.

    Example:
        >>> add = lambda state, x: state + x
        >>> float(unroll(POLICIES["none"], add, 0.0, [0, 1, 2, 3]))
        6.0
    """
    inner = isqrt(len(xs))
    blocks = [xs[i : i + inner] for i in range(0, len(xs), inner)] if policy.blocks else xs
    return _run(policy, jax.checkpoint, _unrolled, step, state, blocks)


def gated_step(state: jax.Array, weights: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Compute a residual step `[rows, units]` with a gate, h + tanh(h W) sigmoid(h V) / 10.

    The product h V has a name, for policies that save by name.

    Example:
        >>> weights = jnp.eye(2), jnp.zeros((2, 2))
        >>> jax.eval_shape(gated_step, jnp.ones((3, 2)), weights).shape
        (3, 2)
    """
    candidate, gate = weights
    opening = checkpoint_name(state @ gate, "gate")
    return state + 0.1 * jnp.tanh(state @ candidate) * jax.nn.sigmoid(opening)


def _scan(length: int, rows: int, units: int) -> Scenario:
    random = np.random.default_rng(0)
    inputs = _weights(random, units), normal(random, rows, units), normal(random, length, units)

    def loss(policy: Policy, weights: Any, state: jax.Array, xs: jax.Array) -> jax.Array:
        def step(state: jax.Array, x: jax.Array) -> jax.Array:
            return gated_step(state + x, weights)

        return jnp.mean(scan(policy, step, state, xs) ** 2)

    def oracle(weights: Any, state: np.ndarray, xs: np.ndarray) -> np.floating:
        for x in xs:
            state = _numpy_step(state + x, *weights)
        return np.mean(state**2)

    purpose = f"A recurrence of {length} steps with shared weights: the residuals of a scan."
    return _scenario(f"memory/scan_T{length}", loss, inputs, purpose, oracle)


def _network(layers: int, rows: int, units: int) -> Scenario:
    random = np.random.default_rng(1)
    inputs = [_weights(random, units) for _ in range(layers)], normal(random, rows, units)

    def loss(policy: Policy, weights: Any, state: jax.Array) -> jax.Array:
        return jnp.mean(unroll(policy, gated_step, state, weights) ** 2)

    def oracle(weights: Any, state: np.ndarray) -> np.floating:
        for candidate, gate in weights:
            state = _numpy_step(state, candidate, gate)
        return np.mean(state**2)

    purpose = f"A network of {layers} layers written one after another: checkpoints without a scan."
    return _scenario(f"memory/depth_L{layers}", loss, inputs, purpose, oracle)


def _scenario(name: str, loss: Callable, inputs: tuple, purpose: str, oracle: Callable) -> Scenario:
    """Build the scenario of a loss, whose gradient under each checkpoint policy is a candidate."""
    return Scenario(
        name=name,
        fn=partial(loss, POLICIES["none"]),
        inputs=inputs,
        purpose=purpose,
        argnums=(0,),
        methods=_METHODS,
        candidates=tuple(
            Candidate(
                name=policy, mode="reverse", derivative=jax.grad(partial(loss, POLICIES[policy]))
            )
            for policy in POLICIES
            if policy != "none"
        ),
        oracle=oracle,
    )


def _run(
    policy: Policy, checkpoint: Callable, loop: Callable, step: Step, state: jax.Array, xs: Any
) -> jax.Array:
    """Loop over the steps, or over blocks of steps, which are loops themselves."""
    if policy.steps:
        step = checkpoint(step, policy=policy.save)
    if policy.blocks:
        step = checkpoint(partial(loop, step))
    return loop(step, state, xs)


def _scanned(step: Step, state: jax.Array, xs: jax.Array) -> jax.Array:
    return jax.lax.scan(lambda state, x: (step(state, x), None), state, xs)[0]


def _unrolled(step: Step, state: jax.Array, xs: Sequence) -> jax.Array:
    return reduce(step, xs, state)


def _numpy_step(state: np.ndarray, candidate: np.ndarray, gate: np.ndarray) -> np.ndarray:
    return state + 0.1 * np.tanh(state @ candidate) / (1 + np.exp(-(state @ gate)))


def _weights(random: np.random.Generator, units: int) -> tuple[jax.Array, jax.Array]:
    first, second = (normal(random, units, units) / units**0.5 for _ in range(2))
    return first, second
