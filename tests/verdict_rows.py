"""Rows of a comparison with times that a test has made up."""

import numpy as np

from benchmarks.comparison.row import Row
from benchmarks.instrument.compile import Memory
from benchmarks.instrument.samples import Samples
from benchmarks.instrument.statistics import ratio


def row(method, mode, wall, total=100, compile_seconds=1.0, *, cpu=None, rounds=30, **more):
    cpu = wall if cpu is None else cpu
    every = np.arange(rounds)
    samples = Samples(
        rounds=every, wall=np.full(rounds, wall), cpu=np.full(rounds, float(cpu)), calls=1
    )
    base = Samples(rounds=every, wall=np.ones(rounds), cpu=np.ones(rounds), calls=1)
    return Row(
        method=method,
        mode=mode,
        kind="jacobian",
        status="ok",
        seconds=wall,
        cpu_seconds=cpu,
        ratio=ratio(samples, base),
        memory=Memory(temporary=total, argument=0, output=0, alias=0),
        compile_seconds=compile_seconds,
        samples=samples,
        **more,
    )


def untimed(method, mode, status, **more):
    return Row(method=method, mode=mode, kind="jacobian", status=status, **more)
