"""gradwise and the other libraries that a JAX user could take, compared."""

from .compare import compare_peers
from .peer import EdgeFunctions, Model, Peer, SparseJacobian, Trainer
from .result import Answer, Edge, Result, SparseTiming, Timing
from .table import PEERS

__all__ = [
    "PEERS",
    "Answer",
    "Edge",
    "EdgeFunctions",
    "Model",
    "Peer",
    "Result",
    "SparseJacobian",
    "SparseTiming",
    "Timing",
    "Trainer",
    "compare_peers",
]
