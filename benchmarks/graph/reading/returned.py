"""Which operation makes what a statement assigns, followed through what functions return."""

import ast
from collections.abc import Sequence

from . import source_text
from .origins import Frame, Origin
from .source_text import Target, places_of


def maker(
    origins: Sequence[Origin], members: Sequence[int], level: int, target: Target
) -> int | None:
    """Return the place of the operation that makes what a variable is assigned; `None` if unknown.

    Args:
        origins: Where each operation of a program comes from.
        members: The places of those that the statement has made.
        level: How deep on their stacks the statement is.
        target: The variable.
    """
    inside = [i for i in members if len(origins[i].frames) > level + 1]
    if not target.path and members[-1:] != inside[-1:]:  # JAX has made it, after what it called
        return members[-1]
    if not inside:  # an operation of several results, of which the first one is drawn
        alone = len(members) == 1 and origins[members[0]].results > 1
        return members[0] if alone and target.spread and not any(target.path) else None
    found = _part(origins, inside, level + 1, target.path)
    is_array = not target.path and not _returns_several(origins[inside[-1]].frames[level + 1])
    return members[-1] if found is None and is_array else found


def _returns_several(frame: Frame) -> bool:
    returned = source_text.read(frame.file).returns(frame.place)
    return any(isinstance(value, ast.Tuple | ast.List | ast.Dict) for value in returned)


def _part(
    origins: Sequence[Origin], members: Sequence[int], level: int, path: tuple[int, ...]
) -> int | None:
    """Return the operation that makes a part of what a function returns.

    Args:
        origins: Where each operation comes from.
        members: The places of those that the function has made.
        level: How deep on their stacks the function is.
        path: Which part it is.
    """
    last = origins[members[-1]].frames[level]
    # A loop may have called another function at the same place before.
    others = [i for i in members if origins[i].frames[level][:2] != last[:2]]
    members = [i for i in members if not others or i > others[-1]]
    returned = source_text.read(last.file).returns(last.place)
    if len(returned) != 1:
        return None
    value = returned[0]
    while path and isinstance(value, ast.Tuple) and path[0] < len(value.elts):
        value, path = value.elts[path[0]], path[1:]
    if isinstance(value, ast.Name):
        return _variable(origins, members, level, Target(value.id, path))
    places = set(places_of(value))
    made = [i for i in members if origins[i].frames[level].place in places]
    if not made:
        return None
    return maker(origins, _last_pass(origins, made, level), level, Target("", path))


def _variable(
    origins: Sequence[Origin], members: Sequence[int], level: int, wanted: Target
) -> int | None:
    """Return the operation that makes what a variable of a function holds in the end."""
    for last in reversed(members):
        frame = origins[last].frames[level]
        for target in source_text.read(frame.file).targets(frame.place)[1]:
            if target.name == wanted.name:
                same = [i for i in members if origins[i].frames[level].place == frame.place]
                whole = Target("", (*target.path, *wanted.path), target.spread)
                return maker(origins, _last_pass(origins, same, level), level, whole)
    return None


def _last_pass(origins: Sequence[Origin], members: Sequence[int], level: int) -> list[int]:
    """Return those of a statement's operations that it made when it ran last."""
    run: list[int] = []
    for i in members:
        begins = run and origins[i].stacks in {origins[k].stacks for k in run}
        run = [i] if begins and is_next_pass(origins[i].frames, level) else [*run, i]
    return run


def is_next_pass(frames: Sequence[Frame], level: int) -> bool:
    """Whether an instruction that runs again begins another pass through the statement's loop.

    It does not if the loop is in a function that the statement calls.
    """
    looping = [source_text.read(frame.file).is_in_loop(frame.place) for frame in frames]
    return any(looping[: level + 1]) and not any(looping[level + 1 :])
