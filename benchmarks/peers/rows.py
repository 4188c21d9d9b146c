"""One row for each library: its figures, or the reason why there are none."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ..instrument.samples import Samples
from ..instrument.statistics import Ratio, ratio
from .handwritten import PEER as BASE
from .peer import Peer
from .result import Timing

Built = TypeVar("Built")
OnProgress = Callable[[str, float], None]


def build_all(
    peers: Sequence[Peer], build: Callable[[Peer], Built]
) -> tuple[dict[str, Built], dict[str, str]]:
    """What `build` gives by library, and for the others by library why there is nothing."""
    built, notes = {}, {}
    for peer in peers:
        if peer.missing:
            notes[peer.name] = peer.missing
            continue
        try:
            built[peer.name] = build(peer)
        except Exception as error:  # a library that breaks must not take the others with it
            notes[peer.name] = told(error)
    return built, notes


def told(error: Exception) -> str:
    """An exception in one line."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"


def as_samples(seconds: Sequence[float]) -> Samples:
    """Times that were taken one a round, of what is too slow to be repeated within one."""
    nothing = np.full(len(seconds), np.nan)
    return Samples(rounds=np.arange(len(seconds)), wall=np.array(seconds), cpu=nothing, calls=1)


def timing_rows(
    peers: Sequence[Peer],
    notes: Mapping[str, str],
    steps: Mapping[str, Samples],
    compilations: Mapping[str, Samples],
) -> tuple[Timing, ...]:
    """A row for each library, its figures beside those of the hand-written one."""

    def row(name: str) -> Timing:
        if name in notes:
            return Timing(name, notes[name])
        step, compilation = _figures(name, steps), _figures(name, compilations)
        return Timing(name, "", *step, *compilation)

    return tuple(row(peer.name) for peer in peers)


def _figures(name: str, samples: Mapping[str, Samples]) -> tuple[float | None, Ratio | None]:
    """Median seconds and the ratio to the hand-written one, where there are samples."""
    if name not in samples:
        return None, None
    base = samples.get(BASE.name)
    found = ratio(samples[name], base) if base else None
    return float(np.median(samples[name].wall)), found
