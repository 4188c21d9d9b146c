"""What stops a run from outside, what callbacks see, and a run of one batch."""

from functools import partial
from itertools import islice

import jax
import numpy as np
import pytest
from train_problem import BATCH, data, optimizer, same_bits, shuffled, whole

import train

KEY = 5
OPTIMIZER = optimizer()


def fit(source=None, **options):
    objective, train_state = whole()
    defaults = {"epochs": 4, "batch_size": BATCH, "validation": data(5)}
    return train.fit(
        jax.random.key(KEY), train_state, objective, OPTIMIZER,
        data() if source is None else source, **defaults | options,
    )  # fmt: skip


SOURCES = {"arrays": None, "stream": partial(shuffled, KEY)}
STOPPED = {
    "stop": {"stop": lambda history: history.epochs >= 2},
    "callback": {"callback": lambda epoch, row: epoch == 2},
    "numpy": {"callback": [print, lambda epoch, row: np.int64(epoch) == 2]},
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("options", STOPPED.values(), ids=STOPPED)
def test_a_run_ends_with_the_epoch_in_which_it_is_told_to_stop(source, options):
    stopped, history = fit(source, **options)
    assert (history.epochs, history.stopped) == (2, "stop")
    expected, _ = fit(source, epochs=2)
    assert same_bits(stopped, expected)


def test_a_stop_sees_the_curves_of_every_epoch():
    seen = []
    _, history = fit(stop=lambda history: seen.append(history["validation_accuracy"]))
    assert history.stopped == "finished"
    for number, curve in enumerate(seen[: history.epochs], start=1):
        np.testing.assert_array_equal(curve, history["validation_accuracy"][:number])


@pytest.mark.parametrize("answer", [1, "yes", [True], None, False])
def test_only_true_stops(answer):
    _, history = fit(epochs=2, callback=lambda epoch, row: answer)
    assert (history.epochs, history.stopped) == (2, "finished")


def test_a_stopped_run_is_saved_and_resumes_to_the_bit_where_it_is_not_told_to_stop(tmp_path):
    again = {"checkpoint": tmp_path, "resume": True, "every": 10}
    fit(stop=lambda history: history.epochs == 2, checkpoint=tmp_path, every=10)
    _, history = fit(stop=lambda history: history.epochs == 2, **again)
    assert (history.epochs, history.stopped) == (2, "stop")
    resumed, history = fit(**again)
    assert same_bits(resumed, fit()[0])
    assert history.stopped == "finished"


def test_a_callback_with_a_train_state_may_keep_it():
    states = {}

    class Keeper:
        def __call__(self, epoch, row, *, train_state):
            states[epoch] = train_state

    trained, _ = fit(callback=[Keeper(), lambda epoch, row: None])
    assert [int(states[epoch].step) for epoch in (1, 2, 3, 4)] == [3, 6, 9, 12]
    assert same_bits(states[2], fit(epochs=2)[0])
    assert same_bits(states[4], trained)


def test_a_callback_sees_the_averaged_weights_that_are_validated():
    states = []
    objective, _ = whole()
    _, history = fit(
        average=train.ema(0.8), callback=lambda epoch, row, train_state: states.append(train_state)
    )
    for state, loss in zip(states, history["validation_loss"], strict=True):
        measured = train.evaluate(objective, state, data(5), batch_size=BATCH)["loss"]
        np.testing.assert_allclose(measured, loss, rtol=1e-6)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_trial_is_one_batch_of_training_and_of_validation_and_leaves_no_checkpoint(
    source, tmp_path
):
    read = []

    def counted(epoch):
        for batch in source(epoch):
            read.append(epoch)
            yield batch

    called = []
    trained, history = fit(
        None if source is None else counted,
        fast_dev_run=True, checkpoint=tmp_path / "run", epochs=100, patience=1,
        validation=data(5) if source is None else list(shuffled(KEY, 1)),
        callback=lambda epoch, row: called.append(row),
    )  # fmt: skip
    assert (history.epochs, int(trained.step)) == (1, 1)
    assert called == history.rows()
    assert not (tmp_path / "run").exists()
    assert len(read) == (0 if source is None else 1)
    objective, _ = whole()
    x, y = data(5) if source is None else next(shuffled(KEY, 1))
    measured = train.evaluate(objective, trained, (x[:BATCH], y[:BATCH]), batch_size=BATCH)
    np.testing.assert_allclose(history["validation_loss"], [measured["loss"]], rtol=1e-6)


def test_a_trial_still_finds_a_wrong_label_in_the_last_row():
    x, y = data()
    with pytest.raises(ValueError, match="labels must be in"):
        fit((x, y.at[-1].set(7)), fast_dev_run=True)


class MineError(Exception):
    pass


def fail_after_two(epoch, row):
    if epoch == 2:
        raise MineError


BROKEN = {
    "callback": {"callback": fail_after_two},
    "stop": {"stop": lambda history: history.epochs == 2 and fail_after_two(2, {})},
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("options", BROKEN.values(), ids=BROKEN)
def test_an_error_in_a_users_function_loses_no_epoch(source, options, tmp_path):
    with pytest.raises(MineError) as raised:
        fit(source, checkpoint=tmp_path, every=10, **options)
    assert raised.value.__notes__ == ["in a callback or the stop of fit, after epoch 2"]
    seen = []
    resumed, _ = fit(
        source, checkpoint=tmp_path, resume=True, callback=lambda epoch, row: seen.append(epoch)
    )
    assert seen == [3, 4]
    expected, _ = fit(source)
    assert same_bits(resumed, expected)


@pytest.mark.parametrize("options", [{}, {"keep_best": "host"}, {"every_steps": 2}], ids=str)
def test_an_error_of_the_source_loses_no_batch_that_was_trained_on(options, tmp_path):
    def broken(epoch):
        batches = shuffled(KEY, epoch)
        yield from batches if epoch < 2 else islice(batches, 2)
        if epoch == 2:
            try:
                {}[epoch]
            except KeyError:
                raise MineError  # noqa: B904

    with pytest.raises(MineError) as raised:
        fit(broken, checkpoint=tmp_path, every=10, prefetch=1, **options)
    assert raised.value.__notes__ == ["in epoch 3, after 1 of its batches"]  # another waits
    assert isinstance(raised.value.__context__, KeyError)
    read = []

    def mended(epoch):
        read.append(epoch)
        return shuffled(KEY, epoch)

    resumed, _ = fit(mended, checkpoint=tmp_path, resume=True, **options)
    assert read == [2, 3]
    expected, _ = fit(SOURCES["stream"], **options)
    assert same_bits(resumed, expected)


def test_an_error_before_the_first_step_leaves_no_checkpoint(tmp_path):
    def broken(epoch):
        raise MineError

    with pytest.raises(MineError):
        fit(broken, checkpoint=tmp_path)
    assert not [*tmp_path.glob("epoch*")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"callback": 3}, "callback must be a function of .epoch, row., .*got 3"),
        (
            {"callback": [print, None]},
            r"callback must be .*got \[<built-in function print>, None\]",
        ),
        ({"stop": 0.1}, "stop must be a function of the history, .*got 0.1"),
        ({"learning_rate": 0.1}, "learning_rate must be a function, such as optax.*got 0.1"),
        ({"augment": "flip"}, "augment must be a function, such as .*got 'flip'"),
        ({"monitor": 3}, "monitor must be the name of a curve, got 3"),
    ],
)
def test_what_is_to_be_a_function_and_is_none_is_told(options, message):
    with pytest.raises(TypeError, match=message):
        fit(**options)


def test_a_callback_that_changes_its_row_changes_no_others():
    seen = []
    fit(epochs=1, callback=[lambda epoch, row: row.clear(), lambda epoch, row: seen.append(row)])
    assert seen[0]["epoch"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_best": True}, "of a run with keep_best=False, got keep_best=True: resume with"),
        ({"average": train.ema(0.9)}, "of a run with average=False, got average=True: resume with"),
    ],
)
def test_a_resume_that_keeps_what_the_run_before_did_not_is_told(options, message, tmp_path):
    fit(epochs=1, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=message):
        fit(epochs=2, checkpoint=tmp_path, resume=True, **options)
