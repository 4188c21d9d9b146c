"""The edge cases: each question is asked of every library that offers the function it is about.

A question calls a library's function and returns what the table shows. What is right is known
beforehand, from float64 in NumPy or from a closed form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .peer import Peer
from .result import Answer, Edge


@dataclass(frozen=True, kw_only=True, repr=False)
class Question:
    """A question about an edge case.

    Attributes:
        name: What is asked, in words.
        function: The field of `EdgeFunctions` that the question is about.
        ask: `ask(function)` calls a library's function and returns what the table shows.
        expected: What is right, in words.
        is_right: `is_right(returned)` tells whether a returned value is right; `None` if only an
            exception is right.

    Example:
        >>> middle = Question(
        ...     name="sigmoid(0)",
        ...     function="sigmoid",
        ...     ask=lambda sigmoid: sigmoid(0.0),
        ...     expected="0.5",
        ...     is_right=lambda returned: returned == 0.5,
        ... )
        >>> middle
        Question(sigmoid(0): 0.5)
        >>> middle.answer(lambda x: 1 / (1 + np.exp(-x)))
        Answer(text='0.5', right=True)
        >>> middle.answer(lambda x: 1 / x)
        Answer(text='ZeroDivisionError', right=False)
    """

    name: str
    function: str
    ask: Callable[[Callable], Any]
    expected: str
    is_right: Callable[[Any], Any] | None = None

    def answer(self, function: Callable) -> Answer:
        """Ask the question of a library's function; an exception is an answer too."""
        try:
            returned = self.ask(function)
        except Exception as error:  # whatever a library raises is its answer
            return Answer(text=type(error).__name__, right=self.is_right is None)
        right = self.is_right is not None and bool(self.is_right(returned))
        return Answer(text=_as_text(returned), right=right)

    def __repr__(self) -> str:
        return f"Question({self.name}: {self.expected})"


def ask_all(peers: Sequence[Peer], questions: Sequence[Question]) -> tuple[Edge, ...]:
    """Return every question with the answers of the peers that offer its function.

    A peer that is not installed is asked nothing.

    Example:
        >>> from benchmarks.peers import EdgeFunctions
        >>> numpy = Peer(name="NumPy", functions=EdgeFunctions(norm=np.linalg.norm))
        >>> zero = Question(
        ...     name="norm of 0",
        ...     function="norm",
        ...     ask=lambda norm: norm([0.0]),
        ...     expected="0",
        ...     is_right=lambda returned: returned == 0,
        ... )
        >>> ask_all([numpy, Peer(name="no norm")], [zero])[0].answers
        {'NumPy': Answer(text='0', right=True)}
    """
    present = [peer for peer in peers if peer.missing is None]
    edges = []
    for question in questions:
        offered = {peer.name: getattr(peer.functions, question.function) for peer in present}
        answers = {name: question.answer(fn) for name, fn in offered.items() if fn is not None}
        edges.append(Edge(question=question.name, expected=question.expected, answers=answers))
    return tuple(edges)


def _as_text(value: Any) -> str:
    if isinstance(value, tuple):
        return str(value)
    number = float(value)
    return "NaN" if np.isnan(number) else f"{number:.3g}"
