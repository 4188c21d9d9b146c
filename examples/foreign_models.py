"""Train models of flax, equinox and haiku, and one without a library, by the same `fit`.

What is not installed is left out: `pip install flax equinox dm-haiku` adds them.
"""

import importlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_wine

from gradwise import train

SIZES = (13, 32, 3)


def by_hand(key, x):
    """Return a function of parameters and features, and parameters for it."""
    draw = jax.nn.initializers.lecun_normal()
    keys = jax.random.split(key, len(SIZES) - 1)
    weights = [draw(k, size) for k, *size in zip(keys, SIZES[:-1], SIZES[1:], strict=True)]
    return lambda params, x: jnp.tanh(x @ params[0]) @ params[1], weights


def of_flax(key, x):
    """Return the `apply` of a linen module whose `__call__` takes features alone."""
    linen = importlib.import_module("flax.linen")
    net = linen.Sequential([linen.Dense(SIZES[1]), linen.tanh, linen.Dense(SIZES[2])])
    return net.apply, net.init(key, x)


def of_haiku(key, x):
    """Return the `apply` of a transformed function of features alone."""
    haiku = importlib.import_module("haiku")
    net = haiku.transform(lambda x: haiku.nets.MLP(SIZES[1:], activation=jnp.tanh)(x))
    return net.apply, net.init(key, x)


def of_equinox(key, x):
    """Return a function of the arrays of a module, which is itself one of a single example."""
    equinox = importlib.import_module("equinox")
    model = equinox.nn.MLP(*(SIZES[0], SIZES[2], SIZES[1]), 1, activation=jnp.tanh, key=key)
    params, static = equinox.partition(model, equinox.is_inexact_array)
    return lambda params, x: jax.vmap(equinox.combine(params, static))(x), params


def main() -> None:
    """Print the test accuracy of each library's network, by one loss, optimizer and training."""
    split_key, init_key, fit_key = jax.random.split(jax.random.key(0), 3)
    table, labels = load_wine(return_X_y=True)
    (x, y), (test_x, test_y) = train.data.split(
        split_key, (table, labels.astype(np.int32)), test=0.3, stratify=labels
    )
    x, test_x = train.data.standardize(x, test_x)
    optimizer = optax.adam(1e-2)
    fit = partial(train.fit, epochs=20, batch_size=32, epochs_per_call=20)
    libraries = {"by hand": by_hand, "flax": of_flax, "haiku": of_haiku, "equinox": of_equinox}
    for number, (name, make) in enumerate(libraries.items()):
        try:
            apply, params = make(jax.random.fold_in(init_key, number), x)
        except ImportError:
            print(f"{name}: not installed")
            continue
        objective = train.supervised(apply, optax.softmax_cross_entropy_with_integer_labels)
        start = train.init(params, (), optimizer)
        train_state, history = fit(fit_key, start, objective, optimizer, (x, y))
        hits = train.predict(apply, train_state, test_x, batch_size=32).argmax(axis=1) == test_y
        print(f"{name}: {hits.mean():.1%} right, loss {history['train_loss'][-1]:.3f}")


if __name__ == "__main__":
    main()
