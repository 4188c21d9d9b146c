"""What to type after Ctrl-C: the whole command, as it was typed."""

import shlex
import sys

_RESUME = "--resume"
#: The exit status after Ctrl-C, that of a shell.
INTERRUPTED = 130


def typed(*more: str) -> str:
    """Return the command that is running, with more options at its end.

    Example:
        >>> sys.argv = ["/usr/bin/gradwise", "run", "lecture", "--only", "*/relu"]
        >>> typed("--resume")
        "gradwise run lecture --only '*/relu' --resume"
    """
    given = sys.argv[1:]
    return shlex.join(["gradwise", *given, *(one for one in more if one not in given)])


def interrupted(kept: str) -> str:
    """Say that Ctrl-C came, what is kept, and what starts anew.

    Args:
        kept: What is kept.

    Example:
        >>> sys.argv = ["gradwise", "compare", "model.py:case"]
        >>> interrupted("nothing is kept")
        'interrupted; nothing is kept; this starts anew: gradwise compare model.py:case'
    """
    return f"interrupted; {kept}; this starts anew: {typed()}"


def goes_on(kept: int, count: int, path: object) -> str:
    """Say that Ctrl-C came in a run, how many functions it keeps, and what goes on with it.

    Args:
        kept: How many functions were finished.
        count: How many there are.
        path: The file that they are kept in.

    Example:
        >>> sys.argv = ["gradwise", "run", "lecture"]
        >>> goes_on(2, 9, "results/1.json")
        'interrupted; 2 of 9 are kept in results/1.json; go on with: gradwise run lecture --resume'
    """
    if not kept:
        return interrupted("nothing was finished, and nothing is kept")
    are = "is" if kept == 1 else "are"
    return f"interrupted; {kept} of {count} {are} kept in {path}; go on with: {typed(_RESUME)}"
