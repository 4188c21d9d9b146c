"""Draw what the losses of the lecture say of one prediction, and print their slopes.

`python examples/three_losses.py pictures` writes `losses.svg` into the folder `pictures`.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
from matplotlib.figure import Figure

from gradwise import losses

REGRESSION = {
    "squared error": losses.squared_error,
    "absolute error": losses.absolute_error,
    "huber": losses.huber,
}


def binary(label: float, logits: jax.Array) -> jax.Array:
    """Return the cross entropy of one label with each logit."""
    column = logits[:, None]
    return losses.binary_cross_entropy_with_logits(column, jnp.full_like(column, label))


def draw(path: Path) -> None:
    """Draw the losses of regression over the error, and that of two classes over the logit."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    errors, logits = jnp.linspace(-3.0, 3.0, 301), jnp.linspace(-6.0, 6.0, 301)
    for name, loss in REGRESSION.items():
        left.plot(errors, loss(errors[:, None], jnp.zeros((301, 1))), label=name)
    for label in (0.0, 1.0):
        right.plot(logits, binary(label, logits), label=f"label {label:.0f}")
    left.set(title="regression", xlabel="prediction less target", ylabel="loss", ylim=(0, 5))
    right.set(title="two classes", xlabel="logit")
    for panel in (left, right):
        panel.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # words stay text
        figure.savefig(path, metadata={"Date": None})


def main(folder: str = "pictures") -> None:
    """Write the picture, and print the slope of each loss of regression at three errors."""
    draw(Path(folder) / "losses.svg")
    print(f"{'loss':<14}  slope at an error of 0.1, 1 and 10")
    for name, loss in REGRESSION.items():
        slope = jax.vmap(jax.grad(lambda error, loss=loss: loss(error[None], jnp.zeros(1))))
        print(f"{name:<14}  {'  '.join(f'{s:g}' for s in slope(jnp.array([0.1, 1.0, 10.0])))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
