"""The command line from a clone: `python -m benchmarks`."""

from .cli.main import main

if __name__ == "__main__":
    main("python -m benchmarks")
