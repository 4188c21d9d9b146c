"""Comparisons in a JSON file, raw samples included, under a schema version."""

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..instrument.lines import Estimate
from ..instrument.statistics import Ratio
from ..instrument.timing import Memory, Samples
from ..program import Flops
from .batches import Crossover, ModeLine
from .record import Comparison, Finding, Row, Verdict

#: Raised whenever a reader of the older files would misread the new ones.
SCHEMA = 1


def save(comparisons: Sequence[Comparison], path: Path) -> None:
    """Writes comparisons beside `path` and renames: the file is whole at every moment."""
    document = {"schema": SCHEMA, "comparisons": [_plain(found) for found in comparisons]}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    beside.replace(path)


def load(path: Path) -> list[Comparison]:
    """Reads what `save` wrote.

    Raises:
        ValueError: If the file is missing, is no JSON, or is no result of this schema.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"no such file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        found = "no schema" if schema is None else f"schema {schema}"
        raise ValueError(
            f"{path} holds {found}, this version reads schema {SCHEMA}: run the suite again"
        )
    try:
        return [_comparison(entry) for entry in document["comparisons"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error!r}; run the suite again") from None


def _plain(value: Any) -> Any:
    """NamedTuples and dataclasses as dictionaries, arrays as lists."""
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, float) and math.isinf(value):
        return None  # JSON has no infinity; an interval's open end is the only one there is
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def _comparison(entry: dict[str, Any]) -> Comparison:
    verdict = entry["verdict"]
    findings = {name: Finding(**verdict[name]) for name in ("time", "memory", "compile")}
    return Comparison(
        **entry
        | {
            "rows": tuple(_row(row) for row in entry["rows"]),
            "verdict": Verdict(**findings, why=verdict["why"]),
            "notes": tuple(entry["notes"]),
            "residuals": tuple(entry["residuals"]),
            "crossover": entry["crossover"] and _crossover(entry["crossover"]),
        }
    )


def _crossover(entry: dict[str, Any]) -> Crossover:
    lines = {}
    for mode in ("forward", "reverse"):
        line = entry[mode]
        lines[mode] = ModeLine(
            tuple(line["sizes"]),
            tuple(line["seconds"]),
            _estimate(line["intercept"]),
            _estimate(line["slope"]),
        )
    return Crossover(**lines, inputs=_estimate(entry["inputs"]))


def _estimate(entry: dict[str, Any]) -> Estimate:
    return Estimate(**{name: math.inf if end is None else end for name, end in entry.items()})


def _row(entry: dict[str, Any]) -> Row:
    def read(name: str, build: Any) -> Any:
        return None if entry[name] is None else build(entry[name])

    return Row(
        **entry
        | {
            "ratio": read("ratio", lambda ratio: Ratio(**ratio)),
            "flops": read(
                "flops", lambda flops: Flops(**flops | {"unknown": tuple(flops["unknown"])})
            ),
            "memory": read("memory", lambda memory: Memory(**memory)),
            "samples": read("samples", _samples),
        }
    )


def _samples(entry: dict[str, Any]) -> Samples:
    arrays = {name: np.asarray(entry[name]) for name in ("rounds", "wall", "cpu")}
    return Samples(**arrays, calls=entry["calls"])
