"""Print the page of the reference on the command line: what `--help` says of each command.

`uv run python docs/command_line.py > docs/reference/command_line.md` brings it up to date.
"""

import typer
from typer.testing import CliRunner

from gradwise.benchmarks.cli.main import app

HEAD = """# The command line

`gradwise` is there after `pip install 'gradwise[suite]'`; `python -m gradwise` is the same.
"""


def help_of(*command: str) -> str:
    """Return what `gradwise command --help` prints on 80 columns."""
    shown = CliRunner().invoke(
        app, [*command, "--help"], env={"COLUMNS": "80"}, prog_name="gradwise"
    )
    return "\n".join(line.rstrip() for line in shown.output.strip().splitlines())


def page() -> str:
    """Return the page."""
    commands = list(typer.main.get_group(app).commands)
    parts = [HEAD, block(help_of())]
    for command in commands:
        parts.append(f"## gradwise {command}\n\n{block(help_of(command))}")
    return "\n".join(parts)


def block(text: str) -> str:
    """Return a block of text in Markdown."""
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    print(page(), end="")
