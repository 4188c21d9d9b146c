"""Classify scikit-learn's handwritten digits with a small network, and print how it learns."""

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

from gradwise import losses, nn, train


def main() -> None:
    """Train, then print the accuracy on digits that the training never saw."""
    split_key, init_key, fit_key = jax.random.split(jax.random.key(0), 3)
    images, labels = load_digits(return_X_y=True)
    data = (images.astype(np.float32) / 16, labels.astype(np.int32))
    train_data, test_data = train.data.split(split_key, data, test=0.2)

    model = nn.mlp((64, 128, 10), batch_norm=True, dropout=0.2)
    objective = train.supervised(
        model.apply,
        losses.softmax_cross_entropy_with_integer_labels,
        metrics={"accuracy": train.metrics.accuracy},
    )
    optimizer = optax.adam(3e-3)
    params, state = jax.jit(model.init)(init_key)
    train_state = train.init(params, state, optimizer)
    train_state, history = train.fit(
        fit_key,
        train_state,
        objective,
        optimizer,
        train_data,
        validation=test_data,
        epochs=30,
        batch_size=64,
        epochs_per_call=10,
    )
    print(history)
    print(history.diagnose())
    print(f"test accuracy: {history['validation_accuracy'][-1]:.1%}")


if __name__ == "__main__":
    main()
