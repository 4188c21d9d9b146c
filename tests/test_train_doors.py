"""Whatever data are, every function that takes them takes them alike: {door} x {kind of data}."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from train_doors import (
    DOORS,
    ROWS,
    SGD,
    WHOLE,
    Y,
    figure_of,
    key,
    leaves_of,
    objective,
    sums,
    through_predict,
)  # fmt: skip

import train
from train import Batch


class Table:
    """As pandas and PyTorch have it: no array, but with a way to become one."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


#: Features, each with the dtype that it has in the compiled program.
FEATURES = {
    "float32 of numpy": (WHOLE.astype("f4"), "float32"),
    "float32 of jax": (jnp.asarray(WHOLE, "float32"), "float32"),
    "float64": (WHOLE.astype("f8"), "float32"),
    "longdouble": (WHOLE.astype("g"), "float32"),
    "float16": (WHOLE.astype("f2"), "float16"),
    "bfloat16": (jnp.asarray(WHOLE, "bfloat16"), "bfloat16"),
    "int64": (WHOLE.astype("i8"), "int32"),
    "int8": (WHOLE.astype("i1"), "int8"),
    "uint8": (WHOLE.astype("u1"), "uint8"),
    "bool": (WHOLE > 1, "bool"),
    "big endian": (WHOLE.astype(">f4"), "float32"),
    "lists of numbers": (WHOLE.tolist(), "int32"),
    "a number for every row": (0.5, "float32"),
    "an array of one number": (np.float64(2), "float32"),
    "a number of jax": (jnp.array(2), "int32"),
    "a table": (Table(WHOLE), "int32"),
}
TARGETS = {
    "float32": (Y.astype("f4"), "float32"),
    "of jax": (jnp.asarray(Y), "int32"),
    "float64": (Y.astype("f8"), "float32"),
    "longdouble": (Y.astype("g"), "float32"),
    "int64": (Y.astype("i8"), "int32"),
    "uint8": (Y.astype("u1"), "uint8"),
    "bool": (Y > 1, "bool"),
    "big endian": (Y.astype(">i4"), "int32"),
    "lists of numbers": (Y.tolist(), "int32"),
    "a table": (Table(Y), "int32"),
}


def unzipped(pairs):
    """The tree of what the pairs of a dict hold, and that of the names of their dtypes."""
    return tuple({name: pair[i] for name, pair in pairs.items()} for i in (0, 1))


ALL_FEATURES, ALL_TARGETS = unzipped(FEATURES), unzipped(TARGETS)
#: Data sets, each with the dtypes of its leaves. The first holds every kind of leaf, each of which
#: counts by its place; of the others, those of one shape and dtype share their programs.
KINDS = {
    "every_kind_of_leaf": tuple(zip(ALL_FEATURES, ALL_TARGETS, strict=True)),
    "arrays": ((WHOLE, Y), ["int32"] * 2),
    "arrays_of_jax": ((jnp.asarray(WHOLE), jnp.asarray(Y)), ["int32"] * 2),
    "lists_of_numbers": ((WHOLE.tolist(), Y.tolist()), ["int32"] * 2),
    "tables": ((Table(WHOLE), Table(Y)), ["int32"] * 2),
    "a_tuple_without_targets": (((WHOLE.astype("f4"), jnp.asarray(Y)), None), ["float32", "int32"]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", [*DOORS, "predict"])
def test_every_kind_of_data_is_welcome_at_every_door_and_keeps_its_dtype(door, kind):
    data, dtypes = KINDS[kind]
    figure = (DOORS | {"predict": through_predict})[door](objective, data)
    assert float(figure) == pytest.approx(figure_of(data, dtypes), rel=1e-6)


@pytest.mark.parametrize("door", ["make_run", "evaluate", "grid_search"])
def test_a_list_of_pairs_is_joined_where_a_whole_data_set_is_needed(door):
    pairs = [(WHOLE[:3], Y[:3].tolist()), (jnp.asarray(WHOLE[3:]), Y[3:])]
    expected = figure_of((WHOLE, Y), ["int32"] * 2)
    assert float(DOORS[door](objective, pairs)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_is_split_and_scaled(kind):
    data, _ = KINDS[kind]
    parts = train.data.split(key(), data, test=0.4)
    assert [train.data.length(part) for part in parts] == [3, 2]
    for leaf, *halves in zip(leaves_of(data), *map(jax.tree.leaves, parts), strict=True):
        found = np.concatenate([np.asarray(half, np.float64) for half in halves])
        found = found.reshape(ROWS, -1).sum(axis=1)
        np.testing.assert_allclose(np.sort(found), np.sort(sums(leaf)))
    scaled = train.data.scaler(data[0])(data[0])
    for leaf in jax.tree.leaves(scaled):
        assert leaf.dtype == np.float32
        if leaf.ndim:  # a number is a constant of every row
            np.testing.assert_allclose(np.asarray(leaf).mean(axis=0), 0, atol=1e-6)


def test_images_of_bytes_take_a_quarter_of_the_device_memory_of_floats():
    images, sizes = np.ones((ROWS, 8, 8, 3)), {}
    for dtype in ("uint8", "float32"):
        run = train.make_run(objective, SGD, epochs=1, batch_size=ROWS)
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
        key(), train.init(0.0, (), SGD), objective, SGD, [(images, Y)], epochs=1, batch_size=ROWS
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
