"""The record that `jacobian` and `hessian` hand back: a derivative, and why it is taken so."""

import html
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

from scipy.sparse import csr_array

from .._equality import equal_by_fields
from ..instrument import units
from ..instrument.unwatched import unwatched
from .drawing.sketching import sketch_of
from .forms.made import Made

#: Columns of a terminal that what `print` shows fits into.
_WIDTH = 80


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Rival:
    """A way to take a Jacobian that was weighed.

    Attributes:
        name: Such as `"coloured (forward, 3)"`.
        passes: How many directions it pushes or pulls.
        seconds: Median seconds of a call; `None` if it was not measured.
        why: What lets it do with so few passes; `""` for JAX's own modes.
    """

    name: str
    passes: int
    seconds: float | None = None
    why: str = ""


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Jacobian:
    """A Jacobian or a Hessian as a function of the inputs of the function that it is of.

    `print(jacobian)` says which way it is taken, and why.

    Attributes:
        name: The function's name.
        order: 1 for a Jacobian, 2 for a Hessian.
        n: How many numbers are differentiated.
        m: How many numbers the output holds; for a Hessian as many as inputs.
        way: How it is taken, such as `"coloured (forward, 3)"`, `"cut (4)"` (through 4 numbers),
            `"split (2+1+2)"` (2 numbers held still, 1 colour), `"vmap (256 examples)"`,
            `"constant"`, `"reverse"`, or for an operator `"products"`.
        rivals: What it was chosen from.
        entries: How many numbers of it may be other than zero; `None` if nobody knows.
        output: `"dense"`, `"csr"`, `"bcoo"` or `"operator"`.
        notes: What else a reader should know.
        shape: What the pattern looks like, such as `"a stencil"`; `""` if it has no name.
        line: Where the function is written, such as `"model.py:3"`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import jacobian
        >>> square = jacobian(lambda x: x**2, jnp.ones(3), output="csr", measure=False)
        >>> isinstance(square, Jacobian), square.entries, square(jnp.arange(3.0)).data.tolist()
        (True, 3, [0.0, 2.0, 4.0])
    """

    name: str
    order: int
    n: int
    m: int
    way: str
    rivals: tuple[Rival, ...]
    entries: int | None
    output: str
    notes: tuple[str, ...] = ()
    shape: str = ""
    line: str = ""
    _made: Made | None = field(default=None, compare=False)

    def __call__(self, *inputs: Any) -> Any:
        """Return the derivative at the inputs, in the form of `jax.jacrev(fn, argnums)`.

        As a sparse array it is a matrix, `[m, n]`, whose rows are the numbers of the outputs and
        whose columns are those of the differentiated inputs, in their order.

        Raises:
            ValueError: If the inputs have other shapes or dtypes than those that it was made for,
                or other whole numbers where these decide what depends on what.
        """
        made = self._made or self._way()
        return made(*inputs)

    def check(self, *inputs: Any) -> bool:
        """Return whether the derivative is right at other inputs, by products in float64.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> jacobian(jnp.sin, jnp.ones(3), measure=False).check(jnp.zeros(3))
            True
        """
        made = self._way()
        x, fixed = made.read(inputs)
        with unwatched():
            return made.is_right(made.problem._replace(x=x, fixed=fixed), points=1)

    def _way(self) -> Made:
        if self._made is None:
            raise ValueError("this record has no function: get one from gradwise.jacobian")
        return self._made

    def __repr__(self) -> str:
        return f"{'Hessian' if self.order == 2 else 'Jacobian'}({self.name}: {self.way})"

    @property
    def pattern(self) -> csr_array | None:
        """Where it may be other than zero, `[m, n]`, as a sparse matrix; `None` if nobody knows.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> jacobian(jnp.sin, jnp.ones(3), measure=False).pattern.indices.tolist()
            [0, 1, 2]
        """
        known = self._made.pattern if self._made else None
        return known.rows if known else None

    def _repr_html_(self) -> str:
        drawn = sketch_of(self.pattern).svg(self.name) if self.pattern is not None else ""
        said = html.escape(str(self))
        return f"<div>{drawn}<pre style='font-family: monospace'>{said}</pre></div>"

    def __str__(self) -> str:
        what = "Hessian" if self.order == 2 else "Jacobian"
        share = ""
        if self.entries is not None:
            share = f", {self.entries:,} of {self.n * self.m:,} entries may be other than 0"
        lines = [f"{what} of {self.name}: {self.m:,} x {self.n:,}{share}", self.why]
        lines += [_line(rival, self.way) for rival in self.rivals]
        lines = [*map(_wrapped, lines[:2]), *lines[2:], *map(_wrapped, self.notes)]
        return "\n".join(lines)

    @property
    def why(self) -> str:
        """Which way it is taken, and what that saves."""
        chosen = next(rival for rival in self.rivals if rival.name == self.way)
        text = self._passes(chosen)
        others = [r for r in self.rivals if r.seconds and r.name in ("forward", "reverse")]
        if others and chosen.seconds and chosen.name not in ("forward", "reverse"):
            best = min(others, key=lambda rival: rival.seconds or 0.0)
            factor = (best.seconds or 0.0) / chosen.seconds
            text += f"; {units.times(factor)} times faster than {best.name}"
        return text

    def _passes(self, chosen: Rival) -> str:
        """Say how many passes do for how many inputs, and why."""
        about = ", ".join(filter(None, (self.shape, self.line)))
        sides = re.findall(r"(forward|reverse), ([\d,]*\d)", self.way)
        if sides:
            told = [f"{n} colour{'s' if n != '1' else ''} in {mode} mode" for mode, n in sides]
            do = "does" if chosen.passes == 1 else "do"
            sizes = f"{self.n:,} inputs"
            if sides[0][0] == "reverse":
                sizes = f"{self.m:,} outputs"
            return f"{' and '.join(told)} {do} for {sizes}" + (f" ({about})" if about else "")
        if self.way == "constant":
            return "it is the same for all inputs, and was computed once"
        if self.way in ("forward", "reverse"):
            return f"by {self.way} mode"
        if self.way == "products":
            return "by products of both modes, each as it is asked for"
        do = "pass does" if chosen.passes == 1 else "passes do"
        text = f"by {self.way}: {chosen.passes:,} {do} for {self.n:,} inputs and {self.m:,} outputs"
        return text + (f" ({chosen.why})" if chosen.why else "")


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )


def _line(rival: Rival, chosen: str) -> str:
    mark = "->" if rival.name == chosen else "  "
    time = "not measured" if rival.seconds is None else units.seconds(rival.seconds)
    return f"{mark} {rival.name:<36} {rival.passes:>9,} passes   {time}"
