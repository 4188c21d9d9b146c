"""What a function's inputs are called in its graph: as in its signature, or as the user says."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax

from ...program.told import described

#: Other names: of the arguments in order, or by place or name of an argument or name of an array.
Names: TypeAlias = Sequence[str] | Mapping[Any, str] | None


def written(path: Sequence[Any]) -> str:
    """Write a path in a pytree as in Python, such as `"[0].weight"`.

    Example:
        >>> written(jax.tree.leaves_with_path({"w": [1.0]})[0][0])
        "['w'][0]"
    """
    flat = jax.tree_util.FlattenedIndexKey
    parts = (f"[{key.key}]" if isinstance(key, flat) else str(key) for key in path)
    return "".join(parts)


def input_names(fn: Callable[..., object], inputs: tuple, names: Names = None) -> list[str]:
    """Return what each leaf of the arguments is called.

    Args:
        fn: The function; its signature names the arguments.
        inputs: The arguments.
        names: Other names: a sequence, of the arguments in order; or a dictionary from the place or
            the name of an argument, or from the name of an array in it.

    Raises:
        TypeError: If `names` is neither.
        ValueError: If there are too many, or one is of what there is not.

    Example:
        >>> def layer(params, x): ...
        >>> input_names(layer, ({"w": 1.0, "b": 2.0}, 3.0))
        ["params['b']", "params['w']", 'x']
        >>> input_names(layer, ({"w": 1.0, "b": 2.0}, 3.0), {"params['w']": "W", "params": "p"})
        ["p['b']", 'W', 'x']
    """
    arguments = _arguments(fn, inputs)
    given = _read(names, arguments)
    paths = [path for path, _ in jax.tree.leaves_with_path(inputs)]
    pairs = [(arguments[path[0].idx], written(path[1:])) for path in paths]
    known = {f"{argument}{rest}" for argument, rest in pairs} | set(arguments)
    strange = [name for name in given if name not in known]
    if strange:
        raise ValueError(
            f"names must be of arguments or arrays of the function, which has no {strange[0]!r}: "
            f"it has {', '.join(sorted(known)[:12])}"
        )
    return [
        given.get(f"{argument}{rest}", f"{given.get(argument, argument)}{rest}")
        for argument, rest in pairs
    ]


def _read(names: Names, arguments: Sequence[str]) -> dict[str, str]:
    """Return the new name of each argument or array that has one."""
    is_text = isinstance(names, str)
    if names is not None and (is_text or not isinstance(names, Mapping | Sequence)):
        raise TypeError(
            "names must be a sequence of the arguments' names or a dictionary such as "
            f"{{'params': 'p'}}, got {described(names)}"
        )
    if isinstance(names, Sequence):
        if len(names) > len(arguments):
            raise ValueError(
                f"names must name {len(arguments)} arguments, got {len(names)}: for the arrays in "
                "an argument give a dictionary, such as {'params.weight': 'W'}"
            )
        names = dict(enumerate(names))
    pairs = (names or {}).items()
    places = range(len(arguments))
    return {
        arguments[key] if isinstance(key, int) and key in places else str(key): new
        for key, new in pairs
    }


def _arguments(fn: Callable[..., object], inputs: tuple) -> list[str]:
    """Return the name of each argument, by the function's signature where it has one."""
    try:
        bound = inspect.signature(fn).bind(*inputs)
    except (TypeError, ValueError):
        return [f"argument {place}" for place in range(len(inputs))]
    found: list[str] = []
    for name, value in bound.arguments.items():
        parameter = bound.signature.parameters[name]
        several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        found += [f"{name}[{place}]" for place in range(len(value))] if several else [name]
    return found
