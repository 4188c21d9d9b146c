"""Who may import whom inside the packages: rooms in `benchmarks`, and no cycle of modules anywhere.

Every import counts: inside a function, and for a type checker alone.
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
    "comparison": {"instrument", "program", "derivatives", "check"},
    "report": {"instrument", "comparison"},
    "scenarios": {"derivatives", "nn", "losses", "train"},
    "peers": {"instrument", "report", "nn", "losses", "train"},
}
#: Who may import a room against the rules, and why there is no way round it.
EXCEPTIONS = {
    ("benchmarks.comparison.record", "report"): "a comparison shows and saves itself",
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
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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


def room(module):
    """The room of a module in `benchmarks`, or the package of any other."""
    package, _, inner = module.partition(".")
    if package != "benchmarks":
        return package
    first = inner.split(".")[0]
    return "cli" if first in ("", "__main__") else first


def test_a_room_imports_only_those_it_may():
    found = {
        (importer, room(imported))
        for importer, those in imports().items()
        for imported in those
        if room(importer) in MAY_IMPORT
        and room(imported) not in MAY_IMPORT[room(importer)] | {room(importer), "benchmarks"}
    }
    assert found == set(EXCEPTIONS)


def test_no_modules_import_one_another():
    graph = {
        importer: {m for m in those if (importer, room(m)) not in EXCEPTIONS}
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
            assert {room(imported) for imported in those} <= {package}, importer
