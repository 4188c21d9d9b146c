"""Go on with a run: keep what was made by equals, measure the rest, and say which is which."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..derivatives.candidate import Candidate
from ..program.arguments import Argnums
from ..program.messages import guarded
from .compare import OnProgress
from .made_by import MadeBy
from .origin import made_by
from .record import Comparison


def keeping(
    previous: Mapping[str, Comparison],
    compare: Callable[..., Comparison],
    tell: Callable[[str], None],
) -> Callable[..., Comparison]:
    """Return `compare`, but so that it measures nothing of which an equal comparison is there.

    Args:
        previous: The comparisons that may be kept, by name.
        compare: A function with the arguments of `gradwise.compare`.
        tell: Told for each name in `previous` whether it is kept, and otherwise what differs.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> again = keeping({"sine": EXAMPLE}, lambda fn, *inputs, **options: "measured", print)
        >>> again(abs, -1.0, name="sine")
        sine: measured again: its file does not say what made it
        'measured'
    """

    def compare_or_keep(
        fn: Callable[..., object],
        *inputs: object,
        name: str,
        argnums: Argnums = None,
        candidates: Sequence[Candidate] = (),
        order: int = 1,
        purpose: str = "",
        on_progress: OnProgress | None = None,
        **options: object,
    ) -> Comparison:
        given: dict[str, Any] = {"argnums": argnums, "candidates": candidates, "order": order}
        old = previous.get(name)
        if old is not None:
            reasons = why_not_kept(old, partial(made_by, fn, inputs, options=options, **given))
            tell(f"{name}: " + (f"measured again: {'; '.join(reasons)}" if reasons else "kept"))
            if not reasons:
                return old
        told = {"name": name, "purpose": purpose, "on_progress": on_progress}
        return compare(fn, *inputs, **told, **given, **options)

    return compare_or_keep


def why_not_kept(old: Comparison, wanted: Callable[[], MadeBy]) -> list[str]:
    """Say why a comparison cannot stand for the one that is asked for; nothing where it can.

    Args:
        old: The comparison that is there.
        wanted: `wanted()` returns what the one that is asked for would be made by.
    """
    if old.made_by is None:
        return ["its file does not say what made it"]
    if old.incomplete:
        return [old.incomplete]
    new, fault = guarded("tell what would make this", wanted, None)
    return [fault] if new is None else old.made_by.changes(new)
