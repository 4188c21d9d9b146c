"""The commands and their options: `gradwise`, or `python -m benchmarks` from a clone."""

from pathlib import Path
from typing import Annotated

try:
    import typer
except ModuleNotFoundError:
    raise SystemExit(
        "gradwise: the command line needs an extra: pip install 'gradwise[suite]'"
    ) from None

from gradwise import __version__

from . import commands

app = typer.Typer(
    name="gradwise",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Suites = Annotated[
    list[str] | None, typer.Argument(help="The suites, by default all; see `gradwise list`.")
]
Only = Annotated[
    str | None, typer.Option(metavar="GLOB", help="Measure only scenarios of matching names.")
]
Size = Annotated[str, typer.Option(help="The size of the inputs: small, medium or large.")]
Dtype = Annotated[
    str | None,
    typer.Option(help="The floating type, float32 or float64; by default each scenario's own."),
]
Budget = Annotated[float, typer.Option(help="Seconds of measuring for each function.")]
Seed = Annotated[
    int, typer.Option(min=0, help="Draws the random directions and the order of measuring.")
]
Out = Annotated[Path, typer.Option(help="The folder that results are written to.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Keep the results that the folder holds; measure the rest.")
]
Full = Annotated[bool, typer.Option("--full", help="Print the whole table of every scenario too.")]
Data = Annotated[
    Path | None, typer.Option(help="A folder of ADBench's own input files, to be read.")
]
Order = Annotated[int, typer.Option(help="1 for gradients and Jacobians, 2 for Hessians.")]
Results = Annotated[Path, typer.Argument(help="A JSON file of results.")]


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gradwise {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure one network alone, within 20 s.")
    ] = False,
    out: Out = Path("results"),
    full: Full = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="The version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Measure what a derivative of a JAX function costs, by every way to take it.

    Without a command, gradwise measures the lecture's networks on real data, within 90 s on two
    cores.
    """
    if context.invoked_subcommand is None:
        commands.default(quick=quick, out=out, full=full)


@app.command("run")
def run(
    suites: Suites = None,
    only: Only = None,
    size: Size = "medium",
    dtype: Dtype = None,
    budget: Budget = 5.0,
    seed: Seed = 0,
    out: Out = Path("results"),
    adbench_data: Data = None,
    resume: Resume = False,
    full: Full = False,
) -> None:
    """Measure suites of scenarios, by default all of them."""
    commands.run(
        suites or [],
        only=only,
        size=size,
        dtype=dtype,
        budget=budget,
        seed=seed,
        out=out,
        adbench_data=adbench_data,
        resume=resume,
        full=full,
    )


@app.command("list")
def list_(suites: Suites = None, size: Size = "medium") -> None:
    """List the suites and their scenarios."""
    commands.list_scenarios(suites or [], size=size)


@app.command("compare")
def compare(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="A function without arguments that returns (fn, inputs), such as my_model:loss.",
        ),
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(help="A method to use, may be given several times; by default all."),
    ] = None,
    order: Order = 1,
    crossover: Annotated[
        bool,
        typer.Option("--crossover", help="Find up to how many inputs forward mode is faster."),
    ] = False,
    budget: Budget = 10.0,
    seed: Seed = 0,
    save: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file to write: .json, .csv, .md, .html or .png; may be given several times."
        ),
    ] = None,
) -> None:
    """Compare forward and reverse mode on a function of your own."""
    commands.compare(
        target,
        methods=method,
        order=order,
        crossover=crossover,
        budget=budget,
        seed=seed,
        save=save or [],
    )


@app.command("diff")
def diff(old: Results, new: Results) -> None:
    """Show what became slower or faster between two runs.

    Each row is slower, faster, the same, or cannot be told apart on this machine; intervals are
    given. The exit status is 1 if anything became slower or broke, so that CI can use it.
    """
    raise typer.Exit(commands.diff(old, new))


@app.command("report")
def report(
    results: Results,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page, summary or picture to write: .html, .md or .png; by default a page "
            "of the same name as the results."
        ),
    ] = None,
) -> None:
    """Write a run's results as a page, a summary or a picture."""
    commands.report(results, out)


@app.command("selftest")
def selftest(
    seed: Seed = 0,
    long: Annotated[
        bool, typer.Option("--long", help="Compare forty functions too, for a few minutes.")
    ] = False,
) -> None:
    """Check what the instrument can tell apart on this machine.

    Intervals must hold what they say, a function against itself must be a tie, a tenth more work
    must be found to be slower, wrong derivatives must be refused, and a busy machine must be
    noticed, for which a load is planted. This takes about half a minute; the exit status is 1 if it
    fails.
    """
    raise typer.Exit(commands.selftest(seed=seed, long=long))


@app.command("peers")
def peers(
    train: Annotated[
        bool, typer.Option("--train", help="Time whole trainings and a search instead.")
    ] = False,
) -> None:
    """Compare gradwise with flax, equinox, haiku and others.

    Show what each library returns in edge cases, and the time of a training step. A library that
    is not installed has a line that says so; the extra `peers` installs them.
    """
    commands.peers(train=train)
