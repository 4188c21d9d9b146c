"""What was measured of one program: its times, sample by sample."""

from dataclasses import dataclass

import numpy as np

from .._equality import equal_by_fields


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Samples:
    """Seconds per call of one program, one sample in each round that it took part in.

    Attributes:
        rounds: `[samples]` the round of each sample; samples of one round are neighbours in time.
        wall: `[samples]` wall-clock seconds per call.
        cpu: `[samples]` CPU seconds per call, summed over the process's threads.
        calls: Calls in each sample.

    Example:
        >>> from gradwise import Samples
        >>> Samples(rounds=np.arange(2), wall=np.array([2e-3, 4e-3]), cpu=np.ones(2), calls=8)
        Samples(2 of 8 calls, median 3 ms)
    """

    rounds: np.ndarray
    wall: np.ndarray
    cpu: np.ndarray
    calls: int

    @property
    def seconds(self) -> float:
        """Median wall-clock seconds of a call."""
        return float(np.median(self.wall))

    @property
    def cpu_seconds(self) -> float:
        """Median CPU seconds of a call."""
        return float(np.median(self.cpu))

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (arrays have no hash)

    def __repr__(self) -> str:
        from .units import seconds

        return f"Samples({self.wall.size} of {self.calls} calls, median {seconds(self.seconds)})"
