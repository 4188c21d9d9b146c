import jax
import numpy as np
import pytest
from four_devices import needs_four_devices
from jax.sharding import AxisType
from train_problem import BATCH, data, linear, optimizer, same_bits, shuffled

import train
from train.runs.lockstep import Lockstep
from train.runs.placement import Placement, placement
from train.runs.plan import Plan

KEY = 5


def fit(source, **options):
    objective, train_state = linear()
    return train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), source, epochs=3,
        batch_size=BATCH, **options,
    )  # fmt: skip


def test_a_list_of_batches_is_read_again_in_every_epoch_with_one_trace_whatever_their_sizes():
    objective, train_state = linear()
    traced = []

    def counted(params, state, batch, *, key=None, train=False):
        traced.append(train)
        return objective(params, state, batch, key=key, train=train)

    _, history = train.fit(
        jax.random.key(0), train_state, counted, optimizer(), list(shuffled(KEY, 0)), epochs=3,
        batch_size=BATCH,
    )  # fmt: skip
    assert traced == [True]
    assert history.epochs == 3
    assert history["train_loss"][2] < history["train_loss"][0]


def test_a_resumed_stream_asks_its_source_for_the_epoch_it_is_in(tmp_path):
    asked = []

    def source(epoch):
        asked.append(epoch)
        return shuffled(KEY, epoch)

    whole, _ = fit(source, validation=data(5))  # which may be arrays all the same
    asked.clear()
    objective, train_state = linear()
    train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), source, epochs=2,
        batch_size=BATCH, validation=data(5), checkpoint=tmp_path,
    )  # fmt: skip
    resumed, _ = fit(source, validation=data(5), checkpoint=tmp_path, resume=True)
    assert asked == [0, 1, 2]
    assert same_bits(resumed, whole)


def test_the_host_prepares_at_most_the_given_number_of_batches_ahead():
    brought = []

    def batches():
        for i in range(6):
            brought.append(i)
            yield np.full(2, i), i

    placement = Placement(rows_sharding=None, batch_size=2, total=2, own=2)
    ahead = Lockstep(received=int).ahead(batches(), 2, placement, example=pytest.fail)
    for used, (_, batch, _) in enumerate(ahead):
        assert int(batch[0]) == used
        assert len(brought) == min(used + 3, 6)


@needs_four_devices
@pytest.mark.parametrize("axis_type", [AxisType.Auto, AxisType.Explicit])
@pytest.mark.parametrize("told_by", ["sharding", "train_state"])
def test_the_rows_of_host_batches_are_divided_among_the_devices_of_a_mesh(axis_type, told_by):
    objective, train_state = linear()
    mesh = jax.make_mesh((jax.device_count() // 2, 2), ("rows", "model"), (axis_type,) * 2)
    batches = list(shuffled(KEY, 0))
    options = {"epochs": 3, "batch_size": BATCH}
    if told_by == "sharding":
        options["sharding"] = jax.NamedSharding(mesh, jax.P("rows"))
    else:
        train_state = jax.device_put(train_state, jax.NamedSharding(mesh, jax.P()))
    key = jax.random.key(KEY)
    spread, history = train.fit(key, train_state, objective, optimizer(), batches, **options)
    whole, expected = fit(batches)
    np.testing.assert_allclose(history["train_loss"], expected["train_loss"], rtol=1e-6)
    for a, b in zip(jax.tree.leaves(spread), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        assert a.sharding.device_set == set(jax.devices())


@needs_four_devices
def test_rows_that_the_devices_do_not_divide_are_padded_and_masked():
    mesh = jax.make_mesh((4,), ("rows",))
    plan = Plan(objective=print, optimizer=optimizer(), batch_size=6, accumulate=3)
    placed = placement(plan, jax.NamedSharding(mesh, jax.P("rows")), linear()[1])
    assert (placed.total, placed.own, placed.most) == (12, 12, 6)  # of parts and of micro-batches
    batch = placed.put(placed.pad(np.ones((5, 3)), np.ones(5)))
    assert [shard.data.shape for shard in batch.x.addressable_shards] == [(3, 3)] * 4
    assert batch.mask.tolist() == [True] * 5 + [False] * 7
    assert batch.x.sum() == 15
    with pytest.raises(ValueError, match="batch_size=6, but the source gave a batch of 7 rows"):
        placed.pad(np.ones((7, 3)), np.ones(7))


@needs_four_devices
def test_where_rows_go_must_be_said_where_it_cannot_be_told():
    objective, train_state = linear()
    mesh = jax.make_mesh((2, 2), ("a", "b"), (AxisType.Auto,) * 2)
    taken = jax.NamedSharding(mesh, jax.P("a", None)), jax.NamedSharding(mesh, jax.P("b"))
    spread = train_state._replace(params=[jax.device_put(np.ones((4, 2)), s) for s in taken])
    plan = Plan(objective=objective, optimizer=optimizer(), batch_size=4)
    with pytest.raises(ValueError, match=r"spread over all axes \('a', 'b'\) of its mesh"):
        placement(plan, None, spread)
    with pytest.raises(
        TypeError, match=r"sharding must be a .*NamedSharding of the rows .* got SingleDevice"
    ):
        placement(plan, jax.sharding.SingleDeviceSharding(jax.devices()[0]), train_state)


class Sequence:
    """What Python can go through though it has no `__iter__`, as it could before 2.2."""

    def __init__(self, batches):
        self.batches = batches

    def __getitem__(self, number):
        return self.batches[number]


def test_an_epoch_may_be_a_sequence_without_an_iterator():
    batches = [*shuffled(KEY, 0)]
    trained, _ = fit(lambda epoch: Sequence(batches))
    assert same_bits(trained, fit(batches)[0])


X, Y = (np.asarray(part) for part in data())
ONCE = iter([(X[:4], Y[:4])])


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (iter([(X[:4], Y[:4])]), ValueError, "train_data must .* 3 epochs, got a list_iterator"),
        (lambda epoch: ONCE, ValueError, "no batch in epoch 2; a generator can be read only"),
        ([(X[:4], Y[:4]), (X[:0], Y[:0])], ValueError, "a batch of the train data: .* one row"),
        ([], ValueError, "no batch in epoch 1"),
        ([(X, Y)], ValueError, "batch_size=4, but the source gave a batch of 11 rows"),
        ([(X[:4].astype(int), Y[:4])], TypeError, r"dense\(4, 3\) expected a floating.* got int32"),
        ([(X[:4], Y[:4] + 3)], ValueError, r"labels must be in 0 \.\. 2"),
        ([(X[:4], Y[:3])], ValueError, "need one length"),
        ([X[:4]], TypeError, r"pairs \(x, y\), got ndarray: whole arrays are one tuple"),
        ([(X[0], Y[0])], ValueError, "y of a batch of the train data has no rows, .* one example"),
        (3, TypeError, "train_data must be"),
    ],
)
def test_a_source_that_cannot_train_raises(source, error, message):
    with pytest.raises(error, match=message):
        fit(source)


@pytest.mark.parametrize(
    ("validation", "error", "message"),
    [
        ((X[:, :3], Y), ValueError, r"x of the validation data .* rows of \(3,\) and of \(4,\)"),
        ((X, Y[:3]), ValueError, "validation data: .* one length"),
        ((X, Y + 1), ValueError, "labels must be in"),
        (iter([(X, Y)]), ValueError, "validation must .* 3 epochs, got a list_iterator"),
        (3, TypeError, "validation must be a pair"),
    ],
)
def test_validation_data_beside_a_source_are_checked_before_anything_compiles(
    validation, error, message, monkeypatch
):
    monkeypatch.setattr(
        train.runs.stream,
        "make_run_step",
        lambda plan: lambda *given: pytest.fail("it trains"),
    )
    with pytest.raises(error, match=message):
        fit(list(shuffled(KEY, 0)), validation=validation)


def test_no_batch_is_asked_for_when_a_step_was_not_finite():
    brought = []

    def source(epoch):
        for number in range(35):
            brought.append(number)
            yield X[:4] * (np.nan if number == 2 else 1), Y[:4]

    with pytest.raises(train.NonFiniteError, match="step 2"):
        fit(source)
    assert len(brought) <= 3 + 16 + 2  # sixteen steps until its result is asked for, two ahead
    brought.clear()
    _, history = fit(source, on_nonfinite="skip")
    assert len(brought) == 3 * 35
    assert history["skipped"].tolist() == [1, 1, 1]
