"""Everything that is compared with other libraries, in one result."""

from collections.abc import Sequence

from ..instrument.environment import environment
from .edges import ask_all
from .peer import Peer, versions
from .result import Result
from .rows import OnProgress
from .search import search_timings
from .steps import step_timings
from .table import PEERS
from .task import make_task
from .training import digits_task, training_timings


def run(
    *,
    train: bool = False,
    peers: Sequence[Peer] = PEERS,
    budget: float = 30.0,
    on_progress: OnProgress = lambda text, share: None,
) -> Result:
    """This library beside its peers: edge cases and the time of a step, or whole trainings.

    Args:
        train: Whole trainings of the digits network and a search instead of edge cases and steps.
        peers: The libraries; one that is not installed, or that fails, is a row that says so.
        budget: Seconds of timing, all libraries together; compilation comes on top.
        on_progress: Told what is being done, and the share of it that is.

    Returns:
        A `Result`: `print` it, or take its `to_dict()` for JSON.
    """
    if train:
        rows = training_timings(peers, digits_task(), budget=budget, on_progress=on_progress)
        searches = search_timings(on_progress=on_progress)
        return Result((), rows, environment(), versions(peers), searches)
    on_progress("edge cases", 0.0)
    edges = ask_all(peers)
    networks = [peer for peer in peers if peer.model is not None]
    task = make_task((784, 512, 512, 10), rate=0.2, batch=256)
    rows = step_timings(networks, task, budget=budget, on_progress=on_progress)
    return Result(edges, rows, environment(), versions(peers))
