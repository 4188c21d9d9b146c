"""Write files so that a reader never sees half of one."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: str | Path, content: bytes | str) -> None:
    """Write a file as a whole: killed at any moment, `path` has its old content or the new one.

    The content goes to a temporary file in the same folder, from there to the disk, and then takes
    the name `path`. A write that fails leaves the old file and no temporary one. Text is UTF-8.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> write_atomically(path, "old")
        >>> write_atomically(path, "new")
        >>> path.read_text(), [file.name for file in path.parent.iterdir()]
        ('new', ['note.txt'])
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Write the folder's list of names to the disk, so that the new one survives a power cut."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
