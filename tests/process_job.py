"""What the jobs of real processes share: a process's number, its rows, and how it trains."""

import numpy as np
from process_group import EPOCHS, OWN, RATE, X, Y, batches_of


def linear(params, state, x, *, key=None, train=False, mask=None):
    return x @ params, state


def two_layers(params, state, x, *, key=None, train=False, mask=None):
    import jax.numpy as jnp

    return jnp.tanh(x @ params["a"]) @ params["b"], state


class Job:
    """Shorthands that the jobs share."""

    def __init__(self, number, count, folder):
        import jax
        import jax.numpy as jnp
        import optax

        import losses
        import train

        self.number, self.count, self.folder = number, count, folder
        self.sgd, self.adam = optax.sgd(RATE), optax.adam(RATE)
        self.linear = train.supervised(linear, losses.squared_error)
        self.two_layers = train.supervised(two_layers, losses.squared_error)
        self.classes = train.supervised(linear, losses.softmax_cross_entropy_with_integer_labels)
        self.mesh = jax.sharding.Mesh(np.array(jax.devices()), ("data",))
        self.zeros = jnp.zeros

    def source(self, epoch):
        return batches_of(self.number, self.count)

    def placed(self, array, *spec):
        import jax

        sharding = jax.sharding.NamedSharding(self.mesh, jax.P(*spec))
        return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)

    def fit(self, data=None, key=None, value=0.0, **options):
        import jax

        import train

        state = train.init(self.zeros((4, 1)) + value, (), self.sgd)
        options = {"epochs": EPOCHS, "batch_size": OWN * self.count} | options
        return train.fit(
            jax.random.key(0) if key is None else key, state, self.linear, self.sgd,
            data or self.source, **options,
        )  # fmt: skip

    def spread_state(self):
        """Parameters and Adam's moments of which each process holds a part."""
        import train

        random = np.random.default_rng(1)
        a, b = (random.normal(size=shape).astype(np.float32) for shape in ((4, 8), (8, 1)))
        params = {"a": self.placed(a, None, "data"), "b": self.placed(b, "data")}
        return train.init(params, (), self.adam)

    def fit_spread(self, folder, source=None, **options):
        import jax

        import train

        options = {"epochs": EPOCHS, "batch_size": 12} | options
        return train.fit(
            jax.random.key(0), self.spread_state(), self.two_layers, self.adam,
            source or self.rows_of_each_batch, checkpoint=folder, **options,
        )  # fmt: skip

    def rows_of_each_batch(self, epoch):
        """Parts of the same batches, whatever the number of processes."""
        size = 12 // self.count
        for first in range(0, 36, 12):
            own = slice(first + self.number * size, first + (self.number + 1) * size)
            yield X[own], Y[own]


def flat(train_state):
    from train._global_arrays import local

    return np.concatenate([np.ravel(leaf) for leaf in _leaves(local(train_state))]).tolist()


def _leaves(tree):
    import jax

    return jax.tree.leaves(tree)


def result(train_state, history):
    return {
        "params": flat(train_state.params),
        "losses": history["train_loss"].tolist(),
        "steps": int(train_state.step),
        "stopped": history.stopped,
    }


def barrier():
    from train._processes import agree

    agree(0)
