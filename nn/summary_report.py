"""The record that `summary` returns: a row for each layer of a model."""

import html
import os
from dataclasses import dataclass
from typing import get_type_hints

from . import _table
from ._equality import equal_by_fields
from ._record_fields import read_fields
from ._record_file import damage_told, ending, read_object, record_of, save_record, short

_HEADINGS = ("layer", "kind", "output", "parameters", "state", "FLOPs")
_WIDTH = 80  # of a terminal


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class LayerSummary:
    """One layer in a `Summary`.

    Attributes:
        layer: Where the layer's parameters are in those of the model, such as "1" or "2.0".
        kind: What the layer is, such as "dense(3, 4)"; before it, what it is wrapped in, such as
            "frozen", "bfloat16", or "24 x" in a `repeat`.
        shape: Shape of the output.
        dtype: Type of the output.
        parameters: Number of parameters, of all copies in a `repeat`.
        state: Number of numbers in the state, likewise.
        flops: Floating-point operations of matrix products and convolutions for one batch,
            likewise.

    Example:
        >>> from gradwise import nn
        >>> nn.LayerSummary(
        ...     layer="1", kind="dense(3, 4)", shape=(5, 4), dtype="float32",
        ...     parameters=16, state=0, flops=120,
        ... )
        LayerSummary(1 dense(3, 4): float32[5,4], 16 parameters, 120 FLOPs)
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    state: int
    flops: int

    def __repr__(self) -> str:
        _, _, output, parameters, _, _ = self._cells()
        flops = _with_unit(self.flops, "FLOPs")
        name = short(f"{self.layer} {self.kind}", most=40)
        return f"LayerSummary({name}: {output}, {parameters} parameters, {flops})"

    def _repr_html_(self) -> str:
        return _table.as_html([_HEADINGS, self._cells()])

    def _cells(self) -> tuple[str, ...]:
        output = f"{self.dtype}[{','.join(map(str, self.shape))}]"
        counts = f"{self.parameters:,}", f"{self.state:,}", _with_unit(self.flops)
        return self.layer, self.kind, output, *counts


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Summary:
    """The layers of a model in order, with their outputs, sizes and costs.

    `print` shows the table, 80 characters wide at most, and a notebook its HTML form.

    Attributes:
        layers: One row for each layer.
        input: Type and shape of the batch, such as "float32[256,784]".
        bytes: Size of the parameters and the state.

    Example:
        >>> from gradwise import nn
        >>> row = nn.LayerSummary(
        ...     layer="", kind="dense(3, 4)", shape=(5, 4), dtype="float32",
        ...     parameters=16, state=0, flops=120,
        ... )
        >>> report = nn.Summary(layers=(row,), input="float32[5,3]", bytes=64)
        >>> report
        Summary(1 layer, 16 parameters, 120 FLOPs)
        >>> report.parameters, report.state, report.flops
        (16, 0, 120)
    """

    layers: tuple[LayerSummary, ...]
    input: str
    bytes: int

    @property
    def parameters(self) -> int:
        """Number of parameters of the model."""
        return sum(row.parameters for row in self.layers)

    @property
    def state(self) -> int:
        """Number of numbers in the model's state."""
        return sum(row.state for row in self.layers)

    @property
    def flops(self) -> int:
        """Floating-point operations of matrix products and convolutions for one batch."""
        return sum(row.flops for row in self.layers)

    def __repr__(self) -> str:
        layers = f"{len(self.layers)} layer{'' if len(self.layers) == 1 else 's'}"
        flops = _with_unit(self.flops, "FLOPs")
        return f"Summary({layers}, {self.parameters:,} parameters, {flops})"

    def __str__(self) -> str:
        rows = self._rows()
        others = sum(max(len(row[i]) for row in rows) + 2 for i in range(6) if i != 1)
        room = max(_WIDTH - others, 10)
        fitting = [(row[0], short(row[1], most=room - 4), *row[2:]) for row in rows]
        return f"{_table.as_text(fitting, text_columns=3)}\n{self._footing()}"

    def _repr_html_(self) -> str:
        return f"{_table.as_html(self._rows())}<p>{html.escape(self._footing())}</p>"

    def _rows(self) -> list[tuple[str, ...]]:
        totals = f"{self.parameters:,}", f"{self.state:,}", _with_unit(self.flops)
        return [_HEADINGS, *(row._cells() for row in self.layers), ("total", "", "", *totals)]

    def _footing(self) -> str:
        size = _with_unit(self.bytes, "B")
        return f"{size} of parameters and state; FLOPs of products, for {self.input}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the summary to a `.json` file, which `load` reads.

        If writing fails, a file that was at `path` before stays as it is.

        Args:
            path: The file.

        Raises:
            ValueError: If the path ends otherwise.
            OSError: If the file cannot be written.

        Example:
            >>> import json, pathlib, tempfile
            >>> from gradwise import nn
            >>> report = nn.Summary(layers=(), input="float32[5,3]", bytes=0)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     file = pathlib.Path(folder, "summary.json")
            ...     report.save(file)
            ...     json.loads(file.read_text())["record"]
            {'layers': [], 'input': 'float32[5,3]', 'bytes': 0}
        """
        ending(path, ".json")
        save_record(path, "summary", self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Summary":
        """Read a summary that `save` wrote; it is equal to the one that was saved.

        Args:
            path: The file.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, holds another kind of record, or was written by a
                newer gradwise.

        Example:
            >>> import pathlib, tempfile
            >>> from gradwise import nn
            >>> report = nn.Summary(layers=(), input="float32[5,3]", bytes=0)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     file = pathlib.Path(folder, "summary.json")
            ...     report.save(file)
            ...     nn.Summary.load(file) == report
            True
        """
        _, record = record_of(path, read_object(path), "summary")
        with damage_told(path):
            entries = read_fields(record, get_type_hints(cls) | {"layers": list})
            rows = tuple(map(_row, entries.pop("layers")))
            return cls(layers=rows, **entries)


def _row(record: object) -> LayerSummary:
    """Return a row that was read from a file.

    Raises:
        ValueError: If a field is missing, unknown or of another type.
    """
    entries = read_fields(record, get_type_hints(LayerSummary) | {"shape": list})
    shape = entries.pop("shape")
    if any(type(size) is not int for size in shape):
        raise ValueError(f"shape must hold ints, got {short(repr(shape))}")
    return LayerSummary(shape=tuple(shape), **entries)


def _with_unit(number: int, unit: str = "") -> str:
    """Return a count with three digits, a prefix and a unit: 2048 "B" is "2.05 kB"."""
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{float(f'{number / size:.3g}'):g} {prefix}{unit}"
    return f"{number} {unit}".rstrip()
