"""What a training holds beside the parameters, by the memory of its compiled programs."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, data, linear, optimizer, same_bits, shuffled

from gradwise import losses, nn, train
from train.checkpoints.folder import RunFolder
from train.runs.blocks import make_block
from train.runs.carry import start
from train.runs.epoch import make_run_step
from train.runs.plan import Plan

KEY = jax.eval_shape(lambda: jax.random.key(0))
# The compiler of jax 0.12 holds more of a model as small as 4 MB.
MORE = 0.25 if tuple(map(int, jax.__version__.split(".")[:2])) >= (0, 12) else 0.0


def compiled(program, width, optimizer, **options):
    """The memory of a program, and of the parameters that it trains; nothing is run or held."""
    model = nn.serial(nn.dense(width, width), nn.dense(width, width), nn.dense(width, 8))
    objective = train.supervised(model.apply, losses.softmax_cross_entropy_with_integer_labels)
    new = partial(train.init, optimizer=optimizer)
    state = jax.eval_shape(lambda key: new(*model.init(key)), KEY)
    plan = Plan(objective=objective, optimizer=optimizer, batch_size=16, **options)
    carry = jax.eval_shape(partial(start, plan), state)
    x, y = (
        jax.ShapeDtypeStruct(shape, dtype)
        for shape, dtype in (((16, width), jnp.float32), ((16,), jnp.int32))
    )
    batch = train.Batch(x, y, jax.ShapeDtypeStruct((16,), bool))
    given = {
        "arrays": lambda: (make_block(plan, 3), carry, (x, y), (x, y), 3),
        "stream": lambda: (make_run_step(plan), carry, batch),
    }
    fn, *arguments = given[program]()
    memory = jax.jit(fn, donate_argnums=1).lower(KEY, *arguments).compile().memory_analysis()
    params = sum(4 * leaf.size for leaf in jax.tree.leaves(state.params))
    return params, memory


@pytest.mark.compiled_as_for_a_user
@pytest.mark.parametrize(
    ("program", "megabytes", "options", "held"),
    [
        ("arrays", 4, {}, 3),
        ("arrays", 40, {}, 3),
        ("arrays", 400, {}, 3),
        ("arrays", 4, {"keep_best": True, "patience": 2}, 6),
        ("arrays", 4, {"keep_best": "host"}, 3),
        ("stream", 4, {}, 3),
    ],
)
def test_adam_holds_three_times_the_parameters_and_the_gradient(program, megabytes, options, held):
    width = int((megabytes * 1e6 / 4 / 2) ** 0.5)
    params, memory = compiled(program, width, optax.adam(1e-3), **options)
    data_size = 200_000 + 64 * 4 * width
    assert memory.alias_size_in_bytes < (held + 0.01) * params  # what is overwritten in place
    assert memory.alias_size_in_bytes > (held - 0.01) * params
    assert memory.argument_size_in_bytes < (held + 0.01) * params + data_size
    assert memory.temp_size_in_bytes < (1.5 + MORE) * params  # one of it is the gradient


def clipped(rate):
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate))


@pytest.mark.compiled_as_for_a_user
@pytest.mark.parametrize(
    ("optimizer", "temporaries"),
    [
        (clipped(1e-3), 1.5),
        (train.loss_scaling(optax.adam(1e-3)), 1.5),
        (train.loss_scaling(clipped(1e-3)), 2.1),  # the norm is of a copy without what overflows
    ],
)
def test_neither_clipping_nor_a_loss_scale_holds_more(optimizer, temporaries):
    params, memory = compiled("stream", 700, optimizer)
    assert memory.temp_size_in_bytes < (temporaries + MORE) * params
    assert memory.alias_size_in_bytes == pytest.approx(3 * params, rel=0.01)


OPTIMIZERS = {
    "adam": optax.adam,
    "clipped": clipped,
    "muon": optax.contrib.muon,
    "momentum": lambda rate: optax.sgd(rate, 0.9),
}


def squared_error(params, state, batch, *, key, train):
    return ((batch.x @ params["weight"] - batch.y) ** 2).mean(), (state, {})


def example(optimizer):
    """A train state after some steps by hand, and a batch."""
    draw = np.random.default_rng(4).normal
    params = {"weight": jnp.asarray(draw(size=(3, 2)), jnp.float32)}
    train_state = train.init(params, (), optimizer)
    batch = train.Batch(*(jnp.asarray(draw(size=(5, n)), jnp.float32) for n in (3, 2)))
    return by_hand(optimizer, train_state, batch), batch


def by_hand(optimizer, train_state, batch):
    """What a step of optax's own makes."""
    params, state, opt_state, step = train_state
    slope = jax.grad(lambda p: squared_error(p, (), batch, key=None, train=True)[0])(params)
    updates, opt_state = optimizer.update(slope, opt_state, params)
    return train.TrainState(optax.apply_updates(params, updates), state, opt_state, step + 1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_that_of_optax_or_it_changes_nothing(name):
    optimizer, endless = (OPTIMIZERS[name](rate) for rate in (0.1, np.inf))
    before, batch = example(optimizer)
    step = jax.jit(train.make_step(squared_error, optimizer))
    made, metrics = step(jax.random.key(0), before, batch)
    assert metrics["skipped"].total == 0
    for ours, expected in zip(
        jax.tree.leaves(made), jax.tree.leaves(by_hand(optimizer, before, batch)), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
    # A gradient that is not finite, and a finite one whose update is not.
    for program, seen in (
        (step, batch._replace(y=batch.y.at[1, 0].set(jnp.nan))),
        (jax.jit(train.make_step(squared_error, endless)), batch),
    ):
        undone, metrics = program(jax.random.key(0), before, seen)
        assert metrics["skipped"].total == 1
        assert same_bits(undone, before._replace(step=before.step + 1))


def test_an_optimizer_whose_state_takes_another_structure_is_an_error():
    growing = optax.GradientTransformation(
        lambda params: (), lambda updates, state, params=None: (updates, {"slope": updates})
    )
    train_state = train.init({"weight": jnp.ones((3, 2))}, (), growing)
    step = train.make_step(squared_error, growing)
    with pytest.raises(ValueError, match="a state of the structure that it was given"):
        jax.eval_shape(step, jax.random.key(0), train_state, example(optax.sgd(0.1))[1])


def test_an_update_with_matrix_products_is_computed_once():
    optimizer = optax.contrib.muon(0.1)
    train_state, batch = example(optimizer)
    step = jax.make_jaxpr(train.make_step(squared_error, optimizer))
    hand = jax.make_jaxpr(partial(by_hand, optimizer))
    ours, expected = step(jax.random.key(0), train_state, batch), hand(train_state, batch)
    assert str(ours).count("dot_general") == str(expected).count("dot_general")


def fitted(source="arrays", train_state=None, **options):
    objective, fresh = linear()
    train_data = data() if source == "arrays" else partial(shuffled, 3)
    return train.fit(
        jax.random.key(3), fresh if train_state is None else train_state, objective, optimizer(),
        train_data, epochs=3, batch_size=BATCH, **options,
    )  # fmt: skip


@pytest.mark.parametrize("source", ["arrays", "stream"])
def test_a_train_state_that_is_given_away_is_overwritten_and_trains_the_same(source):
    mine = linear()[1]
    copy = jax.tree.map(jnp.copy, mine)
    kept, _ = fitted(source, mine)
    assert same_bits(mine, copy)  # without donate it stays
    given, _ = fitted(source, copy, donate=True)
    assert same_bits(given, kept)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(copy))
    with pytest.raises(ValueError, match=r"given away, train_state\.params.* is deleted: go on"):
        fitted(source, copy)
    twice = jax.tree.map(jnp.copy, mine)
    twice = twice._replace(opt_state=jax.tree.map(lambda leaf: leaf, twice.opt_state))
    again, _ = fitted(source, twice._replace(step=0), donate=True)  # a number is copied
    assert same_bits(again, kept)


@pytest.mark.parametrize("source", ["arrays", "stream"])
def test_the_best_epoch_is_the_same_on_the_host_and_after_a_resume(source, tmp_path):
    options = {"monitor": "train_loss", "mode": "max"}
    best, history = fitted(source, keep_best=True, **options)
    on_host, of_host = fitted(source, keep_best="host", checkpoint=tmp_path, **options)
    assert same_bits(on_host, best)
    assert of_host.kept_epoch == history.kept_epoch
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(on_host))
    resumed, _ = fitted(source, keep_best="host", checkpoint=tmp_path, resume=True, **options)
    assert same_bits(resumed, best)


@pytest.mark.parametrize("source", ["arrays", "stream"])
def test_a_resume_copies_no_train_state_before_it_reads_one(source, tmp_path, monkeypatch):
    mine = linear()[1]
    copy, seen = jax.tree.map(jnp.copy, mine), []
    fitted(source, mine, checkpoint=tmp_path, keep_best=True)
    read = RunFolder.resume

    def resume(folder, like, key):
        seen.extend([like["train_state"], like["watch"].best])
        return read(folder, like, key)

    monkeypatch.setattr(RunFolder, "resume", resume)
    fitted(source, mine, checkpoint=tmp_path, keep_best=True, resume=True)
    for like in seen:
        assert [*map(id, jax.tree.leaves(like))] == [*map(id, jax.tree.leaves(mine))]
    (newest,) = tmp_path.glob("epoch-00000003*")
    newest.unlink()  # so that an epoch is made again
    again, _ = fitted(source, mine, checkpoint=tmp_path, keep_best=True, resume=True)
    assert same_bits(mine, copy)  # nothing was overwritten that is not the run's own
    assert int(again.step) == 9


def test_what_an_interruption_has_of_the_best_epoch_on_the_host_is_on_the_device():
    with pytest.raises(train.Interrupted) as interrupted:
        fitted(keep_best="host", callback=lambda epoch, row: signal.raise_signal(signal.SIGTERM))
    kept = interrupted.value.train_state
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(kept))


def test_arrays_that_share_their_memory_are_given_away_once():
    def objective(params, state, batch, *, key=None, train=False):
        return ((batch.x @ (params[0] + params[1]) - batch.y) ** 2).mean(), (state, {})

    one = jnp.ones((3, 1))
    other = jax.device_put(one, jax.devices()[0])  # another array of the same memory
    assert other is not one
    x, sgd = np.eye(3, dtype="f4"), optax.sgd(0.3)
    given, _ = train.fit(
        jax.random.key(0), train.init((one, other), (), sgd), objective, sgd, (x, x[:, :1]),
        epochs=1, batch_size=3, donate=True,
    )  # fmt: skip
    np.testing.assert_allclose(given.params[0], [[0.8], [0.6], [0.6]], rtol=1e-6)
    with pytest.raises(TypeError, match="donate must be True or False, got 'no'"):
        fitted(donate="no")


def test_what_cannot_keep_the_best_epoch_on_the_host_says_so():
    with pytest.raises(ValueError, match="epochs_per_call=2: leave it out"):
        fitted(keep_best="host", epochs_per_call=2)
    with pytest.raises(ValueError, match=r"keep_best must be True, False or .*'cpu'"):
        fitted(keep_best="cpu")
    with pytest.raises(ValueError, match='got "host", which is of fit'):
        train.make_run(*linear()[:1], optimizer(), epochs=1, batch_size=2, keep_best="host")


# What a checkpoint of 200 MB takes beside the run that it is of, `VmHWM` since it was set back.
PEAKS = """
import sys, jax, jax.numpy as jnp, optax, train
from pathlib import Path
from train.checkpoints.folder import open_folder
from train.checkpoints.position import Position

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

def peak_of(call):
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    result = jax.block_until_ready(call())
    print((memory("VmHWM") - before) / size)
    return result

key, history = jax.random.key(0), train.History.empty()
options = {"every": 1, "keep": 3, "made_with": {}}
state = train.init(jnp.ones(3), (), optax.identity())  # what is loaded and compiled once, is now
with open_folder(sys.argv[1] + "/a", resume=False, **options) as folder:
    folder.save({"train_state": state}, key, history, Position())
with open_folder(sys.argv[1] + "/a", resume=True, **options) as folder:
    folder.resume({"train_state": state}, key)
state = train.init({i: jnp.full((1250, 1000), 1.0 + i) for i in range(40)}, (), optax.identity())
size = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
with open_folder(sys.argv[1] + "/b", resume=False, **options) as folder:
    peak_of(lambda: (folder.save({"train_state": state}, key, history, Position()) and None,
                     folder.writer.wait())[1])
like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), state)
del state
with open_folder(sys.argv[1] + "/b", resume=True, **options) as folder:
    state = peak_of(lambda: folder.resume({"train_state": like}, key)[0])["train_state"]
print([float(leaf[-1, -1]) for leaf in state.params.values()] == [1.0 + i for i in range(40)])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory from /proc")
def test_a_save_holds_one_copy_and_a_restore_nothing_beside_what_it_returns(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", PEAKS, str(tmp_path)], cwd=Path(__file__).parent.parent,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    save, restore, same = child.stdout.split()
    assert float(save) < 1.1
    assert float(restore) < 1.1
    assert same == "True"
