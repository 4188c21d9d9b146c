"""The folder of runs: each in a file of its own, which is never written again once it is finished.

A run is `<date>-<short hash>.json`, with the date in UTC; until it is finished it is
`<date>-<short hash>.unfinished.json`. `latest` is a small text file that holds the name of the run
that finished last, and not a symbolic link, which some systems and archives do not keep.
`baselines.json` holds a run for each name that a user gave one.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from .file import load_all, write_file
from .record import Comparison

LATEST = "latest"
_BASELINES = "baselines.json"
_UNFINISHED = ".unfinished.json"
_RUN = re.compile(r"\d{4}-\d\d-\d\d-\d{6}-[0-9a-f]{6}(-\d+)?\.json")
_NAME = re.compile(r"\w[\w.+-]*")


def begin(folder: Path, asked: object, date: datetime) -> Path:
    """Return the file of a new run, which is there and empty.

    Args:
        folder: The folder of the runs; it is made if it is not there.
        asked: What the run was asked for, which JSON can hold: its hash is part of the name.
        date: When it begins.

    Raises:
        OSError: If the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> begin(folder, {"seed": 0}, datetime(2026, 1, 31, 9, 30)).name
        '2026-01-31-093000-de7d77.unfinished.json'
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asked, sort_keys=True, default=str)
    stem = f"{date:%Y-%m-%d-%H%M%S}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
    for number in range(1, 1000):
        name = stem if number == 1 else f"{stem}-{number}"
        if (folder / f"{name}.json").exists():
            continue
        try:
            path = folder / f"{name}{_UNFINISHED}"
            path.touch(exist_ok=False)
            return path
        except FileExistsError:
            continue
    raise OSError(f"{folder} holds a thousand runs of this second: wait for the next one")


def finish(path: Path) -> Path:
    """Give a run that is complete its final name, and let `latest` name it.

    Raises:
        OSError: If the folder cannot be written to.
    """
    final = path.with_name(path.name.removesuffix(_UNFINISHED) + ".json")
    path.rename(final)
    write_file(path.with_name(LATEST), final.name + "\n")
    return final


def give_up_if_empty(path: Path) -> None:
    """Remove the file of a run that ended without a result."""
    if not path.stat().st_size:
        path.unlink()


def finished(folder: Path) -> list[Path]:
    """Return the finished runs, the one that finished last at the end, the others by their dates.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder of runs: {folder}")
    runs = sorted(path for path in folder.iterdir() if _RUN.fullmatch(path.name))
    pointer = folder / LATEST
    last = pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else ""
    return sorted(runs, key=lambda path: path.name == last)


def unfinished(folder: Path) -> list[Path]:
    """Return the runs that hold results but are not finished, by their dates."""
    paths = sorted(folder.glob(f"*{_UNFINISHED}"))
    return [path for path in paths if path.stat().st_size]


def latest(folder: Path) -> Path:
    """Return the run that finished last.

    Raises:
        FileNotFoundError: If there is none.
    """
    return _last(folder, 1)[0]


def last_two(folder: Path) -> tuple[Path, Path]:
    """Return the two runs that finished last, the older one first.

    Raises:
        FileNotFoundError: If there are no two.
    """
    older, newer = _last(folder, 2)
    return older, newer


def _last(folder: Path, count: int) -> list[Path]:
    runs = finished(folder)
    if len(runs) < count:
        held = "no finished run" if not runs else "one finished run, and this takes two"
        raise FileNotFoundError(f"{folder} holds {held}: `gradwise run` makes one")
    return runs[-count:]


def resumable(folder: Path) -> dict[str, Comparison]:
    """Return what a run can go on with, by name: the latest run, and all that did not finish.

    Of several comparisons of one name it is that of the newest run.
    """
    if not folder.is_dir():
        return {}
    paths = sorted([*finished(folder)[-1:], *unfinished(folder)])
    return {each.name: each for path in paths for each in load_all(path)}


def remove_superseded(folder: Path, comparisons: Sequence[Comparison]) -> None:
    """Remove the unfinished runs of which a finished one holds every comparison."""
    for path in unfinished(folder):
        if all(each in comparisons for each in load_all(path)):
            path.unlink()


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
    write_file(folder / _BASELINES, json.dumps(named, indent=1) + "\n")
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
