"""A scenario: a function to differentiate, its inputs, and the reason it is in a suite."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..derivatives import Candidate


class Scenario(NamedTuple):
    """A function, its inputs and how it is to be measured; `compare(fn, *inputs)` with a name.

    Attributes:
        name: `"suite/case"`, such as `"adbench/gmm_d10_K25"`.
        fn: `fn(*inputs)`, pure and jittable: arrays or pytrees to an array or pytree.
        inputs: The arguments of `fn`.
        why: One sentence: what this case shows that no other does.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        methods: Names of the methods to run; `None` for all that apply.
        crossover: Whether batches of directions are timed too, to see where the modes cross.
        candidates: Derivatives of the scenario's own, such as a compressed Jacobian.
        oracle: An independent NumPy float64 form of `fn`; its differences check every derivative.
        dtype: The floating type the scenario runs in; `"float64"` switches JAX's 64-bit mode on.
    """

    name: str
    fn: Callable[..., Any]
    inputs: tuple
    why: str
    argnums: tuple[int, ...] | None = None
    order: int = 1
    methods: tuple[str, ...] | None = None
    candidates: tuple[Candidate, ...] = ()
    crossover: bool = False
    oracle: Callable[..., Any] | None = None
    dtype: str = "float32"


#: What a suite is: the cases of a size by name, each built only when it is called for.
Cases = dict[str, Callable[[], Scenario]]
