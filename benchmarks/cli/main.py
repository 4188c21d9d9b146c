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

from ..instrument.deadline import leave
from . import commands
from .errors import in_one_line

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
Budget = Annotated[
    float,
    typer.Option(help="Seconds of measuring for each function, out of its time limit."),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        help="Seconds for each function in all: tracing, checking, compiling and measuring."
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Draws the random directions and the order of measuring.")
]
Out = Annotated[Path, typer.Option(help="The folder that results are written to.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the last run: keep what was made by equals, and say what differs.",
    ),
]
Full = Annotated[bool, typer.Option("--full", help="Print the whole table of every scenario too.")]
Data = Annotated[
    Path | None, typer.Option(help="A folder of ADBench's own input files, to be read.")
]
Order = Annotated[int, typer.Option(help="1 for gradients and Jacobians, 2 for Hessians.")]
Baseline = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The run to compare with, named by `gradwise baseline`."),
]
Folder = Annotated[Path, typer.Option(metavar="FOLDER", help="The folder of the runs.")]


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gradwise {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
@in_one_line
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
        raise typer.Exit(commands.default(quick=quick, out=out, full=full))


@app.command("run")
@in_one_line
def run(
    suites: Suites = None,
    only: Only = None,
    size: Size = "medium",
    dtype: Dtype = None,
    budget: Budget = 5.0,
    time_limit: TimeLimit = 60.0,
    seed: Seed = 0,
    out: Out = Path("results"),
    adbench_data: Data = None,
    resume: Resume = False,
    baseline: Baseline = None,
    full: Full = False,
) -> None:
    """Measure suites of scenarios, by default all of them.

    Each run is a file of its own in the folder of results, and `latest` beside it names the last.
    With --baseline, the exit status is 1 if anything is slower than in that run.
    """
    status = commands.run(
        suites or [],
        only=only,
        size=size,
        dtype=dtype,
        budget=budget,
        time_limit=time_limit,
        seed=seed,
        out=out,
        adbench_data=adbench_data,
        resume=resume,
        baseline=baseline,
        full=full,
    )
    raise typer.Exit(status)


@app.command("list")
@in_one_line
def list_(suites: Suites = None, size: Size = "medium") -> None:
    """List the suites and their scenarios."""
    commands.list_scenarios(suites or [], size=size)


@app.command("compare")
@in_one_line
def compare(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="A function without arguments that returns (fn, inputs), such as my_model:case "
            "or path/to/my_model.py:case.",
        ),
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="A method to use, may be given several times; by default those of a first look."
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Use every method that applies.")] = False,
    has_aux: Annotated[
        bool,
        typer.Option("--has-aux", help="Fn returns (loss, aux): differentiate the loss alone."),
    ] = False,
    order: Order = 1,
    crossover: Annotated[
        bool,
        typer.Option("--crossover", help="Find up to how many inputs forward mode is faster."),
    ] = False,
    budget: Budget = 10.0,
    time_limit: TimeLimit = 60.0,
    seed: Seed = 0,
    rule: Annotated[
        str,
        typer.Option(
            help="check holds derivatives against the function; trust, against its custom rules."
        ),
    ] = "check",
    save: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file to write: .json, .csv, .md, .html or .png; may be given several times."
        ),
    ] = None,
) -> None:
    """Compare forward and reverse mode on a function of your own.

    The exit status is 3 if no derivative was right.
    """
    status = commands.compare(
        target,
        methods="all" if all_ else method,
        has_aux=has_aux,
        order=order,
        crossover=crossover,
        budget=budget,
        time_limit=time_limit,
        seed=seed,
        rule=rule,
        save=save or [],
    )
    raise typer.Exit(status)


@app.command("diff")
@in_one_line
def diff(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="OLD NEW",
            help="Two runs: files, names of baselines, or `latest`. By default the last two; with "
            "--baseline at most the new one.",
        ),
    ] = None,
    baseline: Baseline = None,
    results: Folder = Path("results"),
    format_: Annotated[
        str, typer.Option("--format", help="text, or md for a comment on a pull request.")
    ] = "text",
) -> None:
    """Show what became slower or faster between two runs.

    Each row is slower, faster, the same, or cannot be told apart on this machine; intervals are
    given. Where the machine was busy, CPU times are compared, or nothing is. The exit status is 1
    if anything became slower or broke, so that CI can use it.
    """
    raise typer.Exit(commands.diff(runs or [], baseline=baseline, folder=results, format_=format_))


@app.command("baseline")
@in_one_line
def baseline(
    name: Annotated[str | None, typer.Argument(help="The name to give a run.")] = None,
    run: Annotated[
        Path, typer.Argument(metavar="FILE", help="The run; by default the latest.")
    ] = Path("latest"),
    results: Folder = Path("results"),
) -> None:
    """Name a run, to compare others with; without a name, list those that there are."""
    commands.baseline(name, run, folder=results)


@app.command("report")
@in_one_line
def report(
    results: Annotated[
        Path, typer.Argument(help="A run, or a folder of runs, whose latest is taken.")
    ] = Path("results"),
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
@in_one_line
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
@in_one_line
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


def main(name: str) -> None:
    """Run the command line under a name, and leave with its status, whatever still runs."""
    try:
        app(prog_name=name)
    except SystemExit as done:
        leave(done.code if isinstance(done.code, int) else 0)
        raise
