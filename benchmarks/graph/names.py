"""The names that the user's own variables give to what operations make.

The source line of an operation says what its result is assigned to: `z = w @ x + b` calls its last
operation `z`. Nothing has to be written for it; where a source cannot be read, nothing has a name.
"""

import ast
import linecache
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from .origins import Frame, Origin

#: First line, first column, last line, last column; a frame may not know the columns.
_Place: TypeAlias = tuple[int, int | None, int | None, int | None]
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class _Open(NamedTuple):
    """The run of operations that one evaluation of a statement has made so far.

    Attributes:
        name: What the statement assigns to.
        level: How deep on the stack the statement is.
        last: The place of the last operation.
        stacks: The stacks of all of them.
    """

    name: str
    level: int
    last: int
    stacks: set[tuple]


def variable_names(origins: Sequence[Origin]) -> list[str]:
    """Return the name of what each operation makes, `""` if it has none.

    Of the operations that one statement makes, those of the functions it calls among them, the last
    one has the name; each pass through a loop gives it again. Where a statement assigns the
    result of a function in which it has another name, the name is that of the outer statement.

    Args:
        origins: Where each operation of a program, or of a loop's body, comes from, in order.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.graph.origins import origin_of
        >>> def layer(w, x):
        ...     z = w @ x + 1
        ...     return jnp.tanh(z)
        >>> program = jax.make_jaxpr(layer)(jnp.ones((2, 3)), jnp.ones(3))
        >>> variable_names([origin_of(eqn) for eqn in program.jaxpr.eqns])
        ['', 'z', '']
    """
    for file in {frame.file for origin in origins for frame in origin.frames if frame.is_own}:
        linecache.checkcache(file)
    try:
        return _names(origins)
    except Exception:  # names are a courtesy, and no graph fails for want of them
        return [""] * len(origins)


def _names(origins: Sequence[Origin]) -> list[str]:
    names: list[dict[int, str]] = [{} for _ in origins]  # by the level of the statement
    running: dict[tuple, _Open] = {}

    def close(key: tuple) -> None:
        done = running.pop(key)
        names[done.last][done.level] = done.name

    for place, origin in enumerate(origins):
        statements = dict(_statements(origin.frames))
        for key in [key for key in running if key not in statements]:
            close(key)
        for key, (level, name) in statements.items():
            seen = running[key].stacks if key in running else set()
            if origin.stacks in seen and _is_next_pass(origin.frames, level):
                close(key)
                seen = set()
            running[key] = _Open(name, level, place, seen | {origin.stacks})
    for key in list(running):
        close(key)
    return [found[min(found)] if found else "" for found in names]


def _statements(frames: Sequence[Frame]) -> Iterator[tuple[tuple, tuple[int, str]]]:
    """Yield the user's assignments that an operation is in, outermost first.

    Each is a key, equal for the operations of one evaluation, with its level and its name.
    """
    for level, frame in enumerate(frames):
        assigned = _source(frame.file).assigned(frame.place) if frame.is_own else None
        if assigned is not None:
            name, place = assigned
            yield (*frames[:level], place), (level, name)


def _is_next_pass(frames: Sequence[Frame], level: int) -> bool:
    """Whether an instruction that runs again begins another pass through the statement's loop.

    It does not if the loop is in a function that the statement calls.
    """
    looping = [_source(frame.file).is_in_loop(frame.place) for frame in frames]
    return any(looping[: level + 1]) and not any(looping[level + 1 :])


class _Source:
    """What a file assigns, and where it loops."""

    def __init__(self, text: str):
        self._values: dict[_Place, str] = {}  # what is assigned, by the place of the expression
        self._statements: dict[_Place, str] = {}  # the same by the place of the statement
        self._spans: list[tuple[_Place, bool]] = []  # functions and loops, the outer ones first
        for node in _nodes(ast.parse(text)):
            for name, value in _assignments(node):
                for place in _places(value):
                    self._values.setdefault(place, name)
                if isinstance(node, ast.stmt):
                    self._statements.setdefault(_place(node), name)
            self._spans += [(_place(part), loops) for part, loops in _parts(node)]

    def assigned(self, place: _Place) -> tuple[str, _Place] | None:
        """Return what the value of an expression is assigned to, and where; `None` if to nothing.

        Where the columns are not known, it is the statement of the line.
        """
        if place[1] is not None:
            return (self._values[place], place) if place in self._values else None
        found = [p for p in self._statements if p[0] <= place[0] <= (p[2] or 0)]
        return (self._statements[found[-1]], found[-1]) if found else None

    def is_in_loop(self, place: _Place) -> bool:
        """Whether a place is inside of a loop of its function."""
        around = [loops for span, loops in self._spans if _contains(span, place)]
        return bool(around) and around[-1]


def _source(file: str) -> _Source:
    return _parsed("".join(linecache.getlines(file)))


@lru_cache(maxsize=256)
def _parsed(text: str) -> _Source:
    try:
        return _Source(text)
    except (SyntaxError, ValueError, RecursionError):
        return _Source("")


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, each before those that are in it, in the order of the text."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(list(ast.iter_child_nodes(current)))


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr | ast.stmt]]:
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
) -> Iterator[tuple[str, ast.expr | ast.stmt]]:
    """Take `a, b = c, d` apart; what a call returns several of is told by no place."""
    match target, value:
        case ast.Name(id="_"), _:
            return
        case ast.Name() | ast.Attribute() | ast.Subscript(), _:
            yield ast.unparse(target), value
        case ast.Tuple() | ast.List(), ast.Tuple() | ast.List():
            for inner, part in zip(target.elts, value.elts, strict=False):
                if isinstance(inner, ast.Starred) or isinstance(part, ast.Starred):
                    return
                yield from _pairs(inner, part)


def _places(value: ast.expr | ast.stmt) -> Iterator[_Place]:
    """Yield where Python says that it is when it evaluates an expression."""
    match value:
        case ast.IfExp(body=body, orelse=other):
            yield from (*_places(body), *_places(other))
        case ast.NamedExpr(value=inner):
            yield from _places(inner)
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


def _place(node: ast.expr | ast.stmt) -> _Place:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _contains(span: _Place, place: _Place) -> bool:
    """Whether a place is inside of a span; without columns the lines decide."""
    line, column, last, last_column = place
    if column is None or last_column is None:
        return span[0] <= line <= (span[2] or 0)
    return span[:2] <= (line, column) and (last, last_column) <= span[2:]
