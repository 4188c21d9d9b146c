"""The one table of JAX's primitives: what each costs, depends on, lets pass, and reads as."""

from .cost import Cost
from .lookup import cost_of, has_slope, index_places, moves, passes_complex_step, without_formula
from .reading import Nodes, chosen, spread
from .table import AXES, MIXED, MOVED, NOTHING, PLACE, PRIMITIVES, Primitive
from .uncounted import UNCOUNTED, WITH_PROGRAMS

__all__ = [
    "AXES",
    "MIXED",
    "MOVED",
    "NOTHING",
    "PLACE",
    "PRIMITIVES",
    "UNCOUNTED",
    "WITH_PROGRAMS",
    "Cost",
    "Nodes",
    "Primitive",
    "chosen",
    "cost_of",
    "has_slope",
    "index_places",
    "moves",
    "passes_complex_step",
    "spread",
    "without_formula",
]
