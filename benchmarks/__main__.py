"""The command line from a clone: `python -m benchmarks`."""

from .cli.main import app

if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
