"""Train a convolutional network on Fashion-MNIST with augmentation and a learning-rate schedule.

Debian has the images in the package dataset-fashion-mnist; where they are missing, scikit-learn's
handwritten digits take their place. `--data` names any other folder of MNIST's four files.
"""

import argparse
from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

from gradwise import losses, nn, train

Part = tuple[np.ndarray, np.ndarray]


def read(folder: Path, rows: int) -> tuple[Part, Part]:
    """Read the parts of training and of test: images `[rows, side, side, 1]` uint8, and labels."""
    if not folder.is_dir():
        print(f"no folder {folder}: these are the digits of scikit-learn, 8 by 8 pixels")
        images, labels = load_digits(return_X_y=True)
        data = (images.reshape(-1, 8, 8, 1) * 15).astype(np.uint8), labels.astype(np.int32)
        return train.data.split(jax.random.key(1), data, test=0.2, stratify=labels)
    names = [f"{part}-{kind}*" for part in ("train", "t10k") for kind in ("images", "labels")]
    x, y, test_x, test_y = (train.data.read_idx(next(folder.glob(name))) for name in names)
    return (x[:rows, ..., None], y[:rows]), (test_x[:rows, ..., None], test_y[:rows])


def network(side: int) -> nn.Layer:
    """Return two convolutions in bfloat16, whose parameters and batch statistics are float32."""
    blocks = []
    for channels, filters in ((1, 16), (16, 32)):
        blocks += [nn.conv(channels, filters, (3, 3), bias=False), nn.batch_norm(filters)]
        blocks += [nn.activation(nn.relu), nn.max_pool((2, 2))]
    head = [nn.flatten(), nn.dropout(0.1), nn.dense(32 * (side // 4) ** 2, 10)]
    scaled = nn.activation(lambda pixels: pixels / np.float32(255))  # uint8 until here
    return nn.serial(scaled, nn.mixed_precision(nn.serial(*blocks, *head)))


def main() -> None:
    """Train, then print the accuracy on the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=60_000, help="the most images of each part")
    arguments = parser.parse_args()
    train_data, test_data = read(arguments.data, arguments.rows)

    init_key, fit_key = jax.random.split(jax.random.key(0))
    model, batch_size = network(train_data[0].shape[1]), min(32, len(train_data[1]))
    params, state = jax.jit(model.init)(init_key)
    steps = arguments.epochs * train.steps_per_epoch(len(train_data[1]), batch_size)
    rate = optax.warmup_cosine_decay_schedule(0.0, 1e-2, steps // 10, steps)
    optimizer = optax.adamw(rate, weight_decay=1e-3, mask=losses.weight_mask)
    objective = train.supervised(
        model.apply,
        losses.softmax_cross_entropy_with_integer_labels,
        metrics={"accuracy": train.metrics.accuracy},
    )
    _, history = train.fit(
        *(fit_key, train.init(params, state, optimizer), objective, optimizer, train_data),
        validation=test_data,
        epochs=arguments.epochs,
        batch_size=batch_size,
        augment=partial(train.data.shift, most=max(1, train_data[0].shape[1] // 14)),
        learning_rate=rate,
    )
    print(nn.summary(model, test_data[0][:1]))
    print(history)
    print(f"test accuracy: {history['validation_accuracy'][-1]:.1%}")


if __name__ == "__main__":
    main()
