"""What a program makes of what: each equation with those before and after it, calls opened."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ..program.jaxpr import Program, bodies, kind, names, opened
from ..program.labels import label_of
from ..program.primitives import PRIMITIVES
from ..program.walk import by_content, interpret

#: They hand a number on as it is.
_MOVES = names(
    "broadcast_in_dim convert_element_type copy expand_dims reshape squeeze stop_gradient transpose"
)
#: How far a maker is looked for among users, and two results are compared.
_FAR, _ALIKE = 12, 6


class Use:
    """One equation.

    Attributes:
        eqn: It.
        line: The user's line.
        label: Its number.
        operands: What goes into it.
        users: What its results go into.
    """

    def __init__(self, eqn: JaxprEqn | None, line: str, operands: Sequence["Given"]) -> None:
        """Enter an equation into the lists of those that make its operands."""
        self.eqn, self.line, self.operands = eqn, line, list(operands)
        self.users: list[Use] = []
        self.label = None if eqn is None else label_of(eqn)
        for one in operands:
            if one.maker is not None:
                one.maker.users.append(self)

    @property
    def kind(self) -> str:
        """The name of its operation, `""` for an input."""
        return "" if self.eqn is None else kind(self.eqn)

    def source(self, place: int) -> "Given":
        """Return where an operand comes from, before it was moved about."""
        given = self.operands[place]
        while given.maker is not None and given.maker.kind in _MOVES:
            given = given.maker.operands[0]
        return given

    @property
    def sources(self) -> list["Given"]:
        """Where each operand comes from."""
        return [self.source(place) for place in range(len(self.operands))]

    def after(self, through: Callable[["Use"], bool]) -> Iterator["Use"]:
        """Yield the equations that its results go into, and on through those that let pass."""
        front, seen = list(self.users), set()
        for _ in range(_FAR):
            fresh = [use for use in front if id(use) not in seen]
            seen |= set(map(id, fresh))
            yield from fresh
            passed = [use for use in fresh if use.kind in _MOVES or through(use)]
            front = [user for use in passed for user in use.users]


def is_made_of(given: "Given", use: Use) -> bool:
    """Whether a number is a result of an equation, or of what is made of that."""
    front, seen = [given.maker], set()
    while front:
        maker = front.pop()
        if maker is use:
            return True
        if maker is not None and id(maker) not in seen:
            seen.add(id(maker))
            front += [one.maker for one in maker.operands]
    return False


class Given(NamedTuple):
    """What goes into an equation: a result of another one, or a number.

    Attributes:
        maker: The equation that it is a result of; `None` for a number.
        place: Which of the results.
        value: The number.
    """

    maker: Use | None
    place: int = 0
    value: Any = None

    @property
    def kind(self) -> str:
        """The operation that it is a result of."""
        return self.maker.kind if self.maker else ""

    def is_number(self, number: float) -> bool:
        """Whether it is this number, in all of its entries."""
        if self.maker is not None or jnp.issubdtype(_dtype(self.value), jax.dtypes.extended):
            return False
        return bool(np.all(np.asarray(self.value) == number))

    def same(self, other: "Given", far: int = _ALIKE) -> bool:
        """Whether both are one result, or results of one operation on the same operands."""
        one, two = self.maker, other.maker
        if one is None or two is None or self.place != other.place:
            return False
        if one is two:
            return True
        if not far or one.eqn is None or two.eqn is None or one.kind != two.kind:
            return False
        if one.kind not in PRIMITIVES or bodies(one.eqn) or one.eqn.params != two.eqn.params:
            return False
        pairs = zip(one.sources, two.sources, strict=False)
        return len(one.operands) == len(two.operands) and all(
            a.same(b, far - 1) or (a.maker is None and b.maker is None and a.equals(b))
            for a, b in pairs
        )

    def equals(self, other: "Given") -> bool:
        """Whether both are the same number."""
        return np.ndim(self.value) == 0 and other.is_number(self.value)


def _dtype(value: Any) -> Any:
    return getattr(value, "dtype", np.dtype(type(value)))


def uses(program: Program) -> dict[int, Use]:
    """Return the equations of a labelled program by their numbers."""
    found: dict[int, Use] = {}
    number = by_content(partial(Given, None, 0))

    def run(body: Program, line: str) -> None:
        inputs = [Given(Use(None, "", ()), 0) for _ in opened(body).invars]
        interpret(body, inputs, visit, lift=number, caller=line)

    def visit(eqn: JaxprEqn, operands: list[Given], line: str) -> list[Given]:
        use = Use(eqn, line, operands)
        if use.label is not None:
            found[use.label] = use
        for body in bodies(eqn):
            run(body, line)
        return [Given(use, place) for place in range(len(eqn.outvars))]

    run(program, "")
    return found
