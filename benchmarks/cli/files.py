"""The files that a command is to write."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path


def check_writable(path: Path) -> None:
    """Raise before anything is done if a file could not be written; make its folder.

    Raises:
        OSError: If it could not.

    Example:
        >>> path = Path(tempfile.mkdtemp()) / "new" / "graph.html"
        >>> check_writable(path)
        >>> path.parent.exists(), path.exists()
        (True, False)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".gradwise-"):
        pass  # under a name that no file of the user's has
    if path.exists():
        path.open("a").close()


def expanded(given: Sequence[str]) -> list[str]:
    """Return arguments with the user's folder for `~`, also after `=`, where shells leave it.

    Example:
        >>> expanded(["--out=runs", "--out=~/runs"])[1] == f"--out={Path.home()}/runs"
        True
    """
    parted = [one.rpartition("=") if one.startswith("--") else ("", "", one) for one in given]
    return [name + equals + os.path.expanduser(value) for name, equals, value in parted]  # noqa: PTH111
