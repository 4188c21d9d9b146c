"""What the records of this package share: JSON, and one format of their files.

A file is `{"schema": 2, "kind": "history", "record": {...}}`. JSON has no word for NaN and the
infinities: they are the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ._files import write_atomically
from ._text import excerpt

SCHEMA = 2  # files of schema 1 hold the record alone, and say neither schema nor kind

Record = TypeVar("Record")
Build = Callable[[Mapping[str, Any]], Record]


def is_key(leaf: object) -> bool:
    """Return whether `leaf` is an array of typed keys, `jax.random.key`.

    Example:
        >>> is_key(jax.random.key(0)), is_key(jnp.zeros(2))
        (True, False)
    """
    return jnp.issubdtype(getattr(leaf, "dtype", np.dtype(object)), jax.dtypes.prng_key)


def to_json(value: object) -> str:
    """Return strict JSON, in which NaN and the infinities are the strings "nan", "inf", "-inf".

    Example:
        >>> to_json({"loss": [0.5, float("nan")]})
        '{"loss": [0.5, "nan"]}'
    """
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def save_record(path: str | Path, kind: str, record: Mapping[str, object]) -> None:
    r"""Write a record as JSON, atomically.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "record.json"
        >>> save_record(path, "history", {"epochs": 3})
        >>> path.read_text()
        '{"schema": 2, "kind": "history", "record": {"epochs": 3}}\n'
    """
    content = {"schema": SCHEMA, "kind": kind, "record": record}
    write_atomically(path, to_json(content) + "\n")


def load_record(
    path: str | Path, kind: str, build: Build[Record], *, schema_1: bool = False
) -> Record:
    """Return what `build` makes of the record in a file.

    Args:
        path: The file.
        kind: The kind of record that the file must hold.
        build: Makes the record of what `save_record` got.
        schema_1: Whether the kind existed in schema 1, whose files are the record alone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, holds another kind of record or has a newer schema.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "record.json"
        >>> save_record(path, "search", {"epochs": 3})
        >>> load_record(path, "history", dict)
        Traceback (most recent call last):
        ValueError: ...is not a saved history: expected the kind "history", found "search": ...
    """
    content = _parse(path, kind)
    if schema_1 and not {"schema", "kind"} & content.keys():
        record = content
    else:
        _check_envelope(path, kind, content)
        record = content["record"]
    try:
        return build(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        damage = f"a record that is damaged ({type(error).__name__}: {excerpt(error)})"
        raise _not_a(kind, path, f"expected its fields, found {damage}: {_AGAIN}") from error


_AGAIN = "save it again, or take a copy"


def _parse(path: str | Path, kind: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # neither JSON, nor perhaps text
        raise _not_a(
            kind, path, f"expected JSON, found none ({excerpt(error)}): {_AGAIN}"
        ) from error
    if not isinstance(content, dict):
        raise _not_a(
            kind, path, f"expected a JSON object, found {excerpt(content, most=40)}: {_AGAIN}"
        )
    return content


def _check_envelope(path: str | Path, kind: str, content: Mapping[str, object]) -> None:
    schema, its_kind = content.get("schema"), content.get("kind")
    if not isinstance(schema, int) or not isinstance(content.get("record"), dict):
        found = excerpt(", ".join(content) or "nothing", most=80)
        raise _not_a(kind, path, f"expected schema, kind and record, found {found}: {_AGAIN}")
    if schema > SCHEMA:
        raise _not_a(
            kind,
            path,
            f"expected schema {SCHEMA} or older, found schema {schema}: read it with the version "
            "of gradwise that wrote it, or a newer one",
        )
    if its_kind != kind:
        found = json.dumps(excerpt(its_kind, most=40))
        raise _not_a(
            kind,
            path,
            f'expected the kind "{kind}", found {found}: load it with the class that saved it',
        )


def _not_a(kind: str, path: str | Path, reason: str) -> ValueError:
    return ValueError(f"{path} is not a saved {kind}: {reason}")
