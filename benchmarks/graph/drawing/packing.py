"""What a page holds, in fewer letters: its data without repetitions, its scripts without comments.

Data are packed as Lempel and Ziv did (A universal algorithm for sequential data compression, 1977):
what was there before is said by how far back it starts and how long it is, in letters that are safe
in HTML. `ways.js` unpacks it. No library does it, since each version of one packs otherwise, and a
graph is to be the same bytes each time.
"""

import re

#: The letters that are the digits of a distance or a length; none of them means a thing in HTML.
DIGITS = "".join(chr(c) for c in range(35, 127) if chr(c) not in "&'<>\\`~")
#: What starts a reference of two digits, by the length that it stands for, the shortest first.
MARKS = "KMQVXZ?^|$*YUWJIRTHG#!"
#: What starts a reference of a digit of length and three of distance, and what a letter as it is.
_FAR, _PLAIN = "~", "`"
_SHORTEST = 4
_LONGEST = _SHORTEST + len(DIGITS) - 1
#: How many earlier places are tried.
_TRIED = 12


def packed(text: str) -> str:
    r"""Return a text with a reference for what it repeats.

    Example:
        >>> packed("0 … 1, 0 … 1"), unpacked(packed("0 … 1, 0 … 1"))
        ('0 … 1, M#+', '0 … 1, 0 … 1')
    """
    parts: list[str] = []
    places: dict[str, list[int]] = {}
    place, known = 0, 0
    saved, length, distance = 0, 0, 0
    while place < len(text):
        if not saved:
            saved, length, distance = _best(text, place, places)
        for passed in range(known, place + 1):
            places.setdefault(text[passed : passed + _SHORTEST], []).append(passed)
        known = max(known, place + 1)
        following = _best(text, place + 1, places) if 0 < saved < 16 else (0, 0, 0)
        if saved and following[0] <= saved:
            parts.append(_reference(length, distance))
            place, saved = place + length, 0
        else:  # a letter first, and then what saves more
            plain = text[place] in MARKS or text[place] in (_FAR, _PLAIN)
            parts.append(_PLAIN * plain + text[place])
            place, (saved, length, distance) = place + 1, following
    return "".join(parts)


def unpacked(text: str) -> str:
    """Return what was packed; `unpack` of `ways.js` does the same.

    Example:
        >>> unpacked("abV#$")
        'ababababa'
    """
    found: list[str] = []
    letters = iter(text)

    def digits(count: int) -> int:
        value = 0
        for _ in range(count):
            value = value * len(DIGITS) + DIGITS.index(next(letters))
        return value

    for letter in letters:
        if letter in MARKS or letter == _FAR:
            length = digits(1) if letter == _FAR else MARKS.index(letter)
            distance = digits(3 if letter == _FAR else 2) + 1
            for _ in range(length + _SHORTEST):
                found.append(found[-distance])
        else:
            found.append(next(letters) if letter == _PLAIN else letter)
    return "".join(found)


def _best(text: str, place: int, places: dict[str, list[int]]) -> tuple[int, int, int]:
    """Return how many letters the best reference saves at a place, its length and its distance."""
    best = 0, 0, 0
    most = min(_LONGEST, len(text) - place)
    for start in reversed(places.get(text[place : place + _SHORTEST], [])[-_TRIED:]):
        length = _SHORTEST
        while length < most and text[start + length] == text[place + length]:
            length += 1
        short = length < _SHORTEST + len(MARKS) and place - start <= len(DIGITS) ** 2
        saved = length - (3 if short else 5)
        if saved > best[0] and place - start <= len(DIGITS) ** 3:
            best = saved, length, place - start
    return best


def _reference(length: int, distance: int) -> str:
    base, rest = len(DIGITS), distance - 1
    near = DIGITS[rest // base % base] + DIGITS[rest % base]
    if length < _SHORTEST + len(MARKS) and rest < base**2:
        return MARKS[length - _SHORTEST] + near
    return _FAR + DIGITS[length - _SHORTEST] + DIGITS[rest // base**2] + near


_TOKENS = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)
    |(?P<space>\s+)
    |(?P<word>[\w$]+)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*")
#: Behind these a slash starts a regular expression, and a new line says nothing.
_OPENS = frozenset("([{,;:?=&|!<>*%")
#: Before these a new line says nothing.
_CLOSES = frozenset(")]},;:?=&|<>*%.")


def without_spaces(script: str) -> str:
    r"""Return a script of ours without comments and without the spaces that it does not need.

    A line still ends where a statement may end. Texts and regular expressions stay as they are; a
    text in backticks holds no other.

    Example:
        >>> without_spaces('const a = 1;  // one\n\nf(a, " = ")\n+ +a')
        'const a=1;f(a," = ")\n+ +a'
    """
    made, gap, place = "", "", 0
    while place < len(script):
        found = _TOKENS.match(script, place)
        assert found
        if script[place] == "/" and found.lastgroup != "comment" and made[-1:] in _OPENS:
            found = _REGEX.match(script, place) or found
        place = found.end()
        if found.lastgroup in ("comment", "space"):
            gap += found[0]
            continue
        made += _gap(made[-1:], gap, found[0][0]) + found[0]
        gap = ""
    return made


def _gap(before: str, gap: str, after: str) -> str:
    """Return what must stay of the spaces between two letters."""
    if not gap or not before or before in _OPENS or after in _CLOSES:
        return ""
    if "\n" in gap:
        return "\n"
    words = (before.isalnum() or before in "_$") and (after.isalnum() or after in "_$")
    return " " if words or (before in "+-/" and after in "+-/") else ""
