"""Records as JSON files, and the errors of files that hold none.

A file is `{"schema": 2, "kind": "history", "record": {...}}`. JSON has no word for NaN and the
infinities: they are the strings "nan", "inf" and "-inf". `nn`, `train` and `benchmarks` import
nothing of one another, so each of them has this file; a test holds that the three are one text.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ._files import user_path, write_whole

#: Raised whenever a reader of older files would misread new ones.
SCHEMA = 2
_NOT_FINITE = ("nan", "inf", "-inf")
_AGAIN = "the file is damaged: save the record again, or take a copy"


def encode(value: object) -> object:
    """Return a record, or anything inside of one, in the types of JSON.

    Example:
        >>> encode({"loss": (0.5, float("inf")), "rounds": np.arange(2)})
        {'loss': [0.5, 'inf'], 'rounds': [0, 1]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): encode(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return encode(value.tolist())
    if isinstance(value, list | tuple):
        return [encode(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def save_record(path: str | os.PathLike[str], kind: str, record: object) -> None:
    r"""Write a record to a JSON file, as a whole or not at all.

    Raises:
        OSError: If the file cannot be written; an older one stays as it is.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "record.json"
        >>> save_record(path, "history", {"epochs": 3})
        >>> path.read_text()
        '{\n "schema": 2,\n "kind": "history",\n "record": {\n  "epochs": 3\n }\n}\n'
    """
    content = {"schema": SCHEMA, "kind": kind, "record": encode(record)}
    write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds anything else.
    """
    try:
        content = json.loads(user_path(path).read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"no such file: {os.fspath(path)}") from None
    except OSError as error:
        refuse(path, "a file that can be read", str(error.strerror), "name another file")
    except (ValueError, RecursionError) as error:  # no text, no JSON, too deep, a number too long
        refuse(path, "JSON", f"none ({short(error)})")
    if not isinstance(content, dict):
        refuse(path, "a JSON object", short(repr(content)))
    return content


def record_of(
    path: str | os.PathLike[str], content: Mapping[str, Any], *kinds: str
) -> tuple[str, Any]:
    """Return the kind and the record of what `read_object` read from a file of this schema.

    Raises:
        ValueError: If it is no record, of another kind, or of another schema.
    """
    schema, kind = content.get("schema", SCHEMA), content.get("kind")
    if type(schema) is int and schema > SCHEMA:
        refuse(path, f"schema {SCHEMA}", f"schema {schema}", "read it with a newer gradwise")
    if type(schema) is not int or schema != SCHEMA:
        refuse(path, f"schema {SCHEMA}", f"schema {short(repr(schema))}")
    if not {"schema", "kind", "record"} <= content.keys():
        refuse(path, "schema, kind and record", short(", ".join(content) or "nothing"))
    if kind not in kinds:
        fix = "load it with gradwise.load, or as the kind that it is"
        refuse(path, f"a {' or '.join(kinds)}", f"a record of kind {short(repr(kind))}", fix)
    return kind, content["record"]


@contextmanager
def damage_told(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what goes wrong while a record is built from a file into an error that names the file.

    Raises:
        ValueError: If anything goes wrong that the content of the file can be the reason of.
    """
    try:
        yield
    except KeyError as error:
        refuse(path, f"the field {error}", "a record without it")
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        refuse(path, "the fields of a record", f"others ({short(error)})")


def number(value: object) -> float:
    """Return a number that `encode` wrote.

    Raises:
        ValueError: If the value is no number, or is too large for one.

    Example:
        >>> number("inf"), number(3)
        (inf, 3.0)
    """
    if isinstance(value, str) and value in _NOT_FINITE:
        return float(value)
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ValueError(f"a number was expected, got {short(repr(value))}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("a number was expected, got one that is too large") from None


def ending(path: str | os.PathLike[str], *endings: str) -> str:
    """Return the ending of a file's name, in lower case.

    Raises:
        ValueError: If it is none of `endings`.

    Example:
        >>> ending("FOUND.JSON", ".json", ".csv")
        '.json'
    """
    of_path = Path(path).suffix.lower()
    if of_path not in endings:
        raise ValueError(f"{os.fspath(path)} must end in {' or '.join(endings)}")
    return of_path


def refuse(path: str | os.PathLike[str], wanted: str, got: str, fix: str = _AGAIN) -> NoReturn:
    """Say of a file what was expected, what it holds, and what to do.

    Raises:
        ValueError: If it is called.
    """
    raise ValueError(f"{os.fspath(path)}: expected {wanted}, got {got}; {fix}") from None


def short(text: object, most: int = 100) -> str:
    """Return the beginning of a text, for a message that quotes it.

    Example:
        >>> short("a long story", most=6)
        'a long ...'
    """
    text = str(text)
    return text if len(text) <= most else f"{text[:most]} ..."
