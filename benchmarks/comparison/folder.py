"""The folder of runs: each in a file of its own, which is never written again once it is finished.

A run is `<date>-<short hash>.json`, with the date in UTC; until it is finished it is
`<date>-<short hash>.unfinished.json`. `latest` is a small text file that holds the name of the run
that finished last, and not a symbolic link, which some systems and archives do not keep.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from .._files import write_whole
from .file import load_all
from .record import Comparison

LATEST = "latest"
_UNFINISHED = ".unfinished.json"
_RUN = re.compile(r"\d{4}-\d\d-\d\d-\d{6}-[0-9a-f]{6}(-\d+)?\.json")


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
    write_whole(path.with_name(LATEST), final.name + "\n")
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
        raise FileNotFoundError(f"no such folder of runs: {folder}; `gradwise run` makes one")
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


def before(run: Path) -> Path | None:
    """Return the run that finished before another one in its folder; `None` if none did.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> first, second = (
        ...     finish(begin(folder, {}, datetime(2026, 1, day))) for day in (1, 2)
        ... )
        >>> before(second) == first, before(first)
        (True, None)
    """
    runs = finished(run.parent)
    place = runs.index(run) if run in runs else 0
    return runs[place - 1] if place else None


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


def finish_resumed(path: Path, comparisons: Sequence[Comparison]) -> Path:
    """Finish a run that went on with others, and return the file that holds it.

    If all of it was kept from the run that finished last, that is the file, and there is no new
    one. Unfinished runs of which the file holds every comparison are removed.

    Raises:
        OSError: If the folder cannot be written to.
    """
    folder = path.parent
    last = finished(folder)[-1:]
    if last and load_all(last[0]) == list(comparisons):
        path.unlink()
        final = last[0]
    else:
        final = finish(path)
    for other in unfinished(folder):
        if all(each in comparisons for each in load_all(other)):
            other.unlink()
    return final
