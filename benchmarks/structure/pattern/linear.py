"""Which operations are linear in the marked numbers.

The program of a JVP or a VJP is, but for custom rules: one may round a cotangent, clip it, or
choose by it. Products along sums of directions do not tell single directions then.
"""

from collections.abc import Sequence

from jax.extend.core import JaxprEqn

from ...program.jaxpr import holds_floats, kind, names
from ...program.primitives import MOVED, PRIMITIVES
from .marks import Marked, Value

#: Linear in all operands together.
_SUMS = names(
    "add add_any complex conj convert_element_type copy cumsum custom_lin device_put fft imag name "
    "neg optimization_barrier real reduce_precision reduce_sum reduce_window_sum scatter-add "
    "scatter-sub sub CheckpointName CheckpointNameFwd "
    "all_gather all_gather_invariant all_to_all layout_constraint pbroadcast pin ppermute psum "
    "psum_invariant pvary reduce_scatter reshard shard_alike sharding_constraint tie unpin "
    "with_memory_space_constraint xla_metadata_value"
)
#: Linear in each operand, as long as no other one is marked.
_PRODUCTS = names(
    "conv_general_dilated dot_general householder_product mul ragged_dot_general scatter-mul"
)
#: Linear in some operands alone.
_LINEAR_IN = {
    "div": (0,),
    "triangular_solve": (1,),
    "tridiagonal_solve": (3,),
    "select_and_gather_add": (0,),
    "select_and_scatter_add": (0,),
}


def is_linear(eqn: JaxprEqn, operands: Sequence[Value]) -> bool:
    """Whether an operation is linear in what is marked of its operands."""
    name = kind(eqn)
    marked = [place for place, operand in enumerate(operands) if isinstance(operand, Marked)]
    known = PRIMITIVES.get(name)
    if name in _SUMS or known is None:  # an unknown one is told of as such
        return all(map(holds_floats, eqn.outvars))
    if name in _PRODUCTS:
        return len(marked) == 1
    if name in _LINEAR_IN:
        return set(marked) <= set(_LINEAR_IN[name])
    if name == "polynomial":  # in its coefficients
        return marked[0] > 0
    if name == "sort":
        return marked[0] >= eqn.params["num_keys"]
    return known.depends == MOVED and not set(marked) & set(range(len(operands))[known.indices])
