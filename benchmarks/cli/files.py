"""The files that a command is to write."""

import tempfile
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
