"""The command line in this process, and a suite of scenarios that is quick to measure."""

from typer.testing import CliRunner

from benchmarks.cli.main import app

SUITE = ["run", "lecture", "--size", "small", "--budget", "0.1"]
ONE, TWO = ["--only", "*/l2"], ["--only", "*/l[12]"]


def gradwise(*arguments):
    """Run a command; what it raises beyond its exit status is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
