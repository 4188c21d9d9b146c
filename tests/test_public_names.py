"""What the packages offer: every public name is there, unambiguous, and shown by an example."""

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("nn", "losses", "train", "benchmarks", "gradwise")


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_is_there_and_documented(package):
    module = __import__(package)
    for name in module.__all__:
        exported = getattr(module, name)
        assert not callable(exported) or exported.__doc__, f"{package}.{name}"


@pytest.mark.parametrize("package", ["benchmarks", "gradwise"])
def test_the_stub_of_a_lazy_package_declares_what_it_exports(package):
    stub = ast.parse((ROOT / package / "__init__.pyi").read_text())
    declared = set()
    for node in stub.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            declared |= {alias.asname for alias in node.names}
        elif isinstance(node, ast.AnnAssign):
            declared.add(node.target.id)
    assert declared == set(importlib.import_module(package).__all__)


def packages_inside(package):
    """The package and its sub-packages, those that name what they export."""
    for path in files(package):
        if path.name == "__init__.py":
            module = importlib.import_module(".".join(path.parent.relative_to(ROOT).parts))
            if hasattr(module, "__all__"):
                yield module, path.parent


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_shares_its_path_with_a_public_function_or_class(package):
    for module, folder in packages_inside(package):
        inside = {path.stem for path in folder.glob("*.py")}
        inside |= {path.parent.name for path in folder.glob("*/__init__.py")}
        shared = {
            name
            for name in inside & set(module.__all__)
            if not isinstance(getattr(module, name), ModuleType)
        }
        assert not shared, f"{module.__name__} has a module and another thing named {shared}"


def documented(package):
    """Yield every exported function and class, and the public methods of the classes."""
    module = importlib.import_module(package)
    for name in module.__all__:
        exported = getattr(module, name)
        if callable(exported) and exported is not Any:  # a name for a type has no docstring
            yield f"{package}.{name}", exported
            yield from methods(f"{package}.{name}", exported)


def records(package):
    """Yield the dataclasses that a package exports."""
    for name, exported in documented(package):
        if dataclasses.is_dataclass(exported):
            yield name, exported


def methods(name, exported):
    """Yield the public methods that a class itself defines; fields that hold functions are none."""
    fields = getattr(exported, "__dataclass_fields__", ())
    for member, value in vars(exported).items() if inspect.isclass(exported) else ():
        public = not member.startswith("_") and member not in fields
        if public and inspect.isroutine(getattr(value, "__func__", value)):
            yield f"{name}.{member}", value


@pytest.mark.parametrize("package", ["nn", "losses", "train", "benchmarks"])
def test_records_are_frozen_and_made_by_keyword_and_have_an_html_form_where_they_have_a_text(
    package,
):
    names = []
    for name, record in records(package):
        names.append(name)
        assert record.__dataclass_params__.frozen, name
        assert all(field.kw_only for field in dataclasses.fields(record)), name
        if "__str__" in vars(record):
            assert "_repr_html_" in vars(record), name
    assert names


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_function_and_class_has_an_example_that_imports_from_gradwise(package):
    for name, exported in documented(package):
        doc = inspect.getdoc(exported) or ""
        example = doc.partition("\nExample:\n")[2]
        assert ">>>" in example, f"{name} has no example"
        assert "from gradwise import" in example, name


@pytest.mark.parametrize("package", PACKAGES)
def test_raises_sections_say_the_error_and_then_if(package):
    for path in files(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                for entry in raises(ast.get_docstring(node) or ""):
                    assert re.fullmatch(r"[\w.]+: If .+\.", entry), f"{path.name}: {entry}"


def raises(docstring):
    """Return the entries of a docstring's Raises section, each on one line."""
    section = re.search(r"^Raises:\n((?: +.+\n?)+)", docstring, re.MULTILINE)
    lines = inspect.cleandoc("\n" + section[1]).splitlines() if section else []
    return re.sub(r"\n +", " ", "\n".join(lines)).splitlines()


def test_the_entries_of_a_raises_section_are_read_whole():
    assert raises("Do it.\n\nRaises:\n    A: If it\n        is.\n    b.C: Never\n\nMore.") == [
        *("A: If it is.", "b.C: Never")
    ]


def test_public_functions_take_no_catch_all_keywords():
    """A misspelt option must be an error; the command line's own runner hands options on."""
    for package in ("nn", "losses", "train"):
        for path in files(package):
            for node in public_functions(ast.parse(path.read_text(encoding="utf-8"))):
                assert node.args.kwarg is None, f"{path.relative_to(ROOT)}:{node.lineno}"


def public_functions(part):
    """Yield the functions of a module and of its classes; those within functions are not public."""
    for node in part.body:
        if isinstance(node, ast.ClassDef):
            yield from public_functions(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
