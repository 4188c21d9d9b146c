"""Runs by name: those that a user named as baselines, the latest one, and those of a path."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from .._files import write_whole
from .folder import LATEST, last_two, latest

#: The file in the folder of runs that holds a run for each name.
_BASELINES = "baselines.json"
_NAME = re.compile(r"\w[\w.+-]*")


def baselines(folder: Path) -> dict[str, Path]:
    """Return the runs that have a name, by name.

    Raises:
        ValueError: If the list of them is damaged.
    """
    path = folder / _BASELINES
    if not path.exists():
        return {}
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
        return {name: folder / run for name, run in sorted(names.items())}
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged: {error}; remove it, and name the runs again"
        ) from None


def name_baseline(folder: Path, name: str, run: Path) -> Path | None:
    """Give a run a name, and return the run that had it before.

    Raises:
        ValueError: If the name could be taken for a file.
    """
    if not _NAME.fullmatch(name) or name == LATEST or name.endswith(".json"):
        raise ValueError(
            f"a baseline's name is letters, digits, '.', '+' and '-', no file and not {LATEST!r}; "
            f"got {name!r}"
        )
    known = baselines(folder)
    before = known.get(name)
    named = {each: _beside(folder, path) for each, path in {**known, name: run}.items()}
    write_whole(folder / _BASELINES, json.dumps(named, indent=1) + "\n")
    return before


def _beside(folder: Path, run: Path) -> str:
    """Return how `baselines.json` names a run: by its name in the folder, or where else it is."""
    return run.name if run.parent.resolve() == folder.resolve() else str(run.resolve())


def find(folder: Path, name: str | Path) -> Path:
    """Return the file of a run that is given as a path, as `latest`, or as a baseline's name.

    A path to another folder of runs, or to its `latest`, is its latest run.

    Raises:
        FileNotFoundError: If there is no such run.
    """
    path = Path(name)
    if path.is_dir():
        return latest(path)
    if path.is_file():
        return latest(path.parent) if path.name == LATEST else path
    if str(name) == LATEST:
        return latest(folder)
    known = baselines(folder)
    if str(name) in known:
        return known[str(name)]
    if (folder / path).is_file():
        return folder / path
    if path.suffix == ".json" or path.parent != Path():
        raise FileNotFoundError(f"no such file: {name}")
    names = ", ".join(known) or "none"
    raise FileNotFoundError(
        f"no file and no baseline {str(name)!r}; baselines of {folder}: {names}"
    )


def two_runs(
    folder: Path, given: Sequence[str | Path], baseline: str | None = None
) -> tuple[Path, Path]:
    """Return the runs that are to be compared, the older one first.

    Args:
        folder: The folder of the runs.
        given: Both of them; beside a baseline at most the new one, by default the latest; or none
            for the last two.
        baseline: The name of the old one.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If there are too many or too few.
    """
    if baseline is None and not given:
        return last_two(folder)
    runs = [*given] if baseline is None else [baseline, *(given or [LATEST])]
    if len(runs) != 2:
        count = f"{len(given)} run{'s' * (len(given) != 1)}{' and a baseline' if baseline else ''}"
        raise ValueError(
            "diff takes OLD and NEW, or --baseline NAME and at most NEW, or nothing for the last "
            f"two runs; got {count}"
        )
    return find(folder, runs[0]), find(folder, runs[1])
