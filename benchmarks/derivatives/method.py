"""A way to differentiate, as a small value: what it is called, what it gives, how it is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from .._equality import equal_by_fields
from .problem import Leaves, Output, Problem


class Probe(NamedTuple):
    """Random directions that products are taken along and every derivative is checked along.

    Attributes:
        tangent: A direction in the inputs, with the structure of `Problem.x`.
        cotangent: Weights of the outputs, with the structure of the output of `Problem.fn`.
    """

    tangent: Leaves
    cotangent: Output


class Zeros(NamedTuple):
    """Where a function is constant but for rounding, as the sum of a softmax is.

    Attributes:
        value: `[m]` how large the terms are that an output is the sum of, where that is zero but
            for rounding; 0 elsewhere.
        slope: `[m]` the same of its derivative along the probe's tangent.
    """

    value: np.ndarray
    slope: np.ndarray


class Truth(NamedTuple):
    """What is known of the derivative in float64, to check every method against.

    Attributes:
        value: `[m]` the function's value.
        jvp: `[m]` the Jacobian times the probe's tangent.
        vjp: `[n]` the probe's cotangent times the Jacobian.
        jacobian: `[m, n]`, or `None` where it is too large to be kept.
        source: How it was found, in words.
        zeros: Which of these are zero but for rounding, and so are zero here; `None` if none are.
    """

    value: np.ndarray
    jvp: np.ndarray
    vjp: np.ndarray
    jacobian: np.ndarray | None
    source: str
    zeros: Zeros | None = None


class Program(NamedTuple):
    """What is compiled and timed: `fn(*args)`, and a remark on how it was chosen."""

    fn: Callable[..., Any]
    args: tuple
    note: str = ""


class Preparation(NamedTuple):
    """Work that has to be done before there is a program to compile.

    Attributes:
        make: `make(seconds_left)` does it and returns the program; it gives up with `GaveUpError`
            when `seconds_left()` is negative.
    """

    make: Callable[[Callable[[], float]], Program]


#: What tells the trials of a search apart: a chunk size, the step of a difference, a name.
Label = int | float | str


class Search(NamedTuple):
    """Programs of which an attempt takes the one of the least figure.

    Attributes:
        trials: The programs by label, in the order in which they are tried.
        by: The figure: the seconds of a call, the bytes of an execution, or how far the result of
            a trial is from the truth.
        note: `note(label, figures)` says in words what was chosen, among which figures by label.
        error: `error(result, jacobian)` returns how far the result of a trial is from the true
            Jacobian `[m, n]`; for `by="error"`.
        chosen: `chosen(label)` returns the program to be timed; the trial itself by default.
        unguided: What to take where no Jacobian is known that a trial could be compared with, or
            there is no time to compare them all.
        beside: Programs whose figures the note sets beside those of the trials, and of which none
            is taken.
    """

    trials: Mapping[Any, Program]
    by: Literal["seconds", "bytes", "error"]
    note: Callable[[Label, Mapping[Label, float]], str]
    error: Callable[[object, np.ndarray], float] | None = None
    chosen: Callable[[Label], Program] | None = None
    unguided: Program | None = None
    beside: Mapping[Any, Program] = MappingProxyType({})

    def program(self, label: Label) -> Program:
        """Return the program of a label that is to be timed."""
        return self.chosen(label) if self.chosen else self.trials[label]


#: What a method is built to: a program, or the way to one.
Description = Program | Preparation | Search


def _one_pass(n: int, m: int) -> int:
    return 1


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Method:
    """A way to take a derivative.

    Attributes:
        name: The row's name.
        mode: `"none"`, `"numerical"`, `"symbolic"`, `"forward"`, `"reverse"` or `"mixed"`.
        kind: What its program returns: `"value"`, `"jvp"`, `"value_and_jvp"`, `"value_and_vjp"`,
            `"value_and_grad"`, `"gradient"`, `"jacobian"`, `"estimate"`, `"hvp"`, `"hessian"`,
            `"diagonal"` or `"trace"`.
        order: The order of the comparisons it belongs to.
        requires: What must be possible for it: keys of `obstacles`, and `"scalar"`.
        exact: Whether its only error is rounding.
        summary: One line that says what it does.
        build: `build(problem, probe)` describes the program; it compiles, runs and times nothing.
        evaluations: `evaluations(n, m)` returns how many runs of the function `n` inputs and `m`
            outputs ask for, at least; a pass forward or backward counts as one.
        bound: `bound(n, m)` returns how many times the function's operations it may cost (Griewank
            and Walther, 2008); `None` where nothing is proved.
        from_user: Whether it is a `Candidate`, whose code nobody else has checked.
        product: `product(result, problem, tangent)` applies a result of another form than that of
            `jax.jacrev` to a tangent, so that it can be checked.
        whole: `whole(result, problem)` brings a result of another form to that of `jax.jacrev`.
        rewrite: Whether it differentiates a rewritten function, whose pattern had a cure.

    Example:
        >>> from gradwise import METHODS
        >>> METHODS[0]
        Method(value: the function itself)
    """

    name: str
    mode: str
    kind: str
    order: int
    requires: tuple[str, ...]
    exact: bool
    summary: str
    build: Callable[[Problem, Probe], Description]
    evaluations: Callable[[int, int], int] = _one_pass
    bound: Callable[[int, int], float] | None = None
    from_user: bool = False
    product: Callable[[object, Problem, Leaves], object] | None = None
    whole: Callable[[Any, Problem], object] | None = None
    rewrite: bool = False

    def __repr__(self) -> str:
        return f"Method({self.name}: {self.summary})"


class InfeasibleError(ValueError):
    """A method cannot be applied to this function; the message says why."""


class WrongShapeError(ValueError):
    """A candidate returned arrays of other shapes than a derivative has."""


class GaveUpError(RuntimeError):
    """A method was tried and outgrew its limits; the message says how far it got."""


def ravel(leaves: object) -> np.ndarray:
    """Return the leaves of a pytree of arrays as one float64 vector."""
    parts = [np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(leaves)]
    return np.concatenate(parts) if parts else np.zeros(0)


def dense(jacobian: tuple, problem: Problem) -> np.ndarray:
    """Return a Jacobian with the structure of `jax.jacrev` as a float64 `[m, n]` array."""
    rows = (jacobian,) if problem.scalar else jacobian
    return np.concatenate([_wide_row(row, problem.x) for row in rows])


def _wide_row(row: tuple, x: Leaves) -> np.ndarray:
    """Return the blocks of one output, `[size, n]`."""
    blocks = [
        np.asarray(block, np.float64).reshape(-1, leaf.size)
        for block, leaf in zip(row, x, strict=True)
        if leaf.size  # an empty one has no columns
    ]
    return np.concatenate(blocks, axis=1)
