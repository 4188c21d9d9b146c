"""Tell benign from malignant tumours, a yes-or-no question, and print how the network learns."""

from functools import partial

import jax
import numpy as np
import optax
from sklearn.datasets import load_breast_cancer

from gradwise import losses, nn, train


def main() -> None:
    """Train, then print the accuracy on tumours that the training never saw."""
    split_key, init_key, fit_key = jax.random.split(jax.random.key(0), 3)
    features, benign = load_breast_cancer(return_X_y=True)
    data = (features, np.reshape(benign, (-1, 1)).astype(np.float32))
    (train_x, train_y), (test_x, test_y) = train.data.split(split_key, data, test=0.2)
    train_x, test_x = train.data.standardize(train_x, test_x)

    model = nn.mlp((30, 32, 1), batch_norm=True, dropout=0.2)
    objective = train.supervised(
        model.apply,
        losses.binary_cross_entropy_with_logits,
        metrics={"accuracy": partial(train.metrics.binary_accuracy, from_logits=True)},
    )
    optimizer = optax.adam(3e-3)
    params, state = jax.jit(model.init)(init_key)
    train_state = train.init(params, state, optimizer)
    train_state, history = train.fit(
        fit_key,
        train_state,
        objective,
        optimizer,
        (train_x, train_y),
        validation=(test_x, test_y),
        epochs=20,
        batch_size=32,
        epochs_per_call=10,
    )
    print(history)
    print(f"test accuracy: {history['validation_accuracy'][-1]:.1%}")


if __name__ == "__main__":
    main()
