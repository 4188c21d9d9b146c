"""Draw the computational graphs of a lecture: one layer, one with a penalty, and a whole network.

`python examples/lecture_graphs.py graphs` writes each as a page to step through and as a picture
into the folder `graphs`, and prints the first.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp

from gradwise import Graph, graph, losses, nn

X, Y = jnp.array([2.0, 1.0]), 1.0


def one_layer(w: jax.Array, b: jax.Array, x: jax.Array, y: float) -> jax.Array:
    """Return the squared error of a layer with a sigmoid."""
    z = w @ x + b
    a = jax.nn.sigmoid(z)
    return (a - y) ** 2


def prelu_and_penalty(
    w: jax.Array, b: jax.Array, slope: float, v: jax.Array, x: jax.Array, y: float
) -> jax.Array:
    """Return the squared error of a layer with PReLU, and a penalty on its weights."""
    h = w @ x + b
    z = jnp.where(h > 0, h, slope * h)
    p = v @ z
    error = (p - y) ** 2
    penalty = 0.1 * jnp.sum(w**2)
    return error + penalty


def network() -> tuple[Callable[..., jax.Array], tuple]:
    """Return the mean cross entropy of a network in training, and its parameters."""
    model = nn.mlp((8, 6, 4), batch_norm=True, dropout=0.1)
    params, state = model.init(jax.random.key(0))

    def network_loss(params: tuple, images: jax.Array, labels: jax.Array) -> jax.Array:
        key = jax.random.key(1)
        logits, _ = model.apply(params, state, images, key=key, train=True)
        return losses.mean(losses.softmax_cross_entropy_with_integer_labels(logits, labels))

    return network_loss, params


def graphs() -> dict[str, Graph]:
    """Return the three graphs by the names of their files."""
    w = jnp.array([[0.5, 0.25], [-0.2, 0.4]])
    layer = graph(one_layer, jnp.array([0.5, -1.0]), jnp.array(0.1), X, Y, argnums=(0, 1))
    weights = w, jnp.array([0.1, -0.2]), 0.25, jnp.array([1.0, -0.5])
    penalized = graph(prelu_and_penalty, *weights, X, Y, argnums=(0, 1, 2, 3))

    loss, params = network()
    images, labels = jax.random.normal(jax.random.key(2), (5, 8)), jnp.arange(5) % 4
    closed = graph(loss, params, images, labels, argnums=0).closed(depth=1)
    return {"one_layer": layer, "prelu_and_penalty": penalized, "network": closed}


def main(folder: str = "graphs") -> None:
    """Write the pages and the pictures, and print the first graph."""
    found = graphs()
    for name, drawn in found.items():
        for ending in (".html", ".svg"):
            drawn.save(Path(folder) / f"{name}{ending}")
            print(f"wrote {name}{ending}")
    print(found["one_layer"])


if __name__ == "__main__":
    main(*sys.argv[1:])
