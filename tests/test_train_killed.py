"""A run that is killed goes on from its last checkpoint as if nothing had happened."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from train.checkpoints import format as file_format

# A process that has imported everything and compiled nothing, so that a fork of it is cheap. Every
# fork trains in the folder with resume=True; after the given time, if one is, it is killed.
ZYGOTE = """
import os, signal, sys, time, warnings
warnings.simplefilter("ignore")
import jax, jax.numpy as jnp, numpy as np, optax, safetensors.numpy, train
jax.config.update("jax_compilation_cache_dir", sys.argv[2])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

# To write takes longer than an epoch, so that most kills find the thread at it.
to_disk = os.fsync
os.fsync = lambda file: (time.sleep(0.003), to_disk(file))

def objective(params, state, batch, *, key=None, train=False):
    noise = jax.random.uniform(key, params.shape) if train else 0
    error = ((batch.x @ (params + 0.01 * noise) - batch.y) ** 2).mean()
    return error, (0.9 * state + 0.1 * error, {})

def fit(folder, streamed):
    adam = optax.adam(0.01)
    x = np.linspace(-1, 1, 60, dtype=np.float32).reshape(15, 4)
    y = x @ np.arange(4, dtype=np.float32)
    batches = [(x[i : i + 5], y[i : i + 5]) for i in (0, 5, 10)]
    train.fit(jax.random.key(0), train.init(jnp.zeros(4), jnp.zeros(()), adam), objective, adam,
              batches if streamed else (x, y), epochs=EPOCHS, batch_size=5, keep=2,
              checkpoint=folder, resume=True, every_steps=2 if streamed else None)

for line in sys.stdin:
    folder, streamed, patience = line.rsplit(maxsplit=2)
    child = os.fork()
    if child == 0:
        fit(folder, streamed == "True")
        os._exit(0)
    if float(patience):
        time.sleep(float(patience))
        os.kill(child, signal.SIGKILL)  # where it has ended, nothing happens
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
EPOCHS = 40
KILLS = int(os.environ.get("GRADWISE_KILLS", "4"))


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """`ask(folder, streamed, patience)`: the exit status of a fork that trains in the folder, and
    is killed after so many seconds, if any.
    """
    cache = tmp_path_factory.mktemp("programs")
    with subprocess.Popen(
        [sys.executable, "-c", ZYGOTE.replace("EPOCHS", str(EPOCHS)), "", str(cache)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    ) as zygote:  # fmt: skip

        def ask(folder, streamed, patience=0.0):
            print(folder, streamed, patience, file=zygote.stdin, flush=True)
            return int(next(iter(zygote.stdout or [])))

        yield ask
    assert zygote.returncode == 0


@pytest.mark.parametrize("streamed", [False, True])
def test_a_run_killed_at_random_moments_ends_as_the_undisturbed_run_does(tmp_path, streamed, ask):
    """SIGKILL at 4 random moments; `GRADWISE_KILLS=50` takes half a minute.

    A stream is saved within its epochs, too.
    """
    assert ask(tmp_path / "warm", streamed) == 0  # fills the compilation cache
    began = time.monotonic()
    assert ask(tmp_path / "undisturbed", streamed) == 0
    lifetime = time.monotonic() - began
    expected = newest(tmp_path / "undisturbed")
    moments, killed, folder = random.Random(1), 0, tmp_path / "run 0"
    for _ in range(5 * KILLS):  # on a machine that has become faster, most are too late
        if killed == KILLS:
            break
        if ask(folder, streamed, moments.uniform(0, lifetime)) == 0:
            assert newest(folder) == expected
            folder = tmp_path / f"run {killed}"
        else:
            killed += 1
    assert killed
    assert ask(folder, streamed) == 0
    assert newest(folder) == expected
    assert not list(folder.glob(".*"))  # the halves of files that killed writers left


def newest(folder):
    """The last checkpoint's arrays and header, which hold step, key, optimizer and curves."""
    files = sorted(folder.iterdir())
    assert files[-1].name == f"epoch-{EPOCHS:08d}.safetensors"
    arrays, header = file_format.read(files[-1])
    return {name: array.tobytes() for name, array in arrays.items()}, header
