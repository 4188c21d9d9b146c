"""Weights of examples: means that divide by them, what they hide, and several outputs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special
from sklearn.metrics import f1_score, log_loss

import losses
import train

NAN = np.float32(np.nan)
RANDOM = np.random.default_rng(11)
ROWS, FEATURES, CLASSES = 11, 4, 3
X = RANDOM.normal(size=(ROWS, FEATURES)).astype(np.float32)
LABELS = RANDOM.choice(CLASSES, p=[0.6, 0.3, 0.1], size=ROWS).astype(np.int32)
WEIGHTS = RANDOM.uniform(0.1, 2, ROWS).astype(np.float32)
SLOPE = (RANDOM.normal(size=(FEATURES, CLASSES)) / 2).astype(np.float32)
SGD = optax.sgd(1.0)
cross_entropy = losses.softmax_cross_entropy_with_integer_labels


def linear(params, state, x, *, key=None, train=False, mask=None):
    return x @ params, state


def probabilities(x=X, slope=SLOPE):
    return special.softmax(x.astype(float) @ slope, axis=-1)


def slope_of(weights, x=X, labels=LABELS):
    """The gradient of the weighted mean of the cross entropy, by its closed form."""
    error = probabilities(x) - np.eye(CLASSES)[labels]
    return x.T.astype(float) @ (error * weights[:, None]) / weights.sum()


def step(objective, y, *, accumulate=1, mask=None, params=SLOPE, x=X, augment=None):
    """One step of gradient descent with rate 1: the gradient, and the loss that is measured."""
    augment = None if augment is None else train.OnBatch(augment)
    made = jax.jit(train.make_step(objective, SGD, accumulate=accumulate, augment=augment))
    state = train.init(jax.tree.map(jnp.asarray, params), (), SGD)
    after, metrics = made(jax.random.key(0), state, train.Batch(x, y, mask))
    assert float(metrics["skipped"].total) == 0
    slope = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), state.params, after.params)
    return slope, {name: np.asarray(figure.value) for name, figure in metrics.items()}


@pytest.mark.parametrize("way", ["with the targets", "function", "both"])
def test_the_mean_is_weighted_and_divided_by_the_sum_of_the_weights(way):
    factor = np.array([0.5, 3.0, 1.0], np.float32)

    def class_weights(batch):
        return jnp.asarray(factor)[batch.y]

    y = LABELS if way == "function" else train.Weighted(LABELS, WEIGHTS)
    given = None if way == "with the targets" else class_weights
    weights = np.ones(ROWS) * (1 if way == "function" else WEIGHTS)
    weights = weights * (1 if given is None else factor[LABELS])
    objective = train.supervised(linear, cross_entropy, weights=given)
    slope, values = step(objective, y)
    expected = log_loss(LABELS, probabilities(), sample_weight=weights, labels=range(CLASSES))
    np.testing.assert_allclose(values["loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(slope, slope_of(weights), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("source", ["arrays", "stream"])
def test_fit_divides_by_the_weights_of_the_whole_batch_in_every_micro_batch(source):
    rows = np.arange(6)
    data = X[rows], train.Weighted(LABELS[rows], WEIGHTS[rows])
    objective = train.supervised(linear, cross_entropy)
    fitted, _ = train.fit(
        jax.random.key(0), train.init(SLOPE, (), SGD), objective, SGD,
        data if source == "arrays" else [data], epochs=1, batch_size=6, accumulate=3,
    )  # fmt: skip
    expected = slope_of(WEIGHTS[rows], X[rows], LABELS[rows])
    np.testing.assert_allclose(SLOPE - fitted.params, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("real", [12, 9, 3])
def test_micro_batches_give_the_weighted_mean_of_the_whole_batch(real):
    x, labels = X[np.arange(12) % ROWS], LABELS[np.arange(12) % ROWS]
    mask = np.arange(12) < real
    weights = np.array([0, 0, 0, 5, 1, 2, 0.5, 0.25, 0, 1, 1e-3, 7], np.float32)
    y = train.Weighted(labels, np.where(mask, weights, NAN))
    if real == 3:  # the only part with rows has no weight, so that nothing is learned
        assert not np.any(step(train.supervised(linear, cross_entropy), y, mask=mask, x=x)[0])
        return
    objective = train.supervised(linear, cross_entropy, penalty=lambda p: 0.25 * (p**2).sum())
    expected = slope_of(weights[mask], x[mask], labels[mask]) + 0.5 * SLOPE
    for parts in (1, 4):
        slope, values = step(objective, y, mask=mask, x=x, accumulate=parts)
        np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-6)
        losses_ = -np.log(probabilities(x)[np.arange(12), labels])
        np.testing.assert_allclose(
            values["loss"], np.average(losses_[mask], weights=weights[mask]), rtol=1e-5
        )


@pytest.mark.parametrize("kept", [True, False])
def test_micro_batches_divide_by_the_weights_that_the_augmented_batch_has(kept):
    """The labels that are drawn decide the weights, and so what the loss is divided by."""
    factor, x, labels = np.array([0.5, 3, 1], np.float32), X[:8], LABELS[:8]

    def next_class(key, batch):
        y = (batch.y + 1) % CLASSES
        return batch._replace(y=y) if kept else train.Batch(batch.x, y, batch.mask)

    objective = train.supervised(
        linear, cross_entropy, weights=lambda batch: jnp.asarray(factor)[batch.y]
    )
    drawn = (labels + 1) % CLASSES
    expected = slope_of(factor[drawn], x, drawn)
    for parts in (1, 4):
        slope, values = step(objective, labels, x=x, accumulate=parts, augment=next_class)
        np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            values["loss"],
            log_loss(drawn, probabilities(x), sample_weight=factor[drawn]),
            rtol=1e-5,
        )


def test_an_ignored_id_is_hidden_from_loss_metrics_and_the_check_of_labels():
    y = np.where(np.arange(ROWS) % 4 == 1, -1, LABELS).astype(np.int32)
    known = y >= 0
    state = train.init(jnp.asarray(SLOPE), (), SGD)
    fit = partial(train.fit, jax.random.key(0), state, epochs=1, batch_size=ROWS, progress=False)
    metrics = {"accuracy": train.metrics.accuracy}
    with pytest.raises(ValueError, match=r"labels must be in 0 .. 2 .* got -1 at index \(1,\)"):
        fit(train.supervised(linear, cross_entropy), SGD, (X, y))
    objective = train.supervised(
        linear, cross_entropy, metrics=metrics, weights=lambda batch: batch.y != -1
    )
    trained, history = fit(objective, SGD, (X, y))
    expected = log_loss(y[known], probabilities()[known], labels=range(CLASSES))
    np.testing.assert_allclose(history["train_loss"], [expected], rtol=1e-5)
    hits = (probabilities().argmax(1) == y)[known].mean()
    np.testing.assert_allclose(history["train_accuracy"], [hits], rtol=1e-6)
    gradient = slope_of(known.astype(float), labels=np.maximum(y, 0))
    np.testing.assert_allclose(SLOPE - trained.params, gradient, rtol=1e-4, atol=1e-6)
    wrong = np.where(np.arange(ROWS) == 2, 7, y).astype(np.int32)
    with pytest.raises(ValueError, match=r"got 7 at index \(2,\)"):
        fit(objective, SGD, (X, wrong))


def test_a_target_may_be_missing_for_a_single_output():
    targets = RANDOM.normal(size=(ROWS, CLASSES)).astype(np.float32)
    known = RANDOM.random((ROWS, CLASSES)) < 0.6
    y = np.where(known, targets, NAN)
    objective = train.supervised(
        linear, losses.per_output(losses.squared_error),
        metrics={"error": train.metrics.mean_absolute_error},
        weights=lambda batch: ~jnp.isnan(batch.y),
    )  # fmt: skip
    error = np.where(known, X.astype(float) @ SLOPE - targets, 0)
    for accumulate in (1, ROWS):
        slope, values = step(objective, y, accumulate=accumulate)
        np.testing.assert_allclose(slope, 2 * X.T @ error / known.sum(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(values["loss"], (error**2).sum() / known.sum(), rtol=1e-5)
        expected = np.abs(error).sum() / known.sum()
        np.testing.assert_allclose(values["error"], expected, rtol=1e-5)


def test_a_mask_over_time_counts_each_real_step_once_in_every_batch():
    steps, lengths = 5, RANDOM.integers(1, 6, ROWS)
    x = RANDOM.normal(size=(ROWS, steps, FEATURES)).astype(np.float32)
    y = RANDOM.integers(0, CLASSES, (ROWS, steps)).astype(np.int32)
    real = np.arange(steps) < lengths[:, None]
    y[~real] = -7
    objective = train.supervised(
        lambda params, state, x, *, key, train, mask: (x["steps"] @ params, state),
        cross_entropy,
        metrics={"f1": train.metrics.f1, "accuracy": train.metrics.accuracy},
        weights=lambda batch: jnp.arange(steps) < batch.x["lengths"][:, None],
    )
    state = train.init(jnp.asarray(SLOPE), (), SGD)
    found = train.evaluate(objective, state, ({"steps": x, "lengths": lengths}, y), batch_size=4)
    p, labels = probabilities(x)[real], y[real]
    expected = {
        "loss": log_loss(labels, p, labels=range(CLASSES)),
        "f1": f1_score(labels, p.argmax(1), average="macro"),
        "accuracy": (p.argmax(1) == labels).mean(),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5)


def two_heads(params, state, x, *, key=None, train=False, mask=None):
    return {"kind": x @ params["kind"], "price": x @ params["price"]}, state


def test_each_of_several_outputs_has_its_own_mean_weights_and_metrics():
    price = np.where(np.arange(ROWS)[:, None] < 3, RANDOM.normal(size=(ROWS, 1)), NAN)
    price = price.astype(np.float32)
    y = {"kind": LABELS, "price": train.Weighted(price, ~np.isnan(price[:, 0]))}
    params = {"kind": SLOPE, "price": SLOPE[:, :1]}
    objective = train.supervised(
        two_heads,
        {"kind": cross_entropy, "price": losses.squared_error},
        metrics={
            "kind": {"accuracy": train.metrics.accuracy},
            "price": {"error": train.metrics.mean_absolute_error},
            "rows": lambda p, t, where=None: train.metrics.mean(jnp.ones(len(t["kind"]))),
        },
        weights={"kind": lambda batch: jnp.array([1.0, 2.0, 4.0])[batch.y["kind"]]},
    )
    weights = np.array([1.0, 2.0, 4.0])[LABELS]
    error = (X.astype(float) @ SLOPE[:, :1] - price)[:3]
    for accumulate in (1, ROWS):  # all but three micro-batches have no price
        slope, values = step(objective, y, params=params, accumulate=accumulate)
        np.testing.assert_allclose(slope["kind"], slope_of(weights), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(slope["price"], 2 * X[:3].T @ error / 3, rtol=1e-4, atol=1e-6)
        entropy = log_loss(LABELS, probabilities(), sample_weight=weights, labels=range(CLASSES))
        np.testing.assert_allclose(values["kind_loss"], entropy, rtol=1e-5)
        np.testing.assert_allclose(values["price_loss"], (error**2).mean(), rtol=1e-5)
        np.testing.assert_allclose(values["loss"], entropy + (error**2).mean(), rtol=1e-5)
        hits = (probabilities().argmax(1) == LABELS).mean()
        np.testing.assert_allclose(values["kind_accuracy"], hits, rtol=1e-6)
        np.testing.assert_allclose(values["price_error"], np.abs(error).mean(), rtol=1e-5)
        assert values["rows"] == 1
    state = train.init(params, (), SGD)
    objective.check(state.params, (), X, y)
    with pytest.raises(ValueError, match=r"in 0 .. 2 for a model of 3 outputs"):
        objective.check(state.params, (), X, {**y, "kind": LABELS + 1})


def test_weighted_targets_pass_every_door():
    data = X, train.Weighted(LABELS, WEIGHTS)
    part, rest = train.data.split(jax.random.key(2), data, test=0.3)
    assert len(rest[1].weights) == 3
    for x, y, weight in zip(rest[0], rest[1].targets, rest[1].weights, strict=True):
        (row,) = np.flatnonzero((x == X).all(axis=1))
        assert (y, weight) == (LABELS[row], WEIGHTS[row])
    objective = train.supervised(linear, cross_entropy)
    state, key = train.init(jnp.asarray(SLOPE), (), SGD), jax.random.key(1)
    fit = partial(train.fit, key, state, objective, SGD, epochs=2, batch_size=4, progress=False)
    trained, history = fit(part, validation=rest)
    weight = rest[1].weights.astype(float)
    p = probabilities(rest[0], np.asarray(trained.params))
    expected = log_loss(rest[1].targets, p, sample_weight=weight, labels=range(CLASSES))
    np.testing.assert_allclose(history["validation_loss"][-1], expected, rtol=1e-4)
    plain = fit(part, validation=(rest[0], rest[1].targets))[1]["validation_loss"]
    unweighted = log_loss(rest[1].targets, p, labels=range(CLASSES))
    np.testing.assert_allclose(plain[-1], unweighted, rtol=1e-4)
    found = train.evaluate(objective, trained, rest, batch_size=2)["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    batches = [train.data.take(part, np.arange(4 * i, min(4 * i + 4, 8))) for i in range(2)]
    streamed, curves = fit(batches, validation=rest)
    p = probabilities(rest[0], np.asarray(streamed.params))
    expected = log_loss(rest[1].targets, p, sample_weight=weight, labels=range(CLASSES))
    np.testing.assert_allclose(curves["validation_loss"][-1], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": {"kind": None}}, "weights or metrics of .*'kind'.* one loss without a name"),
        ({"metrics": {"kind": {"a": None}}}, "weights or metrics of .*'kind'"),
    ],
)
def test_weights_or_metrics_of_outputs_without_names_are_an_error(options, message):
    with pytest.raises(TypeError, match=message):
        train.supervised(linear, cross_entropy, **options)


def test_what_does_not_fit_is_told():
    both = {"kind": cross_entropy, "price": losses.squared_error}
    with pytest.raises(ValueError, match="keeps the metric name 'kind_loss' for itself"):
        train.supervised(two_heads, both, metrics={"kind": {"loss": train.metrics.accuracy}})
    batch = train.Batch(X, LABELS)
    with pytest.raises(TypeError, match=r"\['kind', 'price'\] needs predictions .* got Array"):
        train.supervised(linear, both)(SLOPE, (), batch._replace(x=jnp.asarray(X)))
    wide = train.supervised(linear, losses.squared_error, weights=lambda batch: batch.y > 0)
    with pytest.raises(ValueError, match=r"\(11,\), got \(11, 3\); .*losses.per_output"):
        wide(SLOPE, (), train.Batch(X, np.ones((ROWS, CLASSES), np.float32)))
    alone = train.supervised(linear, cross_entropy, weights=lambda batch: 2.0)
    with pytest.raises(ValueError, match="an entry for each row, got a single number"):
        alone(SLOPE, (), batch)


def test_a_target_that_is_hidden_is_not_blamed_for_a_loss_that_is_not_finite():
    price = np.where(np.arange(ROWS)[:, None] == 2, NAN, 1).astype(np.float32)
    y = {"kind": LABELS, "price": train.Weighted(price, ~np.isnan(price[:, 0]))}
    both = {"kind": cross_entropy, "price": losses.squared_error}
    state = train.init({"kind": jnp.asarray(SLOPE), "price": jnp.asarray(SLOPE[:, :1])}, (), SGD)
    fit = partial(
        train.fit, jax.random.key(0), state, train.supervised(two_heads, both), SGD, epochs=1,
        batch_size=ROWS, progress=False,
    )  # fmt: skip
    x = np.where(np.arange(ROWS)[:, None] == 5, np.float32(3e38), X)
    with pytest.raises(train.NonFiniteError, match="row 5") as caught:
        fit((x, y))
    assert "y[" not in str(caught.value)
    price[3] = np.inf
    with pytest.raises(train.NonFiniteError, match=r"y\['price'\].* of the train data .*row 3"):
        fit((X, y))
