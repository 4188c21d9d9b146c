"""Start real processes on one machine, which do the jobs of `process_jobs.py` together."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
HEARTBEAT = 10  # seconds
RATE, EPOCHS, OWN = 0.05, 2, 3  # the rows that a process gives a step
#: Where the rows of each process begin and end, by how many processes there are.
PARTS = {1: [0, 42], 2: [0, 9, 42], 4: [0, 3, 9, 24, 42]}
_random = np.random.default_rng(5)
X = _random.normal(size=(42, 4)).astype(np.float32)
Y = (X @ [[1.0], [-2.0], [3.0], [0.5]] + 0.1 * _random.normal(size=(42, 1))).astype(np.float32)
LABELS = (Y[:, 0] > 0).astype(np.int32)


@contextlib.contextmanager
def group(count, folder, *jobs):
    """Start so many processes, and let none of them live beyond the `with` block.

    Their output goes to files in the folder.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Of a flag given twice the last one counts; the others compile in less time.
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=1"
    env = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags}
    script, started = Path(__file__).with_name("process_jobs.py"), []
    try:
        for number in range(count):
            command = [sys.executable, script, number, count, port, folder, *jobs]
            out, error = (folder / f"{name}{number}" for name in ("out", "error"))
            with out.open("w") as stdout, error.open("w") as stderr:
                started.append(
                    subprocess.Popen(list(map(str, command)), env=env, stdout=stdout, stderr=stderr)
                )
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()


def run(count, folder, *jobs, seconds=300):
    """Return what each process answers to each job: `answers[job][process]`."""
    folder.mkdir(parents=True, exist_ok=True)
    with group(count, folder, *jobs) as started:
        until = time.monotonic() + seconds
        for process in started:
            process.wait(timeout=max(1, until - time.monotonic()))
    told = [answers(folder, number) for number in range(count)]
    for number, process in enumerate(started):
        assert process.returncode == 0, (folder / f"error{number}").read_text()[-3000:]
    return {job: [told[number][job] for number in range(count)] for job in jobs}


def answers(folder, number):
    """What a process has told so far, by job."""
    lines = (folder / f"out{number}").read_text().splitlines()
    return dict(json.loads(line) for line in lines if line.startswith('["'))


def batches_of(number, count, own=OWN):
    """The batches of one process, of which some have more than others."""
    begin, end = PARTS[count][number : number + 2]
    return [(X[i : min(i + own, end)], Y[i : min(i + own, end)]) for i in range(begin, end, own)]
