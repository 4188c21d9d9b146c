"""What is said of a pattern: how many passes do, and which inputs do not matter."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ..instrument.text import filled, terminal_width
from ..instrument.units import counted


def passes_told(n: int, m: int, passes: Mapping[str, int], why: Mapping[str, str]) -> list[str]:
    r"""Return a line on the plain modes, and one for each way that takes fewer passes than both.

    Args:
        n: How many passes forward mode takes.
        m: How many reverse mode takes.
        passes: How many do by other ways.
        why: What lets these do with so few, for those of which it is known.

    Example:
        >>> passes = {"coloured (forward, 3)": 3, "coloured (reverse, 20)": 20}
        >>> print(*passes_told(20, 30, passes, {}), sep="\n")
        passes: 20 in forward mode, 30 in reverse mode
                3 by coloured (forward, 3)
        >>> passes_told(1, 1, {}, {})[1:]
        ['        no way was found that takes fewer']
    """
    fewer = {name: count for name, count in passes.items() if count < min(n, m)}
    told = [f"passes: {n:,} in forward mode, {m:,} in reverse mode"]
    if 0 in fewer.values():
        return [*told, "        none is needed: it is zero everywhere"]
    for name, count in fewer.items():
        reason = f": {why[name]}" if why.get(name) else ""
        told.append(f"        {count:,} by {name}{reason}")
    return told if fewer else [*told, "        no way was found that takes fewer"]


def idle_told(columns: np.ndarray, n: int, inputs: Mapping[str, int]) -> list[str]:
    """Return which inputs no output depends on, in words.

    Args:
        columns: The input of each entry of the pattern.
        n: How many inputs there are.
        inputs: How many numbers each array holds, by its name and in their order.

    Example:
        >>> idle_told(np.array([0, 1]), 9, {"argument 0": 5, "argument 1": 4})
        ['no output depends on argument 1', 'nor on 3 of the 5 numbers of argument 0: 2 to 4']
        >>> idle_told(np.array([0]), 2, {"argument 0": 1, "argument 1['b']": 1})
        ["no output depends on argument 1['b']"]
        >>> idle_told(np.array([0]), 1, {"argument 0": 1})
        []
    """
    if sum(inputs.values()) != n:  # a file of an older version does not say which
        count = n - np.unique(columns).size
        return [f"no output depends on {count:,} of the {counted(n, 'input')}"] if count else []
    told = _listed(idle_arrays(columns, inputs))
    for name, places in _idle(columns, inputs).items():
        if 0 < places.size < inputs[name]:
            some = f"{places.size:,} of the {inputs[name]:,}"
            told.append(f"{some} numbers of {name}{_which(places)}")
    return [f"{'nor' if i else 'no output depends'} on {part}" for i, part in enumerate(told)]


def idle_arrays(columns: np.ndarray, inputs: Mapping[str, int]) -> list[str]:
    """Return the names of the arrays of which no output depends on any number.

    Example:
        >>> idle_arrays(np.array([0, 1]), {"argument 0": 5, "argument 1": 4})
        ['argument 1']
    """
    idle = _idle(columns, inputs)
    return [name for name, places in idle.items() if places.size == inputs[name]]


def linear_told(names: Sequence[str], same_by: Collection[str]) -> list[str]:
    """Return a line for each array in which a function is linear.

    Example:
        >>> linear_told(["argument 0", "argument 1"], ["argument 1"])[1]
        'linear in argument 1, by which the derivative is the same for all inputs'
    """
    same = ", by which the derivative is the same for all inputs"
    return [f"linear in {name}{same if name in same_by else ''}" for name in names]


def in_lines(text: str) -> str:
    """Break a line at the terminal's width; further lines begin below its first word, and inside.

    Example:
        >>> in_lines("short")
        'short'
    """
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    return filled(text, indent, terminal_width())


def _idle(columns: np.ndarray, inputs: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Return the places within each array that no entry is of."""
    idle = np.ones(max(sum(inputs.values()), int(columns.max(initial=-1)) + 1), bool)
    idle[columns] = False
    ends = np.cumsum(list(inputs.values()), dtype=np.int64)
    parts = np.split(idle, ends)
    return {name: np.flatnonzero(part) for name, part in zip(inputs, parts, strict=False)}


def _which(places: np.ndarray) -> str:
    """Say which numbers of an array they are, counted from 0, where that is short."""
    first, last = int(places[0]), int(places[-1])
    if first == last:
        return f": {first:,}"
    return f": {first:,} to {last:,}" if last - first + 1 == places.size else ""


def _listed(names: Sequence[str]) -> list[str]:
    """Join names, of many the first ones."""
    if not names:
        return []
    shown = [*names[:4], *([f"{len(names) - 4:,} more"] if len(names) > 4 else [])]
    return [" and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)]
