"""What the tests of patterns share: the advice on a function, and the lines of its source."""

import inspect

import jax

from benchmarks.derivatives.problem import make_problem
from benchmarks.program.jaxpr import trace
from benchmarks.program.patterns import find_advice


def advice_on(fn, *inputs, argnums=None):
    """What is said of a function at inputs, as `compare` asks for it."""
    problem = make_problem(fn, inputs, argnums=argnums)
    program = trace(problem.fn, problem.x, problem.fixed)
    found = find_advice(program, [True] * len(problem.x) + [False] * len(problem.fixed))
    assert all(len(line) <= 67 for advice in found for line in advice.code.splitlines())
    return found


def patterns_of(fn, *inputs, argnums=None):
    """The names of the patterns alone, the weightiest first."""
    return [advice.pattern for advice in advice_on(fn, *inputs, argnums=argnums)]


def line_with(fn, text):
    """The number of the only line of a function, or of those in it, that holds a text."""
    lines, start = inspect.getsourcelines(fn)
    (found,) = [start + offset for offset, line in enumerate(lines) if text in line]
    return found


def told_at(advice, fn, text):
    """Whether advice names the line of a function that holds a text, in the function's file."""
    file = inspect.getsourcefile(fn).rpartition("/")[2]
    return advice.line.startswith(f"{file}:{line_with(fn, text)} (")


def executed(code, **names):
    """The names that code as it is typed leaves behind."""
    scope = {"jax": jax, "jnp": jax.numpy} | names
    exec(code, scope)
    return scope
