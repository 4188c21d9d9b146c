"""Who may import whom inside the packages: rooms in `benchmarks`, and no cycle of modules anywhere.

Every import counts: inside a function, for a type checker alone, and by a name in a string.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("nn", "losses", "train", "benchmarks", "gradwise")
#: What each room of `benchmarks` may import, itself aside.
MAY_IMPORT = {
    "instrument": set(),
    "program": set(),
    "derivatives": {"instrument", "program"},
    "check": {"program", "derivatives"},
    "structure": {"instrument", "program", "derivatives", "check"},
    "comparison": {"instrument", "program", "derivatives", "check", "structure"},
    "graph": {"program", "derivatives", "check"},
    "report": {"instrument", "comparison", "graph"},
    "scenarios": {"derivatives", "nn", "losses", "train"},
    "testing": {"instrument", "program", "derivatives", "check", "comparison"},
    "peers": {"instrument", "structure", "report", "nn", "losses", "train"},
}
#: What every room may import beside what `MAY_IMPORT` says; it imports nothing else of ours.
SHARED = {"benchmarks._equality", "benchmarks._files", "benchmarks._record_file"}
SHARED |= {"benchmarks._codec", "benchmarks._document", "benchmarks._extras"}
#: The imports against the rules: a comparison shows and saves itself, and draws its function.
EXCEPTIONS = {
    ("benchmarks.comparison.record", f"benchmarks.report{module}")
    for module in ("", ".files", ".notebook", ".text")
} | {
    (f"benchmarks.comparison.{importer}", f"benchmarks.graph{module}")
    for importer in ("drawn", "record")
    for module in ("", ".record")
}
EXCEPTIONS |= {("benchmarks.comparison.drawn", "benchmarks.graph.build")}
#: A training that has failed asks `gradwise.explain_nonfinite` which operation went first.
FAILED_TRAINING = {("train.runs.explanation", "gradwise")}
#: The imports of a record that shows and saves itself, of what needs the record.
INSIDE = {
    ("benchmarks.graph.record", f"benchmarks.graph.{m}")
    for m in ("drawing.page", "file", "layout.closing", "overlays", "text")
}


@cache
def modules():
    """Every module by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports():
    """The modules of ours that each module imports, a package's `__init__` by the package's name.

    To import `a.b.c` runs the `__init__` of `a.b` too, unless one is inside it already.
    """
    found = {}
    for name, path in modules().items():
        direct = set(_imported(name, path))
        outer = {parent for module in direct for parent in _parents(module)}
        found[name] = (direct | {p for p in outer if not f"{name}.".startswith(f"{p}.")}) - {name}
    return found


def _parents(module):
    parts = module.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def _imported(name, path):
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _named(node.value, package) if "import_module(" in text else ()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            start = start.removeprefix("gradwise.")
            for alias in node.names:
                inner = f"{start}.{alias.name}" if start != "gradwise" else alias.name
                wanted = inner if inner in modules() else start
                if wanted in modules():
                    yield wanted


def _named(text, package):
    """The module that a string names for `import_module`: in full, or inside of the package."""
    names = (text.removeprefix("gradwise."), f"{package}.{text}".removeprefix("gradwise."))
    return (name for name in names if name in modules())


def room(module):
    """The room of a module in `benchmarks`, or the package of any other."""
    package, _, inner = module.partition(".")
    if package != "benchmarks":
        return package
    first = inner.split(".")[0]
    return "cli" if first in ("", "__main__") else first


def test_a_room_imports_only_those_it_may():
    found = {
        (importer, imported)
        for importer, those in imports().items()
        for imported in those - SHARED - {"benchmarks"}
        if room(importer) in MAY_IMPORT
        and room(imported) not in MAY_IMPORT[room(importer)] | {room(importer)}
    }
    assert found == EXCEPTIONS
    assert all(imports()[shared] <= SHARED for shared in SHARED)


def test_an_import_by_a_name_in_a_string_is_seen():
    assert "benchmarks.derivatives.table" in imports()["benchmarks._lazy"]
    assert {"nn", "train", "benchmarks"} <= imports()["gradwise._load"]
    assert "benchmarks.cli.main" in imports()["gradwise.__main__"]


def test_no_modules_import_one_another():
    graph = {
        importer: {m for m in those if (importer, m) not in EXCEPTIONS | INSIDE | FAILED_TRAINING}
        for importer, those in imports().items()
    }
    assert cycles(graph) == []


def cycles(graph):
    """The strongly connected components of more than one module (Tarjan, 1972)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            start = stack.index(node)
            component = set(stack[start:])
            del stack[start:]
            if len(component) > 1:
                found.append(component)

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found, key=sorted)


def test_a_cycle_is_found():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [{"a", "b", "c"}]


@pytest.mark.parametrize("package", ["nn", "losses", "train"])
def test_a_package_below_imports_none_of_ours(package):
    for importer, those in imports().items():
        if room(importer) == package:
            allowed = {other for one, other in FAILED_TRAINING if one == importer}
            assert {room(imported) for imported in those - allowed} <= {package}, importer
