"""The command line before its work begins: completion, Ctrl-C, what a case may say; and `--out`."""

import subprocess
import sys
import threading
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from command_line import gradwise
from scipy.sparse import load_npz
from users_process import ROOT

from benchmarks.cli import commands, completion, suites
from benchmarks.derivatives.table import METHODS
from benchmarks.graph.overlays import OVERLAYS
from benchmarks.report.example import EXAMPLE
from benchmarks.scenarios.run import DTYPES, SIZES, choose, judge
from benchmarks.scenarios.table import JUDGED, SUITES

MODEL = """\
import jax.numpy as jnp
def tridiagonal():
    return lambda x: x[1:] * x[:-1], (jnp.arange(6.0),)
def second():
    return lambda w, x: (w * x).sum(), (jnp.ones(2), jnp.ones(3)[:2]), {"argnums": 1}
def wrong():
    return jnp.sin, (1.0,), "argnums", 0
"""
#: Ctrl-C while packages are loaded, in a module that takes every exception for its own.
LOADED = """
import signal
from benchmarks.cli.loading import loading
with loading():
    try:
        signal.raise_signal(signal.SIGINT)
    except BaseException:
        pass
print("went on")
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("user") / "users_quick.py"
    path.write_text(MODEL)
    return path


def python(text, *arguments):
    command = [sys.executable, "-c", text, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_press_of_tab_loads_no_array_library():
    done = python(
        "import sys, benchmarks.cli.main\n"
        "print({'jax', 'numpy', 'scipy', 'sklearn', 'sympy'} & set(sys.modules))"
    )
    assert done.stdout == "set()\n"


def test_the_names_that_a_shell_completes_are_those_that_there_are():
    assert set(completion.SUITES) == {*SUITES, *JUDGED}
    assert set(completion.METHODS) == {method.name for method in METHODS}
    assert tuple(OVERLAYS) == completion.OVERLAYS
    assert (completion.SIZES, completion.DTYPES) == (SIZES, DTYPES)


def test_ctrl_c_while_packages_are_loaded_ends_the_command_at_once():
    done = python(LOADED, "compare", "m:case")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == (
        "\ninterrupted; nothing is kept; this starts anew: gradwise compare m:case\n"
    )


def test_one_case_with_options_does_for_every_command(monkeypatch, model):
    def compare(fn, *inputs, argnums, has_aux, **options):
        assert (argnums, has_aux, len(inputs)) == (1, True, 2)
        return EXAMPLE

    monkeypatch.setattr(commands, "compare_function", compare)
    done = gradwise("compare", f"{model}:second", "--has-aux")
    assert done.exit_code == 0
    assert gradwise("jacobian", f"{model}:second", "--count").exit_code == 0


def test_a_case_of_another_form_is_told_what_it_returned(model):
    done = gradwise("compare", f"{model}:wrong")
    assert done.exit_code == 2
    assert "it returned (function, tuple, str, int)" in done.stderr or (
        "it returned (PjitFunction, tuple, str, int)" in done.stderr
    )


def test_compare_functions_wants_two(model):
    done = gradwise("compare-functions", f"{model}:tridiagonal")
    assert done.exit_code == 2
    assert done.stderr.startswith("gradwise: compare-functions needs at least two functions, got ")


def test_jacobian_writes_its_text_its_pattern_and_a_picture_of_it(model, tmp_path):
    paths = [tmp_path / name for name in ("a.txt", "new/a.svg", "a.npz")]
    out = [word for path in paths for word in ("--out", path)]
    done = gradwise("jacobian", f"{model}:tridiagonal", "--count", *out)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-3:] == [f"wrote {path}" for path in paths]
    assert "Jacobian of" in paths[0].read_text(encoding="utf-8")
    assert paths[1].read_text(encoding="utf-8").startswith("<svg")
    assert (load_npz(paths[2]).toarray() != 0).tolist() == (
        np.eye(5, 6, dtype=bool) | np.eye(5, 6, k=1, dtype=bool)
    ).tolist()
    slip = gradwise("jacobian", f"{model}:tridiagonal", "--out", tmp_path / "a.pdf")
    assert (slip.exit_code, len(slip.stderr.splitlines())) == (2, 1)


def test_a_folder_with_a_space_is_quoted_in_what_to_type_next(monkeypatch, tmp_path):
    monkeypatch.setattr(
        suites, "compare", lambda *inputs, name, **options: replace(EXAMPLE, name=name)
    )
    folder = tmp_path / "my results"
    done = gradwise("run", "lecture", "--size", "small", "--only", "*/l1", "--out", folder)
    assert done.stdout.splitlines()[-1] == f"`gradwise report '{folder}'` makes a page of it"


def test_whoever_asks_for_judged_scenarios_keeps_its_own_types():
    suite = choose(["structure"], only="*/stencil", size="small")

    def of(fn, x, **options):
        return x.dtype

    (inside,) = (
        (dtype, jnp.asarray(1.0).dtype) for dtype in judge(suite, of, dtype="float64", budget=1.0)
    )
    assert inside == (jnp.dtype("float64"), jnp.dtype("float32"))


def test_a_jacobian_is_chosen_beside_the_thread_that_hears_ctrl_c(monkeypatch, model):
    def compiling(*inputs, **options):
        raise ValueError(threading.current_thread() is threading.main_thread())

    monkeypatch.setattr("benchmarks.structure.jacobian.jacobian", compiling)
    assert "ValueError: False at " in gradwise("jacobian", f"{model}:tridiagonal").stderr
