"""What a graph was made of, held as long as the process lives."""

from collections.abc import Callable
from dataclasses import dataclass

from ..program.arguments import Argnums


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Subject:
    """The function of a graph, and its inputs: what no file can hold.

    A pickled graph comes back without it, since few functions can be pickled.

    Attributes:
        fn: The function, as it was given.
        inputs: Its arguments, as they were given.
        argnums: Which of them are differentiated; `None` for every one that holds floats.
        cotangent: The weights of the outputs, as they were given.

    Example:
        >>> Subject(fn=abs, inputs=(-1.0,))
        Subject(abs)
    """

    fn: Callable[..., object]
    inputs: tuple
    argnums: Argnums = None
    cotangent: object = None

    def __repr__(self) -> str:
        return f"Subject({getattr(self.fn, '__name__', type(self.fn).__name__)})"

    def __reduce__(self) -> tuple:
        return (type(None), ())

    def __deepcopy__(self, memo: dict) -> "Subject":
        return self
