import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, data, linear, optimizer, same_bits, same_training, shuffled, whole

import train

KEY = 5
SGD = optax.sgd(0.5)


def feature_mean(params, state, batch, *, key=None, train=False):
    """A loss that is the mean of the real features, and does not move the parameter."""
    x = batch.x.mean(axis=1)
    loss = metrics_mean(x, where=batch.mask)
    return loss.value + 0 * params, (state, {"loss": loss})


metrics_mean = train.metrics.mean


def drawn(key, x):
    return jnp.full_like(x, jax.random.uniform(key))


def losses_of_steps(steps, rows=4, **options):
    step = jax.jit(train.make_step(feature_mean, SGD, **options))
    train_state = train.init(jnp.zeros(()), (), SGD)
    batch, found = train.Batch(jnp.ones((rows, 3)), jnp.ones(rows)), []
    for _ in range(steps):
        train_state, metrics = step(jax.random.key(KEY), train_state, batch)
        found.append(float(metrics["loss"].value))
    return found


def test_dropout_draws_the_same_masks_with_an_augmentation_and_without():
    objective, train_state = whole()
    x, y = data()

    def stepped(augment):
        step = jax.jit(train.make_step(objective, optimizer(), augment=augment))
        return step(jax.random.key(KEY), train_state, train.Batch(x, y))

    def drawn_and_left(key, x):
        return jnp.where(jax.random.uniform(key, x.shape) < 2, x, 0)

    assert same_training(stepped(drawn_and_left), stepped(None))


def test_every_step_draws_anew_and_again_the_same_for_the_same_key():
    first, again = losses_of_steps(3, augment=drawn), losses_of_steps(3, augment=drawn)
    assert first == again
    assert len(set(first)) == 3


def test_every_micro_batch_has_a_key_of_its_own():
    values = []

    def seen(key, x):
        jax.debug.callback(lambda value: values.append(float(value)), jax.random.uniform(key))
        return x

    losses_of_steps(1, augment=seen, accumulate=4)
    jax.effects_barrier()
    assert len(set(values)) == 4


def test_a_step_on_augmented_rows_is_the_step_on_those_rows():
    objective, train_state = linear()
    x, y = data()
    batch = train.Batch(x, y)

    def flipped(key, x):
        return x[:, ::-1]

    def step(augment):
        return jax.jit(train.make_step(objective, optimizer(), augment=augment))

    key = jax.random.key(KEY)
    augmented, _ = step(flipped)(key, train_state, batch)
    by_hand, _ = step(None)(key, train_state, batch._replace(x=x[:, ::-1]))
    assert same_training(augmented, by_hand)


def test_an_augmentation_of_the_batch_moves_the_targets_and_sees_what_is_padding():
    def negated(key, batch):
        return batch._replace(y=jnp.where(batch.mask, -batch.y, batch.y))

    def last_targets(params, state, batch, *, key=None, train=False):
        return params * 0.0, (state, {"loss": metrics_mean(batch.y, where=batch.mask)})

    x, y = jnp.ones((5, 2)), jnp.arange(5.0)
    run = jax.jit(
        train.make_run(
            last_targets, SGD, epochs=1, batch_size=3, augment=train.OnBatch(negated)
        )
    )  # fmt: skip
    _, history = run(jax.random.key(KEY), train.init(jnp.zeros(()), (), SGD), (x, y), (x, y))
    assert float(history["train_loss"][0]) == -2.0  # the mean of 0 .. 4, negated
    assert float(history["validation_loss"][0]) == 2.0


def test_host_batches_are_augmented_as_arrays_are():
    objective, train_state = whole()

    def shifted(key, x):
        return x + jax.random.normal(key, x.shape)

    def fit(source):
        return train.fit(
            jax.random.key(KEY), train_state, objective, optimizer(), source, epochs=2,
            batch_size=BATCH, augment=shifted, validation=data(5),
        )  # fmt: skip

    arrays, of_arrays = fit(data())
    stream, of_stream = fit(lambda epoch: shuffled(KEY, epoch))
    assert same_training(arrays, stream)
    np.testing.assert_allclose(of_arrays["train_loss"], of_stream["train_loss"], rtol=1e-6)
    plain, _ = train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), data(), epochs=2,
        batch_size=BATCH, validation=data(5),
    )  # fmt: skip
    assert not same_bits(arrays, plain)


@pytest.mark.parametrize(
    ("augment", "error", "message"),
    [
        (lambda key, x: x[:2], ValueError, r"augment must keep the rows .* got \[2, 4\] of \[4\]"),
        (train.OnBatch(lambda key, batch: batch.x), TypeError, "returns a batch, got .*: return"),
    ],
)
def test_an_augmentation_that_gives_something_else_raises(augment, error, message):
    with pytest.raises(error, match=message):
        losses_of_steps(1, augment=augment)
