"""How fast a whole training goes in each library, written as the library's own guide writes it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .._extras import import_extra
from ..instrument.timing import interleave
from .peer import Peer, Trainer
from .result import Timing
from .task import Task, make_task
from .timings import OnProgress, build_all, in_one_line, timings_of

_BATCH = 128


def digits_task() -> Task:
    """Build the task 64-256-256-10 on the handwritten digits, with as many rows as fill batches.

    Example:
        >>> digits_task()
        Task(64-256-256-10, 1,792 rows in batches of 128)
    """
    x, y = import_extra("sklearn.datasets", "suite").load_digits(return_X_y=True)
    rows = len(x) // _BATCH * _BATCH
    data = (x[:rows] / 16).astype(np.float32), y[:rows].astype(np.int32)
    return make_task((64, 256, 256, 10), rate=0.2, batch=_BATCH, data=data)


def training_timings(
    peers: Sequence[Peer],
    task: Task,
    *,
    budget: float,
    on_progress: OnProgress = lambda text, share: None,
) -> tuple[Timing, ...]:
    """Time a step within a training, in each library, once everything is compiled.

    A library is timed only if it learns: within the first passes over the data its loss must fall
    to half of that of guessing.

    Args:
        peers: The libraries; those without a trainer are left out.
        task: The network and its data.
        budget: Seconds of timing, all libraries together.
        on_progress: Told what is being done, and the share of it that is done.

    Returns:
        A timing for each peer, its ratio over a jitted loop written by hand.

    Example:
        >>> untrained = Peer(name="stax")
        >>> training_timings([untrained], make_task((4, 3, 2), rate=0.1, batch=5), budget=0.1)
        ()
    """
    peers = [peer for peer in peers if peer.trainer is not None]

    def build(peer: Peer) -> Trainer:
        on_progress(f"warming {peer.name} up", peers.index(peer) / len(peers) / 2)
        return _warmed_up(peer, task)

    trainers, notes = build_all(peers, build)
    samples, errors = interleave(
        {name: trainer.call for name, trainer in trainers.items()},
        budget=budget,
        on_round=lambda share: on_progress("measuring training", (1 + share) / 2),
    )
    notes |= {name: in_one_line(error) for name, error in errors.items()}
    steps_in_a_pass = len(task.x) // task.batch
    step_samples = {
        name: replace(taken, wall=taken.wall / (trainers[name].epochs * steps_in_a_pass))
        for name, taken in samples.items()
    }
    return timings_of(peers, notes, step_samples, {})


def _warmed_up(peer: Peer, task: Task, *, passes: int = 10) -> Trainer:
    """Return the peer's trainer after some passes over the data.

    Raises:
        ValueError: If its loss is not half of that of guessing by then.
    """
    if peer.trainer is None:
        raise ValueError(f"{peer.name} has no trainer")
    trainer = peer.trainer(task)
    calls = -(-passes // trainer.epochs)
    loss = [float(trainer.call()) for _ in range(calls)][-1]
    guessing = np.log(task.sizes[-1])
    if not loss < guessing / 2:
        raise ValueError(f"does not learn: its loss is {loss:.3g}, that of guessing {guessing:.3g}")
    return trainer
