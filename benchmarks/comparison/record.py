"""What a comparison found: a row a method, and a verdict. It depends on statistics alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._equality import equal_by_fields
from ..instrument.text import terminal_width
from ..instrument.units import counted
from ..program.advice import Advice as Advice
from ..structure.drawing.sketch import Sketch
from .findings import Crossover, Verdict
from .made_by import MadeBy
from .row import Row
from .source import Source

if TYPE_CHECKING:
    from ..graph.record import Graph

#: A terminal that says to be narrower is written to all the same.
_NARROWEST = 40


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """What every way to differentiate one function costs.

    `print(comparison)` shows the answer, what to type, and the table, as wide as the terminal; a
    notebook shows the same with a chart.

    Attributes:
        name: The function's name.
        rows: One for each method.
        verdict: The best method in time, memory and compile time, and why.
        n: How many numbers are differentiated.
        m: How many numbers the output holds.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        dtype: The type that is differentiated in.
        floor: Seconds of a call that does nothing: a row near it measures the dispatch.
        notes: What was held fixed, and what else a reader should know.
        residuals: What reverse mode keeps: in all, and by source line.
        crossover: Up to how many inputs forward mode is the faster one, if that was asked for.
        advice: What makes the derivative dear and has a known cure, the weightiest first.
        purpose: Why this function is in its suite, if it is in one.
        incomplete: Why not every method was tried and measured: the time limit, or Ctrl-C; `""`
            where all were.
        seed: What random directions and orders were drawn from.
        environment: Versions, device, cores, load and flags.
        made_by: What made it, so that an equal comparison need not be made again; `None` in files
            of older versions.
        pattern: What depends on what, where that is known and not everything on everything.
        source: The function and its inputs, as `compare` was given them; `None` in what was read
            from a file. It is neither compared nor saved nor shown.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare
        >>> comparison = compare(jnp.sum, jnp.ones(5), methods=["reverse"], budget=0.1)
        >>> comparison
        Comparison(sum: 5 inputs -> 1 output, 2 rows)
        >>> comparison.dtype
        'float32'
    """

    name: str
    rows: tuple[Row, ...]
    verdict: Verdict
    n: int
    m: int
    order: int
    dtype: str
    floor: float
    notes: tuple[str, ...] = ()
    residuals: tuple[str, ...] = ()
    crossover: Crossover | None = None
    advice: tuple[Advice, ...] = ()
    purpose: str = ""
    incomplete: str = ""
    seed: int = 0
    environment: dict[str, object] = field(default_factory=dict)
    made_by: MadeBy | None = None
    pattern: Sketch | None = None
    source: Source | None = field(default=None, compare=False)

    @property
    def sizes(self) -> str:
        """How many inputs and outputs there are, in words."""
        return f"{counted(self.n, 'input')} -> {counted(self.m, 'output')}"

    def row(self, method: str) -> Row:
        """Return the row of a method.

        Raises:
            ValueError: If there is none.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import compare
            >>> compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1).row("reverse").mode
            'reverse'
        """
        for row in self.rows:
            if row.method == method:
                return row
        names = ", ".join(row.method for row in self.rows)
        raise ValueError(f"no row {method!r}; there are: {names}")

    def derivative(self, method: str | None = None) -> Callable[..., Any]:
        """Return the derivative itself: a function that takes the inputs of the one compared.

        It returns what `jax.jacrev(fn, argnums)` would; for `order=2` what `jax.hessian` would. A
        product takes a vector after the inputs, and returns what `jax.jvp` or `jax.vjp` would, a
        product with the Hessian the product. With `has_aux` the last part is `aux`. It can be
        jitted and vmapped, and takes other values too; checked it was at the inputs of `compare`.
        Chunks, steps and blocks are those that were found.

        Args:
            method: The name of a row; or of what it is to be best in, `"time"`, `"memory"` or
                `"compile"`. `None` for the fastest. Of those that tie it is the plainest.

        Raises:
            ValueError: If the method is unknown, its derivative was not found right, or the
                comparison was read from a file, which holds no function.

        Example:
            >>> import jax, jax.numpy as jnp
            >>> from gradwise import compare
            >>> comparison = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
            >>> cosine = jax.jit(comparison.derivative())
            >>> cosine(jnp.zeros(2)).tolist()
            [[1.0, 0.0], [0.0, 1.0]]
        """
        from .handed import derivative_of

        return derivative_of(self.source, self.rows, self.verdict.answers(), method)

    def graph(
        self,
        *,
        tangent: object = None,
        cotangent: object = None,
        names: Sequence[str] | Mapping[Any, str] | None = None,
    ) -> "Graph":
        """Return the computational graph of the function, at the inputs of `compare`.

        Args:
            tangent: As of `gradwise.graph`.
            cotangent: As of `gradwise.graph`.
            names: As of `gradwise.graph`.

        Raises:
            ValueError: If the comparison was read from a file, which holds no function.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import compare
            >>> comparison = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
            >>> comparison.graph()
            Graph(sin: 2 nodes, 0 groups)
        """
        from .drawn import graph_of

        return graph_of(self.source, tangent=tangent, cotangent=cotangent, names=names)

    def save(self, path: str | Path) -> None:
        """Write the comparison as `.json`, `.csv`, `.html`, `.md`, `.svg` or `.png`.

        The ending says which; `gradwise.load` reads the `.json`.

        Raises:
            ValueError: If the ending is none of these.

        Example:
            >>> import os, tempfile
            >>> import jax.numpy as jnp
            >>> from gradwise import compare, load
            >>> comparison = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
            >>> path = os.path.join(tempfile.mkdtemp(), "sine.json")
            >>> comparison.save(path)
            >>> load(path) == comparison
            True
        """
        from ..report.files import save

        save(self, Path(path))

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (dictionaries have no hash)

    def __str__(self) -> str:
        from ..report.text import text_table

        return text_table(self, max(terminal_width(), _NARROWEST))

    def __repr__(self) -> str:
        return f"Comparison({self.name}: {self.sizes}, {counted(len(self.rows), 'row')})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the table in IPython on a terminal, which has no notebook's form."""
        del cycle
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from ..report.notebook import html_answer

        return html_answer(self)
