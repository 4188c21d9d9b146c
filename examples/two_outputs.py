"""Predict two outputs of a table with intervals, though one of them is missing for many rows.

Of scikit-learn's diabetes patients, one network tells how the disease progresses within a year, and
the blood glucose, which a third of the training part is made to miss.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_diabetes

from gradwise import losses, nn, train

NAMES = ("progression", "glucose")
GRID = {"weight_decay": [0.01, 1.0], "dropout": [0.1, 0.3]}


def read(key: jax.Array) -> tuple[tuple, tuple]:
    """Return a part of training, with NaN for a third of one output, and one of test."""
    table, progression = map(np.asarray, load_diabetes(return_X_y=True, scaled=False))
    outputs = {"progression": progression[:, None], "glucose": table[:, 9:]}
    (x, y), test_data = train.data.split(key, (table[:, :9], outputs), test=0.25)
    missing = np.arange(len(x)) % 3 == 0  # the rows are shuffled
    return (x, y | {"glucose": np.where(missing[:, None], np.nan, y["glucose"])}), test_data


def network(dropout: float) -> tuple[nn.Init, train.Apply]:
    """Return a network from 9 features to the mean and the log-variance of each output."""
    model = nn.mlp((9, 64, 2 * len(NAMES)), activation=nn.tanh, dropout=dropout)

    def apply(params, state, x, *, key=None, train=False, mask=None):
        y, state = model.apply(params, state, x, key=key, train=train, mask=mask)
        return dict(zip(NAMES, jnp.split(y, len(NAMES), axis=-1), strict=True)), state

    return model.init, apply


def fitted(key, train_data, validation, *, weight_decay, dropout):
    """Train one setting, for `grid_search` to rank."""
    init_key, run_key = jax.random.split(key)
    init, apply = network(dropout)
    objective = train.supervised(apply, dict.fromkeys(NAMES, losses.gaussian_nll))
    optimizer = optax.adamw(3e-3, weight_decay=weight_decay, mask=losses.weight_mask)
    run = train.make_run(objective, optimizer, epochs=50, batch_size=32)
    return run(run_key, train.init(*init(init_key), optimizer), train_data, validation)


def main() -> None:
    """Search, train on all rows, and print how often the intervals hold the truth."""
    split_key, search_key, fit_key, draw_key = jax.random.split(jax.random.key(0), 4)
    (x, y), (test_x, test_y) = read(split_key)
    of_x, of_y = train.data.scaler(x), train.data.scaler(y, nan="ignore")
    targets = of_y(y)
    known = ~np.isnan(targets["glucose"])[:, 0]
    train_data = of_x(x), targets | {"glucose": train.Weighted(targets["glucose"], known)}
    search = train.grid_search(fitted, GRID, train_data, key=search_key, folds=3)
    print(search)
    setting = search.best.setting
    train_state, _ = jax.jit(partial(fitted, **setting))(fit_key, train_data, None)
    sampled = partial(train.predict, batch_size=64, samples=50, key=draw_key, outputs="gaussian")
    drawn = sampled(network(setting["dropout"])[1], train_state, of_x(test_x))
    means = of_y.inverse({name: drawn[name].mean for name in NAMES})
    ends = [of_y.inverse({n: drawn[n].interval(0.9)[i] for n in NAMES}) for i in (0, 1)]
    for name in NAMES:
        truth, mean, low, high = (tree[name] for tree in (test_y, means, *ends))
        explained = 1 - np.mean((truth - mean) ** 2) / np.var(truth)
        inside = np.mean((low <= truth) & (truth <= high))
        ignorance = np.mean(drawn[name].epistemic / drawn[name].total)
        print(f"{name} variance explained on unseen patients: {explained:.1%}")
        print(f"{name} in its 90 % interval: {inside:.1%}")
        print(f"{name} share of the variance that is ignorance: {ignorance:.1%}")


if __name__ == "__main__":
    main()
