"""Text for a terminal or a file that cannot hold all characters."""

import codecs
import unicodedata
from typing import TextIO

#: How a character is written that an encoding has not.
_PLAIN = str.maketrans(
    {
        "×": "x",
        "·": "*",
        "µ": "u",
        "μ": "u",
        "σ": "sigma",
        "π": "pi",
        "Σ": "sum",
        "∂": "d",
        "√": "sqrt ",
        "∞": "inf",
        "ᵀ": "^T",
        "…": "...",
        "−": "-",
        "–": "-",
        "—": "-",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "≠": "!=",
        "⊕": "(+)",
        "²": "^2",
        # the signs of an adjoint and of a tangent, above a letter
        "\u0304": "_bar",
        "\u0307": "_dot",
    }
)
_ERRORS, _CODEC = "gradwise.plain", "gradwise_plain"
#: Braille patterns, of which the first is empty.
_BRAILLE = range(0x2800, 0x2900)


def plain(text: str) -> str:
    """Write a text in ASCII.

    Example:
        >>> plain("3 µs … ⠀⡇ Müller ȳ x̄ ⚠")
        '3 us ...  # Muller y_bar x_bar ?'
    """
    known = "".join(_decomposed(c) for c in text.translate(_PLAIN)).translate(_PLAIN)
    drawn = ("" if ord(c) < 128 else _dot(c) for c in known)
    return "".join(new or old for new, old in zip(drawn, known, strict=True))


def _decomposed(character: str) -> str:
    """Return a letter and its marks, without those that `_PLAIN` has no words for."""
    parts = unicodedata.normalize("NFD", character)
    return "".join(c for c in parts if not unicodedata.combining(c) or ord(c) in _PLAIN)


def _dot(character: str) -> str:
    if ord(character) in _BRAILLE:
        return " " if ord(character) == _BRAILLE.start else "#"
    return "?"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


class _Encoder(codecs.IncrementalEncoder):
    """Encode all of a text in ASCII."""

    def encode(self, input: str, final: bool = False) -> bytes:  # noqa: A002  (its name there)
        del final
        return plain(input).encode("ascii")


def _codec(name: str) -> codecs.CodecInfo | None:
    if name != _CODEC:
        return None
    return codecs.CodecInfo(
        name=name,
        encode=lambda text, errors="strict": (plain(text).encode("ascii"), len(text)),
        decode=codecs.ascii_decode,
        incrementalencoder=_Encoder,
        incrementaldecoder=codecs.getincrementaldecoder("ascii"),
    )


def never_fails(*streams: TextIO) -> None:
    """Let streams write ASCII in place of what their encoding has not, and raise nothing.

    One that is ASCII has a codec of its own then: click takes plain ASCII for a slip, and writes
    UTF-8.

    Example:
        >>> import io
        >>> stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        >>> never_fails(stream)
        >>> stream.write("3 µs"), stream.flush(), stream.buffer.getvalue()
        (4, None, b'3 us')
    """
    codecs.register_error(_ERRORS, _replaced)
    codecs.register(_codec)
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if codecs.lookup(stream.encoding or "utf-8").name == "ascii":
            reconfigure(encoding=_CODEC)
        else:
            reconfigure(errors=_ERRORS)
