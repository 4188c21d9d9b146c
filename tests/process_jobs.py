"""What real processes do together, by name: `process_group.run` starts them.

A job is a function of a `Job`, which knows this process's number, how many there are, and a folder
that all of them share. What it returns is told to the test as JSON, an error as its type and text.
"""

import json
import sys
from pathlib import Path

import process_ending_jobs
import process_evaluation_jobs
import process_spread_jobs
import process_training_jobs
from process_group import HEARTBEAT
from process_job import Job

JOBS = vars(process_training_jobs) | vars(process_ending_jobs)
JOBS |= vars(process_spread_jobs) | vars(process_evaluation_jobs)


def main(number, count, port, folder, *jobs):
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    address = f"127.0.0.1:{port}"
    if count > 1:
        jax.distributed.initialize(address, count, number, heartbeat_timeout_seconds=HEARTBEAT)
    job = Job(number, count, folder)
    for name in jobs:
        try:
            answer = JOBS[name](job)
        except Exception as error:
            lost = getattr(error, "lost", None)
            answer = {"error": type(error).__name__, "text": str(error), "lost": lost}
            if lost:
                raise
        print(json.dumps([name, answer]), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), Path(sys.argv[4]), *sys.argv[5:])
