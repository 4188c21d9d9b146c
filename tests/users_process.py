"""Processes of a user's, in a folder of the user's, with gradwise from a clone or from a wheel."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = ("nn", "losses", "train", "benchmarks")
#: A module of a user's that imports the user's own `train`.
MODEL = """
import train
import jax.numpy as jnp

assert train.MINE


def case():
    return lambda x: jnp.sum(x * train.FACTOR), (jnp.ones(3),)
"""


def run(place, folder, *arguments):
    """Run Python in the folder, which is first on the path; gradwise comes from `place`."""
    path = os.pathsep.join([str(folder), str(place)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
