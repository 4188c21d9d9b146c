"""The record that `saturation` returns: a row for each activation layer of a network."""

import math
import os
from dataclasses import dataclass, fields
from typing import get_type_hints

from . import _table
from ._equality import equal_by_fields
from ._record_fields import read_fields
from ._record_file import damage_told, ending, read_object, record_of, save_record


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class LayerSaturation:
    """One activation layer in a `Saturation` report.

    Two rows are equal if all their fields are; NaN equals NaN.

    Attributes:
        layer: Where the layer's state is in that of the model, such as "1" or "2.0"; "2[3]" is the
            fourth copy of a `repeat`.
        activation: Name of the activation.
        units: Number of units.
        saturated: Share of the units, over all rows of the batch, whose slope is below the
            threshold; NaN if the activation mixes its units, or an input of it is NaN.
        dead: Share of the units whose slope is 0 on every row; NaN likewise.

    Example:
        >>> from gradwise import nn
        >>> nn.LayerSaturation(layer="1", activation="relu", units=8, saturated=0.5, dead=0.125)
        LayerSaturation(1 relu: 8 units, 50.0% saturated, 12.5% dead)
    """

    layer: str
    activation: str
    units: int
    saturated: float
    dead: float

    def __repr__(self) -> str:
        return (
            f"LayerSaturation({self.layer} {self.activation}: {self.units} units, "
            f"{self.saturated:.1%} saturated, {self.dead:.1%} dead)"
        )

    def _repr_html_(self) -> str:
        return _table.as_html([_HEADINGS, _cells(self)])


_UNKNOWN = "nan: the inputs of the activation are NaN, or it mixes its units as softmax does"
_HEADINGS = tuple(field.name for field in fields(LayerSaturation))


def _cells(row: LayerSaturation) -> tuple[str, ...]:
    shares = f"{row.saturated:.1%}", f"{row.dead:.1%}"
    return row.layer, row.activation, str(row.units), *shares


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Saturation:
    """The activation layers of a network in order, with the shares of units that do not learn.

    `print` shows the table and a notebook its HTML form. Two reports are equal if their thresholds
    and rows are.

    Attributes:
        layers: One row for each activation layer.
        threshold: The slope below which a unit counts as saturated.

    Example:
        >>> from gradwise import nn
        >>> row = nn.LayerSaturation(layer="1", activation="relu", units=8, saturated=0.5, dead=0.0)
        >>> report = nn.Saturation(layers=(row,), threshold=0.01)
        >>> report
        Saturation(1 layer, 0 with dead units)
        >>> print(report)
        layer  activation  units  |slope| < 0.01  dead
        1      relu            8           50.0%  0.0%
    """

    layers: tuple[LayerSaturation, ...]
    threshold: float

    def __repr__(self) -> str:
        count = len(self.layers)
        dead = sum(row.dead > 0 for row in self.layers)
        return f"Saturation({count} layer{'' if count == 1 else 's'}, {dead} with dead units)"

    def __str__(self) -> str:
        lines = [_table.as_text(self._rows(), text_columns=2)]
        if any(math.isnan(row.dead) for row in self.layers):
            lines.append(_UNKNOWN)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _table.as_html(self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        layer, activation, units, _, dead = _HEADINGS
        headings = layer, activation, units, f"|slope| < {self.threshold:g}", dead
        return [headings, *map(_cells, self.layers)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a `.json` file, which `load` reads.

        If writing fails, a file that was at `path` before stays as it is.

        Args:
            path: The file.

        Raises:
            ValueError: If the path ends otherwise.
            OSError: If the file cannot be written.

        Example:
            >>> import json, pathlib, tempfile
            >>> from gradwise import nn
            >>> report = nn.Saturation(layers=(), threshold=0.01)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     file = pathlib.Path(folder, "saturation.json")
            ...     report.save(file)
            ...     json.loads(file.read_text())
            {'schema': 2, 'kind': 'saturation', 'record': {'layers': [], 'threshold': 0.01}}
        """
        ending(path, ".json")
        save_record(path, "saturation", self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Saturation":
        """Read a report that `save` wrote; it is equal to the one that was saved.

        Args:
            path: The file.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, holds another kind of record, or was written by a
                newer gradwise.

        Example:
            >>> import pathlib, tempfile
            >>> from gradwise import nn
            >>> report = nn.Saturation(layers=(), threshold=0.01)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     file = pathlib.Path(folder, "saturation.json")
            ...     report.save(file)
            ...     nn.Saturation.load(file) == report
            True
        """
        _, record = record_of(path, read_object(path), "saturation")
        with damage_told(path):
            entries = read_fields(record, {"layers": list, "threshold": float})
            types = get_type_hints(LayerSaturation)
            rows = [LayerSaturation(**read_fields(row, types)) for row in entries["layers"]]
            return cls(layers=tuple(rows), threshold=entries["threshold"])
