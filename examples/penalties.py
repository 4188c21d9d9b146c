"""Fit a line by L1 and by L2 penalties of growing strength, and count the weights that are 0.

`python examples/penalties.py pictures` writes `penalties.svg` into the folder `pictures`.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
from matplotlib.figure import Figure

from gradwise import losses

ROWS, INPUTS, RATE, STEPS = 30, 10, 0.1, 1000
STRENGTHS = jnp.geomspace(1e-3, 10.0, 41)


def data(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return inputs of which two matter, and noisy targets."""
    x_key, noise_key = jax.random.split(key)
    x = jax.random.normal(x_key, (ROWS, INPUTS))
    return x, 2 * x[:, 0] - x[:, 1] + 0.5 * jax.random.normal(noise_key, (ROWS,))


def shrink(w: jax.Array, by: jax.Array) -> jax.Array:
    """Move each weight towards 0 and stop there: the step of an L1 penalty that makes zeros."""
    return jnp.sign(w) * jnp.maximum(jnp.abs(w) - by, 0.0)


def fitted(x: jax.Array, y: jax.Array, l1: jax.Array, l2: jax.Array) -> jax.Array:
    """Return the weights that are least in mean squared error and both penalties together."""

    def loss(w: jax.Array) -> jax.Array:
        errors = losses.squared_error((x @ w)[:, None], y[:, None])
        return losses.mean(errors) + l2 * losses.l2(w)

    def step(w: jax.Array, _: None) -> tuple[jax.Array, None]:
        rate = RATE / (1 + l2)  # a step that the slope of a strong penalty does not overshoot
        return shrink(w - rate * jax.grad(loss)(w), rate * l1), None

    return jax.lax.scan(step, jnp.zeros(INPUTS), length=STEPS)[0]


def main(folder: str = "pictures") -> None:
    """Draw each weight over the strength, and print how many are exactly 0."""
    x, y = data(jax.random.key(0))
    weights = jax.jit(jax.vmap(fitted, in_axes=(None, None, 0, 0)))
    none = jnp.zeros_like(STRENGTHS)
    paths = {"L1": weights(x, y, STRENGTHS, none), "L2": weights(x, y, none, STRENGTHS)}
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (name, path) in zip(panels, paths.items(), strict=True):
        panel.plot(STRENGTHS, path[:, 2:], color="C7", linewidth=1)
        panel.plot(STRENGTHS, path[:, :2], linewidth=2)
        panel.set(title=name, xscale="log", xlabel="strength of the penalty")
    panels[0].set(ylabel="weights")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # words stay text
        figure.savefig(Path(folder) / "penalties.svg", metadata={"Date": None})
    print(f"strength  zeros by L1  zeros by L2, of {INPUTS} weights")
    for i in range(0, len(STRENGTHS), 10):
        zeros = [int((path[i] == 0).sum()) for path in paths.values()]
        print(f"{STRENGTHS[i]:8.3f}  {zeros[0]:11}  {zeros[1]:11}")


if __name__ == "__main__":
    main(*sys.argv[1:])
