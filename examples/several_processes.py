"""Train one model by two processes of this machine, each of which reads its own part of the data.

`python examples/several_processes.py` starts both. On several machines each process is started with
its number, as `docs/how-to/several_processes.md` says.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

from gradwise import losses, nn, train

PROCESSES, BATCH = 2, 64
LOSS = losses.softmax_cross_entropy_with_integer_labels


def rows_of(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits that a process reads, as from a file of its own; those of test are 2."""
    x, y = map(np.asarray, load_digits(return_X_y=True))
    own = np.arange(len(x)) % 3 == number
    return (x[own] / 16).astype(np.float32), y[own].astype(np.int32)


def train_together(number: int) -> None:
    """Be one of the processes: give its rows, and print what all of them have found."""
    x, y = rows_of(number)
    share = BATCH // jax.process_count()  # a step has as many rows of each process

    def source(epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.random.default_rng((epoch, number)).permutation(len(x))
        for start in range(0, len(x), share):
            rows = order[start : start + share]
            yield x[rows], y[rows]

    model = nn.mlp((64, 32, 10))
    optimizer = optax.adam(3e-3)
    objective = train.supervised(model.apply, LOSS, metrics={"accuracy": train.metrics.accuracy})
    train_state = train.init(*model.init(jax.random.key(0)), optimizer)
    train_state, history = train.fit(
        jax.random.key(1), train_state, objective, optimizer, source, epochs=8, batch_size=BATCH
    )
    if number == 0:  # each has the whole model, and no process needs the others to use it
        params, state = jax.tree.map(np.asarray, train_state[:2])
        test_x, test_y = rows_of(2)
        scores, _ = model.apply(params, state, jax.numpy.asarray(test_x))
        print(f"{len(jax.devices())} devices of {jax.process_count()} processes")
        print(f"train accuracy: {history['train_accuracy'][-1]:.1%}")
        print(f"test accuracy: {np.mean(np.argmax(scores, axis=1) == test_y):.1%}")


def main() -> None:
    """Start the processes and wait for them, or be one of them."""
    if len(sys.argv) == 3:
        number, address = int(sys.argv[1]), sys.argv[2]
        jax.distributed.initialize(address, PROCESSES, number)
        train_together(number)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command, environment = [sys.executable, __file__], os.environ | {"JAX_PLATFORMS": "cpu"}
    started = [
        subprocess.Popen([*command, str(number), address], env=environment)
        for number in range(PROCESSES)
    ]
    statuses = [process.wait() for process in started]
    if any(statuses):
        raise SystemExit("a process has failed")


if __name__ == "__main__":
    main()
