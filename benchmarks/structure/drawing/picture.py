"""The picture of a pattern: squares for cells, in SVG whose words are words.

Lines and words have the colour of the page's text, and squares one that is legible on white and on
black, so that a picture reads in the light and in the dark.
"""

import html
import textwrap
import zlib
from typing import Protocol

#: The longer side of the pattern, the room beside it and around it, and a line's height.
_SIDE, _LEFT, _TOP, _EDGE, _LINE = 240, 26, 26, 6, 17
#: The width of the picture, the characters that a line of words has room for in it, and the
#: opacity of each fullness, the least that is told from the page.
_WIDTH, _LETTERS, _LEAST = 300, 38, 0.5
_COLOUR = "#0a9d74"
#: A side is at least this part of the other.
_NARROWEST = 0.2


class Drawn(Protocol):
    """What is drawn: the fields of a `Sketch`."""

    @property
    def m(self) -> int:
        """How many outputs."""
        ...

    @property
    def n(self) -> int:
        """How many inputs."""
        ...

    @property
    def entries(self) -> int:
        """How many entries."""
        ...

    @property
    def lines(self) -> tuple[str, ...]:
        """The cells, a letter each."""
        ...

    @property
    def said(self) -> tuple[str, ...]:
        """What is said of it."""
        ...


def drawn_as_svg(sketch: Drawn, name: str, *, alone: bool) -> str:
    """Return the picture of a pattern as an SVG element."""
    across, down = _sides(sketch)
    words = [line for text in _words(sketch) for line in textwrap.wrap(text, _LETTERS)]
    height = _TOP + down + _EDGE + _LINE * len(words) + _EDGE
    title = f"What depends on what in {name}" if name else "What depends on what"
    desc = f"{_counted(sketch)}; {'; '.join(_words(sketch))}."
    key = f"pattern-{zlib.crc32((title + desc + ''.join(sketch.lines)).encode()):08x}"
    body = [
        f'<title id="{key}-title">{html.escape(title)}</title>',
        f'<desc id="{key}-text">{html.escape(desc)}</desc>',
        _page() if alone else "",
        f'<g fill="currentColor"><text x="{_LEFT}" y="{_TOP - 8}">{_many(sketch.n, "input")}</text>'
        f'<text transform="translate({_LEFT - 10} {_TOP + down}) rotate(-90)">'
        f"{_many(sketch.m, 'output')}</text></g>",
        f'<rect x="{_LEFT}" y="{_TOP}" width="{across}" height="{down}" fill="none" '
        'stroke="currentColor" stroke-opacity=".5"/>',
        *_marks(sketch, across, down),
        *_told(words, _TOP + down + _EDGE),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pattern" role="img" '
        f'aria-labelledby="{key}-title {key}-text" viewBox="0 0 {_WIDTH} {height:g}" '
        f'width="{_WIDTH}" height="{height:g}" font-family="system-ui, sans-serif" font-size="12" '
        f'style="min-width:0;max-width:{_WIDTH}px;width:100%;height:auto">'
        + "\n".join(filter(None, body))
        + "</svg>"
    )


def _sides(sketch: Drawn) -> tuple[float, float]:
    """Return the width and the height of the pattern, none of them too narrow to be seen."""
    m, n = max(sketch.m, 1), max(sketch.n, 1)
    across, down = (max(size / max(m, n), _NARROWEST) for size in (n, m))
    return round(across * _SIDE, 1), round(down * _SIDE, 1)


def _marks(sketch: Drawn, across: float, down: float) -> list[str]:
    """Return a path for each fullness, with a short thick line, a square, for each cell of it."""
    if not sketch.lines or not sketch.lines[0]:
        return []
    wide, high = across / len(sketch.lines[0]), down / len(sketch.lines)
    paths = []
    for level in range(1, 6):
        squares = "".join(
            f"M{x} {y}h.9"
            for y, line in enumerate(sketch.lines)
            for x, letter in enumerate(line)
            if letter == str(level)
        )
        if squares:
            opacity = _LEAST + (1 - _LEAST) * (level - 1) / 4
            paths.append(f'<path stroke-opacity="{opacity:.2g}" d="{squares}"/>')
    place = f"translate({_LEFT} {_TOP}) scale({wide:.5g} {high:.5g}) translate(.05 .5)"
    line = f'stroke="{_COLOUR}" stroke-width=".9"'
    return [f'<g fill="none" {line} transform="{place}">', *paths, "</g>"]


def _words(sketch: Drawn) -> list[str]:
    share = 100 * sketch.entries / max(sketch.m * sketch.n, 1)
    entries = f"{sketch.entries:,} entr{'y' if sketch.entries == 1 else 'ies'}"
    words = [f"{entries}, {share:.3g} % of all"]
    if len({*"".join(sketch.lines)} & {*"12345"}) > 1:
        words.append("faint squares have fewer entries")
    return [*words, *sketch.said]


def _told(words: list[str], top: float) -> list[str]:
    lines = [
        f'<text x="{_LEFT}" y="{top + _LINE * (place + 1) - 4:g}">{html.escape(line)}</text>'
        for place, line in enumerate(words)
    ]
    return ['<g fill="currentColor">', *lines, "</g>"]


def _counted(sketch: Drawn) -> str:
    return f"{_many(sketch.m, 'output')} by {_many(sketch.n, 'input')}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _page() -> str:
    """Return what a page would bring: a ground, and the colour of words, for light and dark."""
    return (
        "<style>svg{color:#1b1d21}.page{fill:#fff}@media (prefers-color-scheme:dark)"
        "{svg{color:#e8eaed}.page{fill:#16181c}}</style>"
        '<rect class="page" width="100%" height="100%" rx="4"/>'
    )
