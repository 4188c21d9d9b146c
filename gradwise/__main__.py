"""The command line: `gradwise`, or `python -m gradwise`."""

import importlib
import sys
from pathlib import Path

from . import __version__


def main() -> None:
    """Run the command line, with the working folder first on the path, as for a script in it.

    Only so do the modules that a user's function imports stay the user's, whatever their names.
    """
    if sys.argv[1:] == ["--version"]:  # which needs none of the command line's packages
        print(f"gradwise {__version__}")
        return
    if sys.argv[1:] == ["doctor"]:  # which says what those packages are
        importlib.import_module("gradwise.benchmarks.cli.doctor").main()
        return
    sys.path.insert(0, str(Path.cwd()))
    importlib.import_module("gradwise.benchmarks.cli.main").main("gradwise")


if __name__ == "__main__":
    main()
