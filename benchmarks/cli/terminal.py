"""The terminal that is written to."""

import shutil

from ..instrument.text import WIDTH


def terminal_width() -> int:
    """Return how many characters a line of the terminal has; of a file or a pipe, 80.

    The environment variable `COLUMNS` says otherwise.

    Example:
        >>> import os
        >>> os.environ["COLUMNS"] = "132"
        >>> terminal_width()
        132
        >>> del os.environ["COLUMNS"]
    """
    return shutil.get_terminal_size((WIDTH, 24)).columns
