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
#: The rooms of the files that still lie at the root of `benchmarks`.
FLAT = {
    "measure": "instrument",
    "statistics": "instrument",
    "growth": "instrument",
    "crossover": "instrument",
    "environment": "instrument",
    "units": "instrument",
    "analysis": "program",
    "methods": "derivatives",
    "symbolic": "derivatives",
    "problem": "derivatives",
    "precision": "check",
    "taylor": "check",
    "check": "check",
    "batches": "comparison",
    "case": "comparison",
    "comparison": "comparison",
    "compare": "comparison",
    "diagnosis": "comparison",
    "diff": "comparison",
    "results": "comparison",
    "rows": "comparison",
    "selftest": "comparison",
    "verdict": "comparison",
    "run": "scenarios",
    "commands": "cli",
    "progress": "cli",
    "__main__": "cli",
    "__init__": "cli",
}
#: Imports against the rules; each move takes some away, and none may be added.
EXCEPTIONS = {
    ("benchmarks.analysis.obstacles", "benchmarks.symbolic"),
    ("benchmarks.comparison", "benchmarks.report"),
    ("benchmarks.diff", "benchmarks.report"),
    ("benchmarks.diff", "benchmarks.report.text"),
    ("benchmarks.measure", "benchmarks.analysis"),
    ("benchmarks.run", "benchmarks.compare"),
    ("benchmarks.run", "benchmarks.comparison"),
    ("benchmarks.run", "benchmarks.results"),
}
#: Modules that import one another, in the order of their names; likewise.
CYCLES = [
    {
        "benchmarks.analysis",
        "benchmarks.analysis.obstacles",
        "benchmarks.symbolic",
        "benchmarks.symbolic.derivative",
        "benchmarks.symbolic.primitives",
        "benchmarks.symbolic.read",
    },
    {
        "benchmarks.comparison",
        "benchmarks.report",
        "benchmarks.report.cells",
        "benchmarks.report.charts",
        "benchmarks.report.files",
        "benchmarks.report.page",
        "benchmarks.report.series",
        "benchmarks.report.summary",
        "benchmarks.report.text",
        "benchmarks.results",
    },
]


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
    first = inner.split(".")[0] or "__init__"
    return FLAT.get(first, first)


def test_a_room_imports_only_those_it_may():
    found = {
        (importer, imported)
        for importer, those in imports().items()
        for imported in those
        if room(importer) in MAY_IMPORT
        and room(imported) not in MAY_IMPORT[room(importer)] | {room(importer)}
    }
    assert found == EXCEPTIONS


def test_no_modules_import_one_another():
    assert cycles(imports()) == CYCLES


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
