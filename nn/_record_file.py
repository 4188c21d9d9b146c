"""Records as JSON files, which are written whole or not at all.

A file holds `{"schema": 2, "kind": "saturation", "record": {...}}`. JSON has no NaN and no
infinity; a field of type float holds the string "nan", "inf" or "-inf" instead.
"""

import json
import math
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

SCHEMA = 2
_NOT_FINITE = ("nan", "inf", "-inf")
_LARGEST_INT = 2**53  # of those that float holds exactly


def write(path: str | os.PathLike[str], kind: str, record: Mapping[str, object]) -> None:
    """Write a record of strings, numbers, mappings and sequences to a JSON file.

    The text goes to a temporary file in the same folder, which then replaces `path` in one step. If
    writing fails, an older file at `path` stays as it is and the temporary one is removed.

    Raises:
        OSError: If the folder does not exist or cannot be written to.
    """
    content = {"schema": SCHEMA, "kind": kind, "record": _encode(record)}
    temporary = Path(path).with_name(f".{uuid.uuid4().hex}.part")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            json.dump(content, file, allow_nan=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _encode(value: object) -> object:
    """Return `value` in the types of JSON, with NaN and infinities as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # one of _NOT_FINITE
    if isinstance(value, Mapping):
        return {name: _encode(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(entry) for entry in value]
    return value


def read(path: str | os.PathLike[str], kind: str) -> object:
    """Return the record in a file that `write` made.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, holds another kind of record, or has a newer schema.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        refuse(path, "JSON", f"text that is not ({error})")
    if not isinstance(content, dict) or not {"schema", "kind", "record"} <= content.keys():
        refuse(path, "an object with 'schema', 'kind' and 'record'", _short(content))
    if type(content["schema"]) is int and content["schema"] > SCHEMA:
        refuse(
            path, f"schema {SCHEMA}", f"schema {content['schema']}", "load it with a newer gradwise"
        )
    if content["schema"] != SCHEMA:
        refuse(path, f"schema {SCHEMA}", f"schema {_short(content['schema'])}")
    if content["kind"] != kind:
        found = f"a record of kind {_short(content['kind'])}"
        refuse(path, f"a record of kind {kind!r}", found, "load it as the kind that it is")
    return content["record"]


def checked_fields(
    path: str | os.PathLike[str], record: object, types: Mapping[str, type]
) -> dict[str, Any]:
    """Return the fields of a record that was read, each of the type that `types` names.

    Raises:
        ValueError: If a field is missing, unknown or of another type; the message names the file.
    """
    if not isinstance(record, dict) or record.keys() != types.keys():
        refuse(path, f"the fields {', '.join(types)}", _short(record))
    fields = {}
    for name, type_ in types.items():
        value = record[name]
        if type_ is float and (value in _NOT_FINITE or _is_exact(value)):
            value = float(value)
        if type(value) is not type_:
            refuse(path, f"{name} as {type_.__name__}", _short(record[name]))
        fields[name] = value
    return fields


def _is_exact(value: object) -> bool:
    return type(value) is int and abs(value) <= _LARGEST_INT


def refuse(
    path: str | os.PathLike[str],
    wanted: str,
    found: str,
    fix: str = "the file is damaged: save the record again",
) -> NoReturn:
    """Raise the ValueError for a file: what was expected, what was found, and what to do."""
    raise ValueError(f"{os.fspath(path)}: expected {wanted}, found {found}; {fix}")


def _short(value: object) -> str:
    """Return the text of a value, or its beginning if it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
