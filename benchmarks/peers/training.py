"""How fast a whole training goes in each library, written as its own guide writes it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..instrument.timing import interleave
from .peer import Peer, Trainer
from .result import Timing
from .rows import OnProgress, build_all, timing_rows, told
from .task import Task, make_task

_BATCH = 128


def digits_task() -> Task:
    """64-256-256-10 on the handwritten digits: as many rows as fill whole batches."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
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
    """Seconds a step of a training under way, beside a jitted loop written by hand.

    Compilation is not counted. A library is timed only if it learns: its loss must have fallen by
    half in the passes before.

    Args:
        peers: What to time; those without a trainer are left out.
        task: The network and its data.
        budget: Seconds of timing, all libraries together.
        on_progress: Told what is being done, and the share of it that is.
    """
    peers = [peer for peer in peers if peer.trainer is not None]

    def build(peer: Peer) -> Trainer:
        on_progress(f"warming {peer.name} up", peers.index(peer) / len(peers) / 2)
        return _learning(peer, task)

    trainers, notes = build_all(peers, build)
    samples, failed = interleave(
        {name: trainer.call for name, trainer in trainers.items()},
        budget=budget,
        on_round=lambda share: on_progress("measuring training", (1 + share) / 2),
    )
    notes |= {name: told(error) for name, error in failed.items()}
    passes = len(task.x) // task.batch
    per_step = {
        name: replace(taken, wall=taken.wall / (trainers[name].epochs * passes))
        for name, taken in samples.items()
    }
    return timing_rows(peers, notes, per_step, {})


def _learning(peer: Peer, task: Task, *, passes: int = 10) -> Trainer:
    """The peer's training after some passes over the data.

    Raises:
        ValueError: If it has not learnt anything by then.
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
