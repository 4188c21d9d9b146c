"""Comparisons in a JSON file, raw samples included, under a schema version.

`docs/schema.md` describes the schema.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from .._codec import from_plain
from .._record_file import damage_told, encode, read_object, record_of, save_record
from .record import Comparison
from .row import STATUSES

#: What schema 1 calls the kinds of the methods that now have another name.
_KINDS = {"jvp": "value_and_jvp", "tangent": "jvp", "vjp": "value_and_vjp"}


def save(results: Comparison | Sequence[Comparison], path: Path) -> None:
    """Write one comparison, or several, as JSON."""
    if isinstance(results, Comparison):
        save_record(path, "comparison", _plain(results))
    else:
        save_record(path, "comparisons", [_plain(each) for each in results])


def _plain(comparison: Comparison) -> dict[str, object]:
    """Return what a file holds of a comparison: all but the function that it was made of."""
    names = [field.name for field in dataclasses.fields(comparison) if field.name != "source"]
    return {name: encode(getattr(comparison, name)) for name in names}


def load(path: str | Path) -> Comparison | list[Comparison]:
    """Read what `save` wrote: one comparison, or a list of them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no JSON, or holds no comparison of this schema or of an older
            one.

    Example:
        >>> import tempfile, jax.numpy as jnp
        >>> from gradwise import compare, load
        >>> comparison = compare(jnp.sum, jnp.ones(5), methods=["reverse"], budget=0.1)
        >>> path = Path(tempfile.mkdtemp()) / "comparison.json"
        >>> comparison.save(path)
        >>> load(path) == comparison
        True
    """
    content = read_object(path)
    if content.get("schema") == 1 and "comparisons" in content:
        with damage_told(path):
            return [_checked(_upgraded(entry)) for entry in _list(content["comparisons"])]
    kind, record = record_of(path, content, "comparison", "comparisons")
    with damage_told(path):
        if kind == "comparison":
            return _checked(from_plain(Comparison, record))
        return [_checked(from_plain(Comparison, entry)) for entry in _list(record)]


def load_all(path: str | Path) -> list[Comparison]:
    """Read the comparisons of a file, as a list even if there is one alone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, of an unknown schema, or holds no comparison.
    """
    record = load(path)
    return [record] if isinstance(record, Comparison) else record


def _list(value: object) -> list:
    if not isinstance(value, list):
        raise TypeError(f"a list of comparisons was expected, got {type(value).__name__}")
    return value


def _checked(comparison: Comparison) -> Comparison:
    """Return a comparison that was read, if it can be one that was measured."""
    for row in comparison.rows:
        if row.status not in STATUSES:
            raise ValueError(f"the status of {row.method} cannot be {row.status!r}")
        taken = row.samples
        if taken and not len(taken.rounds) == len(taken.wall) == len(taken.cpu) > 0:
            raise ValueError(f"the samples of {row.method} must be as many in each of their lists")
    return comparison


def _upgraded(entry: dict) -> Comparison:
    """Read a comparison of schema 1, which had other names and null for infinity."""
    entry = dict(entry)
    entry["purpose"] = entry.pop("why")
    rows = [dict(row) for row in entry["rows"]]
    for row in rows:
        row["program_hash"] = row.pop("program")
        row["kind"] = _KINDS.get(row["kind"], row["kind"])
        if row["ratio"]:  # whose interval was a bootstrap's
            ends = {"least": row["ratio"]["low"], "most": row["ratio"]["high"]}
            row["ratio"] = row["ratio"] | ends | {"rounds": len(row["samples"]["wall"])}
    entry["rows"] = rows
    if entry["crossover"]:
        entry["crossover"] = _with_infinities(entry["crossover"])
    return from_plain(Comparison, entry)


def _with_infinities(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_infinities(part) for name, part in value.items()}
    return "inf" if value is None else value
