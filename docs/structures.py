"""Draw the patterns of docs/explain/structure.md, and print its table.

`uv run python docs/structures.py docs/pictures` takes about a minute. With `--only-pictures` it
measures nothing.
"""

import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from gradwise import structure
from gradwise.benchmarks.instrument import units
from gradwise.benchmarks.instrument.text import markdown_table
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


def table() -> list[str]:
    """Measure the five, and return what the page shows of each."""
    lines = [["function", "inputs", "outputs", "best way", "time", "better mode", "gain"]]
    for name in FIVE:
        case = KNOWN[name]
        one = regret_of(case.fn, *inputs_of(name), argnums=case.argnums, name=name, budget=3.0)
        plain = min((one.seconds[mode], mode) for mode in ("forward", "reverse"))
        best = one.seconds[one.best]
        times = f"{units.seconds(best)}", f"{units.seconds(plain[0])} ({plain[1]})"
        gain = f"{plain[0] / best:.1f}"
        lines.append([name, f"{one.n:,}", f"{one.m:,}", one.best, *times, gain])
    return markdown_table(lines)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    draw(Path(arguments[0] if arguments else "docs/pictures"))
    if "--only-pictures" not in sys.argv:
        print("\n".join(table()))
