import json
import shutil
import signal
import threading
import time
from contextlib import nullcontext

import chex
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest
from train_problem import BATCH, data, forbid_compiling, linear, optimizer, same_bits

import train
from train.checkpoints import format as file_format
from train.checkpoints.writer import Writer
from train.metrics import Mean

KEY = 9


def saved(path, **changes):
    _, train_state = linear()
    history = train.History.empty().append({"train_loss": [0.1, float("nan")]})
    train_state = train_state._replace(step=jnp.array(7, jnp.int32), **changes)
    train.save(path, train_state, key=jax.random.key(KEY), history=history)
    return train_state


@pytest.mark.parametrize("kind", ["threefry2x32", "rbg"])
def test_restore_returns_what_save_wrote_typed_keys_included(tmp_path, kind):
    key = jax.random.key(KEY, impl=kind)
    _, train_state = linear()
    leaves = {
        "half": jnp.array([1.5, -0.0, jnp.nan], jnp.bfloat16),
        "key": jax.random.key(3),
        "empty": jnp.zeros((0, 5)),
        "flag": jnp.array(True),
        "complex": jnp.array([1 + 2j], jnp.complex64),
    }
    train_state = train_state._replace(state=leaves)
    history = train.History.empty().append({"train_loss": [0.1, float("nan")]})
    train.save(tmp_path / "a", train_state, key=key, history=history)
    found = train.restore(tmp_path / "a", jax.eval_shape(lambda: train_state))
    assert jax.random.key_impl(found.key) == kind
    assert jnp.array_equal(found.key, key)
    assert jnp.array_equal(found.train_state.state.pop("key"), leaves.pop("key"))
    assert same_bits(found.train_state, train_state)
    chex.assert_trees_all_equal_dtypes(found.train_state, train_state)
    np.testing.assert_array_equal(found.history["train_loss"], history["train_loss"])


def test_any_safetensors_reader_opens_a_checkpoint(tmp_path):
    from safetensors.numpy import load_file

    train_state = saved(tmp_path / "a.safetensors")
    tensors = load_file(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(tensors["train_state.params.weight"], train_state.params.weight)


def test_a_damaged_checkpoint_raises_an_error_that_names_it(tmp_path):
    path = tmp_path / "a.safetensors"
    train_state = saved(path)
    whole = path.read_bytes()
    damaged = [whole[:end] for end in (0, 7, 100, len(whole) // 2, len(whole) - 1)]
    damaged += [whole + b"\0", b"\x80\x04K\x01.", b"x" * 200]
    for place in range(0, len(whole), 41):
        flipped = bytearray(whole)
        flipped[place] ^= 0x10
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.safetensors"):
            train.restore(path, train_state)
    file_format.write(path, {"x": np.ones(3)}, {})
    foreign = path.read_bytes().replace(b"gradwise checkpoint 1", b"somebodys checkpoint ")
    path.write_bytes(foreign)
    with pytest.raises(ValueError, match=r"a\.safetensors is not a 'gradwise checkpoint 1' file"):
        train.restore(path, train_state)


def test_the_error_about_another_structure_names_each_leaf_that_differs(tmp_path):
    path = tmp_path / "a.safetensors"
    train_state = saved(path)
    wider = train_state._replace(
        params=train_state.params._replace(weight=jnp.zeros((4, 5), ml_dtypes.bfloat16)),
        opt_state=optax.adam(0.1).init(train_state.params),
    )
    with pytest.raises(ValueError, match="another structure") as caught:
        train.restore(path, wider)
    message = str(caught.value)
    for line in (
        "train_state.params.weight: float32 (4, 3) in the file, bfloat16 (4, 5) expected",
        "train_state.opt_state[0].nu.bias: nothing in the file, float32 (3,) expected",
        "train_state.opt_state[0].trace.weight: float32 (4, 3) in the file, nothing expected",
    ):
        assert line in message
    assert "params.bias" not in message  # which agrees


def fit(folder, epochs, *, seed=KEY, train_data=None, **options):
    objective, train_state = linear()
    options = {"batch_size": BATCH, "validation": data(5), "resume": True} | options
    return train.fit(
        jax.random.key(seed), train_state, objective, optimizer(), train_data or data(),
        epochs=epochs, patience=50, keep_best=True, checkpoint=folder, **options,
    )  # fmt: skip


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path):
    fit(tmp_path / "a", 3, every=2, keep=2, resume=False)
    assert names(tmp_path / "a") == [
        "epoch-00000002.safetensors",
        "epoch-00000003.safetensors",  # where it ended
    ]
    resumed = fit(tmp_path / "a", 6, every=2, keep=2)
    at_once = fit(tmp_path / "b", 6)
    assert same_bits(resumed[0], at_once[0])
    assert resumed[1] == at_once[1]
    assert names(tmp_path / "a") == ["epoch-00000004.safetensors", "epoch-00000006.safetensors"]
    again = fit(tmp_path / "a", 6)  # nothing is left to do
    assert same_bits(again[0], at_once[0])


def one_number(folder, epochs, *, rate=1.0, **options):
    """Minus the number's square is the loss, so that each epoch multiplies it, to infinity."""

    def objective(params, state, batch, *, key=None, train=False):
        return -(params**2) * batch.x.mean(), (state, {})

    sgd = optax.sgd(rate)
    ones = np.ones((2, 1), np.float32)
    return train.fit(
        jax.random.key(KEY), train.init(jnp.array(1.0), (), sgd), objective, sgd, (ones, ones),
        epochs=epochs, batch_size=1, checkpoint=folder, resume=True, **options,
    )  # fmt: skip


@pytest.mark.parametrize("epochs_per_call", [1, 3])
def test_a_run_that_was_not_finite_can_be_resumed_by_options_that_mend_it(
    tmp_path, epochs_per_call
):
    wild = {"rate": 100.0, "epochs_per_call": epochs_per_call}  # 201 times at each step
    with pytest.raises(train.NonFiniteError, match="epoch 5"):
        one_number(tmp_path / "wild", 9, **wild)
    shutil.copytree(tmp_path / "wild", tmp_path / "skip")
    train_state, history = one_number(tmp_path / "wild", 9, rate=-1e-4)  # which brings it down
    assert (history.epochs, int(train_state.step)) == (9, 18)
    assert history.failed_step == -1
    resumed = one_number(tmp_path / "skip", 9, on_nonfinite="skip", **wild)[1]["skipped"]
    at_once = one_number(tmp_path / "new", 9, on_nonfinite="skip", **wild)[1]["skipped"]
    np.testing.assert_array_equal(resumed, at_once)


def test_a_run_that_ran_out_of_patience_goes_on_when_it_is_given_more(tmp_path):
    assert one_number(tmp_path, 9, rate=-0.1, patience=1)[1].epochs == 2  # its loss only rises
    assert one_number(tmp_path, 9, rate=-0.1, patience=1)[1].epochs == 2
    assert one_number(tmp_path, 9, rate=-0.1, patience=3)[1].epochs == 4
    assert one_number(tmp_path, 9, rate=-0.1, patience=None)[1].epochs == 9


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory):
    """A folder with the checkpoint of one epoch, to be read only."""
    folder = tmp_path_factory.mktemp("one") / "epoch"
    fit(folder, 1)
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 3}, "run with batch_size=4, got batch_size=3: resume with what"),
        ({"train_data": data(9)}, "run with rows=11, got rows=9: "),
        ({"validation": None}, "run with validation=True, got validation=False: "),
        ({"seed": 1}, "run with another key"),
        ({"resume": False}, "already holds checkpoints"),
    ],
)
def test_a_resume_with_other_options_raises_before_anything_compiles(
    one_epoch, changes, message, monkeypatch
):
    forbid_compiling(monkeypatch)
    with pytest.raises(ValueError, match=message):
        fit(one_epoch, 2, **changes)


def spread_over(devices):
    mesh = jax.make_mesh((devices,), ("data",), devices=jax.devices()[:devices])
    return {"sharding": jax.NamedSharding(mesh, jax.P("data"))}


@pytest.fixture(scope="module")
def one_spread_epoch(tmp_path_factory):
    """A folder with the checkpoint of an epoch of rows that are spread over two devices."""
    folder = tmp_path_factory.mktemp("spread") / "epoch"
    fit(folder, 1, **spread_over(2))
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (spread_over(2), None),
        (spread_over(2) | {"shuffle": "global"}, "shuffle=local over 2 devices, got shuffle=glob"),
        (spread_over(4), "got shuffle=local over 4 devices: the run goes on, but not as it would"),
        ({}, "got shuffle=global: .* its rows have another order"),
        (spread_over(2) | {"precision": "float32"}, r"=\w+, got matmul_precision=float32: the run"),
    ],
)
def test_a_resume_that_deals_or_rounds_otherwise_goes_on_and_warns(
    one_spread_epoch, options, message
):
    precision = options.get("precision", jax.config.jax_default_matmul_precision)
    options = {name: value for name, value in options.items() if name != "precision"}
    told = pytest.warns(UserWarning, match=message) if message else nullcontext()
    with jax.default_matmul_precision(precision), told as warnings:
        assert fit(one_spread_epoch, 1, **options)[1].epochs == 1
    if warnings:  # points at the caller of fit
        assert warnings[0].filename == __file__


def test_a_folder_that_cannot_be_written_to_raises(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="not a folder to write to"):
        fit(tmp_path / "file", 1)


def test_a_checkpoint_of_the_version_before_is_resumed(one_epoch, tmp_path):
    (path,) = one_epoch.iterdir()
    arrays, header = file_format.read(path)
    del header["made_with"], header["position"]  # files had none
    del arrays["watch.best_epoch"], arrays["watch.reference"]
    header["history"]["curves"]["validation_loss"] = [float("nan")]  # which was written as NaN
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_format, "to_json", json.dumps)
        file_format.write(tmp_path / path.name, arrays, header)
    assert b"[NaN]" in (tmp_path / path.name).read_bytes().replace(b'\\"', b'"')
    assert np.isnan(fit(tmp_path, 2)[1]["validation_loss"]).tolist() == [True, False]


def test_the_curve_of_a_metric_is_nan_where_it_was_not_measured(tmp_path):
    x, sgd = jnp.ones((2, 1)), optax.sgd(0.1)

    def resume(epochs, *names):
        def objective(params, state, batch, *, key=None, train=False):
            value = params**2
            return value, (state, {name: Mean(value, jnp.ones(())) for name in names})

        return train.fit(
            jax.random.key(KEY), train.init(jnp.array(1.0), (), sgd), objective, sgd, (x, x),
            epochs=epochs, batch_size=2, checkpoint=tmp_path, resume=True,
        )[1]  # fmt: skip

    resume(1)
    resume(3, "square")
    curves = resume(4, "other")
    measured = {name: np.isfinite(curves[name]).tolist() for name in curves.curves}
    assert measured == {
        "skipped": [True] * 4,
        "train_loss": [True] * 4,
        "train_square": [False, True, True, False],
        "train_other": [False, False, False, True],
    }


def test_a_second_ctrl_c_is_a_keyboard_interrupt():
    with train.interruptible() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_ctrl_c_while_a_checkpoint_is_waited_for_ends_no_earlier_than_the_writing():
    written, main = [], threading.main_thread().ident

    def write():
        time.sleep(0.1)
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.2)
        written.append(True)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Writer() as writer:
            writer.start(write)
            with pytest.raises(KeyboardInterrupt):
                writer.wait()
        assert written
    finally:
        signal.signal(signal.SIGINT, before)
