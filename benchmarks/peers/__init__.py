"""This library beside the others that a JAX user could take."""

from .peer import Edges, Model, Peer, Trainer
from .result import Answer, Edge, Result, Timing
from .run import run
from .table import PEERS

__all__ = [
    "PEERS",
    "Answer",
    "Edge",
    "Edges",
    "Model",
    "Peer",
    "Result",
    "Timing",
    "Trainer",
    "run",
]
