"""The record that `jacobian` and `hessian` hand back: a derivative, and why it is taken so."""

import html
from dataclasses import dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import jax
from scipy.sparse import csr_array, save_npz

from .._equality import equal_by_fields
from .._files import write_whole
from .._record_file import ending, save_record
from ..derivatives.inputs import check_outside
from ..instrument.text import terminal_width
from ..instrument.unwatched import unwatched
from .drawing.sketch import Sketch
from .drawing.sketching import sketch_of
from .forms.asked import title_of
from .forms.made import Made
from .printed import Rival, headed, tabled, ties, why_taken, wrapped

__all__ = ["ENDINGS", "KIND", "Jacobian", "Rival"]

#: The kind of the record in a file, and how the names of files end that it is saved to.
KIND, ENDINGS = "jacobian", (".json", ".txt", ".svg", ".npz")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Jacobian:
    """A Jacobian or a Hessian as a function of the inputs of the function that it is of.

    `jacobian(*inputs)` returns the derivative there, inside of `jit`, `vmap` and `scan` too.
    `print(jacobian)` says which way it is taken, why, and what it was chosen from.

    Attributes:
        name: The function's name.
        order: 1 for a Jacobian, 2 for a Hessian.
        n: How many numbers are differentiated.
        m: How many numbers the output holds; for a Hessian as many as inputs.
        way: How it is taken, such as `"coloured (forward, 3)"`, `"cut (4)"` (through 4 numbers),
            `"split (2+1+2)"` (2 numbers held still, 1 colour), `"vmap (256 examples)"`,
            `"constant"`, `"reverse"`, or for an operator `"products"`.
        rivals: What it was chosen from, itself among them; the cheapest by count of operations
            come first.
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
    _sketch: Sketch | None = field(default=None, compare=False)

    def __call__(self, *inputs: Any) -> Any:
        """Return the derivative at the inputs, in the form of `jax.jacrev(fn, argnums)`.

        As a sparse array it is a matrix, `[m, n]`, whose rows are the numbers of the outputs and
        whose columns are those of the differentiated inputs, in their order.

        Raises:
            ValueError: If the inputs have other shapes or dtypes than those that it was made for,
                or other whole numbers where these decide what depends on what, or if it was read
                from a file.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> products = jacobian(lambda x: x[1:] * x[:-1], jnp.ones(3), measure=False)
            >>> products(jnp.arange(3.0)).tolist()
            [[1.0, 0.0, 0.0], [0.0, 2.0, 1.0]]
        """
        return (self._made or self._way())(*inputs)

    def check(self, *inputs: Any) -> bool:
        """Return whether the derivative is right at other inputs, by products in float64.

        Both `J v` and `u J` are compared with JAX's own products, along random `v` and `u`; what is
        taken in one of JAX's own modes is right.

        Raises:
            ValueError: If the inputs are of another kind than those that it was made for, no
                product is finite there, or it is called inside of a transformation of JAX.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> jacobian(jnp.sin, jnp.ones(3), measure=False).check(jnp.zeros(3))
            True
        """
        for place, value in enumerate(jax.tree.leaves(inputs)):
            check_outside(value, f"input {place} is", "check")
        made = self._way()
        x, fixed = made.read(inputs)
        with unwatched():
            return made.is_right(made.problem._replace(x=x, fixed=fixed), points=1)

    def _way(self) -> Made:
        if self._made is None:
            again = f"gradwise.{'hessian' if self.order == 2 else 'jacobian'}"
            raise ValueError(f"{self!r} was read from a file, without its function: call {again}")
        return self._made

    @property
    def __name__(self) -> str:
        """What `jax.jit` calls it in a profile, such as `"jacobian_of_stencil"`."""
        return title_of(self.order, self.name)

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

    @property
    def sketch(self) -> Sketch | None:
        """The pattern in at most 48 by 48 cells, as a picture shows it; `None` if nobody knows.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> jacobian(jnp.sin, jnp.ones(3), measure=False).sketch
            Sketch(3 x 3, 3 entries)
        """
        pattern = self.pattern
        return self._sketch if pattern is None else sketch_of(pattern)

    def _repr_html_(self) -> str:
        sketch = self.sketch
        drawn = sketch.svg(self.name) if sketch else ""
        said = html.escape(str(self))
        return f"<div>{drawn}<pre style='font-family: monospace'>{said}</pre></div>"

    def __str__(self) -> str:
        width = terminal_width()
        what = "Hessian" if self.order == 2 else "Jacobian"
        first = headed(what, self.name, self.m, self.n, self.entries)
        told = [*ties(self.rivals, self.way, self.notes), *self.notes]
        return "\n".join(
            [
                *(wrapped(text, width) for text in (first, self.why)),
                *tabled(self.rivals, self.way, width, operator=self.output == "operator"),
                *(wrapped(text, width) for text in told),
            ]
        )

    @property
    def why(self) -> str:
        """Which way it is taken, and what that saves.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import jacobian
            >>> jacobian(lambda x: 3 * x, jnp.ones(3), measure=False).why
            'it is the same for all inputs, and was computed once'
        """
        about = ", ".join(filter(None, (self.shape, self.line)))
        return why_taken(self.rivals, self.way, self.m, self.n, about, self.notes)

    def save(self, path: str | Path) -> None:
        """Write it as `.json`, what `print` shows as `.txt`, its pattern as `.svg` or `.npz`.

        `gradwise.load` reads the first: the choice and its rivals, with the picture of the pattern,
        but without the function. `scipy.sparse.load_npz` reads the entries of the pattern.

        Raises:
            ValueError: If the ending is none of these, or nobody knows the pattern that is to be
                written.

        Example:
            >>> import tempfile, jax.numpy as jnp
            >>> from gradwise import jacobian, load
            >>> path = Path(tempfile.mkdtemp()) / "sine.json"
            >>> jacobian(jnp.sin, jnp.ones(3), measure=False).save(path)
            >>> load(path)
            Jacobian(sin: coloured (forward, 1))
        """
        of_path, unknown = ending(path, *ENDINGS), f"nobody knows the pattern of {self!r}"
        if of_path == ".json":
            public = {f.name: getattr(self, f.name) for f in fields(self) if f.name[0] != "_"}
            save_record(path, KIND, public | {"sketch": self.sketch})
        elif of_path == ".txt":
            write_whole(path, f"{self}\n")
        elif of_path == ".svg":
            if self.sketch is None:
                raise ValueError(f"{path} cannot be written: {unknown}; write a .txt")
            write_whole(path, self.sketch.svg(self.name, alone=True) + "\n")
        else:
            if self.pattern is None:
                raise ValueError(f"{path} cannot be written: {unknown}; write a .json")
            held = BytesIO()
            save_npz(held, self.pattern)
            write_whole(path, held.getvalue())
