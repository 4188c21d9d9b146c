"""Fit a curve with dropout, and draw what its ensemble of networks says within the data and beyond.

`python examples/dropout_ensemble.py pictures` writes `dropout.svg` into the folder `pictures`.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import optax
from matplotlib.figure import Figure

from gradwise import losses, nn, train


def main(folder: str = "pictures") -> None:
    """Train, draw mean and deviation over the masks, and print the deviation in both ranges."""
    data_key, init_key, fit_key, sample_key = jax.random.split(jax.random.key(0), 4)
    x = jax.random.uniform(data_key, (256, 1), minval=-1.0, maxval=1.0)
    y = jnp.sin(3 * x)

    model = nn.mlp((1, 64, 64, 1), dropout=0.2)
    objective, optimizer = train.supervised(model.apply, losses.squared_error), optax.adam(3e-3)
    params, state = jax.jit(model.init)(init_key)
    start = train.init(params, state, optimizer)
    fitted, _ = train.fit(
        fit_key, start, objective, optimizer, (x, y), epochs=150, batch_size=64, epochs_per_call=150
    )

    grid = jnp.linspace(-2.0, 2.0, 201)[:, None]
    each = train.predict(
        model.apply, fitted, grid, batch_size=len(grid), samples=200, key=sample_key
    )
    full = train.predict(model.apply, fitted, grid, batch_size=len(grid))
    draw(Path(folder) / "dropout.svg", grid, each.mean, each.std, full, (x, y))

    inside = jnp.abs(grid) < 1
    print("mean deviation over 200 masks")
    print(f"within the data: {jnp.mean(each.std, where=inside):.3f}")
    print(f"beyond the data: {jnp.mean(each.std, where=~inside):.3f}")


def draw(
    path: Path,
    grid: jax.Array,
    mean: jax.Array,
    std: jax.Array,
    full: jax.Array,
    data: tuple[jax.Array, jax.Array],
) -> None:
    """Draw the ensemble with twice its deviation, the full network, the data and their curve."""
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    low, high = (mean - 2 * std)[:, 0], (mean + 2 * std)[:, 0]
    axes.fill_between(grid[:, 0], low, high, alpha=0.2, label="two deviations")
    axes.plot(grid, mean, label="mean of 200 masks")
    axes.plot(grid, full, "--", label="full network")
    axes.plot(grid, jnp.sin(3 * grid), ":", color="C7", label="sin(3 x)")
    axes.plot(*data, ".", markersize=3, color="C7", label="data")
    axes.set(xlabel="x", ylabel="y")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # words stay text
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
