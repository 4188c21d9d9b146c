"""Comparisons in a JSON file, raw samples included, under a schema version.

`docs/schema.md` describes the schema.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from .codec import from_plain, to_plain
from .record import Comparison

#: Raised whenever a reader of the older files would misread the new ones.
SCHEMA = 2
#: What schema 1 calls the kinds of the methods that now have another name.
_KINDS = {"jvp": "value_and_jvp", "tangent": "jvp", "vjp": "value_and_vjp"}


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file so that at every moment `path` is the old one or the whole new one.

    The bytes go to a file beside it, to the disk, and only then to its name.

    Raises:
        OSError: If it cannot be written; then nothing has changed.
    """
    raw = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def save(results: Comparison | Sequence[Comparison], path: Path) -> None:
    """Write one comparison, or several, as JSON."""
    kind = "comparison" if isinstance(results, Comparison) else "comparisons"
    document = {"schema": SCHEMA, "kind": kind, "record": to_plain(results)}
    write_file(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


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
    document = _document(Path(path))
    try:
        if document["schema"] == 1:
            return [_upgraded(entry) for entry in document["comparisons"]]
        if document["kind"] == "comparison":
            return from_plain(Comparison, document["record"])
        return [from_plain(Comparison, entry) for entry in document["record"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}; run the suite again") from None


def load_all(path: str | Path) -> list[Comparison]:
    """Read the comparisons of a file, as a list even if there is one alone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, of an unknown schema, or holds no comparison.
    """
    record = load(path)
    return [record] if isinstance(record, Comparison) else record


def _document(path: Path) -> dict:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"no such file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    fields = document if isinstance(document, dict) else {}
    schema, kind = fields.get("schema"), fields.get("kind", "comparisons")
    if schema not in (1, SCHEMA):
        version = "no schema" if schema is None else f"schema {schema}"
        raise ValueError(
            f"{path} holds {version}, this version reads schema 1 to {SCHEMA}: "
            "run the suite again, or update gradwise"
        )
    if kind not in ("comparison", "comparisons"):
        raise ValueError(f"{path} holds a {kind}, not a comparison: read it with gradwise.load")
    return fields


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
