import jax
import numpy as np
import optax
import pytest
from train_problem import CLASSES, FEATURES, data, forbid_compiling, linear, optimizer

import losses
import nn
import train

X, Y = (np.asarray(part) for part in data())
GOOD = {"epochs": 2, "batch_size": 4}


@pytest.fixture(autouse=True)
def _nothing_compiles(monkeypatch):
    forbid_compiling(monkeypatch)


@pytest.mark.parametrize(
    ("rows", "changes", "error", "message"),
    [
        ((X[:0], Y[:0]), {}, ValueError, "train data: .* at least one row"),
        ((X, Y[:7]), {}, ValueError, r"train data: .* one length, got shapes \[\(11, 4\), \(7,\)"),
        ((X, Y + 1), {}, ValueError, r"labels must be in 0 \.\. 2 for a model of 3 .*got 3"),
        ((X, Y - 1), {}, ValueError, r"labels must be in 0 \.\. 2 .*got -1 at index"),
        ((X, Y), {"batch_size": 12}, ValueError, "batch_size=12 is above the 11 rows"),
        ((X, Y), {"batch_size": 0}, ValueError, "batch_size must be an integer above 0, got 0"),
        ((X.astype(np.uint8), Y), {}, TypeError, r"dense\(4, 3\) expected a floating.* got uint8"),
        ((X.astype(str), Y), {}, TypeError, "x of the train data must be numbers, got ndarray of"),
        (((X[0], Y[0])), {}, ValueError, "y of the train data has no rows"),
        ((X, Y, Y), {}, TypeError, r"pair \(x, y\)"),
        ((X, Y), {"epochs": 0}, ValueError, "epochs must be an integer above 0, got 0"),
        ((X, Y), {"epochs": 2.0}, ValueError, "epochs must be an integer above 0, got 2.0"),
        ((X, Y), {"epochs": True}, ValueError, "epochs must be an integer above 0, got True"),
        ((X, Y), {"epochs": np.int64(0)}, ValueError, r"integer above 0, got np\.int64\(0\)"),
        ((X, Y), {"epochs_per_call": 0}, ValueError, "epochs_per_call must be an integer"),
        ((X, Y), {"patience": 0}, ValueError, "patience must be an integer above 0"),
        ((X, Y), {"accumulate": 3}, ValueError, "accumulate=3 must divide batch_size=4"),
        ((X, Y), {"on_nonfinite": "ignore"}, ValueError, '"raise" or "skip", got \'ignore\''),
        ((X, Y), {"resume": True}, ValueError, "resume=True needs checkpoint="),
        ((X, Y), {"checkpoint": "/proc/no/such"}, ValueError, "/proc/no/such is not a folder"),
        ((X, Y), {"validation": (X[:, :3], Y)}, ValueError, r"x of the validation .*\(3,\) and"),
        ((X, Y), {"validation": (X, Y[:3])}, ValueError, "validation data: .* one length"),
        ((X, Y), {"validation": (X[:0], Y[:0])}, ValueError, "validation data: .* one row"),
        ((X, Y), {"validation": (X, Y + 1)}, ValueError, "labels must be in"),
        (
            (X, Y),
            {"validation": (X.astype(int), Y)},
            TypeError,
            r"dense\(4, 3\) expected a floating.* got int32",
        ),
    ],
)
def test_data_or_options_that_cannot_train_raise_before_anything_compiles(
    rows, changes, error, message
):
    objective, train_state = linear()
    with pytest.raises(error, match=message):
        train.fit(jax.random.key(0), train_state, objective, optimizer(), rows, **(GOOD | changes))


@pytest.mark.parametrize(
    ("place", "wrong", "message"),
    [
        (0, 0, r"key must be made of a number, jax\.random\.key\(0\), got 0"),
        (1, ((), ()), "fit needs a train state, train.init.*, got tuple"),
        (2, 0.5, "objective must be train.supervised.*, got float"),
        (3, 0.5, "optimizer must be one of optax, such as optax.adam.*, got 0.5"),
        (3, "adam", "optimizer must be one of optax, .*, got 'adam'"),
    ],
)
def test_an_argument_in_the_place_of_another_is_told_what_belongs_there(place, wrong, message):
    objective, train_state = linear()
    given = [jax.random.key(0), train_state, objective, optimizer(), (X, Y)]
    given[place] = wrong
    with pytest.raises(TypeError, match=message):
        train.fit(*given, **GOOD)


def test_evaluate_and_predict_need_a_train_state():
    objective, train_state = linear()
    with pytest.raises(TypeError, match=r"evaluate needs a train state, .* got"):
        train.evaluate(objective, train_state.params, (X, Y), batch_size=4)
    with pytest.raises(TypeError, match=r"predict needs a train state, .* got"):
        train.predict(objective.apply, train_state.params, X, batch_size=4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"loss": "mse"}, "loss must be a function, such as losses.squared_error, got 'mse'"),
        ({"penalty": 0.01}, "penalty must be a function, such as .*, got 0.01"),
        ({"metrics": ["accuracy"]}, "metrics must have names, such as .*, got list"),
    ],
)
def test_what_is_no_function_makes_no_objective(wrong, message):
    given = {"loss": lambda predictions, targets: predictions, **wrong}
    with pytest.raises(TypeError, match=message):
        train.supervised(linear()[0].apply, **given)


def each(predictions, targets, *, where=None):
    return predictions.mean(-1) - targets


def whole(predictions, targets, *, where=None):
    return (predictions.mean(-1) - targets).mean()


@pytest.mark.parametrize(
    ("loss", "metrics", "error", "message"),
    [
        (whole, {}, ValueError, r"one value for each of 4 rows, got shape \(\): leave their mean"),
        (each, {"off": each}, TypeError, "metric 'off' must give a sum and its weight, got"),
    ],
)
def test_a_loss_or_a_metric_of_the_wrong_form_raises_an_error_that_says_so(
    loss, metrics, error, message
):
    objective = train.supervised(linear()[0].apply, loss, metrics=metrics)
    batch = train.Batch(X[:4], Y[:4], np.ones(4, bool))
    with pytest.raises(error, match=message):
        objective(linear()[1].params, (), batch)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: train.make_run(linear()[0], optimizer(), epochs=0, batch_size=4), "epochs must"),
        (lambda: train.make_run(linear()[0], optimizer(), epochs=1, batch_size=0), "batch_size"),
        (lambda: train.make_step(linear()[0], optimizer(), accumulate=0), "accumulate must be"),
        (
            lambda: train.gradients.forward_gradient(tangents=0),
            "tangents must be an integer above 0, got 0",
        ),
        (
            lambda: train.supervised(
                linear()[0].apply, lambda: 0, metrics={"loss": train.metrics.accuracy}
            ),
            "keeps the metric name 'loss'",
        ),
    ],
)
def test_an_option_out_of_its_range_raises_where_it_is_given(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_shared_problem_has_the_shapes_that_the_messages_name():
    assert (X.shape[1], CLASSES) == (FEATURES, 3)


def never(epoch):
    return None


def nothing():
    return []


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({"x": X, "y": Y}, TypeError, r"a pair \(x, y\) of arrays, a tuple, got dict: pass"),
        ("rows.csv", TypeError, r"a pair \(x, y\) of arrays, a tuple, got str"),
        (nothing, TypeError, "a function of the epoch's number that gives batches: too many"),
        (never, TypeError, "a source must be a function epoch -> iterable .* returns NoneType"),
        (((X, X), Y), TypeError, r"dense\(4, 3\) expected one array, got a tuple of 2"),
    ],
)
def test_what_is_no_data_set_is_told_with_what_it_is(rows, error, message):
    objective, train_state = linear()
    with pytest.raises(error, match=message):
        train.fit(jax.random.key(0), train_state, objective, optimizer(), rows, **GOOD)


KEYS = {
    "number": (np.int32(7), TypeError, "key.*7"),
    "array": (np.array(7), TypeError, "key.*7"),
    "float": (0.5, TypeError, "key.*0.5"),
    "keys": (jax.random.split(jax.random.key(0), 3), ValueError, r"one key, got keys of shape \(3"),
}


@pytest.mark.parametrize("name", KEYS)
def test_what_is_no_key_is_told_before_anything_is_drawn(name):
    key, error, message = KEYS[name]
    objective, train_state = linear()
    doors = {
        "fit": lambda: train.fit(key, train_state, objective, optimizer(), (X, Y), **GOOD),
        "split": lambda: train.data.split(key, (X, Y), test=0.5),
        "folds": lambda: train.data.folds(key, 8, 2),
        "shuffle": lambda: train.data.shuffle(key, 0, 8, 2),
        "grid_search": lambda: train.grid_search(
            lambda key, train_data, validation, *, rate: None,
            {"rate": [1]},
            (X, Y),
            (X, Y),
            key=key,
        ),
        "init": lambda: nn.dense(2, 3).init(key),
        "init of serial": lambda: nn.serial(nn.dense(2, 3)).init(key),
        "dropout": lambda: nn.dropout(0.5).apply((), (), X, key=key, train=True),
    }
    for door in doors.values():
        with pytest.raises(error, match=message):
            door()


def test_a_train_state_of_another_optimizer_is_told():
    objective, train_state = linear()
    step = train.make_step(objective, optax.adam(0.1))
    with pytest.raises(ValueError, match="was made with another optimizer, whose state is PyTree"):
        step(jax.random.key(0), train_state, train.Batch(X, Y))


def test_the_error_of_an_optimizer_whose_init_needs_values_is_its_own():
    def update(updates, state, params=None):
        raise RuntimeError("mine")

    needy = optax.GradientTransformation(lambda params: (float(params.bias.sum()),), update)
    objective, train_state = linear()
    train_state = train.init(train_state.params, (), needy)
    step = train.make_step(objective, needy)
    with pytest.raises(RuntimeError, match="mine"):
        jax.eval_shape(step, jax.random.key(0), train_state, train.Batch(X, Y))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"penalty": lambda params: params.bias}, ValueError, r"one number, got shape \(3,\): add"),
        ({"metrics": {1: train.metrics.accuracy}}, TypeError, "names of texts, got 1"),
    ],
)
def test_a_penalty_of_several_numbers_and_a_metric_without_a_name_are_told(options, error, message):
    model = linear()[0].apply
    loss = losses.softmax_cross_entropy_with_integer_labels
    with pytest.raises(error, match=message):
        train.supervised(model, loss, **options)(linear()[1].params, (), train.Batch(X, Y))
