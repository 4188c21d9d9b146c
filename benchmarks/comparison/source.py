"""What a comparison was made of, held as long as the process lives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..program.arguments import Argnums


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Source:
    """The function that was compared, and where: what no file can hold.

    It goes with a comparison from `compare` to whoever asks that for a derivative or a graph. A
    pickled comparison comes back without it, since few functions can be pickled.

    Attributes:
        fn: The function, as it was given.
        inputs: Its arguments, as they were given.
        argnums: Which of them are differentiated; `None` for every one that holds floats.
        has_aux: Whether the function returns a pair, of which the first alone is differentiated.
        ways: By method how its derivative is taken, a `benchmarks.derivatives.by_method.Way`; of
            the methods that were built.

    Example:
        >>> Source(fn=abs, inputs=(-1.0,))
        Source(abs)
    """

    fn: Callable[..., object]
    inputs: tuple
    argnums: Argnums = None
    has_aux: bool = False
    ways: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Source({getattr(self.fn, '__name__', type(self.fn).__name__)})"

    def __reduce__(self) -> tuple:
        return (type(None), ())

    def __deepcopy__(self, memo: dict) -> "Source":
        return self
