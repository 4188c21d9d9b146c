"""The colour and the shape of each mode, which tell the modes apart with and without colours.

Each colour has a contrast of at least 3 to a white page and to a dark one, as WCAG 2.2 asks of
graphics, so that one picture reads in the light and in the dark.
"""

from typing import NamedTuple

#: The pages that pictures stand on: in the light and in the dark.
PAGES = {"light": "#ffffff", "dark": "#16181c"}
#: The words and the lines on each.
INKS = {"light": "#1b1d21", "dark": "#e8eaed"}


class Style(NamedTuple):
    """How a mode is marked.

    Attributes:
        colour: Of its marks.
        shape: Their outline around (0, 0), an SVG path within 5 to each side.
        marker: The same as Matplotlib names it.
        hollow: Whether the outline alone is drawn.
    """

    colour: str
    shape: str
    marker: str
    hollow: bool = False


_CIRCLE = "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z"
#: The style of each mode.
STYLES = {
    "none": Style("#7d7f85", _CIRCLE, "o", hollow=True),
    "numerical": Style("#b87a00", "M0 -5L5 4H-5z", "^"),
    "symbolic": Style("#b5599a", "M0 -5.5L5.5 0L0 5.5L-5.5 0z", "D"),
    "forward": Style("#2f86c9", "M-4.2 -4.2H4.2V4.2H-4.2z", "s"),
    "reverse": Style("#0a9068", _CIRCLE, "o"),
    "mixed": Style("#d1560f", "M0 5L5 -4H-5z", "v"),
}
#: What stands where a way has no figure.
CROSS = "M-4 -4L4 4M-4 4L4 -4"
