"""What pyproject.toml and the documents beside it say, held against the code."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

import gradwise

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: What a distribution is imported as, where the two names differ.
IMPORTED_AS = {"scikit-learn": "sklearn", "dm-haiku": "haiku"}
#: Libraries that gradwise is measured beside if they happen to be there.
IF_INSTALLED = {"keras", "torch", "tensorflow", "pytest", "IPython"}
OURS = {"nn", "losses", "train", "benchmarks", "gradwise"}


def declared(*extras):
    """The names under which the dependencies, and those of some extras, are imported."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    names = [re.match(r"[\w-]+", line)[0] for line in lines]
    return {IMPORTED_AS.get(name, name) for name in names}


@cache
def imported(package):
    """The packages that any file of ours imports, and the standard library has not."""
    names = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize(
    ("package", "extras"),
    [
        ("nn", []),
        ("losses", []),
        ("train", ["train", "tensorboard"]),
        ("gradwise", []),
        ("benchmarks", ["suite", "peers"]),
    ],
)
def test_what_a_package_imports_is_declared(package, extras):
    assert imported(package) - IF_INSTALLED <= declared(*extras)


def test_what_everybody_must_install_is_imported():
    everything = set().union(*map(imported, OURS))
    assert declared() <= everything


def test_the_version_is_one_and_has_its_place_in_the_changelog():
    assert re.fullmatch(r"\d+\.\d+\.\d+", gradwise.__version__)
    assert f"\n## {gradwise.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {gradwise.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_command_line_tells_the_version():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == f"gradwise {gradwise.__version__}\n"


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_every_file_that_a_document_names_exists(page):
    text = (ROOT / page).read_text()
    paths = re.findall(r"`((?:nn|losses|train|benchmarks|tests|docs|examples)/[\w./]*)`", text)
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_test_file_that_the_ci_selects_exists():
    patterns = re.findall(r"tests/[\w*]+\.py", (ROOT / ".ci/run").read_text())
    assert patterns
    for pattern in patterns:
        assert list(ROOT.glob(pattern)), pattern


def test_the_architecture_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for room in (path.parent for path in (ROOT / "benchmarks").glob("*/__init__.py")):
        assert f"`benchmarks/{room.name}/`" in text


def test_the_functions_and_tables_that_the_documents_name_are_where_they_say():
    for page in ("ARCHITECTURE.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text()
        for name, path in re.findall(r"`(\w+)` in `(\w+/[\w/.]+\.py)`", text):
            assert re.search(rf"\b{name}\b", (ROOT / path).read_text()), f"{name} in {path}"
