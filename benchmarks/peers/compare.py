"""The comparison with other libraries: edge cases, training steps, whole trainings, a search."""

from collections.abc import Sequence

from ..instrument.environment import environment
from .edges import ask_all
from .peer import Peer, versions
from .questions import QUESTIONS
from .result import Result
from .search import search_timings
from .sparse import sparse_timings
from .steps import step_timings
from .table import PEERS
from .task import make_task
from .timings import OnProgress
from .training import digits_task, training_timings


def compare_peers(
    *,
    train: bool = False,
    peers: Sequence[Peer] = PEERS,
    budget: float = 30.0,
    on_progress: OnProgress = lambda text, share: None,
) -> Result:
    """Compare gradwise with other libraries: edge cases, training steps, sparse Jacobians.

    Args:
        train: Whether to time whole trainings of the digits network, and a search over a grid,
            instead of the others.
        peers: The libraries; one that is not installed, or that fails, has a line that says so.
        budget: Seconds of timing, all libraries together; compiling and a third for sparse
            Jacobians come on top.
        on_progress: Told what is being done, and the share of it that is done.

    Returns:
        The tables: `print` them, or take `to_dict()` for JSON.

    Example:
        >>> torch = Peer(name="PyTorch", packages=("no_such_library",))
        >>> compare_peers(peers=[torch], budget=0.1)
        Result(21 edge cases, 0 timings, 0 searches)
    """
    if train:
        timings = training_timings(peers, digits_task(), budget=budget, on_progress=on_progress)
        searches = search_timings(on_progress=on_progress)
        return Result(
            timings=timings,
            environment=environment(),
            versions=versions(peers),
            searches=searches,
        )
    on_progress("edge cases", 0.0)
    edges = ask_all(peers, QUESTIONS)
    networks = [peer for peer in peers if peer.model is not None]
    task = make_task((784, 512, 512, 10), rate=0.2, batch=256)
    timings = step_timings(networks, task, budget=budget, on_progress=on_progress)
    return Result(
        edges=edges,
        timings=timings,
        environment=environment(),
        versions=versions(peers),
        sparse=sparse_timings(peers, budget=budget / 3, on_progress=on_progress),
    )
