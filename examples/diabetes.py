"""Predict how diabetes progresses within a year, a regression, and print how the network learns."""

import jax
import numpy as np
import optax
from sklearn.datasets import load_diabetes

from gradwise import losses, nn, train


def penalty(params: train.Params) -> jax.Array:
    """Return a penalty on large weights, because 350 patients are few."""
    return 0.01 * losses.l2(params)


def main() -> None:
    """Train, then print the share of the variance that is explained for unseen patients."""
    split_key, init_key, fit_key = jax.random.split(jax.random.key(0), 3)
    features, progression = load_diabetes(return_X_y=True)
    data = (features, np.reshape(progression, (-1, 1)))
    (train_x, train_y), (test_x, test_y) = train.data.split(split_key, data, test=0.2)
    train_x, test_x = train.data.standardize(train_x, test_x)
    train_y, test_y = train.data.standardize(train_y, test_y)

    model = nn.mlp((10, 32, 1))
    objective = train.supervised(
        model.apply,
        losses.squared_error,
        penalty=penalty,
        metrics={"r_squared": train.metrics.r_squared},
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
        epochs=40,
        batch_size=32,
        epochs_per_call=10,
    )
    print(history)
    print(f"variance explained on unseen patients: {history['validation_r_squared'][-1]:.1%}")


if __name__ == "__main__":
    main()
