"""Models of other libraries: which are taken as they are, and the lines that make one of the rest.

What a model is, its type and its signature say; nothing is called and nothing compiles.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import jax

from .._types import Params, State, Tree

#: How a model is called: as `Apply` says; `model(params, x)`; `model(params, key, x)`; or as flax
#: linen's `net.apply(variables, x)`.
Form: TypeAlias = Literal["apply", "params, x", "params, key, x", "variables, x"]

_HEAD = "def apply(params, state, x, *, key=None, train=False, mask=None):"
#: What is written for a model that holds its own parameters, or those of others, by its library.
_LINES = {
    "flax.linen": f"""{_HEAD}
    given = {{"rngs": None if key is None else {{"dropout": key}}, "mutable": list(state)}}
    y, new = net.apply({{"params": params, **state}}, x, FLAGS**given)
    return y, new if train else state""",
    "flax.nnx": f"""model.eval()
graph, params, state = nnx.split(model, nnx.Param, ...)
{_HEAD}
    return nnx.merge(graph, params, state)(x), state""",
    "equinox": f"""params, static = equinox.partition(model, equinox.is_inexact_array)
{_HEAD}
    return jax.vmap(equinox.combine(params, static))(x), state""",
}
_AFTER = {
    "flax.linen": "\n\nwhere params is variables.pop('params'), and state the rest of variables; "
    "batch norm needs the mask, as in docs/how-to/flax.md",
    "flax.nnx": "\n\nwithout dropout and batch statistics, for which see docs/how-to/flax.md",
}
#: What the arguments of a model are called, and what is passed for them.
_WORDS = {"params": "params", "variables": "params", "state": "state", "mask": "mask"}
_WORDS |= dict.fromkeys(("key", "rng", "rng_key"), "key")
_WORDS |= dict.fromkeys(("train", "training", "is_training"), "train")
_WORDS |= {"deterministic": "not train", "inference": "not train"}


def form_of(who: str, model: Callable[..., Any]) -> Form:
    """Return how a model's function is called.

    A function of the parameters and `x`, or of these and a key between them, has no state and no
    part that works otherwise in training, so there is one way to call it. Haiku's are such
    functions, and so is flax linen's `net.apply` where the module takes `x` and no flag.

    Raises:
        TypeError: If there is more than one way, or none; the message has the lines to write.

    Example:
        >>> form_of("supervised", lambda params, x: x @ params)
        'params, x'
        >>> form_of("supervised", lambda params, x, is_training: x @ params)
        Traceback (most recent call last):
        TypeError: supervised needs apply(params, state, x, *, key, train, mask), got ...
        <BLANKLINE>
        def apply(params, state, x, *, key=None, train=False, mask=None):
            return model(params, x, train), state
    """
    library = _library_of(model)
    if all(callable(getattr(model, name, None)) for name in ("init", "apply")):
        raise TypeError(f"{who} needs a function, got {type(model).__name__}: pass its .apply")
    if library == "torch":
        raise TypeError(f"{who} needs a function of JAX, got PyTorch's {type(model).__name__}")
    if not callable(model):
        raise TypeError(f"{who} needs a model's apply, got {type(model).__name__}")
    try:
        arguments = inspect.signature(model)
    except (TypeError, ValueError):  # it has none that can be read
        return "apply"
    if {"rngs", "mutable"} <= arguments.parameters.keys():
        library = "flax.linen"
        arguments = _of_module(model)
        if len(arguments.parameters) <= 1:
            return "variables, x"
    elif _binds(arguments, by_name=library in _LINES):
        return "apply"
    elif library not in _LINES and (form := _plain_form(arguments)):
        return form
    raise TypeError(_refusal(who, library, model, arguments))


def call(
    form: Form,
    model: Callable[..., Any],
    params: Params,
    state: State,
    x: Tree,
    *,
    key: jax.Array | None,
    train: bool,
    mask: jax.Array | None,
) -> tuple[Tree, State]:
    """Call a model of any form as `Apply` says.

    Raises:
        TypeError: If flax linen's variables are other than parameters.

    Example:
        >>> import jax.numpy as jnp
        >>> given = {"key": None, "train": False, "mask": None}
        >>> call("params, x", lambda params, x: x @ params, jnp.eye(2), (), jnp.ones(2), **given)
        (Array([1., 1.], dtype=float32), ())
    """
    if form == "apply":
        return model(params, state, x, key=key, train=train, mask=mask)
    if form == "params, key, x":
        return model(params, key, x), state
    if form == "variables, x" and not (isinstance(params, Mapping) and set(params) == {"params"}):
        held = sorted(params) if isinstance(params, Mapping) else type(params).__name__
        raise TypeError(
            f"net.apply of flax needs {{'params': ...}} of net.init, and nothing beside it, got "
            f"{held}; for other variables write these lines and pass apply\n\n"
            f"{_LINES['flax.linen'].replace('FLAGS', 'train=train, ')}{_AFTER['flax.linen']}"
        )
    return model(params, x), state


def _library_of(model: object) -> str:
    """Return the library whose module an object is, one that holds its parameters, or nothing."""
    for kind in type(model).__mro__:
        root, _, rest = kind.__module__.partition(".")
        if root == "torch" or (root == "equinox" and _holds_arrays(model)):
            return root
        if root == "flax":
            return f"flax.{rest.partition('.')[0]}"
    return ""


def _holds_arrays(model: object) -> bool:
    return any(hasattr(leaf, "dtype") for leaf in jax.tree.leaves(model))


def _binds(arguments: inspect.Signature, *, by_name: bool) -> bool:
    """Return whether a model can be called as `Apply` says, its options `by_name` or in `**`."""
    try:
        arguments.bind("params", "state", "x", key=None, train=False, mask=None)
    except TypeError:
        return False
    return not by_name or {"key", "train", "mask"} <= arguments.parameters.keys()


def _of_module(apply: Callable[..., Any]) -> inspect.Signature:
    """Return what the module of flax linen takes by name, whose `apply` this is."""
    arguments = inspect.signature(getattr(apply, "__self__", lambda x: x))
    hidden = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [one for one in arguments.parameters.values() if one.kind not in hidden]
    return arguments.replace(parameters=named)


def _plain_form(arguments: inspect.Signature) -> Form | None:
    """Return the form of a function of two or three arguments, none of which may be left out."""
    given = arguments.parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(one.kind not in positional or one.default is not one.empty for one in given):
        return None
    names = list(arguments.parameters)
    if len(names) == 3 and _WORDS.get(names[1]) == "key":
        return "params, key, x"
    return "params, x" if len(names) == 2 else None


def _refusal(
    who: str, library: str, model: Callable[..., Any], arguments: inspect.Signature
) -> str:
    name = getattr(model, "__name__", type(model).__name__)
    got = f"{name}({', '.join(arguments.parameters)})"
    if library in _LINES:
        name = type(getattr(model, "__self__", model)).__name__
        got = f"{name} of {library}, a module that takes {', '.join(arguments.parameters)}"
    lines = _LINES.get(library) or _wrapped(arguments)
    flags = [f"{name}={_WORDS[name]}, " for name in arguments.parameters if name in _WORDS]
    return (
        f"{who} needs apply(params, state, x, *, key, train, mask), got {got}: write these lines "
        f"and pass apply\n\n{lines.replace('FLAGS', ''.join(flags))}{_AFTER.get(library, '')}"
    )


def _wrapped(arguments: inspect.Signature) -> str:
    """Return the lines that call a function of these arguments, by what they are called."""
    passed, with_x = [], False
    for one in arguments.parameters.values():
        word = _WORDS.get(one.name)
        if word is None and one.default is one.empty and not with_x and passed:
            word, with_x = "x", True
        elif word is None and not passed:
            word = "params"
        if word is not None:
            passed.append(f"{one.name}={word}" if one.kind == one.KEYWORD_ONLY else word)
    called = f"model({', '.join(passed)})"
    if "state" not in passed:
        return f"{_HEAD}\n    return {called}, state"
    return f"{_HEAD}\n    y, new = {called}\n    return y, new if train else state"
