import jax
import numpy as np
import pytest
from train_problem import BATCH, data, linear, optimizer, same_bits, shuffled

import train

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
    from train.runs.lockstep import Lockstep
    from train.runs.placement import Placement

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
