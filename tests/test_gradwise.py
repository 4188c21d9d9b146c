"""One name for everything, beside a user's own modules of our packages' names.

Each test runs a user's process in a folder of the user's, with gradwise from a clone and from a
wheel.
"""

import pytest
from users_process import MODEL, OURS, ROOT, run


@pytest.fixture(params=["clone", "wheel"])
def place(request):
    """Where gradwise comes from."""
    return ROOT if request.param == "clone" else request.getfixturevalue("wheel")


@pytest.mark.parametrize("first", ["", "import nn, losses, train, benchmarks"])
def test_beside_modules_of_the_users_every_package_is_ours_under_our_name(
    place, users_folder, first
):
    script = f"""
{first}
import gradwise
import jax, jax.numpy as jnp

from gradwise.train import metrics
from gradwise.train.metrics import Mean

assert metrics.Mean is Mean
model = gradwise.nn.mlp((3, 2))
params, state = model.init(jax.random.key(0))
assert gradwise.losses.l2(params) > 0
assert "lecture/relu" in gradwise.SUITES["lecture"]("small")
found = gradwise.compare(lambda x: jnp.sum(x**2), jnp.ones(4), methods=["reverse"], budget=0.1)
assert isinstance(found, gradwise.Comparison)
for name in gradwise.__all__:
    getattr(gradwise, name)
import nn, losses, train, benchmarks

assert nn.MINE and losses.MINE and train.MINE and benchmarks.MINE
assert gradwise.nn is not nn
"""
    done = run(place, users_folder, "-c", script)
    assert done.returncode == 0, done.stderr


def test_the_command_line_gives_a_users_function_the_users_modules(place, users_folder):
    command = ("-m", "gradwise", "compare", "my_model:case", "--method", "reverse")
    done = run(place, users_folder, *command, "--budget", "0.1", "--save", "found.json")
    assert done.returncode == 0, done.stderr
    assert "reverse" in done.stdout
    assert (users_folder / "found.json").exists()


def test_where_nobody_else_has_the_names_both_names_are_one_module(place, tmp_path):
    script = """
import gradwise, nn, losses
import gradwise.train, gradwise.benchmarks.scenarios.lecture
import train, benchmarks.scenarios.lecture

assert gradwise.nn is nn and gradwise.losses is losses
assert gradwise.train is train and gradwise.benchmarks is benchmarks
assert gradwise.benchmarks.scenarios.lecture is benchmarks.scenarios.lecture
assert nn.__spec__.name == nn.__name__
"""
    done = run(place, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr


def test_both_names_are_one_module_whichever_comes_first(tmp_path):
    script = """
import sys
import nn, train.metrics
import gradwise
import gradwise.train.metrics, gradwise.nn.layer
import nn.layer

assert gradwise.nn is nn and gradwise.nn.layer is nn.layer
assert gradwise.train.metrics is train.metrics
import importlib, losses

assert importlib.reload(gradwise.losses) is losses is importlib.reload(losses)
assert importlib.reload(nn) is gradwise.nn
for name in [name for name in sys.modules if name.split(".")[0] == "gradwise"]:
    del sys.modules[name]
import gradwise

assert sum(type(finder).__qualname__ == "_Finder" for finder in sys.meta_path) == 1
"""
    done = run(ROOT, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr


def test_a_users_folder_that_comes_on_the_path_later_has_its_own_modules(wheel, tmp_path):
    (tmp_path / "src" / "nn").mkdir(parents=True)
    (tmp_path / "src" / "nn" / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "src" / "nn" / "layer.py").write_text("MINE = True\n")
    (tmp_path / "src" / "train.py").write_text("MINE, FACTOR = True, 3.0\n")
    before = "import sys\nsys.path.insert(0, 'src')\nimport nn.layer\nassert nn.layer.MINE\n"
    (tmp_path / "my_model.py").write_text(before + MODEL)
    script = """
import gradwise

ours = gradwise.nn, gradwise.train, gradwise.losses, gradwise.benchmarks, gradwise.SUITES
import my_model

assert gradwise.nn is ours[0] and gradwise.train is ours[1]
assert gradwise.nn.layer.Layer and gradwise.train.metrics.Mean
"""
    done = run(wheel, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr
    command = ("-m", "gradwise", "compare", "my_model:case", "--method", "reverse")
    done = run(wheel, tmp_path, *command, "--budget", "0.1")
    assert done.returncode == 0, done.stderr


def test_the_import_alone_loads_neither_jax_nor_a_package(tmp_path):
    script = "import sys, gradwise; print([n for n in sys.modules if n.split('.')[0] in {}])"
    done = run(ROOT, tmp_path, "-c", script.format(("jax", "numpy", *OURS)))
    assert done.stdout.strip() == "[]", done.stderr


def test_a_name_that_is_not_there_is_an_attribute_error():
    import gradwise

    with pytest.raises(AttributeError, match="no attribute 'compar'"):
        _ = gradwise.compar
    assert set(gradwise.__all__) <= set(dir(gradwise))
