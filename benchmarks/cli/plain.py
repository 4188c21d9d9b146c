"""Text for a terminal or a file that cannot hold all characters."""

import codecs
from typing import TextIO

#: How a character is written that an encoding has not.
_PLAIN = str.maketrans(
    {
        "×": "x",
        "µ": "u",
        "μ": "u",
        "…": "...",
        "–": "-",
        "—": "-",
        "→": "->",
        "≤": "<=",
        "√": "sqrt ",
    }
)
_NAME = "gradwise.plain"
#: Braille patterns, of which the first is empty.
_BRAILLE = range(0x2800, 0x2900)


def plain(text: str) -> str:
    """Write a text in ASCII.

    Example:
        >>> plain("3 µs … ⠀⡇ ü")
        '3 us ...  # ?'
    """
    known = text.translate(_PLAIN)
    drawn = ("" if ord(c) < 128 else _dot(c) for c in known)
    return "".join(new or old for new, old in zip(drawn, known, strict=True))


def _dot(character: str) -> str:
    if ord(character) in _BRAILLE:
        return " " if ord(character) == _BRAILLE.start else "#"
    return "?"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


def never_fails(*streams: TextIO) -> None:
    """Let streams write ASCII in place of what their encoding has not, and raise nothing.

    Example:
        >>> import io
        >>> stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        >>> never_fails(stream)
        >>> stream.write("3 µs"), stream.flush(), stream.buffer.getvalue()
        (4, None, b'3 us')
    """
    codecs.register_error(_NAME, _replaced)
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_NAME)
