"""Let one process at a time write to a folder, by a lock that a crash does not leave behind."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# What a file system without locks answers; then there is no lock, and the training goes on.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> None:
        file.seek(1 << 20)  # beyond the text, which others are to read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder within the `with` block; the file `.lock` says who holds it.

    The system gives the lock back when the process ends, however it ends. A file that is left over
    then is nobody's lock.

    Raises:
        BlockingIOError: If another process holds it; the message says which one, on which machine.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with locked(folder):
        ...     [file.name for file in folder.iterdir()]
        ['.lock']
        >>> list(folder.iterdir())
        []
    """
    path = folder / ".lock"
    file = _open_locked(path)
    try:
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {_machine()}")
        file.flush()
        yield
    finally:
        if sys.platform == "win32":  # where an open file cannot be removed
            file.close()
        # Removed while it is locked, so that nobody else's lock is.
        path.unlink(missing_ok=True)
        file.close()


def _open_locked(path: Path) -> IO[str]:
    while True:
        file = path.open("a+")
        try:
            _try_lock(file)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return file
            file.seek(0)
            holder = file.read()
            if _has_ended(holder) and _is_still_there(path, file):
                path.unlink(missing_ok=True)
                file.close()
                continue
            file.close()
            raise BlockingIOError(
                error.errno, f"{holder or 'another process'} writes to it", str(path.parent)
            ) from None
        if _is_still_there(path, file):
            return file
        file.close()  # the one who held it has removed the file since it was opened here


def _has_ended(holder: str) -> bool:
    """Return whether the process of this machine that took a lock is no more.

    Its children, such as the workers of a data loader, may have inherited the lock, and live on.
    """
    words = holder.split(maxsplit=3)
    if sys.platform == "win32" or len(words) != 4 or words[3] != _machine():
        return False
    try:
        os.kill(int(words[1]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _machine() -> str:
    """Return the machine's name, and what tells its processes' numbers from those of another.

    Containers may have one name, and give their processes the same few numbers.
    """
    numbers = ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        numbers = f" ({boot}, {Path('/proc/self/ns/pid').readlink()})"
    return platform.node() + numbers


def _is_still_there(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
