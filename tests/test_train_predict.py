"""`train.predict`: all rows, batch by batch; draws, and what their disagreement means."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from backends import fused_for_cpus
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import nn
import train

ROWS = 11
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
STATE = train.init(WEIGHT, {"bias": np.float32(0.5)}, optax.sgd(0.1))


def apply(params, state, x, *, key=None, train=False, mask=None):
    assert not train
    noise = 0.0 if key is None else jax.random.normal(key, (x.shape[0], params.shape[1]))
    return x @ params + state["bias"] + noise, state


@pytest.mark.parametrize("batch_size", [1, 4, 11, 50])
@pytest.mark.parametrize("make", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_predictions_are_those_of_all_rows_whatever_the_batch_size(make, batch_size):
    wanted = X.astype(float) @ WEIGHT + 0.5
    predict = partial(train.predict, apply, batch_size=batch_size)
    for call in (predict, jax.jit(predict)):
        made = call(STATE, make(X))
        assert isinstance(made, jax.Array)
        np.testing.assert_allclose(made, wanted, rtol=1e-5, atol=1e-6)


def test_the_model_is_traced_once_and_compiled_once_for_one_shape_and_its_last_batch_is_masked():
    traced = []

    def counted(params, state, x, *, key, train, mask):
        traced.append((x.shape, key, train))
        return {"sum": x.sum(axis=1), "real": mask, "old": [x, mask.sum() + x * 0]}, state

    for scale in (1, 2):
        made = train.predict(counted, STATE, scale * X, batch_size=4)
        np.testing.assert_allclose(made["sum"], scale * X.sum(axis=1), rtol=1e-5)
        np.testing.assert_array_equal(made["old"][0], scale * X)
        assert made["real"].all()
        assert made["old"][1][:, 0].tolist() == [4] * 8 + [3] * 3
    assert traced == [((4, 3), None, False)]


def test_features_of_any_tree_and_dtype_go_in_and_keep_their_dtype():
    seen = {}

    def model(params, state, x, *, key, train, mask):
        seen.update(jax.tree.map(lambda leaf: leaf.dtype.name, x))
        return (x["image"].astype(float).sum((1, 2)), x["id"]), state

    data = {"image": np.full((ROWS, 2, 2), 3, np.uint8), "id": list(range(ROWS)), "t": 0.5}
    sums, ids = train.predict(model, STATE, data, batch_size=4)
    assert sums.tolist() == [12] * ROWS
    assert ids.tolist() == list(range(ROWS))
    assert seen == {"image": "uint8", "id": "int32", "t": "float32"}


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
@pytest.mark.parametrize("samples", [None, 3])
def test_rows_spread_over_devices_are_predicted_as_on_one(kind, samples):
    devices = jax.devices()[: 4 if jax.device_count() >= 4 else 1]
    mesh = jax.make_mesh((len(devices),), ("data",), axis_types=(kind,), devices=devices)
    x = np.concatenate([X, X[:5]])
    # A batch is two rows of the block of each device; which masks a row has depends on its place.
    batched = np.arange(16).reshape(len(devices), 2, -1).swapaxes(0, 1).ravel()
    model = nn.serial(nn.dropout(0.5), nn.dense(3, 2))
    state = train.init(*jax.jit(model.init)(jax.random.key(0)), optax.sgd(0.1))
    options = {"batch_size": 8, "samples": samples}
    options["key"] = None if samples is None else jax.random.key(1)
    alone = train.predict(model.apply, state, x[batched], **options)
    with jax.set_mesh(mesh):
        spread = jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))
        together = train.predict(model.apply, state, spread, **options)
    for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(np.asarray(a)[batched], b, rtol=1e-5, atol=1e-6)


def heads(params, state, x, *, key=None, train=False, mask=None):
    """One random model of four heads, whose draws NumPy can take apart."""
    noise = jax.random.normal(key, (len(x), 4))
    y = x @ params + noise
    return {
        "price": jnp.concatenate([y[:, :2], 0.1 * y[:, 2:]], axis=1),
        "kind": y[:, :3],
        "sold": y[:, 3],
        "plain": (y[:, :1] > 0).astype(jnp.bfloat16),
    }, state


KINDS = {"price": "gaussian", "kind": "classes", "sold": "binary", "plain": "values"}


@pytest.mark.parametrize("chunk", [1, 4, 64])
def test_uncertainty_is_taken_apart_as_numpy_does_with_all_draws_at_hand(chunk):
    samples, size = 10, 4
    made = train.predict(
        heads, STATE, X, batch_size=size, samples=samples, key=jax.random.key(5), outputs=KINDS,
        chunk=chunk,
    )  # fmt: skip
    draws = {name: [] for name in KINDS}
    call = jax.jit(heads)
    for batch in range(3):
        rows = np.minimum(batch * size + np.arange(size), ROWS - 1)
        keys = jax.random.split(jax.random.fold_in(jax.random.key(5), batch), samples)
        outputs = [call(STATE.params, (), X[rows], key=key)[0] for key in keys]
        for name, part in draws.items():
            part.append(np.stack([np.asarray(output[name], np.float64) for output in outputs]))
    draws = {name: np.concatenate(part, axis=1)[:, :ROWS] for name, part in draws.items()}

    def entropy(p):
        return -(p * np.log(p)).sum(axis=-1)

    mean, log_variance = np.split(draws["price"], 2, axis=-1)
    logits = np.exp(draws["kind"])
    classes = logits / logits.sum(axis=-1, keepdims=True)
    one = 1 / (1 + np.exp(-draws["sold"]))
    sold = np.stack([one, 1 - one], axis=-1)
    wanted = {
        "price": (mean.mean(0), np.exp(log_variance).mean(0), mean.var(0), "variance"),
        "plain": (draws["plain"].mean(0), 0 * draws["plain"][0], draws["plain"].var(0), "variance"),
        "kind": (
            classes.mean(0), entropy(classes).mean(0),
            entropy(classes.mean(0)) - entropy(classes).mean(0), "entropy",
        ),
        "sold": (
            one.mean(0), entropy(sold).mean(0),
            entropy(sold.mean(0)) - entropy(sold).mean(0), "entropy",
        ),
    }  # fmt: skip
    for name, (average, aleatoric, epistemic, measure) in wanted.items():
        prediction = made[name]
        close = partial(np.testing.assert_allclose, rtol=2e-5, atol=2e-6)
        close(prediction.mean, average)
        close(prediction.aleatoric, aleatoric)
        close(prediction.epistemic, epistemic)
        close(prediction.total, aleatoric + epistemic)
        assert prediction.measure == measure
        assert prediction.mean.dtype == jnp.float32
    deviation = np.sqrt(np.exp(log_variance).mean(0) + mean.var(0))
    low, high = made["price"].interval(0.95)
    np.testing.assert_allclose(low, mean.mean(0) - 1.9599640 * deviation, rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(high, mean.mean(0) + 1.9599640 * deviation, rtol=2e-5, atol=1e-5)


def test_an_interval_holds_its_share_of_what_a_linear_model_with_noise_gives():
    def model(params, state, x, *, key, train, mask):  # the slope is known up to a deviation of 2
        slope = 3 + 2 * jax.random.normal(key, ())
        return jnp.concatenate([slope * x, jnp.full_like(x, np.log(5.0))], axis=1), state

    x = np.ones((1, 1), np.float32)
    made = train.predict(
        model, STATE, x, batch_size=1, samples=4000, key=jax.random.key(0), outputs="gaussian",
        chunk=500,
    )  # fmt: skip
    observed = 3 + np.random.default_rng(0).normal(size=9000) * np.sqrt(2**2 + 5)
    low, high = made.interval(0.8)
    assert ((observed > low) & (observed < high)).mean() == pytest.approx(0.8, abs=0.02)
    assert made.aleatoric.item() == pytest.approx(5, rel=1e-5)
    assert made.epistemic.item() == pytest.approx(4, rel=0.1)


def test_draws_that_agree_have_no_epistemic_part_and_infinite_logits_are_sure():
    def sure(params, state, x, *, key, train, mask):
        return jnp.where(x > 0, jnp.inf, -jnp.inf)[:, :1], state

    made = train.predict(
        sure, STATE, X, batch_size=4, samples=5, key=jax.random.key(0), outputs="binary"
    )
    np.testing.assert_array_equal(made.mean[:, 0], X[:, 0] > 0)
    assert np.abs(made.total).max() == np.abs(made.epistemic).max() == 0

    def fixed(params, state, x, *, key, train, mask):
        return x / 3, state

    made = train.predict(fixed, STATE, X, batch_size=4, samples=7, key=jax.random.key(0))
    assert float(made.std.max()) == 0


@fused_for_cpus
def test_the_memory_of_draws_depends_on_the_chunk_and_not_on_their_number_or_the_rows():
    def wide(params, state, x, *, key, train, mask):
        noise = jax.random.normal(key, (len(x), 5000))
        return x.sum(axis=1, keepdims=True) * noise, state

    def temporary(samples, chunk, rows):
        predict = partial(train.predict, wide, batch_size=4, samples=samples, chunk=chunk)
        x = jnp.ones((rows, 3))
        lowered = jax.jit(lambda x, key: predict(STATE, x, key=key)).lower(x, jax.random.key(0))
        analysis = lowered.compile().memory_analysis()
        return analysis.temp_size_in_bytes

    one_draw = 4 * 5000 * 4  # bytes
    few = temporary(4, 2, 4)
    assert temporary(400, 2, 4) < few + one_draw
    assert temporary(4, 4, 4) > few + one_draw


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 3}, "samples= and key= together"),
        ({"key": jax.random.key(0)}, "samples= and key= together"),
        ({"outputs": "classes"}, "pass samples= and key=, too"),
        ({"batch_size": 0}, "batch_size must be an integer above 0, got 0"),
        ({"samples": 0, "key": jax.random.key(0)}, "samples must be an integer above 0"),
        ({"chunk": 0}, "chunk must be an integer above 0"),
        ({"samples": 1, "key": jax.random.key(0), "outputs": "logits"}, "one of .*'gaussian'"),
        ({"samples": 1, "key": jax.random.key(0), "outputs": {"a": "values"}}, "a tree like the"),
    ],
)
def test_options_that_cannot_be_raise(options, message):
    with pytest.raises(ValueError, match=message):
        train.predict(apply, STATE, X, **{"batch_size": 4} | options)


@pytest.mark.parametrize(
    ("columns", "outputs", "message"),
    [(1, "classes", r"needs logits \[rows, classes\]"), (3, "gaussian", "and then log-variances")],
)
def test_an_output_without_the_shape_of_its_kind_raises(columns, outputs, message):
    def model(params, state, x, *, key, train, mask):
        return x[:, :columns], state

    with pytest.raises(ValueError, match=message):
        train.predict(
            model, STATE, X, batch_size=4, samples=2, key=jax.random.key(0), outputs=outputs
        )


def test_features_with_targets_raise_the_models_own_error_with_a_note():
    with pytest.raises(TypeError, match="tuple") as raised:
        train.predict(apply, STATE, (X, X), batch_size=4)
    assert "pass features alone" in "".join(raised.value.__notes__)
    model = nn.dense(3, 2)
    state = train.init(*jax.jit(model.init)(jax.random.key(0)), optax.sgd(0.1))
    with pytest.raises(TypeError, match="expected a floating-point input, got int32"):
        train.predict(model.apply, state, X.astype(int), batch_size=4)


def test_no_information_is_negative_where_draws_differ_by_rounding_alone():
    def nearly_sure(params, state, x, *, key=None, train=False, mask=None):
        return x @ params + 1e-6 * jax.random.normal(key, (len(x), params.shape[1])), state

    x = np.random.default_rng(2).normal(size=(200, 3)).astype(np.float32)
    for outputs in ("classes", "binary"):
        made = train.predict(
            nearly_sure, STATE, x, batch_size=200, samples=5, key=jax.random.key(0), outputs=outputs
        )
        assert (made.epistemic >= 0).all()


def test_a_prediction_of_classes_has_no_standard_deviation_and_no_interval():
    one = jnp.ones(1)
    prediction = train.Prediction(
        mean=one, total=one, aleatoric=one, epistemic=one, measure="entropy"
    )
    for ask in (lambda: prediction.std, prediction.interval):
        with pytest.raises(ValueError, match="has entropies, and no standard deviation"):
            ask()
    with pytest.raises(ValueError, match="between 0 and 1, got 95"):
        prediction.interval(95)
