"""The fields of a record that was read from a file, each of the type that it must have."""

from collections.abc import Mapping
from typing import Any

from ._record_file import number, short


def read_fields(record: object, types: Mapping[str, type]) -> dict[str, Any]:
    """Return the fields of a record that was read from a file, each of the type that it must have.

    Raises:
        ValueError: If a field is missing, unknown or of another type.
    """
    if not isinstance(record, dict) or record.keys() != types.keys():
        raise ValueError(f"{', '.join(types)} were expected, got {short(repr(record))}")
    read = {name: number(record[name]) if t is float else record[name] for name, t in types.items()}
    for name, value in read.items():
        if type(value) is not types[name]:
            raise ValueError(f"{name} must be {types[name].__name__}, got {short(repr(value))}")
    return read
