"""Draw the patterns of docs/explain/structure.md, and print its table.

`uv run python docs/structures.py docs/pictures` takes about a minute. With `--only-pictures` it
measures nothing.
"""

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gradwise import derivative, jacobian, structure
from gradwise.benchmarks.instrument import units
from gradwise.benchmarks.instrument.text import markdown_table
from gradwise.benchmarks.instrument.timing import interleave
from gradwise.benchmarks.scenarios.structure import KNOWN
from gradwise.benchmarks.structure.choosing.judged import regret_of

#: The five, by their names in the suite `structure`.
FIVE = ("stencil", "brusselator", "arrow", "bundle_adjustment", "networks")


def inputs_of(name: str) -> tuple:
    """Return the inputs of a function of the suite at its medium size, in float32."""
    case = KNOWN[name]
    drawn = case.inputs(np.random.default_rng(0), case.sizes[1])
    return tuple(jnp.asarray(x, jnp.float32 if x.dtype.kind == "f" else x.dtype) for x in drawn)


def draw(folder: Path) -> None:
    """Write the patterns."""
    for name in FIVE:
        case = KNOWN[name]
        found = structure(case.fn, *inputs_of(name), argnums=case.argnums)
        (folder / f"structure_{name}.svg").write_text(found.sketch.svg(name, alone=True) + "\n")


def gain_as_csr(name: str, mode: str) -> float:
    """Return how many times faster than a plain mode's dense result the numbers alone are."""
    case, inputs = KNOWN[name], inputs_of(name)
    numbers = jacobian(case.fn, *inputs, argnums=case.argnums, output="csr")
    dense = jax.jit(derivative(case.fn, mode, argnums=case.argnums))
    calls = {"numbers": partial(numbers, *inputs), "dense": partial(dense, *inputs)}
    samples = interleave(calls, budget=3.0)[0]
    return samples["dense"].seconds / samples["numbers"].seconds


def table() -> list[str]:
    """Measure the five, and return what the page shows of each."""
    lines = [["function", "inputs", "outputs", "best way", "time", "better mode", "gain", "as CSR"]]
    for name in FIVE:
        case = KNOWN[name]
        one = regret_of(case.fn, *inputs_of(name), argnums=case.argnums, name=name, budget=3.0)
        plain = min((one.seconds[mode], mode) for mode in ("forward", "reverse"))
        best = one.seconds[one.best]
        unbroken = [units.seconds(time).replace(" ", "\u00a0") for time in (best, plain[0])]
        times = unbroken[0], f"{unbroken[1]} ({plain[1]})"
        gains = units.times(plain[0] / best), units.times(gain_as_csr(name, plain[1]))
        lines.append([name, f"{one.n:,}", f"{one.m:,}", one.best, *times, *gains])
    return markdown_table(lines)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    draw(Path(arguments[0] if arguments else "docs/pictures"))
    if "--only-pictures" not in sys.argv:
        print("\n".join(table()))
