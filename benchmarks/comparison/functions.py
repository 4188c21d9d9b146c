"""What several functions cost that are to give the same, and their derivatives: the record."""

import html
from dataclasses import dataclass, field
from pathlib import Path

from .._codec import from_plain
from .._document import html_document
from .._equality import equal_by_fields
from .._files import write_whole
from .._record_file import damage_told, ending, read_object, record_of, save_record
from ..instrument import units
from ..instrument.text import WIDTH, filled, fitted, html_pairs, html_table, markdown_table
from .findings import Finding
from .function_row import FunctionRow, ratio_told, time_told

#: What a file says that it holds.
KIND = "functions"
_SPARE = ("compile", "memory")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class FunctionComparison:
    """Several functions side by side: whether they give the same, and which one is faster.

    Attributes:
        name: The functions' names.
        rows: One for each function, in the order in which they were given.
        time: The function whose derivative is the fastest.
        value: The function that is itself the fastest.
        memory: The function whose derivative takes the least memory.
        same: Whether all results are equal, and how that is known.
        n: How many numbers are differentiated.
        m: How many numbers the output holds.
        dtype: The type that is differentiated in.
        notes: What else a reader should know.
        seed: What random directions and orders were drawn from.
        environment: Versions, device, cores, load and flags.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare_functions
        >>> forms = {"sum": lambda x: jnp.sum(x**2), "dot": lambda x: x @ x}
        >>> compare_functions(forms, jnp.ones(5), mode="reverse", budget=0.1)
        FunctionComparison(sum, dot: 5 inputs -> 1 output)
    """

    name: str
    rows: tuple[FunctionRow, ...]
    time: Finding
    value: Finding
    memory: Finding
    same: str
    n: int
    m: int
    dtype: str
    notes: tuple[str, ...] = ()
    seed: int = 0
    environment: dict[str, object] = field(default_factory=dict)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (dictionaries have no hash)

    @property
    def equal(self) -> bool:
        """Whether all functions give the same."""
        return not any(row.differs for row in self.rows)

    def row(self, name: str) -> FunctionRow:
        """Return the row of a function.

        Raises:
            ValueError: If there is none.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import compare_functions
            >>> forms = {"sum": lambda x: jnp.sum(x**2), "dot": lambda x: x @ x}
            >>> found = compare_functions(forms, jnp.ones(5), mode="reverse", budget=0.1)
            >>> found.row("dot").derivative.method, found.equal
            ('reverse', True)
        """
        for row in self.rows:
            if row.name == name:
                return row
        names = ", ".join(row.name for row in self.rows)
        raise ValueError(f"no function {name!r}; there are: {names}")

    def save(self, path: str | Path) -> None:
        """Write the comparison as `.json`, `.html` or `.md`, by the ending.

        `gradwise.load` reads the `.json`.

        Raises:
            ValueError: If the ending is none of these.

        Example:
            >>> import os, tempfile
            >>> import jax.numpy as jnp
            >>> from gradwise import compare_functions, load
            >>> forms = {"sum": lambda x: jnp.sum(x**2), "dot": lambda x: x @ x}
            >>> found = compare_functions(forms, jnp.ones(5), mode="reverse", budget=0.1)
            >>> path = os.path.join(tempfile.mkdtemp(), "forms.json")
            >>> found.save(path)
            >>> load(path) == found
            True
        """
        of_path = ending(path, ".json", ".html", ".md")
        if of_path == ".json":
            save_record(path, KIND, self)
        else:
            page = html_document(html.escape(self.name), self._repr_html_())
            write_whole(path, page if of_path == ".html" else self.markdown())

    @classmethod
    def load(cls, path: str | Path) -> "FunctionComparison":
        """Read what `save` wrote as `.json`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, or holds no comparison of functions.

        Example:
            >>> import os, tempfile
            >>> import jax.numpy as jnp
            >>> from gradwise import FunctionComparison, compare_functions
            >>> forms = {"sum": lambda x: jnp.sum(x**2), "dot": lambda x: x @ x}
            >>> found = compare_functions(forms, jnp.ones(5), mode="reverse", budget=0.1)
            >>> path = os.path.join(tempfile.mkdtemp(), "forms.json")
            >>> found.save(path)
            >>> FunctionComparison.load(path).n
            5
        """
        _, record = record_of(path, read_object(path), KIND)
        with damage_told(path):
            return from_plain(cls, record)

    def markdown(self) -> str:
        """Return the comparison for a pull request.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import compare_functions
            >>> forms = {"sum": lambda x: jnp.sum(x**2), "dot": lambda x: x @ x}
            >>> found = compare_functions(forms, jnp.ones(5), mode="reverse", budget=0.1)
            >>> found.markdown().splitlines()[0]
            '## sum, dot: 5 inputs -> 1 output, float32'
        """
        lines = [f"## {self._heading()}", ""]
        lines += [f"* **{name}** {text}" for name, text in self._answers()]
        return "\n".join([*lines, "", *markdown_table(self._cells()), ""])

    def __str__(self) -> str:
        lines = [filled(self._heading(), "  "), ""]
        lines += [filled(f"  {name:<8} {text}", " " * 11) for name, text in self._answers()]
        lines += ["", *(f"  {line}" for line in self._table())]
        lines += [filled(f"  {note}", "    ") for note in self.notes]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"FunctionComparison({self.name}: {self._sizes()})"

    def _repr_html_(self) -> str:
        heading = f"<p><b>{html.escape(self._heading())}</b></p>"
        return heading + html_pairs(self._answers()) + html_table(self._cells())

    def _sizes(self) -> str:
        inputs, outputs = (units.counted(*pair) for pair in ((self.n, "input"), (self.m, "output")))
        return f"{inputs} -> {outputs}"

    def _heading(self) -> str:
        return f"{self.name}: {self._sizes()}, {self.dtype}"

    def _answers(self) -> list[tuple[str, str]]:
        """Return the name and the text of each answer."""
        differing = [f"{row.name} {row.differs}" for row in self.rows if row.differs]
        taken = next((row for row in self.rows if row.name == self.time.take), None)
        use = taken.derivative.use if taken and taken.derivative else ""
        pairs = [
            *(("DIFFERS", text) for text in differing),
            ("ANSWER", self.time.text),
            ("USE", use),
            ("value", self.value.text),
            ("memory", self.memory.text),
            ("same", self.same),
        ]
        return [(name, text) for name, text in pairs if text]

    def _cells(self) -> list[list[str]]:
        header = ["function", "value", "x first", "derivative", "x first", "by"]
        lines = [[*header, "memory", "compile"]]
        for row in self.rows:
            derivative = row.derivative
            known = derivative if derivative and derivative.bytes is not None else None
            compiled = derivative.compile_seconds if derivative else None
            lines.append(
                [
                    row.name,
                    time_told(row.value),
                    ratio_told(row.value),
                    time_told(derivative) if derivative else "none",
                    ratio_told(derivative),
                    derivative.method if derivative else "",
                    units.size(known.bytes or 0) if known else "",
                    units.seconds(compiled) if compiled is not None else "",
                ]
            )
        return lines

    def _table(self) -> list[str]:
        return fitted(self._cells(), WIDTH - 2, spare=_SPARE).lines
