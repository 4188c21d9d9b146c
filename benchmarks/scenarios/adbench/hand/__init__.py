"""HAND: the vertices of a posed hand against measured points, a Jacobian of few inputs."""

from .by_finger import value_and_complicated, value_and_simple
from .compressed import (
    apply_compressed,
    complicated_jacobian,
    simple_jacobian,
    transforms_jacobian,
    vertices_jacobian,
)
from .model import ANGLES, BONES, FINGERS, GLOBAL, THETA, Hand, Model, prepare
from .posing import transforms, vertices
from .residuals import complicated, simple

__all__ = [
    "ANGLES",
    "BONES",
    "FINGERS",
    "GLOBAL",
    "THETA",
    "Hand",
    "Model",
    "apply_compressed",
    "complicated",
    "complicated_jacobian",
    "prepare",
    "simple",
    "simple_jacobian",
    "transforms",
    "transforms_jacobian",
    "value_and_complicated",
    "value_and_simple",
    "vertices",
    "vertices_jacobian",
]
