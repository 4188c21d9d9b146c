"""What is installed: a wheel, its extras, gradwise in a zip file, and records from elsewhere."""

import itertools
import re
import zipfile

from users_process import OURS, ROOT, run

WITHOUT_EXTRAS = """
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

for command in ("doctor", "--version"):
    sys.argv = ["gradwise", command]
    main()
sys.argv = ["gradwise", "list"]
try:
    main()
except SystemExit as error:
    print(error)
"""


def test_without_the_extras_all_works_that_needs_none_and_the_rest_says_what_to_install(
    wheel, tmp_path
):
    done = run(wheel, tmp_path, "-c", WITHOUT_EXTRAS)
    assert done.returncode == 0, done.stderr
    missing = re.search(r"^\[train\] +(.*(?:\n .*)*)", done.stdout, re.M)[1]
    needs = 'needs matplotlib, rich, safetensors: pip install "gradwise[train]"'
    assert re.sub(r"\n +", " ", missing) == needs
    version, told = done.stdout.splitlines()[-2:]
    assert re.fullmatch(r"gradwise \d+\.\d+\.\d+", version)
    assert told == (
        'gradwise: the command line needs an extra: pip install "gradwise[suite]"; '
        "without it there is `gradwise doctor`"
    )


def test_a_record_that_is_pickled_in_one_folder_is_read_in_another(
    wheel, users_folder, tmp_path_factory
):
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
    path = str(users_folder / "records.pickle")
    assert run(wheel, elsewhere, "-c", script, "write", path).returncode == 0
    done = run(wheel, users_folder, "-c", script, "read", path)
    assert done.returncode == 0, done.stderr


def test_gradwise_is_imported_from_a_zip_file_beside_modules_of_the_users(wheel, users_folder):
    packed = users_folder / "gradwise.zip"
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
    done = run(packed, users_folder, "-c", script)
    assert done.returncode == 0, done.stderr


def test_type_checkers_find_each_package_inside_of_gradwise_too(wheel):
    for place, name in itertools.product((ROOT, wheel), OURS):
        inside, package = place / "gradwise" / name, place / name
        assert (inside / "__init__.py").read_text() == (package / "__init__.py").read_text()
        assert (inside / "py.typed").exists()
