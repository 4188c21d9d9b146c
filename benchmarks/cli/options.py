"""The options and arguments of the commands, in the order in which they are first needed."""

from pathlib import Path
from typing import Annotated

import typer

from . import completion

Suites = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SUITE",
        help="The suites, by default all but `structure`; see `gradwise list`.",
        autocompletion=lambda: list(completion.SUITES),
    ),
]
Case = Annotated[
    str,
    typer.Argument(
        metavar="MODULE:FUNCTION",
        help="A function without arguments that returns (fn, inputs), or (fn, inputs, options) "
        "with options such as {'argnums': 0}; named as my_model:case or path/to/my_model.py:case.",
    ),
]
Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="MODULE:FUNCTION MODULE:FUNCTION",
        help="Functions without arguments that return (fn, inputs), or (fn, inputs, options) with "
        "options such as {'argnums': 0}; the first is the one to compare with.",
    ),
]
Mode = Annotated[
    str | None,
    typer.Option(
        metavar="MODE",
        help="forward or reverse; by default the faster one of each.",
        autocompletion=lambda: list(completion.PARTS[1:]),
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        metavar="NAME",
        help="A method to use, may be given several times; by default those of a first look.",
        autocompletion=lambda: list(completion.METHODS),
    ),
]
All = Annotated[bool, typer.Option("--all", help="Use every method that applies.")]
HasAux = Annotated[
    bool,
    typer.Option("--has-aux", help="Fn returns (loss, aux): differentiate the loss alone."),
]
Crossover = Annotated[
    bool,
    typer.Option("--crossover", help="Find up to how many inputs forward mode is faster."),
]
Rule = Annotated[
    str,
    typer.Option(
        metavar="check|trust",
        help="check holds derivatives against the function; trust, against its custom rules.",
        autocompletion=lambda: ["check", "trust"],
    ),
]
Saved = Annotated[
    list[Path] | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="A file to write: .json, .csv, .md, .html, .svg or .png; may be given several times.",
    ),
]
#: What `--out` was called before.
OldSaved = Annotated[list[Path] | None, typer.Option("--save", hidden=True)]
Drawn = Annotated[
    list[Path] | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="A file to write: .html, .svg, .png, .txt, .json or .dot; may be given several times. "
        "Without one the graph is printed.",
    ),
]
Depth = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        min=1,
        help="How deep groups are closed: 1 for layers, 2 for what is in them; by default as many "
        "as leave at most 60 boxes.",
    ),
]
Opened = Annotated[
    list[str] | None,
    typer.Option(
        "--open",
        metavar="NAME",
        help="A group to open, such as batch_norm; may be given several times.",
    ),
]
Direction = Annotated[
    str | None,
    typer.Option(
        metavar="right|down",
        help="Which way the picture runs; by default right.",
        autocompletion=lambda: ["right", "down"],
    ),
]
Overlay = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Print what it says of each node: kept, flops, saturation, zeros, 'not finite' or "
        "digits.",
        autocompletion=lambda: list(completion.OVERLAYS),
    ),
]
Only = Annotated[
    str | None, typer.Option(metavar="GLOB", help="Measure only scenarios of matching names.")
]
Size = Annotated[
    str,
    typer.Option(
        metavar="SIZE",
        help="The size of the inputs: small, medium or large.",
        autocompletion=lambda: list(completion.SIZES),
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE",
        help="The floating type, float32 or float64; by default each scenario's own.",
        autocompletion=lambda: list(completion.DTYPES),
    ),
]
Budget = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", help="Seconds of measuring for each function, out of its time limit."
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        help="Seconds for each function in all: tracing, checking, compiling and measuring.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="NUMBER", min=0, help="Draws the random directions and the order of measuring."
    ),
]
Out = Annotated[
    Path, typer.Option(metavar="FOLDER", help="The folder that results are written to.")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the last run: keep what was made by equals, and say what differs.",
    ),
]
Full = Annotated[bool, typer.Option("--full", help="Print every table whole, with all columns.")]
Data = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="A folder of ADBench's own input files, to be read."),
]
Order = Annotated[
    int, typer.Option(metavar="1|2", help="1 for gradients and Jacobians, 2 for Hessians.")
]
Baseline = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The run to compare with, named by `gradwise baseline`."),
]
Folder = Annotated[Path, typer.Option(metavar="FOLDER", help="The folder of the runs.")]
Runs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="OLD NEW",
        help="Two runs: files, names of baselines, or `latest`. By default the last two; with "
        "--baseline at most the new one.",
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="text|md",
        help="text, or md for a comment on a pull request.",
        autocompletion=lambda: ["text", "md"],
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The page, summary or picture to write: .html, .md, .svg or .png; by default a page "
        "of the same name as the results.",
    ),
]
