"""What is easily done wrong with training, and what is told then: who, what was expected, got."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import data, linear, optimizer

import losses
import nn
import train

raw: Any = train  # to call with arguments that a type checker would refuse
X, Y = (np.asarray(part) for part in data())
OBJECTIVE, START = linear()
BATCH = train.Batch(X, Y)
GOOD = {"epochs": 1, "batch_size": 4}
History = train.History


HALVES = np.full((4, 1), 0.5, np.float32)


def binary(**options):
    return raw.metrics.binary_accuracy(HALVES, HALVES, **options)


class LikeTorch:
    def step(self):
        raise AssertionError

    zero_grad = step


def make_step(objective=OBJECTIVE, optimizer=None, **options):
    return raw.make_step(objective, optimizer or optax.sgd(0.1), **options)


def make_run(objective=OBJECTIVE, optimizer=None, **options):
    given = {"epochs": 1, "batch_size": 4, **options}
    return raw.make_run(objective, optimizer or optax.sgd(0.1), **given)


def fit(train_state=START, objective=OBJECTIVE, given=None, rows=(X, Y), **options):
    options = {"epochs": 1, "batch_size": 4, **options}
    return raw.fit(jax.random.key(0), train_state, objective, given or optimizer(), rows, **options)


def step_of(train_state=START, batch=BATCH, key=None):
    return make_step(optimizer=optimizer())(key or jax.random.key(0), train_state, batch)


def run_of(train_state=START, key=None):
    return make_run(optimizer=optimizer())(key or jax.random.key(0), train_state, (X, Y))


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        ("adam", "got 'adam'"),
        (optax.adam, r"got a function, adam: call it, optax\.adam\(1e-3\)"),
        (optax.cosine_decay_schedule(0.1, 9), "got a function, cosine_decay_schedule"),
        (LikeTorch(), "got LikeTorch of PyTorch"),
        (START, r"got TrainState\(params="),
    ],
    ids=["name", "factory", "schedule", "torch", "state"],
)
def test_what_is_no_optimizer_is_told_at_every_door(wrong, got):
    doors = [
        lambda: make_step(optimizer=wrong),
        lambda: make_run(optimizer=wrong),
        lambda: fit(given=wrong),
        lambda: raw.init(jnp.ones(2), (), wrong),
        lambda: raw.freeze(wrong, select=lambda path, leaf: True),
        lambda: raw.loss_scaling(wrong),
        lambda: raw.wide_moments(wrong),
    ]
    for door in doors:
        with pytest.raises(TypeError, match=f"must be one of optax, such as .*{got}"):
            door()


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (START.params, "got "),
        ((START, None), "got tuple with one in it: fit returns two things"),
        (tuple(START), "got tuple"),
        (None, "got NoneType"),
    ],
    ids=["params", "result", "tuple", "none"],
)
def test_what_is_no_train_state_is_told_at_every_door(wrong, got):
    doors = [step_of, run_of, fit]
    doors.append(lambda state: raw.evaluate(OBJECTIVE, state, (X, Y), batch_size=4))
    doors.append(lambda state: raw.predict(OBJECTIVE.apply, state, X, batch_size=4))
    for door in doors:
        with pytest.raises(TypeError, match=f"needs a train state, .*{got}"):
            door(wrong)


@pytest.mark.parametrize(
    ("its", "used"),
    [(optax.adam(0.1), optax.sgd(0.1)), (optax.sgd(0.1), optax.adam(0.1))],
    ids=["adam's for sgd", "sgd's for adam"],
)
def test_the_state_of_another_optimizer_is_told_also_where_it_would_pass_through(its, used):
    train_state = train.init(START.params, (), its)
    calls = [
        lambda: make_step(optimizer=used)(jax.random.key(0), train_state, BATCH),
        lambda: make_run(optimizer=used)(jax.random.key(0), train_state, (X, Y)),
        lambda: fit(train_state, given=used),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="was made with another optimizer, whose state is"):
            call()


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (nn.dense(3, 2), "got Layer"),
        (nn.dense(3, 2).apply, "got .* which is the model alone"),
        (losses.squared_error, r"got squared_error\(predictions, targets, where\): too"),
        (lambda params, batch: 0.0, r"got <lambda>\(params, batch\): "),
        (None, "got NoneType"),
    ],
    ids=["model", "apply", "loss", "function", "none"],
)
def test_what_is_no_objective_is_told_at_every_door(wrong, got):
    doors = [make_step, make_run, lambda objective: fit(objective=objective)]
    doors.append(lambda objective: raw.evaluate(objective, START, (X, Y), batch_size=4))
    for door in doors:
        with pytest.raises(TypeError, match=f"must be train.supervised.*{got}"):
            door(wrong)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: step_of(batch=(X, Y)), TypeError, r"needs a batch, train\.Batch\(x, y\), got tup"),
        (lambda: raw.supervised(OBJECTIVE.apply, losses.squared_error)(START.params, (), {"x": X}),
         TypeError, r"needs a batch, train\.Batch\(x, y\), got dict"),
        (lambda: step_of(key=7), TypeError, r"key must be made of a number, jax\.random\.key\(7"),
        (lambda: run_of(key=7), TypeError, r"key must be made of a number, jax\.random\.key\(7"),
        (lambda: raw.evaluate(OBJECTIVE, START, (X, Y + 1), batch_size=4), ValueError,
         r"labels must be in 0 \.\. 2 .* got 3 at index .* become labels - 1"),
        (lambda: fit(progress="yes"), TypeError, "progress must be True or False, got 'yes'"),
        (lambda: fit(fast_dev_run=1), TypeError, "fast_dev_run must be True or False, got 1"),
        (lambda: fit(gradient_norm="no"), TypeError, "gradient_norm must be True or False"),
        (lambda: make_run(gradient_norm=None), TypeError, "gradient_norm must be .* got None"),
        (lambda: fit(prefetch=-1), ValueError, "prefetch must be an integer of 0 or more, got -1"),
        (lambda: fit(prefetch=2.5), ValueError, "prefetch must be .* got 2.5"),
        (lambda: fit(save_timeout=np.nan), ValueError, "save_timeout must be seconds above 0, got"),
        (lambda: fit(save_timeout="9"), ValueError, "save_timeout must be .*, got '9'"),
        (lambda: fit(checkpoint=3), TypeError, "checkpoint must be the path of a folder, got 3"),
        (lambda: fit(callback={}), TypeError, "callback must be a function"),
        (lambda: fit(min_delta=True), ValueError, "min_delta must be at least 0 .* got True"),
        (lambda: make_run(gradient="forward"), TypeError, "gradient must be a function, such as"),
        (lambda: make_run(gradient=None), TypeError, "gradient must be a function, such as"),
        (lambda: make_run(sharding="data"), TypeError, "sharding must be .* got str"),
        (lambda: raw.ema("0.9"), ValueError, "decay of at least 0 and below 1, got '0.9'"),
        (lambda: raw.ema(True), ValueError, "decay .* got True"),
        (lambda: raw.ema(np.nan), ValueError, "decay .* got nan"),
        (lambda: raw.loss_scaling(optax.sgd(0.1), factor="2"), ValueError, "factor .* got '2'"),
        (lambda: raw.loss_scaling(optax.sgd(0.1), initial=None), ValueError, "initial .* got None"),
        (lambda: fit(callback=lambda row: None), TypeError,
         r"callback must be a function of \(epoch, row\), got <lambda>\(row\): too many"),
        (lambda: fit(stop=lambda: True), TypeError, r"stop must be a function of the history, got"),
        (lambda: jax.jit(lambda key: train.fit(key, START, OBJECTIVE, optimizer(), (X, Y), **GOOD))(
            jax.random.key(0)), TypeError, "fit cannot be within jit, .*make_run"),
        (lambda: raw.grid_search({"rate": [1]}, print, (X, Y), key=jax.random.key(0)), TypeError,
         "run, a function, and grid, a mapping, got dict"),
        (lambda: raw.grid_search(print, [{"rate": 1}], (X, Y), key=jax.random.key(0)), TypeError,
         "got builtin_function_or_method and list"),
        (lambda: raw.plot_runs([History.empty()], "a.png"), TypeError, "plot_runs .* got list"),
        (lambda: raw.save(START, "a", key=0, history=History.empty()), TypeError, "not TrainState"),
        (lambda: raw.metrics.mean_absolute_error(jnp.ones((3, 2)), jnp.ones((3, 1))), ValueError,
         "of one shape, got .*: wrap it, lambda predictions, targets"),
        (lambda: raw.metrics.mean_absolute_error(jnp.ones((3, 1)), jnp.ones(3)), ValueError,
         "of one shape, got .*: add the axis"),
        (lambda: binary(from_logits="yes"), TypeError, "from_logits must be True or False, got"),
        (lambda: binary(threshold=np.nan), TypeError, "threshold must be a real number, .* nan"),
        (lambda: binary(threshold=True), TypeError, "threshold must be a real number, .* True"),
        (lambda: raw.metrics.binary_auc(HALVES, HALVES, from_logits=None), TypeError, "got None"),
        (lambda: raw.metrics.binary_auc(HALVES, HALVES, from_logits=False, bins=2.5), ValueError,
         "bins must be an integer above 0, got 2.5"),
        (lambda: raw.metrics.top_k_accuracy(X, Y, k=True), ValueError, "k must be an int.* True"),
        (lambda: raw.metrics.r_squared(X, X, target_mean=np.nan), TypeError, "target_mean must be"),
        (lambda: raw.data.chain(raw.data.flip, 3), TypeError, "chain needs functions, .* got 3"),
        (lambda: raw.data.shuffle(jax.random.key(0), "1", 8, 2), ValueError, "epoch must be .*'1'"),
        (lambda: raw.data.standardize((X, Y)), TypeError, r"features alone, got a pair \(x, y\)"),
        (lambda: raw.data.scaler((X, X[:, :1] > 0)), TypeError, "features alone, .* and bool"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_who_expected_what_and_got(call, error, message):
    with pytest.raises(error, match=message):
        call()


def one_output(loss, rows):
    model = nn.dense(4, 1)
    train_state = train.init(*model.init(jax.random.key(0)), optimizer())
    return fit(train_state, train.supervised(model.apply, loss), rows=rows, fast_dev_run=True)


def test_labels_of_one_output_are_told_by_the_loss_and_other_integers_train():
    for loss in (losses.binary_cross_entropy_with_logits, losses.squared_error):
        with pytest.raises(ValueError, match=r"got \(11,\); add the axis: targets\[\.\.\., None\]"):
            one_output(loss, (X, Y))
    with pytest.raises(ValueError, match="two classes need two outputs"):
        one_output(losses.softmax_cross_entropy_with_integer_labels, (X, Y))
    one_output(lambda predictions, counts: (predictions[:, 0] - counts) ** 2, (X, 7 + Y))


def test_pairs_of_features_are_scaled():
    ages, images = np.arange(6.0).reshape(3, 2), np.arange(12.0).reshape(3, 2, 2)
    (scaled,) = train.data.standardize((ages, images))
    assert [part.shape for part in scaled] == [(3, 2), (3, 2, 2)]


CONTRIB = optax.contrib
ASCENT = optax.chain(CONTRIB.normalize(), optax.sgd(0.05))
EXTRA = {
    "sam": CONTRIB.sam(optax.sgd(0.1), ASCENT),
    "opaque sam": CONTRIB.sam(optax.sgd(0.1), ASCENT, opaque_mode=True),
    "sam in a chain": optax.chain(
        optax.clip(1.0), CONTRIB.sam(optax.sgd(0.1), ASCENT, opaque_mode=True)
    ),
    "sophia": CONTRIB.sophia(0.1),
    "momo": CONTRIB.momo(0.1),
    "plateau": optax.chain(optax.sgd(0.1), CONTRIB.reduce_on_plateau()),
    "line search": optax.chain(optax.sgd(0.1), optax.scale_by_backtracking_linesearch(9)),
}
WRAPPED = {
    "alone": lambda inner: inner,
    "frozen": lambda inner: train.freeze(inner, select=lambda path, leaf: path == ("fixed",)),
    "scaled": train.loss_scaling,
    "wide": train.wide_moments,
}


@pytest.mark.parametrize(
    ("name", "wrapper"),
    [(name, "alone") for name in EXTRA]
    + [(name, wrapper) for name in ("opaque sam", "sophia") for wrapper in [*WRAPPED][1:]],
)
def test_optimizers_that_want_more_than_a_gradient_get_it(name, wrapper):
    def objective(params, state, batch, *, key=None, train=False):
        return ((params["free"] - 2.0) ** 2 + params["fixed"] ** 2).sum(), (state, {})

    given = WRAPPED[wrapper](EXTRA[name])
    train_state = train.init({"free": jnp.ones(2), "fixed": jnp.zeros(2)}, (), given)
    step = jax.jit(train.make_step(objective, given))
    values = []
    for _ in range(6):
        train_state, metrics = step(jax.random.key(0), train_state, train.Batch(X, Y))
        values.append(float(metrics["loss"].value))
    assert values[-1] < values[0]


def test_the_error_of_an_optimizer_says_what_a_step_calls_it_with():
    private = CONTRIB.differentially_private_aggregate(1.0, 0.1, 0)
    train_state = train.init(START.params, (), private)
    with pytest.raises(ValueError, match="batch dimension") as error:
        jax.eval_shape(make_step(optimizer=private), jax.random.key(0), train_state, BATCH)
    assert "in the optimizer's update, which a step calls with" in error.value.__notes__[0]


def test_the_line_of_a_nonfinite_number_is_the_users_own_where_there_is_one():
    model = nn.dense(4, 3)

    def apply(params, state, x, *, key=None, train=False, mask=None):
        y, state = model.apply(params, state, x)  # where the layer makes infinity - infinity
        return y, state

    objective = train.supervised(apply, OBJECTIVE.loss)
    params = jax.tree.map(lambda leaf: jnp.where(leaf > 0, jnp.inf, -jnp.inf), START.params)
    with pytest.raises(train.NonFiniteError, match=r"made.* at test_train_slips\.py:\d+ \(apply"):
        fit(train.init(params, (), optimizer()), objective=objective)


def test_no_target_is_blamed_where_a_loss_has_none_for_any():
    def loss(predictions, targets):
        return jnp.sqrt(predictions[:, 0] - 1e3)

    with pytest.raises(train.NonFiniteError, match=r"in `sqrt`") as error:
        fit(objective=train.supervised(OBJECTIVE.apply, loss))
    assert "whatever is predicted" not in str(error.value)


def test_a_home_folder_is_where_a_tilde_leads(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    trained, history = fit(checkpoint="~/run", callback=train.log.csv("~/logs/a.csv"))
    history.save("~/history.json")
    assert train.History.load("~/history.json") == history
    train.save("~/last.safetensors", trained, key=jax.random.key(0), history=history)
    assert train.restore("~/last.safetensors", trained).history == history
    with pytest.raises(IsADirectoryError, match=r"the newest in it is .*epoch-00000001\.safe"):
        train.restore("~/run", trained)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"run", "logs", "history.json", "last.safetensors"}
