"""The programs that this process has compiled before, by all that decides what a program is.

Two methods may come to one program, and a function that is looked at again comes to the same
programs as before. XLA's part of compiling is most of the time that a comparison takes.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

import jax
from jax.interpreters.partial_eval import dce_jaxpr
from jax.stages import Compiled as Executable
from jax.stages import Lowered, Traced

#: How many programs are remembered; the one that was used longest ago is forgotten first.
_MOST = 256
#: Programs that hold more bytes of constants than this are not remembered.
_MOST_CONSTANTS = 2**26
#: Settings of JAX that decide how a program is compiled, beside those that its text shows.
_SETTINGS = (
    "disable_most_optimizations",
    "exec_time_optimization_effort",
    "memory_fitting_effort",
    "optimization_level",
    "memory_fitting_level",
    "default_device",
)


class Known(NamedTuple):
    """A program that was compiled, and how long each stage took when it was."""

    lowered: Lowered
    executable: Executable
    seconds: tuple[float, float, float]


_lock = threading.Lock()
_known: OrderedDict[Hashable, Known] = OrderedDict()


def recall(key: Hashable | None) -> Known | None:
    """Return the program of a key, `None` if there is none."""
    with _lock:
        if key is None or key not in _known:
            return None
        _known.move_to_end(key)
        return _known[key]


def remember(key: Hashable | None, known: Known) -> None:
    """Keep a program under a key, unless the key is `None`."""
    if key is None:
        return
    with _lock:
        _known[key] = known
        while len(_known) > _MOST:
            _known.popitem(last=False)


def forget() -> None:
    """Forget every program: the next ones are compiled anew."""
    with _lock:
        _known.clear()


def key_of(traced: Traced, lowered: Lowered, args: tuple) -> Hashable | None:
    """Return what two programs share if and only if one may run in the place of the other.

    That is the program's text with its constants, which arguments it reads, where they lie, and
    JAX's settings. A program that calls back into Python has no key: its text does not say whom.
    """
    jaxpr = traced.jaxpr
    constants = sum(getattr(constant, "nbytes", 0) for constant in jaxpr.consts)
    if constants > _MOST_CONSTANTS or jaxpr.effects:
        return None
    text = lowered.as_text()
    if "callback" in text:
        return None
    _, used = dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))
    places = tuple(getattr(leaf, "sharding", None) for leaf in jax.tree.leaves(args))
    return (
        hashlib.sha256(text.encode()).hexdigest(),
        tuple(used),
        places,
        lowered.in_tree,
        lowered.out_tree,
        tuple(map(str, jaxpr.in_avals)),
        tuple(map(str, jaxpr.out_avals)),
        jax.default_backend(),
        tuple(str(getattr(jax.config, f"jax_{name}", None)) for name in _SETTINGS),
    )
