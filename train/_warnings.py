"""Warn at the user's line."""

import os
import sys
import warnings
from pathlib import Path

_OURS = f"{Path(__file__).parent}{os.sep}"


def warn_user(text: str) -> None:
    """Warn at the line that called this package, however many of its functions lie between.

    Example:
        >>> with warnings.catch_warnings(record=True, action="always") as told:
        ...     warn_user("the batch is small")
        >>> told[0].filename.startswith("<doctest ")
        True
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, stacklevel=level)
