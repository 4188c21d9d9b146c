"""The work behind `gradwise graph`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from ..graph.build import graph
from ..graph.file import check_ending
from ..graph.text import text
from ..instrument.text import terminal_width
from .files import check_writable
from .target import load_case

#: What a case may say beside its function and inputs: what `gradwise.graph` takes by keyword.
OPTIONS = ("argnums", "tangent", "cotangent", "names", "direction")
DIRECTIONS = ("right", "down")


def draw(
    target: str,
    *,
    out: Sequence[Path],
    depth: int | None,
    open_: Sequence[str],
    direction: str | None,
    overlay: str | None,
) -> None:
    """Write the computational graph of a function of the user's, or print it.

    Args:
        target: What the user names.
        out: The files to write; without any the graph is printed.
        depth: How deep groups are closed; `None` for what suits the size.
        open_: The groups to open.
        direction: Which way the graph runs; `None` for the usual one.
        overlay: What to print of each node instead of the graph.
    """
    if direction is not None and direction not in DIRECTIONS:
        raise ValueError(f"direction must be {' or '.join(DIRECTIONS)}, got {direction!r}")
    for path in out:  # before anything is traced
        check_ending(path)
        check_writable(path)
    fn, inputs, options = load_case(target, OPTIONS)
    drawn = graph(fn, *inputs, **options)
    drawn = replace(drawn, title=target, direction=direction or drawn.direction)
    if depth is not None or open_:
        drawn = drawn.closed(depth=depth, open=tuple(open_))
    if overlay is not None:
        for node, (_, said) in drawn.overlay(overlay).items():
            typer.echo(f"#{node} {drawn.nodes[node].name or drawn.nodes[node].operation}: {said}")
    elif not out:
        typer.echo(text(drawn, terminal_width()))
    for path in out:
        drawn.save(path)
        typer.echo(f"wrote {path}")
