"""The record that `structure` hands back: what depends on what, drawn, and what it allows."""

import html
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from .._codec import plain_array
from .._equality import equal_by_fields
from .._files import write_whole
from .._record_file import ending, save_record
from ..instrument.units import counted
from .drawing.braille import drawn
from .drawing.sketch import Sketch
from .drawing.sketching import said_of, sketch_of
from .worded import idle_arrays, idle_told, in_lines, linear_told, passes_told

#: The kind of the record in a file, and how the names of files end that it is saved to.
KIND, ENDINGS = "structure", (".json", ".svg", ".txt")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Structure:
    """Which outputs of a function may depend on which inputs, for every x, and what that saves.

    `print(structure)` draws it.

    Attributes:
        name: The function's name.
        m: How many numbers the output holds.
        n: How many numbers are differentiated.
        starts: `[m + 1]`, where the entries of each output begin among all of them.
        columns: For each entry, a number of the Jacobian that may be other than zero, its input.
        colours: How many passes do, by the way they are taken, such as `{"coloured (forward, 3)":
            3}`; forward mode takes `n`, reverse mode `m`.
        further: How many passes do by what else the program allows, such as `{"cut (4)": 4}`.
        constant: Whether the Jacobian is the same for all inputs.
        blocks: How many independent parts it falls into: outputs that share no input.
        lower: How far entries lie below the diagonal, at most.
        upper: How far above.
        unused: How many inputs no output depends on.
        linear: The arrays in which it is linear, but for a constant: its derivative by them does
            not depend on them, as that of `a * sin(b)` by `a`.
        same_by: Those of them by which the derivative is the same for all inputs.
        unknown: Operations that no rule is known for; they count as mixing everything.
        bound: Whether it holds only for the whole numbers among the inputs that were given.
        shape: What it looks like, such as `"a stencil"`; `""` if it has no name.
        line: Where the function is written, such as `"model.py:3"`; `""` if nobody knows.
        reasons: What lets each way of `further` do with so few passes, with lines.
        inputs: How many numbers each differentiated array holds, by its name and in their order.
        free: Arrays of whole numbers or truth values of which the shape alone was given: what they
            select may be anything.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import structure
        >>> structure(jnp.cumsum, jax.ShapeDtypeStruct((8,), "float32"))
        Structure(cumsum: 8 x 8, 36 entries)
    """

    name: str
    m: int
    n: int
    starts: np.ndarray
    columns: np.ndarray
    colours: dict[str, int]
    further: dict[str, int]
    constant: bool
    blocks: int
    lower: int
    upper: int
    unused: int
    linear: tuple[str, ...] = ()
    same_by: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    bound: bool = False
    shape: str = ""
    line: str = ""
    reasons: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    free: tuple[str, ...] = ()

    @property
    def rows(self) -> csr_array:
        """The same as a sparse matrix of ones, `[m, n]`.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import structure
            >>> structure(lambda x: x[1:] * x[:-1], jnp.ones(4)).rows.toarray().tolist()
            [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
        """
        ones = np.ones(self.columns.size, np.int8)
        return csr_array((ones, self.columns, self.starts), shape=(self.m, self.n))

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (arrays have no hash)

    def __repr__(self) -> str:
        return f"Structure({self.name}: {self.m:,} x {self.n:,}, {self.columns.size:,} entries)"

    @property
    def sketch(self) -> Sketch:
        """The pattern in at most 48 by 48 cells, as a picture shows it.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import structure
            >>> structure(jnp.cumsum, jnp.ones(3)).sketch.lines
            ('5..', '55.', '555')
        """
        return sketch_of(self.rows)

    def save(self, path: str | Path) -> None:
        """Write it as `.json`, its picture as `.svg`, what `print` shows as `.txt`, by the ending.

        `gradwise.load` reads the first.

        Raises:
            ValueError: If the ending is none of these.

        Example:
            >>> import tempfile, jax.numpy as jnp
            >>> from gradwise import structure
            >>> path = Path(tempfile.mkdtemp()) / "products.svg"
            >>> structure(lambda x: x[1:] * x[:-1], jnp.ones(40)).save(path)
            >>> path.read_text()[:4]
            '<svg'
        """
        of_path = ending(path, *ENDINGS)
        if of_path == ".json":
            arrays = {"starts": plain_array(self.starts), "columns": plain_array(self.columns)}
            save_record(path, KIND, {f.name: getattr(self, f.name) for f in fields(self)} | arrays)
        elif of_path == ".svg":
            write_whole(path, self.sketch.svg(self.name, alone=True) + "\n")
        else:
            write_whole(path, f"{self}\n")

    def _repr_html_(self) -> str:
        sketch = self.sketch
        said = [self._named, *(line for line in self._said() if line not in sketch.said)]
        text = html.escape("\n".join(map(in_lines, said)))
        return f"<div>{sketch.svg(self.name)}<pre style='font-family: monospace'>{text}</pre></div>"

    def __str__(self) -> str:
        share = self.columns.size / max(self.m * self.n, 1)
        sizes = f"{counted(self.m, 'output')} x {counted(self.n, 'input')}"
        entries = f"{self.columns.size:,} entr{'y' if self.columns.size == 1 else 'ies'}"
        first = f"{self._named}: {sizes}, {entries} ({100 * share:.3g} %)"
        return "\n".join([in_lines(first), *drawn(self.rows), *map(in_lines, self._said())])

    @property
    def _named(self) -> str:
        hidden = not self.line or self.line in self.name
        return self.name if hidden else f"{self.name} ({self.line})"

    def _said(self) -> list[str]:
        said = [self.shape] if self.shape else []
        said += passes_told(self.n, self.m, self.colours | self.further, self.reasons)
        if self.constant:
            said.append("the same for all inputs: it need be computed once alone")
        said += said_of(self.m, self.n, self.blocks, self.lower, self.upper)
        said += idle_told(self.columns, self.n, self.inputs)
        if not self.constant:
            idle = idle_arrays(self.columns, self.inputs)
            said += linear_told([one for one in self.linear if one not in idle], self.same_by)
        said += [f"not known, and so taken to mix everything: {what}" for what in self.unknown]
        if self.bound:
            said.append("it holds for these whole numbers among the inputs alone")
        return [*said, *(f"{name} has no values, and so may select anything" for name in self.free)]
