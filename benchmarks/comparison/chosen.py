"""Which methods a comparison tries on a function, and in which order."""

from collections.abc import Sequence

from ..derivatives.method import Method
from ..derivatives.problem import Problem
from ..derivatives.rewrites import rewrites
from ..derivatives.selection import select
from ..program.messages import guarded
from ..structure.methods import Found, look_for
from ..structure.pattern.marks import TooLargeError
from .asked import Settings
from .reading import Reading

#: The kinds of methods that are checked by products with a direction alone.
PRODUCTS = ("value", "jvp", "value_and_jvp", "value_and_vjp", "value_and_grad", "gradient", "hvp")
#: Seconds that looking for a structure may take, and the share of the time left.
_LOOKING, _SHARE = 5.0, 0.3


def selected(settings: Settings, problem: Problem, kept: int) -> tuple[Method, ...]:
    """Return the methods of the table, and the candidates.

    Args:
        settings: What was asked for.
        problem: What is differentiated.
        kept: How many bytes reverse mode keeps.
    """
    counts = {"order": settings.order, "n": problem.n, "m": _outputs(problem)}
    return (*select(settings.methods, **counts, kept=kept), *settings.extra)


def rewritten(
    settings: Settings, problem: Problem, reading: Reading, methods: Sequence[Method]
) -> tuple[Method, ...]:
    """Return the rewrites that cure what was found, if whole derivatives are compared."""
    if not any(method.kind in ("jacobian", "hessian") for method in methods):
        return ()
    patterns = {advice.pattern for advice in reading.advice}
    return rewrites(patterns, problem, order=settings.order, stops=reading.stops)


def allowed_by_structure(
    settings: Settings, problem: Problem, reading: Reading, left: float
) -> tuple[Found, str]:
    """Return the ways that the function's structure allows, and what broke while it was looked at.

    There are none where methods were named, and no pattern.

    Args:
        settings: What was asked for.
        problem: What is differentiated.
        reading: What the program tells.
        left: Seconds that are left.
    """
    if isinstance(settings.methods, Sequence) and settings.methods != "all":
        return Found(), ""
    limit = min(_LOOKING, _SHARE * left)

    def look() -> Found:
        try:
            return look_for(problem, order=settings.order, stops=reading.stops, limit=limit)
        except TooLargeError:
            return Found()

    return guarded("look for a structure", look, Found())


def ways_needed(settings: Settings, problem: Problem) -> set[str]:
    """Return the ways that some method may need, beside both modes of JAX."""
    possible = select(settings.methods, order=settings.order, m=_outputs(problem))
    return {"forward", "reverse"}.union(*(method.requires for method in possible))


def cheapest_first(methods: Sequence[Method], problem: Problem) -> list[Method]:
    """Sort methods by the passes they take, so that a short time is left for the likely best.

    The function itself comes first, since every cost is a multiple of it; what is slow to compile
    or to call on any function comes last.
    """

    def cost(method: Method) -> tuple[bool, bool, int]:
        last = method.mode in ("numerical", "symbolic") and not method.from_user
        return method.kind != "value", last, method.evaluations(problem.n, problem.m)

    return sorted(methods, key=cost)


def _outputs(problem: Problem) -> int:
    """Return how many outputs there are; an array of one number is no scalar either."""
    return 1 if problem.scalar else max(problem.m, 2)
