"""What a word means: one of the glossary, or the name of a method."""

from ..derivatives.choice import unknown
from ..derivatives.table import METHODS
from ..report.glossary import GLOSSARY

#: What the glossary has for a part of a method's name.
_NOUNS = {"chunked": "chunk", "checkpointed": "checkpoint"}
#: How a table names what the glossary has under another word.
_TITLES = {"99 %": "interval", "99%": "interval"}


def explained(term: str) -> str:
    """Return what a word means, with an example.

    Raises:
        ValueError: If there is no such word; the message names the nearest one.

    Example:
        >>> print(explained("Tangents"))
        tangent
        A direction in the inputs; forward mode carries it along to a direction in the outputs.
        One walk gives J v for one v: a column of the Jacobian where v is a basis vector.
        x = (2, 3) with the tangent (1, 0): how x[0] * x[1] changes with x[0], which is 3.
        >>> print(explained("reverse_chunked").splitlines()[1])
        cotangents in chunks, the chunk found by search
    """
    asked = _plain(term)
    asked = "colour" if asked.startswith("coloured") else _TITLES.get(asked, asked)
    asked = asked.partition(" (")[0]  # of a row such as "split (2+1+2)"
    words = {_plain(word): word for word in GLOSSARY}
    for form in (asked, asked.removesuffix("s"), asked.removesuffix("es")):
        if form in words:
            return f"{words[form]}\n{GLOSSARY[words[form]]}"
    methods = {method.name: method for method in METHODS}
    name = asked.replace(" ", "_")
    if name in methods:
        return f"{name}\n{methods[name].summary}{_about(name)}"
    raise ValueError(unknown("word", term, [*GLOSSARY, *(n for n in methods if n not in words)]))


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("_", " ").replace("-", " ").split())


def _about(name: str) -> str:
    """Return the entries of the words that a method's name is made of."""
    words = [_NOUNS.get(part, part) for part in dict.fromkeys(name.split("_"))]
    return "".join(f"\n{word}: {GLOSSARY[word].short}" for word in words if word in GLOSSARY)
