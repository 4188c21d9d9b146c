"""gradwise and the other libraries that a JAX user could take, compared."""

from .compare import compare_peers
from .peer import EdgeFunctions, Model, Peer, Trainer
from .result import Answer, Edge, Result, Timing
from .table import PEERS

__all__ = [
    "PEERS",
    "Answer",
    "Edge",
    "EdgeFunctions",
    "Model",
    "Peer",
    "Result",
    "Timing",
    "Trainer",
    "compare_peers",
]
