"""What reverse mode keeps: scans of T steps and networks of L layers, under checkpoint policies.

Reverse mode keeps what it needs of every step, so that its memory grows with the length. A
checkpoint keeps a block's input alone and computes the block again. Around single steps that saves
a factor, around blocks of sqrt(T) steps all but the inputs of sqrt(T) blocks (Chen et al., 2016).
"""

from collections.abc import Callable
from functools import partial
from math import isqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name

from .scenario import Candidate, Cases, Scenario

#: Lengths (squares, so that they nest), and rows and units of the state.
_STEPS = {"small": (4, 9), "medium": (64, 256, 1024), "large": (256, 1024, 4096)}
_LAYERS = {"small": (4,), "medium": (16, 64), "large": (16, 64, 144)}
_STATE = {"small": (2, 3), "medium": (32, 64), "large": (64, 128)}
_METHODS = ("value", "jvp", "vjp", "value_and_grad", "reverse", "checkpointed")

#: `step(state, x) -> state`, and what applies one to each of `xs` in turn.
Step = Callable[[jax.Array, Any], jax.Array]
Loop = Callable[[Step, jax.Array, Any], jax.Array]


class Policy(NamedTuple):
    """Where checkpoints are: around steps, around blocks of sqrt(T) steps, and what they save."""

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


def cases(size: str) -> Cases:
    """Scans and networks of every length of a size.

    Example:
        >>> list(cases("medium"))[2:4]
        ['memory/scan_T1024', 'memory/depth_L16']
    """
    scans: Cases = {f"memory/scan_T{n}": partial(_scan, n, *_STATE[size]) for n in _STEPS[size]}
    networks: Cases = {
        f"memory/depth_L{n}": partial(_network, n, *_STATE[size]) for n in _LAYERS[size]
    }
    return scans | networks


def scanned(step: Step, state: jax.Array, xs: Any) -> jax.Array:
    """The state after a `lax.scan` over the leading axis of `xs`.

    Example:
        >>> scanned(lambda state, x: state + x, jnp.array(0.0), jnp.arange(4.0))
        Array(6., dtype=float32)
    """
    return jax.lax.scan(lambda state, x: (step(state, x), None), state, xs)[0]


def unrolled(step: Step, state: jax.Array, xs: Any) -> jax.Array:
    """The same by a Python loop: one long program.

    Example:
        >>> unrolled(lambda state, x: state + x, jnp.array(0.0), jnp.arange(4.0))
        Array(6., dtype=float32)
    """
    for index in range(len(jax.tree.leaves(xs)[0])):
        state = step(state, jax.tree.map(lambda x, index=index: x[index], xs))
    return state


def run(policy: Policy, loop: Loop, step: Step, state: jax.Array, xs: Any) -> jax.Array:
    """The loop under a checkpoint policy: the same state, and less kept for reverse mode.

    Example:
        >>> policy = POLICIES["blocks_and_steps"]
        >>> run(policy, scanned, lambda state, x: state + x, jnp.array(0.0), jnp.arange(4.0))
        Array(6., dtype=float32)
    """
    # XLA would find that what a checkpoint computes again is known: in a scan it cannot.
    checkpoint = partial(jax.checkpoint, prevent_cse=loop is unrolled)
    if policy.steps:
        step = checkpoint(step, policy=policy.save)
    if not policy.blocks:
        return loop(step, state, xs)
    inner = isqrt(len(jax.tree.leaves(xs)[0]))
    blocks = jax.tree.map(lambda x: x.reshape(-1, inner, *x.shape[1:]), xs)
    return loop(checkpoint(partial(loop, step)), state, blocks)


def gated_step(state: jax.Array, weights: tuple[jax.Array, jax.Array]) -> jax.Array:
    """A residual step `[rows, units]` with a gate, h + tanh(h W) sigmoid(h V) / 10.

    The product that the gate needs is named, for policies that save by name.

    Example:
        >>> gated_step(jnp.ones((3, 2)), (jnp.eye(2), jnp.zeros((2, 2)))).shape
        (3, 2)
    """
    candidate, gate = weights
    opening = checkpoint_name(state @ gate, "gate")
    return state + 0.1 * jnp.tanh(state @ candidate) * jax.nn.sigmoid(opening)


def _scan(length: int, rows: int, units: int) -> Scenario:
    random = np.random.default_rng(0)
    inputs = _weights(random, units), _normal(random, rows, units), _normal(random, length, units)

    def loss(policy: Policy, weights: Any, state: jax.Array, xs: jax.Array) -> jax.Array:
        def step(state: jax.Array, x: jax.Array) -> jax.Array:
            return gated_step(state + x, weights)

        return jnp.mean(run(policy, scanned, step, state, xs) ** 2)

    def oracle(weights: Any, state: np.ndarray, xs: np.ndarray) -> np.floating:
        for x in xs:
            state = _numpy_step(state + x, *weights)
        return np.mean(state**2)

    why = f"A recurrence of {length} steps with shared weights: what reverse mode keeps of a scan."
    return _scenario(f"memory/scan_T{length}", loss, inputs, why, oracle)


def _network(layers: int, rows: int, units: int) -> Scenario:
    random = np.random.default_rng(1)
    inputs = _weights(random, layers, units), _normal(random, rows, units)

    def loss(policy: Policy, weights: Any, state: jax.Array) -> jax.Array:
        return jnp.mean(run(policy, unrolled, gated_step, state, weights) ** 2)

    def oracle(weights: Any, state: np.ndarray) -> np.floating:
        for candidate, gate in zip(*weights, strict=True):
            state = _numpy_step(state, candidate, gate)
        return np.mean(state**2)

    why = f"A network of {layers} layers written one after another: checkpoints without a scan."
    return _scenario(f"memory/depth_L{layers}", loss, inputs, why, oracle)


def _scenario(name: str, loss: Callable, inputs: tuple, why: str, oracle: Callable) -> Scenario:
    """The loss without a policy, and its gradient under every other one as a candidate."""
    return Scenario(
        name,
        partial(loss, POLICIES["none"]),
        inputs,
        why,
        argnums=(0,),
        methods=_METHODS,
        candidates=tuple(
            Candidate(policy, "reverse", jax.grad(partial(loss, POLICIES[policy])))
            for policy in POLICIES
            if policy != "none"
        ),
        oracle=oracle,
    )


def _numpy_step(state: np.ndarray, candidate: np.ndarray, gate: np.ndarray) -> np.ndarray:
    return state + 0.1 * np.tanh(state @ candidate) / (1 + np.exp(-(state @ gate)))


def _weights(random: np.random.Generator, *shape: int) -> tuple[jax.Array, jax.Array]:
    """Two square weights `[..., units, units]`."""
    units = shape[-1]
    first, second = (_normal(random, *shape, units) / units**0.5 for _ in range(2))
    return first, second


def _normal(random: np.random.Generator, *shape: int) -> jax.Array:
    return jnp.asarray(random.standard_normal(shape, np.float32))
