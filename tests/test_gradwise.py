"""One name for everything, beside a user's own modules of our packages' names.

Each test runs a user's process in a folder of the user's, with gradwise from a clone and from a
wheel.
"""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("nn", "losses", "train", "benchmarks")
MODEL = """
import train
import jax.numpy as jnp

assert train.MINE


def case():
    return lambda x: jnp.sum(x * train.FACTOR), (jnp.ones(3),)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A folder with what the built wheel installs."""
    build = pytest.importorskip("hatchling.build")
    folder = tmp_path_factory.mktemp("wheel")
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        name = build.build_wheel(str(folder))
    finally:
        os.chdir(before)
    installed = folder / "site"
    zipfile.ZipFile(folder / name).extractall(installed)
    return installed


@pytest.fixture(params=["clone", "wheel"])
def place(request):
    """Where gradwise comes from."""
    return ROOT if request.param == "clone" else request.getfixturevalue("wheel")


@pytest.fixture
def folder(tmp_path):
    """A user's folder with a module or a package of each of our packages' names."""
    for name in ("nn", "losses"):
        (tmp_path / f"{name}.py").write_text("MINE = True\n")
    (tmp_path / "train.py").write_text("MINE, FACTOR = True, 3.0\n")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "my_model.py").write_text(MODEL)
    return tmp_path


def run(place, folder, *arguments):
    """A process of the user's, in the folder, which is first on the path."""
    path = os.pathsep.join([str(folder), str(place)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("first", ["", "import nn, losses, train, benchmarks"])
def test_beside_modules_of_the_users_every_package_is_ours_under_our_name(place, folder, first):
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
    done = run(place, folder, "-c", script)
    assert done.returncode == 0, done.stderr


def test_the_command_line_gives_a_users_function_the_users_modules(place, folder):
    command = ("-m", "gradwise", "compare", "my_model:case", "--method", "reverse")
    done = run(place, folder, *command, "--budget", "0.1", "--save", "found.json")
    assert done.returncode == 0, done.stderr
    assert "reverse" in done.stdout
    assert (folder / "found.json").exists()


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


def test_a_record_that_is_pickled_in_one_folder_is_read_in_another(wheel, folder, tmp_path_factory):
    script = """
import pickle, sys
import gradwise

history = gradwise.train.History.empty().append({"train_loss": [0.5]})
finding = gradwise.Finding(text="nothing")
row = gradwise.nn.LayerSaturation(layer="0", activation="relu", units=1, saturated=0.0, dead=0.0)
if sys.argv[1] == "write":
    open(sys.argv[2], "wb").write(pickle.dumps((history, finding, row)))
else:
    assert pickle.loads(open(sys.argv[2], "rb").read()) == (history, finding, row)
"""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = str(folder / "records.pickle")
    assert run(wheel, elsewhere, "-c", script, "write", path).returncode == 0
    done = run(wheel, folder, "-c", script, "read", path)
    assert done.returncode == 0, done.stderr


def test_gradwise_is_imported_from_a_zip_file_beside_modules_of_the_users(wheel, folder):
    packed = folder / "gradwise.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for package in ("gradwise", *OURS):
            for path in (wheel / package).rglob("*.py*"):
                archive.write(path, path.relative_to(wheel))
    script = """
import sys
import gradwise
import nn

sys.modules["jax"] = None  # it is our `nn` that asks for it
try:
    gradwise.nn
except ImportError as error:
    assert "jax" in str(error)
else:
    raise AssertionError("the user's nn was taken for ours")
assert gradwise.Finding(text="nothing")

assert nn.MINE
"""
    done = run(packed, folder, "-c", script)
    assert done.returncode == 0, done.stderr


def test_without_the_extras_all_works_that_needs_none_and_the_rest_says_what_to_install(
    wheel, tmp_path
):
    script = """
import sys

hidden = ["matplotlib", "rich", "safetensors", "tensorboardX", "jinja2", "markupsafe", "sklearn"]
sys.modules |= dict.fromkeys([*hidden, "sympy", "typer"])
import gradwise
import jax.numpy as jnp

for name in gradwise.__all__:
    getattr(gradwise, name)
found = gradwise.compare(jnp.sin, jnp.ones(3), methods=["reverse", "symbolic"], budget=0.1)
assert 'pip install' in found.row("symbolic").note
print(found)
for ending in ("json", "csv", "md"):
    found.save(f"found.{ending}")
assert gradwise.load("found.json") == found
train = gradwise.train
history = train.History.empty().append({"train_loss": [1.0]})
NEEDS = {
    "suite": [
        lambda: found.save("found.html"),
        lambda: found.save("found.png"),
        gradwise.SUITES["lecture"]("small")["lecture/mlp_digits"],
    ],
    "train": [lambda: history.plot("curves.svg")],
}
for extra, calls in NEEDS.items():
    for call in calls:
        try:
            call()
        except ImportError as error:
            assert str(error).endswith(f': pip install "gradwise[{extra}]"'), error
        else:
            raise AssertionError(extra)
from gradwise.__main__ import main

sys.argv = ["gradwise", "--version"]
main()
sys.argv = ["gradwise", "list"]
try:
    main()
except SystemExit as error:
    print(error)
"""
    done = run(wheel, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr
    version, told = done.stdout.splitlines()[-2:]
    assert re.fullmatch(r"gradwise \d+\.\d+\.\d+", version)
    assert told.endswith("pip install 'gradwise[suite]'")


def test_type_checkers_find_each_package_inside_of_gradwise_too(place):
    for name in OURS:
        inside, package = place / "gradwise" / name, place / name
        assert (inside / "__init__.py").read_text() == (package / "__init__.py").read_text()
        assert (inside / "py.typed").exists()


def test_the_import_alone_loads_neither_jax_nor_a_package(tmp_path):
    script = "import sys, gradwise; print([n for n in sys.modules if n.split('.')[0] in {}])"
    done = run(ROOT, tmp_path, "-c", script.format(("jax", "numpy", *OURS)))
    assert done.stdout.strip() == "[]", done.stderr


def test_a_name_that_is_not_there_is_an_attribute_error():
    import gradwise

    with pytest.raises(AttributeError, match="no attribute 'compar'"):
        _ = gradwise.compar
    assert set(gradwise.__all__) <= set(dir(gradwise))
