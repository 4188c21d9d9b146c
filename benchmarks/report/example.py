"""A comparison made by hand, without noise, for examples in docstrings and for tests."""

import numpy as np

from ..comparison.findings import Crossover, Finding, ModeLine, Verdict
from ..comparison.record import Comparison
from ..comparison.row import Flops, Row
from ..instrument.compile import Memory
from ..instrument.samples import Samples
from ..instrument.statistics import Estimate, Ratio


def _exact(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value)


def exactly(value: float) -> Ratio:
    """Return a ratio that was measured without noise."""
    return Ratio(
        median=value,
        low=value,
        high=value,
        least=value,
        most=value,
        below=float(value < 1) if value != 1 else 0.5,
        rounds=9,
    )


def _row(method: str, mode: str, kind: str, *, cost: float, size: int, error: float) -> Row:
    """Return a row whose samples all take `cost` times 10 us."""
    seconds = cost * 1e-5
    wall = np.full(9, seconds)
    operations = round(cost * 100)
    transform = {"reverse": "jax.grad(sine)", "forward": "jax.jacfwd(sine)"}.get(method)
    return Row(
        method=method,
        mode=mode,
        kind=kind,
        status="ok",
        exact=mode != "numerical",
        error=error,
        seconds=seconds,
        cpu_seconds=seconds,
        ratio=exactly(cost),
        bound=4.0 if mode == "reverse" else None,
        flops=Flops(low=operations, mean=operations, high=operations),
        memory=Memory(temporary=size, argument=20, output=20, alias=0),
        compile_seconds=0.05 * cost,
        samples=Samples(rounds=np.arange(9), wall=wall, cpu=wall, calls=100),
        use=f"jax.jit({transform})" if transform else "",
    )


#: Four rows, a verdict and a crossover; reverse mode is the fastest, forward mode the smallest.
EXAMPLE = Comparison(
    name="suite/sine",
    rows=(
        _row("value", "none", "value", cost=1.0, size=0, error=0.0),
        _row("numerical", "numerical", "jacobian", cost=11.0, size=200, error=1e-3),
        _row("forward", "forward", "jacobian", cost=6.0, size=100, error=2e-7),
        _row("reverse", "reverse", "jacobian", cost=2.0, size=300, error=1e-7),
    ),
    verdict=Verdict(
        time=Finding(
            method="reverse",
            factor=3.0,
            over="forward",
            confidence=1.0,
            take="reverse",
            text="reverse: 3 times faster than forward",
        ),
        memory=Finding(
            method="forward", take="forward", text="forward: 140 B against 340 B of reverse"
        ),
        compile=Finding(
            method="reverse", take="reverse", text="reverse: 100 ms against 300 ms of forward"
        ),
        why="Forward needs 5 tangents.",
    ),
    n=5,
    m=1,
    order=1,
    dtype="float32",
    floor=1e-6,
    residuals=("20 B in all",),
    crossover=Crossover(
        forward=ModeLine(
            sizes=(1, 4), seconds=(2e-5, 5e-5), intercept=_exact(1e-5), slope=_exact(1e-5)
        ),
        reverse=ModeLine(
            sizes=(1, 4), seconds=(4e-5, 1e-4), intercept=_exact(2e-5), slope=_exact(2e-5)
        ),
        inputs=Estimate(value=3.0, low=2.0, high=np.inf),
    ),
    purpose="A sum of sines.",
    environment={"packages": {"jax": "0.10.2"}, "device": "cpu", "cores": 2},
)
