"""`%gradwise f(x)` and `%%gradwise` in IPython and notebooks.

`%load_ext gradwise` loads them. IPython is never imported: it hands itself over.
"""

import argparse
import ast
import shlex
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from ..comparison.compare import compare
from ..derivatives.choice import unknown
from .told import told

_USAGE = "%gradwise f(x) [--order 2] [--methods forward,reverse] [--budget SECONDS] ..."
#: What a line ends with before its options.
_OPTIONS = " --"


def load_ipython_extension(ipython: Any) -> None:
    """Give IPython the magic `gradwise`, for a line and for a cell."""
    ipython.register_magic_function(
        partial(magic, ipython), magic_kind="line_cell", magic_name="gradwise"
    )


def magic(ipython: Any, line: str, cell: str | None = None) -> object:
    """Compare every way to differentiate the function that a line or the end of a cell calls.

    Args:
        ipython: The shell, whose names the call uses.
        line: The call, such as `loss(w, x)`, and options; for a cell options alone.
        cell: Code that is run first, but for its last line, which is the call.

    Returns:
        The comparison, which a notebook shows with its charts; `None` after an error, which is
        told in one line.
    """
    try:
        call, given = _split(line)
        options = _options(given)
        setup, expression = ("", call) if cell is None else _of_cell(call, cell)
        names = ipython.user_ns
        if setup:
            exec(compile(setup, "<%%gradwise>", "exec"), names)
        fn, inputs, name = _called(expression, names)
        return compare(fn, *inputs, name=name, **options)
    except Exception as error:
        print(f"gradwise: {told(error)[0]}", file=sys.stderr)
        return None


def _split(line: str) -> tuple[str, list[str]]:
    """Split a line into the call and the options behind it."""
    call, dashes, rest = f" {line}".partition(_OPTIONS)
    return call.strip(), shlex.split(f"--{rest}") if dashes else []


class _Parser(argparse.ArgumentParser):
    """A parser that raises, and does not end Python."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; type {_USAGE}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise ValueError(message or f"type {_USAGE}")


def _options(given: list[str]) -> Mapping[str, Any]:
    """Read options: those of `gradwise compare`, and `--argnums`."""
    parser = _Parser(prog="%gradwise", add_help=False, allow_abbrev=False)
    add = partial(parser.add_argument, default=argparse.SUPPRESS)
    add("--order", type=int)
    add("--methods", type=lambda names: names if names == "all" else names.split(","))
    add("--method", action="append", dest="methods")
    add("--all", action="store_const", const="all", dest="methods")
    add("--budget", type=float)
    add("--time-limit", type=float)
    add("--seed", type=int)
    add("--rule")
    add("--argnums", type=lambda places: tuple(int(place) for place in places.split(",")))
    add("--has-aux", action="store_true")
    add("--crossover", action="store_true")
    options, others = parser.parse_known_args(given)
    if others:
        known = [name for action in parser._actions for name in action.option_strings]
        raise ValueError(unknown("option", others[0], known))
    return vars(options)


def _of_cell(call: str, cell: str) -> tuple[str, str]:
    """Return what a cell runs first, and the call that it ends with."""
    if call:
        raise ValueError(f"%%gradwise takes options alone, got {call!r}: call it in the cell")
    body = ast.parse(cell).body
    if not body or not isinstance(body[-1], ast.Expr):
        raise ValueError("the last line of a cell must be the call, such as f(x)")
    setup = ast.Module(body[:-1], type_ignores=[])
    return ast.unparse(setup) if body[:-1] else "", ast.unparse(body[-1].value)


def _called(expression: str, names: dict[str, Any]) -> tuple[Callable[..., object], list, str]:
    """Return the function of a call, its inputs, and what it is called.

    Keywords are held as they are.
    """
    try:
        call = ast.parse(expression or "()", mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{expression!r} is not Python: {error.msg}; type {_USAGE}") from None
    if not isinstance(call, ast.Call):
        got = f"got {expression!r}" if expression else "got nothing"
        raise ValueError(f"%gradwise needs a call of a function, {got}; type {_USAGE}")
    name = ast.unparse(call.func)

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<%gradwise>", "eval"), names)

    fn = value(call.func)
    inputs: list[Any] = []
    for argument in call.args:
        starred = isinstance(argument, ast.Starred)
        inputs += list(value(argument.value)) if starred else [value(argument)]
    held = {}
    for keyword in call.keywords:
        held |= value(keyword.value) if keyword.arg is None else {keyword.arg: value(keyword.value)}
    return partial(fn, **held) if held else fn, inputs, name
