"""What to say of a name that there is not."""

from collections.abc import Collection
from difflib import get_close_matches

#: Rows that a comparison has by what its function allows, and no table of methods.
_OF_STRUCTURE = ("chain", "coloured", "constant", "cut", "elimination", "split", "vmap")


def unknown_method(name: str, known: Collection[str]) -> str:
    """Say that a method is unknown; of a way by a function's structure, say who takes it.

    Example:
        >>> unknown_method("cut (4)", ["forward"]).partition(";")[0]
        "'cut (4)' is no method but a way by a function's structure"
    """
    if str(name).partition(" (")[0] not in _OF_STRUCTURE:
        return unknown("method", name, known)
    return (
        f"{name!r} is no method but a way by a function's structure; gradwise.jacobian(fn, "
        "*inputs) takes the cheapest of these, and compare has rows of them where methods is left "
        "out"
    )


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Say that a name is unknown, which ones there are, and which one may be meant.

    Example:
        >>> unknown("method", "foward", ["forward", "reverse"])
        "unknown method 'foward', did you mean 'forward'? There are: forward, reverse"
        >>> unknown("size", "9", ["small", "large"])
        "unknown size '9'; there are: small, large"
    """
    text, listed = f"unknown {what} {name!r}", f"here are: {', '.join(known)}"
    near = meant(name, known)
    return f"{text}{near} T{listed}" if near else f"{text}; t{listed}"


def meant(name: str, known: Collection[str]) -> str:
    """Ask for the name that is nearest, `""` if none is near.

    A name such as `suite/scenario` is near if its last part is.

    Example:
        >>> meant("relo", ["lecture/relu", "lecture/tanh"]), meant("9", ["relu"])
        (", did you mean 'lecture/relu'?", '')
    """
    wholes = {part: whole for whole in known for part in (whole.rpartition("/")[2], whole)}
    near = get_close_matches(name.strip("*/"), wholes, n=1)
    return f", did you mean {wholes[near[0]]!r}?" if near else ""
