"""The rewrites that gradwise carries out, a line each; nothing else lists them.

A rewrite computes the same function, by a program that a pattern's cure would give. Its row is the
plainest derivative of that, and stands beside those of the function as it was written.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, NamedTuple

from ..method import Description, Method, Probe
from ..problem import Problem
from ..table import METHODS
from . import blocks, leaves
from .scans import with_outputs, with_slices, with_stacked_carries
from .unrolled import as_loops


class Rewrite(NamedTuple):
    """A cure that gradwise carries out itself.

    Attributes:
        row: The name of its row.
        summary: One line that says what it does.
        gain: What it is to make less of, as a field of a row: `"seconds"`, `"bytes"` or
            `"compile_seconds"`.
        fn: `fn(f)` returns the rewritten function; `None` where another thing is changed.
        build: Describes the derivative where the function alone does not say it.
        whole: Brings a derivative of another form to that of `jax.jacrev`.
    """

    row: str
    summary: str
    gain: str
    fn: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
    build: Callable[[Problem, Probe], Description] | None = None
    whole: Callable[[Any, Problem], object] | None = None


#: The rewrites by the pattern that they cure.
REWRITES: dict[str, Rewrite] = {
    "carried buffer": Rewrite(
        "scan outputs (rewrite)", "rows as outputs of the scan", "seconds", fn=with_outputs
    ),
    "gather in a loop": Rewrite(
        "scan slices (rewrite)", "rows as slices of the scan", "seconds", fn=with_slices
    ),
    "scalar carries": Rewrite(
        "stacked carries (rewrite)",
        "single numbers of a loop as one array",
        "seconds",
        fn=with_stacked_carries,
    ),
    "scalar leaves": Rewrite(
        "stacked (rewrite)",
        "single inputs as one array",
        "seconds",
        build=leaves.stacked,
        whole=leaves.whole,
    ),
    "repetition": Rewrite(
        "written once (rewrite)", "what is written out as a loop", "compile_seconds", fn=as_loops
    ),
    "whole checkpoint": Rewrite(
        "checkpoint in blocks (rewrite)",
        "checkpoints around blocks, not around the whole",
        "bytes",
        build=blocks.in_blocks,
    ),
}


def rewrites(
    patterns: Collection[str], problem: Problem, *, order: int = 1, stops: Collection[str] = ()
) -> tuple[Method, ...]:
    """Return the methods that rewrite a function with some patterns, in the order of the table.

    Args:
        patterns: What was found in the function's program.
        problem: What is differentiated.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        stops: The modes that are impossible.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jnp.sum(x), (jnp.ones(3),))
        >>> [method.name for method in rewrites(["carried buffer"], problem)]
        ['scan outputs (rewrite)']
    """
    base = _base(problem, order, stops)
    chosen = [rewrite for pattern, rewrite in REWRITES.items() if pattern in patterns]
    return tuple(_method(each, base) for each in chosen if each.fn or order == 1)


def _base(problem: Problem, order: int, stops: Collection[str]) -> Method:
    """Return the plainest derivative that the rewritten function is differentiated by."""
    name = "reverse" if problem.m <= problem.n and "reverse" not in stops else "forward"
    name = "forward_over_reverse" if order == 2 else name
    return next(method for method in METHODS if (method.order, method.name) == (order, name))


def _method(rewrite: Rewrite, base: Method) -> Method:
    def build(problem: Problem, probe: Probe) -> Description:
        if rewrite.build is not None:
            return rewrite.build(problem, probe)
        assert rewrite.fn is not None
        return base.build(problem._replace(fn=rewrite.fn(problem.fn)), probe)

    return replace(
        base,
        name=rewrite.row,
        summary=rewrite.summary,
        build=build,
        whole=rewrite.whole,
        rewrite=True,
    )
