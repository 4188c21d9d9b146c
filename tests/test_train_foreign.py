"""Models of other libraries: those that are taken as they are, and the lines that errors show."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, CLASSES, FEATURES, data, same_bits

import losses
import nn
import train

X, Y = data()
LOSS = losses.softmax_cross_entropy_with_integer_labels
OPTIMIZER = optax.adam(0.1)
NEEDS = r"supervised needs apply\(params, state, x, \*, key, train, mask\), got "


class LikeLinen:
    """A module whose `apply` has the signature of flax linen's."""

    def __call__(self, x):
        raise AssertionError("a module of linen cannot be called outside of apply")

    def apply(self, variables, *args, rngs=None, method=None, mutable=False, **kwargs):
        assert not kwargs
        (x,) = args
        return x @ variables["params"]["kernel"] + variables["params"]["bias"]


class LikeLinenWithFlag(LikeLinen):
    def __call__(self, x, train=False):
        raise AssertionError


@jax.tree_util.register_pytree_node_class
class LikeEquinox:
    """A tree of arrays and functions that maps one example."""

    __module__ = "equinox._module"

    def __init__(self, weight, activation):
        self.weight, self.activation = weight, activation

    def __call__(self, x):
        return self.activation(x @ self.weight)

    def tree_flatten_with_keys(self):
        return [(jax.tree_util.GetAttrKey("weight"), self.weight)], self.activation

    def tree_flatten(self):
        return [self.weight, self.activation], None

    @classmethod
    def tree_unflatten(cls, _, leaves):
        return cls(*leaves)


class LikeNnx:
    __module__ = "flax.nnx.module"

    def __call__(self, *args, **kwargs):  # as nnx.Sequential has it
        raise AssertionError


class LikeTorch:
    __module__ = "torch.nn.modules.module"

    def __call__(self, x):
        raise AssertionError


def dense_params():
    kernel = jnp.asarray(np.random.default_rng(3).normal(size=(FEATURES, CLASSES)), jnp.float32)
    return {"params": {"kernel": kernel, "bias": jnp.zeros(CLASSES)}}


def dense(variables, x):
    return x @ variables["params"]["kernel"] + variables["params"]["bias"]


def by_contract(params, state, x, *, key=None, train=False, mask=None):
    return dense(params, x), state


def fit(apply, params, state=(), *, loss=LOSS, epochs=3, **options):
    train_state = train.init(params, state, OPTIMIZER)
    objective = train.supervised(apply, loss, **options)
    return train.fit(
        *(jax.random.key(1), train_state, objective, OPTIMIZER, (X, Y)),
        **{"validation": (X, Y), "epochs": epochs, "batch_size": BATCH},
    )


def test_functions_of_parameters_and_x_train_to_the_bit_as_a_model_of_the_contract_does():
    net = LikeLinen()
    expected, history = fit(by_contract, dense_params())
    for model in (dense, lambda params, key, x: dense(params, x), net.apply, jax.jit(dense)):
        trained, same_history = fit(model, dense_params())
        assert same_bits(trained, expected)
        assert same_history == history


def test_a_key_between_parameters_and_x_is_that_of_the_step_and_none_in_evaluation():
    keys = []

    def model(params, rng, x):
        keys.append(rng)
        return dense(params, x)

    objective = train.supervised(model, LOSS)
    batch, key = train.Batch(X, Y), jax.random.key(4)
    objective(dense_params(), (), batch, key=key, train=True)
    objective(dense_params(), (), batch, key=None, train=False)
    assert keys == [key, None]


def test_predict_takes_what_supervised_takes_and_traces_it_once():
    calls = []

    def model(params, x):
        calls.append(x.shape)
        return dense(params, x)

    train_state = train.init(dense_params(), (), OPTIMIZER)
    for net in (model, LikeLinen().apply):
        for _ in range(2):
            predicted = train.predict(net, train_state, X, batch_size=BATCH)
            np.testing.assert_allclose(predicted, dense(dense_params(), X), atol=1e-6)
    assert calls == [(BATCH, FEATURES)]
    with pytest.raises(TypeError, match=r"predict needs apply\(params, state, x"):
        train.predict(lambda params, x, flag: x, train_state, X, batch_size=BATCH)


@pytest.mark.parametrize(
    ("model", "called"),
    [
        (lambda params, x, is_training: x, "model(params, x, train), state"),
        (lambda params, x, *, deterministic: x, "model(params, x, deterministic=not train), state"),
        (lambda w, x, scale=2.0: x, "model(params, x), state"),
        (lambda params, state, x: (x, state), "y, new = model(params, state, x)"),
        (
            lambda params, state, rng, x, is_training: (x, state),
            "y, new = model(params, state, key, x, train)",
        ),
    ],
    ids=["flag", "keyword", "default", "state", "haiku"],
)
def test_a_function_that_may_be_called_in_several_ways_is_refused_with_its_call(model, called):
    with pytest.raises(TypeError, match=NEEDS + "<lambda>") as error:
        train.supervised(model, LOSS)
    head, line, *_ = str(error.value).split("\n\n")[1].splitlines()
    assert head == "def apply(params, state, x, *, key=None, train=False, mask=None):"
    assert line.strip().removeprefix("return ") == called


def test_modules_are_refused_with_their_librarys_lines_before_anything_is_traced():
    module = LikeEquinox(jnp.ones((FEATURES, CLASSES)), jnp.tanh)
    with pytest.raises(TypeError, match=NEEDS + "LikeEquinox of equinox, a module that takes x"):
        train.supervised(module, LOSS)
    with pytest.raises(TypeError, match=r"got the function tanh at params.*equinox\.partition"):
        train.init(module, (), OPTIMIZER)
    with pytest.raises(
        TypeError, match=NEEDS + "LikeLinenWithFlag of flax.linen, .* takes x, train"
    ):
        train.supervised(LikeLinenWithFlag().apply, LOSS)
    with pytest.raises(TypeError, match=NEEDS + r"LikeNnx of flax\.nnx, .*\n.*\nmodel\.eval"):
        train.supervised(LikeNnx(), LOSS)
    with pytest.raises(TypeError, match=r"supervised needs a function of JAX, got PyTorch's"):
        train.supervised(LikeTorch(), LOSS)
    with pytest.raises(
        TypeError, match=r"supervised needs a function, got Layer: pass its \.apply"
    ):
        train.supervised(nn.dense(FEATURES, CLASSES), LOSS)
    with pytest.raises(TypeError, match="supervised needs a model's apply, got dict"):
        train.supervised(dense_params(), LOSS)


@pytest.mark.parametrize(
    "params", [dense_params() | {"batch_stats": {"mean": jnp.zeros(3)}}, dense_params()["params"]]
)
def test_variables_of_flax_that_are_no_parameters_are_refused(params):
    with pytest.raises(TypeError, match=r"nothing beside it, got \[.*write these lines"):
        fit(LikeLinen().apply, params)


def lines_of(make, **names):
    """What the error says to write, run as it stands there."""
    with pytest.raises(TypeError, match="write these lines") as error:
        make()
    lines = re.split(r"\n\n", str(error.value))[1]
    names |= {"jax": jax}
    exec(lines, names)
    return names


def test_the_lines_for_flax_linen_train_dropout_and_batch_statistics():
    linen = pytest.importorskip("flax.linen")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x, deterministic=True):
            x = linen.BatchNorm(use_running_average=deterministic)(x)
            x = linen.Dropout(0.25, deterministic=deterministic)(x)
            return linen.Dense(CLASSES)(x)

    net = Net()
    apply = lines_of(lambda: train.supervised(net.apply, LOSS), net=net)["apply"]
    variables = dict(net.init(jax.random.key(0), X))
    params = variables.pop("params")
    trained, history = fit(apply, params, variables, epochs=8)
    assert history["validation_loss"][-1] < 0.7 * history["validation_loss"][0]
    moved = trained.state["batch_stats"]["BatchNorm_0"]["mean"]
    assert (np.abs(moved) > 0.01).all()
    expected = net.apply({"params": trained.params, **trained.state}, X)
    np.testing.assert_allclose(train.predict(apply, trained, X, batch_size=5), expected, atol=1e-5)
    other = linen.Sequential([linen.BatchNorm(use_running_average=True), linen.Dense(CLASSES)])
    with pytest.raises(TypeError, match=r"got \['batch_stats', 'params'\]"):
        fit(other.apply, other.init(jax.random.key(0), X))


def test_flax_linens_own_apply_trains_a_module_of_x_alone():
    linen = pytest.importorskip("flax.linen")
    net = linen.Sequential([linen.Dense(5), linen.tanh, linen.Dense(CLASSES)])
    params = net.init(jax.random.key(0), X)
    _, history = fit(net.apply, params)
    _, expected = fit(lambda p, s, x, *, key, train, mask: (net.apply(p, x), s), params)
    assert history == expected


def test_the_lines_for_flax_nnx_train_a_module():
    nnx = pytest.importorskip("flax.nnx")
    rngs = nnx.Rngs(0)
    model = nnx.Sequential(
        nnx.Linear(FEATURES, 5, rngs=rngs), nnx.tanh, nnx.Linear(5, CLASSES, rngs=rngs)
    )
    named = lines_of(lambda: train.supervised(model, LOSS), model=model, nnx=nnx)
    first = model(X)
    _, history = fit(named["apply"], named["params"], named["state"])
    assert history["train_loss"][-1] < history["train_loss"][0]
    np.testing.assert_array_equal(model(X), first)  # the module itself is not touched


def test_the_lines_for_equinox_train_a_module_of_one_example():
    equinox = pytest.importorskip("equinox")
    model = equinox.nn.MLP(FEATURES, CLASSES, 5, 1, key=jax.random.key(0))
    named = lines_of(lambda: train.supervised(model, LOSS), model=model, equinox=equinox)
    trained, history = fit(named["apply"], named["params"])
    assert history["train_loss"][-1] < history["train_loss"][0]
    rebuilt = equinox.combine(trained.params, named["static"])
    np.testing.assert_allclose(
        train.predict(named["apply"], trained, X, batch_size=BATCH), jax.vmap(rebuilt)(X), atol=1e-6
    )


def test_haikus_functions_are_taken_or_refused_with_lines_that_train_them():
    haiku = pytest.importorskip("haiku")
    plain = haiku.transform(lambda x: haiku.Linear(CLASSES)(x))
    params = plain.init(jax.random.key(0), X)
    trained, history = fit(plain.apply, params)
    _, same = fit(haiku.without_apply_rng(plain).apply, params)
    assert history == same

    def network(x, is_training):
        x = haiku.BatchNorm(True, True, 0.9)(x, is_training)
        return haiku.Linear(CLASSES)(
            haiku.dropout(haiku.next_rng_key(), 0.1, x) if is_training else x
        )

    net = haiku.transform_with_state(network)
    named = lines_of(lambda: train.supervised(net.apply, LOSS), model=net.apply)
    start = net.init(jax.random.key(0), X, True)
    trained, history = fit(named["apply"], *start, epochs=8)
    assert history["validation_loss"][-1] < 0.7 * history["validation_loss"][0]
    assert float(trained.state["batch_norm/~/mean_ema"]["counter"]) == 8 * 3
