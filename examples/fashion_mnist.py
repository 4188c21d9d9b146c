"""Classify Fashion-MNIST, or any folder of MNIST's four files, and print how the network learns.

Debian has the files in the package dataset-fashion-mnist:
    python examples/fashion_mnist.py --data /usr/share/datasets/fashion-mnist
"""

import argparse
from pathlib import Path

import jax
import numpy as np
import optax

from gradwise import losses, nn, train


def read(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read images `[rows, pixels]`, scaled to between 0 and 1, and labels `[rows]`."""
    images, labels = (
        train.data.read_idx(next(folder.glob(f"{part}-{kind}*")))
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    return images.reshape(len(images), -1).astype(np.float32) / 255, labels.astype(np.int32)


def main() -> None:
    """Train, then print the accuracy on the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the four files")
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    train_data, test_data = read(arguments.data, "train"), read(arguments.data, "t10k")

    init_key, fit_key = jax.random.split(jax.random.key(0))
    model = nn.mlp((train_data[0].shape[1], 256, 10), batch_norm=True, dropout=0.2)
    optimizer = optax.adam(optax.cosine_decay_schedule(2e-3, arguments.epochs * 469))
    params, state = jax.jit(model.init)(init_key)
    train_state = train.init(params, state, optimizer)
    objective = train.supervised(
        model.apply,
        losses.softmax_cross_entropy_with_integer_labels,
        metrics={"accuracy": train.metrics.accuracy},
    )
    train_state, history = train.fit(
        fit_key,
        train_state,
        objective,
        optimizer,
        train_data,
        validation=test_data,
        epochs=arguments.epochs,
        batch_size=min(128, len(train_data[1])),
    )
    print(history)
    print(f"test accuracy: {history['validation_accuracy'][-1]:.1%}")


if __name__ == "__main__":
    main()
