"""BA: bundle adjustment's residuals, whose Jacobian is sparse: 31 non-zeros an observation."""

from . import chunks
from .blocks import BlockJacobian, apply_blocks, block_jacobian, per_observation
from .csr import Csr, csr_jacobian, csr_places, csr_values, value_and_csr
from .projection import residuals

__all__ = [
    "BlockJacobian",
    "Csr",
    "apply_blocks",
    "block_jacobian",
    "chunks",
    "csr_jacobian",
    "csr_places",
    "csr_values",
    "per_observation",
    "residuals",
    "value_and_csr",
]
