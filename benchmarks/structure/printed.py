"""What `print` shows of a Jacobian: how it is taken, why, and what it was chosen from."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from .._equality import equal_by_fields
from ..instrument import units
from ..instrument.text import fitted
from .forms.operators import PRODUCTS

#: The note of a record whose times are not believed.
BUSY = "the machine was busy: the way of fewest operations is taken"
_PLAIN = ("forward", "reverse")


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Rival:
    """A way to take a Jacobian that was weighed.

    Attributes:
        name: Such as `"coloured (forward, 3)"`.
        passes: How many directions it pushes or pulls.
        seconds: Median seconds of a call, of an operator with ten products; `None` if it was not
            measured.
        why: What lets it do with so few passes; `""` for JAX's own modes.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import jacobian
        >>> jacobian(jnp.cumsum, jnp.ones(3), measure=False).rivals[-1]
        Rival(name='reverse', passes=3, seconds=None, why='')
    """

    name: str
    passes: int
    seconds: float | None = None
    why: str = ""


def headed(what: str, name: str, m: int, n: int, entries: int | None) -> str:
    """Return the first line.

    Example:
        >>> headed("Jacobian", "stencil", 8, 10, 24)
        'Jacobian of stencil: 8 x 10, 24 of 80 entries may be non-zero'
        >>> headed("Hessian", "energy", 10, 10, 100)
        'Hessian of energy: 10 x 10, all of it may be non-zero'
    """
    share = "" if entries is None else f", {entries:,} of {m * n:,} entries may be non-zero"
    if entries is not None and entries == m * n:
        share = ", all of it may be non-zero"
    return f"{what} of {name}: {m:,} x {n:,}{share}"


def why_taken(
    rivals: Sequence[Rival], way: str, m: int, n: int, about: str, notes: Sequence[str] = ()
) -> str:
    """Return which way is taken of its rivals, and what that saves.

    Args:
        rivals: What it was chosen from.
        way: The name of the one that is taken.
        m: How many outputs there are.
        n: How many inputs there are.
        about: What the pattern looks like, and the function's line.
        notes: The record's notes: of a busy machine no times are compared.

    Example:
        >>> rivals = [Rival(name="coloured (forward, 3)", passes=3)]
        >>> why_taken(rivals, "coloured (forward, 3)", 8, 10, "a stencil, model.py:3")
        '3 colours in forward mode do for 10 inputs (a stencil, model.py:3)'
    """
    chosen = next(rival for rival in rivals if rival.name == way)
    text = _passes(chosen, rivals, m, n, about)
    wanted = _PLAIN if way != "products" else tuple(r.name for r in rivals if r is not chosen)
    others = [r for r in rivals if r.seconds and r.name in wanted]
    if not (others and chosen.seconds) or way in _PLAIN or BUSY in notes:
        return text
    best = min(others, key=lambda rival: rival.seconds or 0.0)
    factor = (best.seconds or 0.0) / chosen.seconds
    return f"{text}; {units.times(factor)} times faster than {best.name}" if factor > 1 else text


def _passes(chosen: Rival, rivals: Sequence[Rival], m: int, n: int, about: str) -> str:
    """Say how many passes do for how many inputs, and why."""
    way = chosen.name
    if way.startswith("coloured"):
        return f"{_by_colours(way, m, n)}{f' ({about})' if about else ''}"
    if way == "constant":
        return "it is the same for all inputs, and was computed once"
    if way in _PLAIN:
        fewer = any(rival.name not in _PLAIN for rival in rivals)
        found = "is faster" if fewer else "was found"
        return f"by {way} mode: nothing that takes fewer passes {found}"
    if way == "products":
        return "by products of both modes, each as it is asked for"
    do = "pass does" if chosen.passes == 1 else "passes do"
    sizes = f"{units.counted(n, 'input')} and {units.counted(m, 'output')}"
    text = f"by {way}: {chosen.passes:,} {do} for {sizes}"
    return text + (f" ({chosen.why})" if chosen.why else "")


def _by_colours(way: str, m: int, n: int) -> str:
    sides = re.findall(r"(forward|reverse), ([\d,]*\d)", way)
    told = [f"{count} colour{'s' * (count != '1')} in {mode} mode" for mode, count in sides]
    backwards = sides[0][0] == "reverse"
    sizes = units.counted(m, "output") if backwards else units.counted(n, "input")
    do = "does" if [count for _, count in sides] == ["1"] else "do"
    return f"{' and '.join(told)} {do} for {sizes}"


def tabled(rivals: Sequence[Rival], way: str, width: int, *, operator: bool) -> list[str]:
    r"""Return the table of the ways, in lines of at most `width` characters.

    Example:
        >>> one = Rival(name="reverse", passes=1)
        >>> print(*tabled([one], "reverse", 80, operator=False), sep="\n")
           way      passes          time
        ----------  ------  ------------
        -> reverse       1  not measured
    """
    rows = [
        [
            f"{'->' if rival.name == way else '  '} {rival.name}",
            f"{rival.passes:,}" + (" each" if rival.name == "products" else ""),
            "not measured" if rival.seconds is None else units.seconds(rival.seconds),
        ]
        for rival in rivals
    ]
    time = f"{PRODUCTS} products" if operator else "time"
    return fitted([["   way", "passes", time], *rows], width).lines


def ties(rivals: Sequence[Rival], way: str, notes: Sequence[str]) -> list[str]:
    """Say why what was measured to be a little faster is not taken.

    Example:
        >>> pair = [Rival(name=name, passes=4, seconds=s) for name, s in (("a", 1.05), ("b", 1.0))]
        >>> ties(pair, "a", ())
        ['a and b are as fast: of these the one of fewer operations is taken']
    """
    chosen = next(rival for rival in rivals if rival.name == way)
    faster = [r.name for r in rivals if r.seconds and r.seconds < (chosen.seconds or 0.0)]
    if not faster or BUSY in notes:
        return []
    names = f"{', '.join([way, *faster[:-1]])} and {faster[-1]}"
    return [f"{names} are as fast: of these the one of fewer operations is taken"]


def wrapped(text: str, width: int) -> str:
    """Break a text into lines; a number stays with the word that it counts, a name is whole.

    Example:
        >>> print(wrapped("it is 12.5 times faster than that", 14))
        it is
            12.5 times
            faster
            than that
    """
    glued = re.sub(r"(\d) (?=\w)", "\\1\u00a0", text)
    broken = textwrap.fill(
        glued, width, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )
    return broken.replace("\u00a0", " ")
