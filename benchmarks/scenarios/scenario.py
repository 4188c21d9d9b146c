"""A scenario: a function to differentiate, its inputs, and the reason it is in a suite."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """A derivative of one's own, to stand in the table beside the library's methods.

    Attributes:
        name: The row's name, such as `"blocks"`.
        mode: `"forward"`, `"reverse"` or `"mixed"`: which mode it is built from.
        derivative: `derivative(*inputs)`, jittable, gives the derivative in any form.
        product: `product(derivative, tangents)` gives the derivative applied to `tangents`, a
            tuple with the structure of the differentiated inputs; the result has the structure of
            the function's output. It is how a sparse or blocked derivative is checked. `None` if
            `derivative` has the structure of `jax.jacrev(fn, argnums)`.
    """

    name: str
    mode: str
    derivative: Callable[..., Any]
    product: Callable[[Any, tuple], Any] | None = None


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
    oracle: Callable[..., Any] | None = None
    dtype: str = "float32"


#: What a suite is: the cases of a size by name, each built only when it is called for.
Cases = dict[str, Callable[[], Scenario]]
