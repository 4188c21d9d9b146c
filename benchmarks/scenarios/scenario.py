"""A scenario: a function to differentiate, its inputs, and the reason it is in a suite."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._equality import equal_by_fields
from ..derivatives.candidate import Candidate


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Scenario:
    """A named function with inputs, in a suite, and how it is to be measured.

    Attributes:
        name: The suite and a name in it, such as `"adbench/gmm_d10_K25"`.
        fn: `fn(*inputs)`, pure and jittable: arrays or pytrees to an array or pytree.
        inputs: The arguments of `fn`.
        purpose: One sentence: what this scenario shows that no other does.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        methods: Names of the methods to run; `"all"` for all that apply, `None` for a first look.
        crossover: Whether to time batches of directions too, and find where the modes cross.
        candidates: Derivatives that this scenario adds, such as a compressed Jacobian.
        oracle: The same function in NumPy float64, written independently of `fn`; the tests check
            every derivative against differences of it.
        dtype: The floating type the scenario runs in; `"float64"` switches JAX's 64-bit mode on.

    Example:
        >>> from gradwise import SUITES
        >>> SUITES["lecture"]("small")["lecture/relu"]()
        Scenario(lecture/relu: A kink, and a derivative of 0 or 1.)
    """

    name: str
    fn: Callable[..., Any]
    inputs: tuple
    purpose: str
    argnums: tuple[int, ...] | None = None
    order: int = 1
    methods: tuple[str, ...] | str | None = None
    candidates: tuple[Candidate, ...] = ()
    crossover: bool = False
    oracle: Callable[..., object] | None = None
    dtype: str = "float32"

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (its inputs have no hash)

    def __repr__(self) -> str:
        return f"Scenario({self.name}: {self.purpose})"


#: Functions that build the scenarios of a suite, by the scenario's name.
Suite = dict[str, Callable[[], Scenario]]
