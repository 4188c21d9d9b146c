"""Draw the lecture's activations and their slopes, and print how a deep stack of each learns.

`python examples/activations.py pictures` writes `activations.svg` into the folder `pictures`.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
from matplotlib.figure import Figure

from gradwise import losses, nn

LAYERS, WIDTH = 10, 64
PRELU = nn.prelu()
ACTIVATIONS = {
    "sigmoid": nn.sigmoid,
    "tanh": nn.tanh,
    "relu": nn.relu,
    "prelu": lambda x: PRELU.apply(nn.PReLU(slope=jnp.array(0.25)), (), x)[0],
}


def draw(path: Path) -> None:
    """Draw each activation above and its slope below, over inputs from -6 to 6."""
    x = jnp.linspace(-6.0, 6.0, 481)
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots(2, len(ACTIVATIONS), sharex=True, sharey="row")
    for (name, activation), (above, below) in zip(ACTIVATIONS.items(), axes.T, strict=True):
        above.plot(x, activation(x))
        below.plot(x, jax.vmap(jax.grad(activation))(x), color="C1")
        above.set(title=name, ylim=(-1.6, 3))
    axes[0, 0].set(ylabel="activation")
    axes[1, 0].set(ylabel="slope")
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # words stay text
        figure.savefig(path, metadata={"Date": None})


def first_slope(activation: nn.Layer) -> float:
    """Return the size of the loss's derivative by the first weights of a deep stack."""
    blocks = [nn.serial(nn.dense(WIDTH, WIDTH), activation) for _ in range(LAYERS)]
    model = nn.serial(*blocks, nn.dense(WIDTH, 1))
    params, state = model.init(jax.random.key(0))
    x, y = jax.random.normal(jax.random.key(1), (128, WIDTH)), jnp.ones((128, 1))

    def loss(params: tuple) -> jax.Array:
        return losses.mean(losses.squared_error(model.apply(params, state, x)[0], y))

    return float(jnp.linalg.norm(jax.jit(jax.grad(loss))(params)[0][0].weight))


def main(folder: str = "pictures") -> None:
    """Write the picture, and print what arrives at the first of ten layers."""
    draw(Path(folder) / "activations.svg")
    print(f"{'activation':<10}  slope of the loss by the first weights")
    layers = {name: nn.activation(ACTIVATIONS[name]) for name in ("sigmoid", "tanh", "relu")}
    for name, layer in (layers | {"prelu": nn.prelu()}).items():
        print(f"{name:<10}  {first_slope(layer):.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
