"""The commands and their options: `gradwise`, or `python -m benchmarks` from a clone.

What does a command's work is imported by the command: completion, `--help` and slips need no JAX.
"""

import sys
from pathlib import Path
from typing import Annotated

try:
    import typer
except ModuleNotFoundError:
    raise SystemExit(
        'gradwise: the command line needs an extra: pip install "gradwise[suite]"; '
        "without it there is `gradwise doctor`"
    ) from None

from gradwise import __version__

from . import completion, doctor, of_functions, of_results, options
from .errors import in_one_line
from .files import expanded
from .loading import loading
from .plain import never_fails

app = typer.Typer(
    name="gradwise",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    out: options.Out = Path("results"),
    resume: options.Resume = False,
    full: options.Full = False,
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
        with loading():
            from . import suites
        raise typer.Exit(suites.default(quick=quick, out=out, resume=resume, full=full))


@app.command("run")
@in_one_line
def run(
    names: options.Suites = None,
    only: options.Only = None,
    size: options.Size = "medium",
    dtype: options.Dtype = None,
    budget: options.Budget = 5.0,
    time_limit: options.TimeLimit = 60.0,
    seed: options.Seed = 0,
    out: options.Out = Path("results"),
    adbench_data: options.Data = None,
    resume: options.Resume = False,
    baseline: options.Baseline = None,
    full: options.Full = False,
) -> None:
    """Measure suites of scenarios, by default all but `structure`.

    `gradwise run structure` judges by what factor the way that gradwise.jacobian takes is slower
    than the best one, on functions of which half were not looked at when it was made.

    Each run is a file of its own in the folder of results, and `latest` beside it names the last.
    With --baseline, the exit status is 1 if anything is slower than in that run.
    """
    with loading():
        from ..scenarios.run import choose
        from . import suites
    asked = suites.Asked(
        choose(names or [], only=only, size=size, adbench_data=adbench_data),
        out,
        budget=budget,
        time_limit=time_limit,
        dtype=dtype,
        seed=seed,
        resume=resume,
    )
    raise typer.Exit(suites.run(asked, baseline=baseline, full=full))


@app.command("list")
@in_one_line
def list_(names: options.Suites = None, size: options.Size = "medium") -> None:
    """List the suites and their scenarios."""
    with loading():
        from . import suites
    suites.list_scenarios(names or [], size=size)


@app.command("compare")
@in_one_line
def compare(
    target: options.Case,
    method: options.Methods = None,
    all_: options.All = False,
    has_aux: options.HasAux = False,
    order: options.Order = 1,
    crossover: options.Crossover = False,
    budget: options.Budget = 10.0,
    time_limit: options.TimeLimit = 60.0,
    seed: options.Seed = 0,
    rule: options.Rule = "check",
    full: options.Full = False,
    out: options.Saved = None,
    save: options.OldSaved = None,
) -> None:
    """Compare forward and reverse mode on a function of your own.

    The exit status is 3 if no derivative was right.
    """
    with loading():
        from . import commands
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
        full=full,
        save=[*(out or []), *(save or [])],
    )
    raise typer.Exit(status)


@app.command("compare-functions")
@in_one_line
def compare_functions(
    targets: options.Targets,
    mode: options.Mode = None,
    budget: options.Budget = 10.0,
    time_limit: options.TimeLimit = 60.0,
    seed: options.Seed = 0,
    out: options.Saved = None,
    save: options.OldSaved = None,
) -> None:
    """Compare functions that are to give the same, and their derivatives.

    All of them are called with the inputs of the first. The exit status is 3 if they do not give
    the same.
    """
    with loading():
        from . import commands
    status = commands.compare_functions(
        targets,
        mode=mode,
        budget=budget,
        time_limit=time_limit,
        seed=seed,
        save=[*(out or []), *(save or [])],
    )
    raise typer.Exit(status)


@app.command("explain")
@in_one_line
def explain(
    term: Annotated[
        str | None,
        typer.Argument(
            metavar="WORD",
            help="The word; without one, all are listed.",
            autocompletion=lambda: list(completion.WORDS),
        ),
    ] = None,
) -> None:
    """Explain a word that gradwise uses, with an example."""
    with loading():
        from . import commands
    commands.explain(term)


@app.command("graph")
@in_one_line
def graph(
    target: options.Case,
    out: options.Drawn = None,
    depth: options.Depth = None,
    open_: options.Opened = None,
    direction: options.Direction = None,
    overlay: options.Overlay = None,
) -> None:
    """Draw the computational graph of a function of your own, with every number in it.

    The page steps through the forward pass, forward mode and reverse mode. Layers, losses and loops
    are groups that open.
    """
    with loading():
        from . import graphs
    graphs.draw(
        target,
        out=out or [],
        depth=depth,
        open_=open_ or [],
        direction=direction,
        overlay=overlay,
    )


for _of_functions in (of_functions.structure, of_functions.jacobian, of_functions.nonfinite):
    app.command()(_of_functions)

for _of_results in (of_results.diff, of_results.baseline, of_results.report):
    app.command()(_of_results)


@app.command("selftest")
@in_one_line
def selftest(
    seed: options.Seed = 0,
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
    with loading():
        from . import commands
    raise typer.Exit(commands.selftest(seed=seed, long=long))


@app.command("doctor")
@in_one_line
def doctor_() -> None:
    """Tell versions, devices, load and precision, and which extras are missing."""
    typer.echo("\n".join(doctor.diagnosis()))


@app.command("peers")
@in_one_line
def peers(
    train: Annotated[
        bool, typer.Option("--train", help="Time whole trainings and a search instead.")
    ] = False,
) -> None:
    """Compare gradwise with flax, equinox, haiku and others.

    Show what each library returns in edge cases, the time of a training step, and sparse Jacobians
    beside asdex's. A library that is not installed has a line that says so; the extra `peers`
    installs them.
    """
    with loading():
        from . import commands
    commands.peers(train=train)


def main(name: str) -> None:
    """Run the command line under a name."""
    never_fails(sys.stdout, sys.stderr)
    app(expanded(sys.argv[1:]), prog_name=name)
