"""What a source file assigns, calls and repeats, and where."""

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

#: First line, first column, last line, last column; a frame may not know the columns.
Place: TypeAlias = tuple[int, int | None, int | None, int | None]
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Target(NamedTuple):
    """A variable that a statement assigns to.

    Attributes:
        name: The variable, or the attribute or entry.
        path: Which part of the value it is: `(1,)` for the `b` of `a, b = f(x)`; `()` for all.
        spread: Whether it stands among several targets, and not for `f(x)[1]`.
    """

    name: str
    path: tuple[int, ...] = ()
    spread: bool = False


class SourceText:
    """What a file assigns, and where it loops."""

    def __init__(self, text: str):
        self._targets: dict[Place, list[Target]] = {}  # by the place of what is assigned
        self._statements: dict[Place, Target] = {}  # by the place of the statement
        self._spans: list[tuple[Place, bool]] = []  # functions and loops, the outer ones first
        self._calls: dict[Place, str] = {}  # what is called
        self._bases: dict[str, set[str]] = {}  # what each class is made of
        self._returns: dict[Place, list[ast.expr]] = {}  # what each function returns
        for node in _nodes(ast.parse(text)):
            self._add(node)

    def _add(self, node: ast.AST) -> None:
        for target, value in _assignments(node):
            for place in places_of(value):
                self._targets.setdefault(place, []).append(target)
            if isinstance(node, ast.stmt) and not target.path:
                self._statements.setdefault(_place(node), target)
        self._spans += [(_place(part), loops) for part, loops in _parts(node)]
        if isinstance(node, ast.Call):
            for place in places_of(node):
                self._calls.setdefault(place, ast.unparse(node.func))
        elif isinstance(node, ast.ClassDef):
            self._bases.setdefault(node.name, set()).update(map(ast.unparse, node.bases))
        elif isinstance(node, ast.Lambda):
            self._returns[_place(node)] = [node.body]
        elif isinstance(node, _FUNCTIONS):
            self._returns[_place(node)] = list(_returned(node))

    def targets(self, place: Place) -> tuple[Place, list[Target]]:
        """Return what the value of an expression is assigned to, and its place.

        Where the columns are not known, it is the statement of the line.
        """
        if place[1] is not None:
            return place, self._targets.get(place, [])
        found = [p for p in self._statements if p[0] <= place[0] <= (p[2] or 0)]
        return (found[-1], [self._statements[found[-1]]]) if found else (place, [])

    def returns(self, place: Place) -> list[ast.expr]:
        """Return what the function around a place may return."""
        around = [span for span in self._returns if _contains(span, place)]
        return self._returns[around[-1]] if around else []

    def called(self, place: Place) -> str:
        """Return what is called at a place, such as `"self.layers[i]"`; `""` if nothing is."""
        return self._calls.get(place, "")

    def bases(self, name: str) -> set[str]:
        """Return what a class is made of, such as `{"nnx.Module"}`."""
        return self._bases.get(name, set())

    def is_in_loop(self, place: Place) -> bool:
        """Whether a place is inside of a loop of its function."""
        around = [loops for span, loops in self._spans if _contains(span, place)]
        return bool(around) and around[-1]


def read(file: str) -> SourceText:
    """Return what a file says; nothing where it cannot be read."""
    lines = linecache.getlines(file)
    known = linecache.cache.get(file)
    if known is None or len(known) < 4:  # a doctest's
        return _parsed("".join(lines))
    return _read(file, known[0], known[1])


@lru_cache(maxsize=256)
def _read(file: str, size: int, changed: float | None) -> SourceText:
    return _parsed("".join(linecache.getlines(file)))


@lru_cache(maxsize=256)
def _parsed(text: str) -> SourceText:
    try:
        return SourceText(text)
    except (SyntaxError, ValueError, RecursionError):
        return SourceText("")


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, each before those that are in it, in the order of the text."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(list(ast.iter_child_nodes(current)))


def _returned(function: ast.AST) -> Iterator[ast.expr]:
    """Yield what a function returns, those in it left out."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        elif not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield from _returned(node)


def _assignments(node: ast.AST) -> Iterator[tuple[Target, ast.expr | ast.stmt]]:
    """Yield each variable that a node assigns to, and the expression that it is assigned."""
    match node:
        case ast.AugAssign(target=target):
            yield from _pairs(target, node)  # the operation is at the place of all of it
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _pairs(target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _pairs(target, value)
        case ast.NamedExpr(target=target, value=value):
            yield from _pairs(target, value)


def _pairs(
    target: ast.expr, value: ast.expr | ast.stmt
) -> Iterator[tuple[Target, ast.expr | ast.stmt]]:
    """Take `a, b = c, d` apart, and say which part of a call's result each variable is."""
    match target, value:
        case ast.Name(id="_"), _:
            return
        case ast.Name() | ast.Attribute() | ast.Subscript(), _:
            yield Target(ast.unparse(target)), value
            if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Call):
                place = value.slice.value if isinstance(value.slice, ast.Constant) else None
                if isinstance(place, int) and place >= 0:
                    yield Target(ast.unparse(target), (place,)), value.value
        case ast.Tuple() | ast.List(), ast.Tuple() | ast.List():
            for inner, part in zip(target.elts, value.elts, strict=False):
                if isinstance(inner, ast.Starred) or isinstance(part, ast.Starred):
                    return
                yield from _pairs(inner, part)
        case ast.Tuple() | ast.List(), ast.Call():
            for name, path in _leaves(target, ()):
                yield Target(name, path, spread=True), value


def _leaves(target: ast.expr, path: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the variables among several targets, each with its place among them."""
    if isinstance(target, ast.Tuple | ast.List):
        for place, inner in enumerate(target.elts):
            if isinstance(inner, ast.Starred):
                return
            yield from _leaves(inner, (*path, place))
    elif not (isinstance(target, ast.Name) and target.id == "_"):
        yield ast.unparse(target), path


def places_of(value: ast.expr | ast.stmt) -> Iterator[Place]:
    """Yield where Python says that it is when it evaluates an expression."""
    match value:
        case ast.IfExp(body=body, orelse=other):
            yield from (*places_of(body), *places_of(other))
        case ast.NamedExpr(value=inner):
            yield from places_of(inner)
        case ast.Call(func=ast.Attribute() as method):
            yield _place(value)
            # Of a chain over several lines it tells the line of the last method.
            end = method.end_col_offset or 0
            start = method.end_lineno or 0, end - len(method.attr)
            yield (*start, value.end_lineno, value.end_col_offset)
        case ast.List() | ast.Dict() | ast.Set() | ast.Tuple() | ast.Lambda():
            return
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return
        case _:
            yield _place(value)


def _parts(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, bool]]:
    """Yield a function, or the parts of a loop that run more than once, and which of both."""
    if isinstance(node, _FUNCTIONS):
        yield node, False
    elif isinstance(node, _LOOPS):
        yield from ((statement, True) for statement in node.body)
        if isinstance(node, ast.While):
            yield node.test, True
    elif isinstance(node, _COMPREHENSIONS):
        yield node, True


def _place(node: ast.expr | ast.stmt) -> Place:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _contains(span: Place, place: Place) -> bool:
    """Whether a place is inside of a span; without columns the lines decide."""
    line, column, last, last_column = place
    if column is None or last_column is None:
        return span[0] <= line <= (span[2] or 0)
    return span[:2] <= (line, column) and (last, last_column) <= span[2:]
