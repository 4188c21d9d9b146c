"""Rules of the house beside those of `test_rooms.py`: what is imported, and what stays out."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("nn", "losses", "train", "benchmarks")
#: What the layers and the losses import: JAX, NumPy and the standard library.
BASE = {"jax", "numpy", "collections", "typing", "functools", "itertools", "math", "operator"}
BASE |= {"dataclasses", "types", "inspect", "contextlib", "numbers", "fractions", "__future__"}
BASE |= {"html", "json", "os", "pathlib", "uuid", "stat"}


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


def imports(path):
    """Top-level names that a file imports absolutely."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("package", ["nn", "losses"])
def test_layers_and_losses_need_jax_alone(package):
    for path in files(package):
        assert set(imports(path)) <= BASE, path.relative_to(ROOT)


@pytest.mark.parametrize("package", PACKAGES)
def test_an_init_holds_reexports_and_no_logic(package):
    for path in (p for p in files(package) if p.name == "__init__.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
            assert isinstance(node, kinds), f"{path.relative_to(ROOT)}:{node.lineno}"


def test_only_the_stopwatch_reads_a_clock_in_benchmarks():
    for path in files("benchmarks"):
        if path.name != "clock.py":
            assert "time" not in set(imports(path)), path.relative_to(ROOT)


def test_no_legacy_keys_are_made():
    for package in (*PACKAGES, "examples", "tests"):
        for path in files(package):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"random\.PRNG" + "Key", text), path.relative_to(ROOT)
