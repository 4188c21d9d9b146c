"""Signals end a training in order, and host batches go on within an epoch, to the last bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import pytest
from train_problem import BATCH, data, linear, optimizer, same_bits, shuffled

import train

KEY, EPOCHS = 5, 3


def fit(source, **options):
    objective, train_state = linear()
    options = {"epochs": EPOCHS, "batch_size": BATCH} | options
    return train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), source, **options
    )  # fmt: skip


def source(epoch):
    return shuffled(KEY, epoch)


class Loader:
    """An iterable whose iterators keep their position, as those of grain do.

    It counts the batches that are read, so that a test sees what a resume skips.
    """

    def __init__(self, *, as_bytes=False):
        self.as_bytes, self.read = as_bytes, 0

    def __iter__(self):
        return Position(self)


class Position:
    def __init__(self, loader):
        self.loader, self.at = loader, 0

    def __iter__(self):
        return self

    def __next__(self):
        batches = list(shuffled(KEY, 0))
        if self.at == len(batches):
            raise StopIteration
        self.at += 1
        self.loader.read += 1
        return batches[self.at - 1]

    def get_state(self):
        return str(self.at).encode() if self.loader.as_bytes else {"at": self.at}

    def set_state(self, state):
        self.at = int(state) if self.loader.as_bytes else state["at"]


def raising(batches, when, number=signal.SIGTERM):
    """A function of the epoch that sends a signal before it gives batch `when` of all."""
    given = [0]

    def of_epoch(epoch):
        for batch in batches(epoch):
            if given[0] == when:
                signal.raise_signal(number)
            given[0] += 1
            yield batch

    return of_epoch


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_signal_saves_prints_one_line_and_raises_what_ends_a_script(
    tmp_path, capfd, number, code, streamed
):
    def callback(epoch, row):
        if epoch == 2:
            signal.raise_signal(number)

    before = signal.getsignal(number)
    with pytest.raises(train.Interrupted, match=r"after epoch 2 of 3, saved in ") as caught:
        fit(source if streamed else data(), callback=callback, checkpoint=tmp_path, every=100)
    interruption = caught.value
    assert interruption.code == code
    assert isinstance(interruption, KeyboardInterrupt) == (number == signal.SIGINT)
    assert signal.getsignal(number) is before
    assert (interruption.history.stopped, interruption.history.epochs) == ("interrupted", 2)
    assert int(interruption.train_state.step) == 2 * 3
    assert capfd.readouterr().err.splitlines()[-1] == str(interruption)
    (path,) = tmp_path.iterdir()
    saved = train.restore(path, linear()[1])
    assert saved.history == interruption.history
    resumed, history = fit(source if streamed else data(), checkpoint=tmp_path, resume=True)
    assert history.stopped == "finished"
    assert same_bits(resumed, fit(source if streamed else data())[0])


def test_a_caller_who_wants_it_gets_back_what_there_is():
    def callback(epoch, row):
        signal.raise_signal(signal.SIGINT)

    train_state, history = fit(data(), callback=callback, on_interrupt="return")
    assert (history.stopped, history.epochs, int(train_state.step)) == ("interrupted", 1, 3)


def test_a_signal_that_the_process_ignores_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of what a shell runs with `&`
    try:
        _, history = fit(data(), callback=lambda epoch, row: os.kill(os.getpid(), signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.stopped == "finished"


def test_a_second_ctrl_c_is_a_keyboard_interrupt_at_once():
    def callback(epoch, row):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(data(), callback=callback)
    assert not isinstance(caught.value, train.Interrupted)


SCRIPT = """
import os, signal, sys
import jax, jax.numpy as jnp, numpy as np, optax, train
def objective(params, state, batch, *, key=None, train=False):
    return ((batch.x - params) ** 2).mean(), (state, {})
sgd, x = optax.sgd(0.1), np.ones((4, 1), np.float32)
def callback(epoch, row):
    os.kill(os.getpid(), int(sys.argv[1]))
for _ in range(3):
    train.fit(jax.random.key(0), train.init(jnp.zeros(()), (), sgd), objective, sgd, (x, x),
              epochs=9, batch_size=4, callback=callback)
    print("next")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_script_that_catches_nothing_ends_with_the_status_of_the_signal(number, code):
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(int(number))], capture_output=True, text=True,
        cwd=Path(__file__).parent.parent, env=os.environ | {"JAX_PLATFORMS": "cpu"}, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.splitlines()[-1].endswith("after epoch 1 of 9")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("keep_best", [False, True])
@pytest.mark.parametrize("when", range(9))
def test_a_stream_that_a_signal_ends_within_an_epoch_goes_on_to_the_last_bit(
    tmp_path, when, keep_best
):
    options = {"validation": list(shuffled(KEY, 7)), "keep_best": keep_best, "prefetch": 1}
    with pytest.raises(train.Interrupted) as caught:
        fit(raising(source, when), checkpoint=tmp_path, **options)
    made = int(train_steps(tmp_path))
    assert made <= when + 1  # it ends with the step that was running
    assert caught.value.history.epochs == made // 3
    resumed, history = fit(source, checkpoint=tmp_path, resume=True, **options)
    whole, undisturbed = fit(source, **options)
    assert same_bits(resumed, whole)
    assert history == undisturbed


def train_steps(folder):
    """The steps in the newest checkpoint."""
    return train.restore(sorted(folder.iterdir())[-1], linear()[1]).train_state.step


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_loader_that_keeps_its_position_is_resumed_without_reading_what_was_trained_on(
    tmp_path, as_bytes
):
    loader = Loader(as_bytes=as_bytes)
    fit(loader, checkpoint=tmp_path, every_steps=2, epochs=2)
    within, end, after = sorted(tmp_path.iterdir())
    assert within.name == "epoch-00000001_batch-00000001.safetensors"  # the fourth step
    assert end.name == "epoch-00000001_batch-00000003.safetensors"  # the sixth
    assert after.name == "epoch-00000002.safetensors"
    end.unlink()
    after.unlink()
    again = Loader(as_bytes=as_bytes)
    resumed, history = fit(again, checkpoint=tmp_path, resume=True, epochs=2)
    assert again.read == 2  # of three
    whole, undisturbed = fit(Loader(), epochs=2)
    assert same_bits(resumed, whole)
    assert history == undisturbed


def test_a_stream_without_an_end_is_trained_on_in_epochs_of_so_many_steps(tmp_path):
    def endless():
        epoch = 0
        while True:
            yield from shuffled(KEY, epoch)
            epoch += 1

    options = {"steps_per_epoch": 4, "prefetch": 0}
    whole, undisturbed = fit(endless(), **options)
    assert int(whole.step) == 4 * EPOCHS
    assert undisturbed.epochs == EPOCHS
    by_hand, _ = fit(lambda epoch: batches_from(4 * epoch, 4))
    assert same_bits(whole, by_hand)
    fit(endless(), checkpoint=tmp_path, every_steps=3, epochs=2, **options)
    (tmp_path / "epoch-00000002.safetensors").unlink()
    assert int(train_steps(tmp_path)) == 6
    resumed, history = fit(endless(), checkpoint=tmp_path, resume=True, **options)
    assert same_bits(resumed, whole)
    assert history == undisturbed


def batches_from(start, count):
    batches = [batch for epoch in range(5) for batch in shuffled(KEY, epoch)]
    return batches[start : start + count]


def test_a_list_is_read_on_from_epoch_to_epoch_where_an_epoch_is_a_number_of_steps():
    batches = list(shuffled(KEY, 0))
    around, _ = fit(batches, steps_per_epoch=2)
    by_hand, _ = fit(lambda epoch: [batches[(2 * epoch + i) % 3] for i in range(2)])
    assert same_bits(around, by_hand)


def test_a_signal_while_validation_batches_are_read_ends_it_before_their_end(tmp_path):
    read = []

    def validation(epoch):
        for number, batch in enumerate(shuffled(KEY, 7)):
            read.append(number)
            if number == 1 and epoch == 0 and len(read) == 2:
                signal.raise_signal(signal.SIGTERM)
            yield batch

    options = {"validation": validation, "prefetch": 0, "checkpoint": tmp_path}
    with pytest.raises(train.Interrupted) as caught:
        fit(source, **options)
    assert (caught.value.history.epochs, read) == (0, [0, 1])
    assert int(train_steps(tmp_path)) == 3
    resumed, history = fit(source, resume=True, **options)
    whole, undisturbed = fit(source, validation=validation)
    assert same_bits(resumed, whole)
    assert history == undisturbed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_steps": 2}, "every_steps=2 needs host batches; arrays .* whole epochs"),
        ({"steps_per_epoch": 2}, "steps_per_epoch=2 needs host batches"),
        ({"resume": "latest"}, "resume must be True, False or \"latest good\", got 'latest'"),
        ({"on_interrupt": "ignore"}, 'on_interrupt must be "raise" or "return", got \'ignore\''),
    ],
)
def test_an_option_that_has_no_meaning_here_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fit(data(), **options)


def test_a_source_that_is_too_short_for_its_steps_or_its_resume_says_so(tmp_path):
    with pytest.raises(ValueError, match="gave 3 batches in an epoch of steps_per_epoch=5"):
        fit(source, steps_per_epoch=5)
    fit(source, checkpoint=tmp_path, every_steps=2, epochs=1)
    (tmp_path / "epoch-00000001.safetensors").unlink()
    with pytest.raises(ValueError, match="gave 1 batches, and 2 of them were trained on before"):
        fit(lambda epoch: list(shuffled(KEY, 0))[:1], checkpoint=tmp_path, resume=True)
    with pytest.raises(ValueError, match="within an epoch of host batches: resume with them"):
        fit(data(), checkpoint=tmp_path, resume=True)


def test_a_state_of_a_loader_that_no_file_can_hold_is_an_error_that_names_it(tmp_path):
    class Odd(Position):
        def get_state(self) -> Any:
            return {1, 2}

    with pytest.raises(TypeError, match=r"get_state\(\) of the train data must return bytes"):
        fit(lambda epoch: Odd(Loader()), checkpoint=tmp_path, every_steps=1)
    fit(lambda epoch: Odd(Loader()), epochs=1)  # which nobody asks for
