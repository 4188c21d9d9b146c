"""Train one network to over-fitting, to under-fitting and to the ideal, and tell them apart.

`python examples/three_endings.py pictures` writes the curves of each into the folder `pictures`.
"""

import sys
from pathlib import Path

import jax
import optax
from sklearn.datasets import load_digits

from gradwise import losses, nn, train

#: Rows to train on, hidden units and the strength of an L2 penalty.
RUNS = {
    "overfitting": (80, (64, 128, 10), 0.0),
    "underfitting": (1300, (64, 1, 10), 0.0),
    "ideal": (1300, (64, 64, 10), 1e-4),
}


def curves(rows: int, sizes: tuple[int, ...], strength: float) -> train.History:
    """Return the curves of a training on the first `rows` of the digits."""
    split_key, init_key, fit_key = jax.random.split(jax.random.key(0), 3)
    images, labels = load_digits(return_X_y=True)
    data = (images / 16, labels)
    (x, y), held_out = train.data.split(split_key, data, test=0.25)
    model = nn.mlp(sizes)
    objective = train.supervised(
        model.apply,
        losses.softmax_cross_entropy_with_integer_labels,
        penalty=lambda params: strength * losses.l2(params),
    )
    optimizer = optax.adam(1e-2)
    params, state = jax.jit(model.init)(init_key)
    start = train.init(params, state, optimizer)
    _, history = train.fit(
        fit_key, start, objective, optimizer, (x[:rows], y[:rows]),
        validation=held_out, epochs=40, batch_size=64, epochs_per_call=40,
    )  # fmt: skip
    return history


def main(folder: str = "pictures") -> None:
    """Print each run's diagnosis and draw its curves."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, setting in RUNS.items():
        history = curves(*setting)
        history.plot(Path(folder) / f"{name}.svg")
        print(f"{name}\n{history.diagnose()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
