"""Whatever data are, every function that takes them takes them alike: {door} x {kind of data}.

The oracle is a figure of NumPy in float64: the mean over the rows of the sum of a row's numbers.
The objective is `params` times that mean, so that one step of rate 1 over all rows leaves minus it.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import train
from train import Batch

ROWS = 5
SGD = optax.sgd(1.0)


def key():
    return jax.random.key(0)


WHOLE = np.arange(ROWS * 3).reshape(ROWS, 3) % 4  # small integers, which every dtype holds
Y = np.arange(ROWS) % 3


class Table:
    """As pandas and PyTorch have it: no array, but with a way to become one."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


#: Features and targets, and the dtypes of the leaves of the features in the compiled program.
KINDS = {
    "float32_of_numpy": (WHOLE.astype("f4"), Y.astype("f4"), ["float32"]),
    "float32_of_jax": (jnp.asarray(WHOLE, "float32"), jnp.asarray(Y), ["float32"]),
    "float64": (WHOLE.astype("f8"), Y.astype("f8"), ["float32"]),
    "longdouble": (WHOLE.astype("g"), Y.astype("g"), ["float32"]),
    "float16": (WHOLE.astype("f2"), Y, ["float16"]),
    "bfloat16": (jnp.asarray(WHOLE, "bfloat16"), Y, ["bfloat16"]),
    "int64": (WHOLE.astype("i8"), Y.astype("i8"), ["int32"]),
    "int8": (WHOLE.astype("i1"), Y, ["int8"]),
    "uint8": (WHOLE.astype("u1"), Y.astype("u1"), ["uint8"]),
    "bool": (WHOLE > 1, Y > 1, ["bool"]),
    "big_endian": (WHOLE.astype(">f4"), Y.astype(">i4"), ["float32"]),
    "dict": ({"a": WHOLE, "b": Y.astype("f4")}, {"y": Y}, ["int32", "float32"]),
    "tuple_of_numpy_and_jax": ((WHOLE.astype("f4"), jnp.asarray(Y)), Y, ["float32", "int32"]),
    "lists_of_numbers": (WHOLE.tolist(), Y.tolist(), ["int32"]),
    "a_number_for_every_row": ({"t": 0.5, "x": WHOLE}, Y, ["float32", "int32"]),
    "an_array_of_one_number": ({"t": np.float64(2), "x": WHOLE}, Y, ["float32", "int32"]),
    "a_number_of_jax": ({"t": jnp.array(2), "x": WHOLE}, Y, ["int32", "int32"]),
    "a_table": (Table(WHOLE), {"y": Table(Y)}, ["int32"]),
    "no_targets": (WHOLE, None, ["int32"]),
}


def sums(tree):
    """The sum of each row's numbers over all leaves, `[rows]`, in float64."""
    total = np.zeros(ROWS)
    for leaf in jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, list)):
        array = np.asarray(leaf, np.float64)
        total = total + (array if array.ndim < 2 else array.sum(axis=1))
    return total


def watched(seen):
    """The objective `params * mean of the rows' sums`, which notes the dtypes of its features."""

    def objective(params, state, batch, *, key=None, train=False):
        leaves = jax.tree.leaves(batch.x)
        seen.append([leaf.dtype.name for leaf in leaves])
        total = jnp.zeros(len(leaves[0]))
        for leaf in [*leaves, *jax.tree.leaves(batch.y)]:
            total = total + leaf.reshape(len(leaf), -1).astype("float32").sum(axis=1)
        mean = train_mean(total, where=batch.mask)
        return params * mean.value, (state, {})

    return objective


train_mean = train.metrics.mean


def fit(objective, data, **options):
    state = train.init(0.0, (), SGD)
    return train.fit(
        key(), state, objective, SGD, data, epochs=1, batch_size=ROWS, validation=data, **options
    )


def through_fit(objective, data):
    state, history = fit(objective, data)
    assert history["validation_loss"] == pytest.approx([-(float(state.params) ** 2)])
    return -state.params


def through_stream(objective, data):
    return -fit(objective, [data])[0].params


def through_run(objective, data):
    run = train.make_run(objective, SGD, epochs=1, batch_size=ROWS)
    whole = jax.jit(
        lambda state: run(key(), state, data)[0]
    )  # one program, and not one for each op
    return -whole(train.init(0.0, (), SGD)).params


def through_evaluate(objective, data):
    return train.evaluate(objective, train.init(1.0, (), SGD), data, batch_size=3)["loss"]


def through_search(objective, data):
    def run(key, train_data, validation, *, start):
        make = train.make_run(objective, optax.sgd(0.0), epochs=1, batch_size=ROWS)
        return make(key, train.init(start, (), SGD), train_data, validation)

    return train.grid_search(run, {"start": [1.0]}, data, data, key=key()).best.mean


def through_predict(objective, data):
    def model(params, state, x, *, key, train, mask):
        value, _ = objective(params, state, Batch(*x, mask))
        return jnp.full(len(mask), value), state

    return train.predict(model, train.init(1.0, (), SGD), data, batch_size=ROWS).mean()


DOORS = {
    "fit": through_fit,
    "stream": through_stream,
    "make_run": through_run,
    "evaluate": through_evaluate,
    "grid_search": through_search,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", [*DOORS, "predict"])
def test_every_kind_of_data_is_welcome_at_every_door_and_keeps_its_dtype(door, kind):
    x, y, dtypes = KINDS[kind]
    seen = []
    figure = (DOORS | OTHER_DOORS)[door](watched(seen), (x, y))
    assert float(figure) == pytest.approx((sums(x) + sums(y)).mean(), rel=1e-6)
    assert seen
    assert all(dtype == dtypes for dtype in seen)


@pytest.mark.parametrize("door", ["make_run", "evaluate", "grid_search"])
def test_a_list_of_pairs_is_joined_where_a_whole_data_set_is_needed(door):
    pairs = [(WHOLE[:3], Y[:3].tolist()), (jnp.asarray(WHOLE[3:]), Y[3:])]
    figure = DOORS[door](watched([]), pairs)
    assert float(figure) == pytest.approx((sums(WHOLE) + sums(Y)).mean(), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_is_split_and_scaled(kind):
    x, y, _ = KINDS[kind]
    parts = train.data.split(key(), (x, y), test=0.4)
    assert [train.data.length(part) for part in parts] == [3, 2]
    whole = np.concatenate([sums_of_rows(part) for part in parts])
    np.testing.assert_allclose(np.sort(whole), np.sort(sums(x) + sums(y)))
    scaled = train.data.scaler(x)(x)
    for leaf in jax.tree.leaves(scaled):
        assert leaf.dtype == np.float32
        if leaf.ndim:  # a number is a constant of every row
            np.testing.assert_allclose(np.asarray(leaf).mean(axis=0), 0, atol=1e-6)


def sums_of_rows(part):
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(part)]
    return sum(leaf.reshape(len(leaf), -1).sum(axis=1) for leaf in leaves)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    RAGGED = [[1.0, 2.0], [3.0], [4.0], [5.0], [6.0]]
    OBJECTS = np.array([1, None, "a", 2, 3], dtype=object)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("it requires grad")


BAD = {
    "texts": (np.array(list("abcde")), TypeError, r"\['a'\].* must be numbers, got .* encode"),
    "a_list_of_texts": (list("abcde"), TypeError, r"\['a'\]\[0\].* must be numbers, got str"),
    "objects": (OBJECTS, TypeError, r"\['a'\].* must be numbers, got ndarray of object"),
    "ragged": (RAGGED, ValueError, r"\['a'\].* must be an array, got a ragged list"),
    "dates": (np.zeros(ROWS, "M8[D]"), TypeError, r"\['a'\].* must be numbers, got .*datetime64"),
    "foreign": (Broken(), TypeError, r"\['a'\].* got a Broken that .* it requires grad"),
    "masked": (np.ma.masked_equal(Y, 1), ValueError, r"\['a'\].* is a masked array"),
    "too_large_ids": (Y + 2**40, ValueError, r"\['a'\].* holds 1099511627776, and JAX would cut"),
    "a_function": (print, TypeError, r"\['a'\].* must be numbers, got builtin_function"),
    "other_rows": (np.zeros((ROWS + 1, 3)), ValueError, r"one length, got shapes"),
    "no_rows": (np.zeros((0, 3)), ValueError, r"one length, got shapes"),
}
OTHER_DOORS = {
    "predict": through_predict,
    "split": lambda objective, data: train.data.split(key(), data, test=0.4),
    "scaler": lambda objective, data: train.data.scaler(data),
    "standardize": lambda objective, data: train.data.standardize(data),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("door", [*DOORS, *OTHER_DOORS])
def test_what_holds_no_numbers_raises_an_error_that_names_the_leaf(door, kind):
    leaf, error, message = BAD[kind]
    data = ({"a": leaf, "b": WHOLE}, Y)
    with pytest.raises(error, match=message) as raised:
        (DOORS | OTHER_DOORS)[door](watched([]), data)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([WHOLE, Y], r"tuple|pairs \(x, y\)"),
        ({"x": WHOLE, "y": Y}, r"pair \(x, y\)|pairs \(x, y\)"),
        ((WHOLE, Y, Y), r"a pair \(x, y\) of arrays|pairs \(x, y\)"),
        ([(WHOLE[0], 1), (WHOLE[1], 2)], "y of .* has no rows, .* no batch; stack examples first"),
    ],
    ids=["a_list_of_two", "a_dict", "three_arrays", "examples"],
)
def test_what_may_mean_two_things_is_an_error_that_says_what_to_write(door, data, message):
    if door == "stream" and isinstance(data, list):
        data = data[0]  # the door puts it into a list
    with pytest.raises((TypeError, ValueError), match=message):
        DOORS[door](watched([]), data)


def test_images_of_bytes_take_a_quarter_of_the_device_memory_of_floats():
    images, sizes = np.ones((ROWS, 8, 8, 3)), {}
    for dtype in ("uint8", "float32"):
        run = train.make_run(watched([]), SGD, epochs=1, batch_size=ROWS)
        data = (images.astype(dtype), Y)
        lowered = jax.jit(run).lower(key(), train.init(0.0, (), SGD), data)
        arguments = jax.tree.leaves(lowered.in_avals)
        sizes[dtype] = sum(a.size * a.dtype.itemsize for a in arguments if a.shape[1:])
    assert sizes == {"uint8": images.size, "float32": 4 * images.size}


def test_host_batches_of_bytes_are_copied_to_the_device_as_bytes(monkeypatch):
    copied = []
    put = jax.device_put

    def counting(tree, *args):
        copied.append(sum(leaf.nbytes for leaf in jax.tree.leaves(tree) if leaf.ndim == 4))
        return put(tree, *args)

    monkeypatch.setattr(jax, "device_put", counting)
    images = np.ones((ROWS, 8, 8, 3), np.uint8)
    train.fit(
        key(), train.init(0.0, (), SGD), watched([]), SGD, [(images, Y)], epochs=1, batch_size=ROWS
    )
    assert [count for count in copied if count] == [images.size]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float16"])
def test_hidden_rows_are_zeroed_in_the_dtype_that_they_have(dtype):
    def model(params, state, x, *, key, train, mask):
        assert x.dtype == dtype
        return params * x.sum(axis=1, keepdims=True, dtype="float32"), state

    objective = train.supervised(model, lambda y, targets, *, where=None: abs(y - targets))
    batch = Batch(jnp.ones((2, 3), dtype), jnp.zeros((2, 1)), jnp.array([True, False]))
    assert float(objective(2.0, (), batch)[0]) == 6


def test_ids_of_an_embedding_are_trained_on_and_floats_are_not_ids():
    import losses
    import nn

    model = nn.serial(nn.embedding(7, 2), nn.flatten(), nn.dense(6, 1))
    objective = train.supervised(model.apply, losses.squared_error)
    state = train.init(*jax.jit(model.init)(key()), SGD)
    ids = np.random.default_rng(0).integers(0, 6, (ROWS, 3))  # id 6 is never seen
    state_after, _ = train.fit(
        key(), state, objective, SGD, (ids, Y[:, None].astype("f4")), epochs=1, batch_size=ROWS
    )
    moved = np.abs(state_after.params[0].weight - state.params[0].weight).sum(axis=1) > 0
    assert moved.tolist() == [i in ids for i in range(7)]
    with pytest.raises(TypeError, match="expected integer ids, got float32") as raised:
        train.fit(key(), state, objective, SGD, (ids / 1, ids), epochs=1, batch_size=ROWS)
    assert "x of the data: float32[5,3]" in str(raised.value.__notes__)


def test_numbers_of_python_and_numpy_come_back_from_a_checkpoint(tmp_path):
    params = {"w": np.ones(2), "t": 0.1, "n": [1.5, 2.5], "half": np.float16(3)}
    state = train.init(params, {"seen": True, "count": 3}, optax.adam(0.1))
    assert state.params["n"][1].dtype == jnp.float32  # a list of a tree stays one
    bare = state._replace(params=params, state={"seen": True, "count": 3})
    for saved in (state, bare):
        for like in (state, bare):
            train.save(tmp_path / "a", saved, key=key(), history=train.History.empty())
            back = train.restore(tmp_path / "a", like).train_state
            assert jax.tree.structure(back) == jax.tree.structure(state)
            for restored, leaf in zip(jax.tree.leaves(back), jax.tree.leaves(state), strict=True):
                assert restored.dtype == leaf.dtype
                np.testing.assert_array_equal(restored, leaf)


def test_a_leaf_of_a_train_state_that_holds_no_numbers_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"\['params'\]\['name'\] must be numbers, got str"):
        train.init({"name": "adam"}, (), SGD)
    state = train.init(0.0, (), SGD)._replace(state={"name": "adam"})
    with pytest.raises(TypeError, match=r"train_state.state\['name'\] must be numbers, got str"):
        train.save(tmp_path / "a", state, key=key(), history=train.History.empty())


def test_a_train_state_does_not_change_when_the_array_it_was_made_of_is_written_to():
    weight = np.ones(1024, np.float32)
    state = train.init(weight, (), SGD)
    weight[:] = 2
    assert float(state.params.max()) == 1
