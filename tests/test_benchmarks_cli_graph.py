"""`gradwise graph`: what it prints, writes and refuses."""

import re

import pytest
from typer.testing import CliRunner

from benchmarks import load
from benchmarks.cli.main import app
from benchmarks.cli.target import load_case
from benchmarks.graph.build import graph
from benchmarks.graph.drawing.packing import unpacked
from benchmarks.graph.text import text

MODEL = """\
import jax, jax.numpy as jnp
def loss(w, x, y):
    with jax.named_scope("layer"):
        z = w @ x
        p = jax.nn.sigmoid(z)
    return jnp.sum((p - y) ** 2)
INPUTS = jnp.array([[0.5, -1.0], [1.0, 2.0]]), jnp.array([2.0, 1.0]), jnp.array([0.0, 1.0])
def case():
    return loss, INPUTS, {"argnums": 0, "names": ["W"]}
def plain():
    return loss, INPUTS
def tall():
    return loss, INPUTS, {"argnums": 0, "direction": "down"}
def strange():
    return loss, INPUTS, {"argnum": 0}
def four():
    return loss, INPUTS, {}, 4
def number():
    return 5
def wrong():
    return loss, INPUTS[:2]
"""


def gradwise(*arguments):
    return CliRunner().invoke(app, ["graph", *map(str, arguments)], env={"COLUMNS": "100"})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("user") / "drawn_model.py"
    path.write_text(MODEL)
    return path


def test_a_graph_is_printed_under_the_name_of_the_target(model):
    done = gradwise(f"{model}:case")
    assert done.exit_code == 0, done.stderr
    fn, inputs, options = load_case(f"{model}:case", ("argnums", "names"))
    head, *rest = text(graph(fn, *inputs, **options)).splitlines()
    assert done.stdout.splitlines()[-len(rest) :] == rest
    assert "case: 4 inputs -> 1 output" in " ".join(done.stdout.split())
    assert head.startswith("loss: ")
    assert any(line.strip().startswith("W ") for line in rest)


def test_a_case_without_options_differentiates_all_that_holds_floats(model):
    assert ": 8 inputs -> 1 output" in " ".join(gradwise(f"{model}:plain").stdout.split())


def test_files_are_written_by_their_endings_and_nothing_else_is_printed(model, tmp_path):
    paths = [
        tmp_path / "new" / f"graph.{ending}" for ending in ("json", "txt", "dot", "html", "svg")
    ]
    options = [part for path in paths for part in ("--out", path)]
    done = gradwise(f"{model}:case", *options, "--depth", 1, "--direction", "down")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [f"wrote {path}" for path in paths]
    found = load(paths[0])
    assert (found.direction, found.shut) == ("down", frozenset([0]))
    assert "▸ layer" in paths[1].read_text(encoding="utf-8")
    assert "rankdir=TB" in paths[2].read_text(encoding="utf-8")
    held = paths[3].read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    assert "saturation" in unpacked(held)
    assert not re.search(r"(src|href)=.http", paths[3].read_text(encoding="utf-8"))


def test_a_group_is_opened_by_its_name(model):
    shut = gradwise(f"{model}:case", "--depth", 1).stdout
    opened = gradwise(f"{model}:case", "--depth", 1, "--open", "layer").stdout
    assert ("▸ layer" in shut, "▾ layer" in shut) == (True, False)
    assert ("▸ layer" in opened, "▾ layer" in opened) == (False, True)


def test_a_case_says_which_way_it_runs_and_the_command_may_say_another(model, tmp_path):
    for options, direction in ([], "down"), (["--direction", "right"], "right"):
        done = gradwise(f"{model}:tall", "--out", tmp_path / "graph.json", *options)
        assert done.exit_code == 0, done.stderr
        assert load(tmp_path / "graph.json").direction == direction
    with pytest.raises(ValueError, match='direction must be "right" or "down", got \'up\''):
        graph(abs, 1.0, direction="up")


def test_an_overlay_is_a_line_a_node(model):
    done = gradwise(f"{model}:case", "--overlay", "saturation")
    assert done.exit_code == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert re.fullmatch(r"#\d+ p: 0 % saturated: \|f'\| < 0\.01", line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{model}:strange"], "unknown option 'argnum', did you mean 'argnums'?"),
        (["{model}:four"], "it returned (function, tuple, dict, int)"),
        (["{model}:number"], "it returned int"),
        (["{model}:none"], "has no function 'none'"),
        (["{model}:wrong"], "JAX cannot trace the function"),
        (["nothing"], "is not MODULE:FUNCTION or FILE.py:FUNCTION"),
        (["{model}:case", "--out", "{folder}/graph.pdf"], "graph.pdf must end in .json or .html"),
        (["{model}:case", "--out", "{model}/graph.svg"], "drawn_model.py"),
        (["{model}:case", "--open", "dense"], "no group 'dense'"),
        (["{model}:case", "--direction", "up"], "direction must be right or down, got 'up'"),
        (["{model}:case", "--overlay", "flop"], "did you mean 'flops'? There are: kept"),
        (["{model}:case", "--overlay", "time"], "unknown overlay 'time'; there are: kept"),
    ],
)
def test_a_slip_is_one_line_and_nothing_is_written(model, tmp_path, arguments, message):
    given = [argument.format(model=model, folder=tmp_path) for argument in arguments]
    done = gradwise(*given)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("gradwise: ")
    assert message in line
    assert not list(tmp_path.iterdir())


def test_no_depth_is_below_1(model):
    assert gradwise(f"{model}:case", "--depth", 0).exit_code == 2


def test_the_help_says_what_a_case_returns_and_what_can_be_written():
    said = " ".join(CliRunner().invoke(app, ["graph", "--help"]).stdout.split())
    assert "(fn, inputs, options)" in said
    for word in (".html", ".svg", ".png", ".dot", "--depth", "--open", "right|down", "digits"):
        assert word in said
