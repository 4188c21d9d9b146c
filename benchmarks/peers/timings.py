"""One timing for each library: its figures, or the reason why there are none."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ..instrument.samples import Samples
from ..instrument.statistics import Ratio, ratio
from .handwritten import PEER as BASE
from .peer import Peer
from .result import Timing

Built = TypeVar("Built")
#: `on_progress(text, share)` is told what is being done, and the share of the work that is done.
OnProgress = Callable[[str, float], None]


def build_all(
    peers: Sequence[Peer], build: Callable[[Peer], Built]
) -> tuple[dict[str, Built], dict[str, str]]:
    """Call `build` for every installed peer; a peer that raises does not stop the others.

    Returns:
        What `build` returned, by the peer's name; and for the others, likewise, why there is
        nothing.

    Example:
        >>> peers = Peer(name="flax"), Peer(name="torch", packages=("no_such_library",))
        >>> build_all(peers, lambda peer: len(peer.name))
        ({'flax': 4}, {'torch': 'not installed: no_such_library'})
    """
    built, notes = {}, {}
    for peer in peers:
        if peer.missing:
            notes[peer.name] = peer.missing
            continue
        try:
            built[peer.name] = build(peer)
        except Exception as error:  # whatever a library raises is its line of the table
            notes[peer.name] = in_one_line(error)
    return built, notes


def in_one_line(error: Exception) -> str:
    r"""Return the type of an exception and the first line of its message.

    Example:
        >>> in_one_line(ValueError("no such layer\nand much more"))
        'ValueError: no such layer'
    """
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"


def as_samples(seconds: Sequence[float]) -> Samples:
    """Return times as samples of one call a round, for what is too slow to be repeated in a round.

    Example:
        >>> as_samples([1.0, 3.0])
        Samples(2 of 1 calls, median 2 s)
    """
    unknown = np.full(len(seconds), np.nan)
    return Samples(rounds=np.arange(len(seconds)), wall=np.array(seconds), cpu=unknown, calls=1)


def timings_of(
    peers: Sequence[Peer],
    notes: Mapping[str, str],
    steps: Mapping[str, Samples],
    compilations: Mapping[str, Samples],
) -> tuple[Timing, ...]:
    """Return a timing for each library, its ratios over the hand-written step.

    Args:
        peers: The libraries, in the order of the timings.
        notes: Why a library has no samples, by its name.
        steps: The samples of a training step, by library.
        compilations: The samples of its compilation, by library.

    Example:
        >>> steps = {"hand-written JAX": as_samples([1.0]), "flax": as_samples([3.0])}
        >>> timings_of([Peer(name="flax")], {}, steps, {})[0].ratio.median
        3.0
    """

    def timing(name: str) -> Timing:
        if name in notes:
            return Timing(name=name, note=notes[name])
        seconds, over_base = _median_and_ratio(name, steps)
        compile_seconds, compile_ratio = _median_and_ratio(name, compilations)
        return Timing(
            name=name,
            seconds=seconds,
            ratio=over_base,
            compile_seconds=compile_seconds,
            compile_ratio=compile_ratio,
        )

    return tuple(timing(peer.name) for peer in peers)


def _median_and_ratio(
    name: str, samples: Mapping[str, Samples]
) -> tuple[float | None, Ratio | None]:
    """Return a library's median seconds and its ratio to the base, where there are samples."""
    if name not in samples:
        return None, None
    base = samples.get(BASE.name)
    return samples[name].seconds, ratio(samples[name], base) if base else None
