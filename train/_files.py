"""Write files so that a reader never sees half of one.

`nn`, `train` and `benchmarks` import nothing of one another, so each of them has this file; a test
holds that the three are one text.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from collections.abc import Sequence
from pathlib import Path


def user_path(path: str | os.PathLike[str]) -> Path:
    """Return a path as a shell takes it: `~` at its beginning is the user's own folder.

    Example:
        >>> user_path("~/runs") == Path.home() / "runs"
        True
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111  (it raises no error)


def write_whole(
    path: str | os.PathLike[str], content: bytes | str | Sequence[bytes | memoryview]
) -> None:
    """Write a file as a whole: killed at any moment, `path` has its old content or the new one.

    The content goes to a temporary file in the same folder, from there to the disk, and then takes
    the name. After a power cut it may be the old content for the seconds in which the system keeps
    names to itself; half of one it is never. Folders that are missing are made, an older file's
    permissions stay, and where `path` is a link the file that it leads to is written.

    Args:
        path: The file.
        content: Text, written as UTF-8, or bytes; or several parts of those, written one after the
            other, which spares a copy that joins them.

    Raises:
        IsADirectoryError: If `path` is a folder.
        OSError: If the file cannot be written; an older one stays as it is. It names the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "notes" / "note.txt"
        >>> write_whole(path, "old")
        >>> write_whole(path, "new")
        >>> path.read_text(), [file.name for file in path.parent.iterdir()]
        ('new', ['note.txt'])
    """
    target = Path(os.path.realpath(user_path(path)))
    if target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder: name a file in it")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name[:40]}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("xb") as file:
            file.writelines(_parts(content))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except OSError as error:  # a full disk names no file
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _parts(content: bytes | str | Sequence[bytes | memoryview]) -> Sequence[bytes | memoryview]:
    if isinstance(content, str):
        return [content.encode()]
    return [content] if isinstance(content, bytes) else content
