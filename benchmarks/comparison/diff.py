"""Two runs side by side: each row is slower, faster, the same, or cannot be told."""

from collections.abc import Sequence
from dataclasses import replace

from ..instrument.statistics import contention
from .difference import Difference, Side
from .differences import Differences
from .endings import joined
from .fastest import BUSY
from .judgement import Pair, judged, on_cpu
from .made_by import changes, machine, versions
from .record import Comparison
from .row import Row
from .sent import sent_change


def diff(
    old: Comparison | Sequence[Comparison],
    new: Comparison | Sequence[Comparison],
    *,
    names: tuple[str, str] = ("old", "new"),
) -> Differences:
    """Compare every row of two runs, in the order of the new one.

    Args:
        old: The run to compare with.
        new: The run to judge.
        names: What to call the two.

    Raises:
        ValueError: If the two have no scenario in common.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare, diff
        >>> comparison = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
        >>> diff(comparison, comparison).regression
        False
    """
    before, after = (
        {comparison.name: comparison for comparison in _listed(run)} for run in (old, new)
    )
    if not before.keys() & after.keys():
        raise ValueError(
            f"{names[0]} and {names[1]} have no scenario in common: there is nothing to compare"
        )
    rows: list[Difference] = []
    made_by: dict[str, None] = {}
    for name in dict.fromkeys([*after, *before]):
        first, second = before.get(name), after.get(name)
        rows += _differences(name, first, second)
        if first and second:
            made_by |= dict.fromkeys(_made_differently(first, second))
    sides = [
        Side(name=name, environment=run[0].environment, waited=_longest_wait(run))
        for name, run in zip(names, map(_listed, (old, new)), strict=True)
    ]
    return Differences(rows=tuple(rows), old=sides[0], new=sides[1], made_by=tuple(made_by))


def _listed(run: Comparison | Sequence[Comparison]) -> Sequence[Comparison]:
    return [run] if isinstance(run, Comparison) else run


def _longest_wait(run: Sequence[Comparison]) -> float | None:
    """Return wall over CPU time of the row that waited longest; `None` if none did."""
    waits = [
        contention(row.samples)
        for comparison in run
        if on_cpu(comparison)
        for row in comparison.rows
        if row.samples
    ]
    longest = max(waits, default=0.0)
    return longest if longest > BUSY else None


def _made_differently(old: Comparison, new: Comparison) -> list[str]:
    """Say what differs in machine, versions, options and function; sizes are told by the rows."""
    texts = changes(machine(old.environment), machine(new.environment))
    texts += changes(versions(old.environment), versions(new.environment))
    if old.made_by and new.made_by:
        texts += changes(old.made_by.options, new.made_by.options, absent="default")
        programs = old.made_by.programs, new.made_by.programs
        if not _unlike(old, new) and programs[0] != programs[1]:
            texts.append(f"the code of {new.name} changed")
    return texts


def _differences(name: str, old: Comparison | None, new: Comparison | None) -> list[Difference]:
    """Say what became of every row of one function."""
    old_rows, new_rows = (
        {row.method: row for row in comparison.rows} if comparison else {}
        for comparison in (old, new)
    )
    methods = dict.fromkeys([*new_rows, *old_rows])
    if old is None or new is None:
        word = "new" if old is None else "gone"
        return [Difference(scenario=name, method=each, conclusion=word) for each in methods]
    unlike = _unlike(old, new)
    rows = []
    for method in methods:
        before, after = old_rows.get(method), new_rows.get(method)
        if before is None or after is None:
            word, note = "new" if before is None else "gone", ""
        else:
            kinds = changes({"kind": before.kind}, {"kind": after.kind})
            word, note = "changed", unlike or "".join(kinds)
            if not note:
                rows.append(_with_sent(judged(Pair(old, new), before, after), before, after))
                continue
        rows.append(Difference(scenario=name, method=method, conclusion=word, note=note))
    return rows


def _with_sent(found: Difference, old: Row, new: Row) -> Difference:
    """Return a difference whose note says, too, how much more or less its program sends."""
    text = sent_change(old.sent_bytes, new.sent_bytes)
    return replace(found, note=joined(found.note, text)) if text else found


def _unlike(old: Comparison, new: Comparison) -> str:
    """Say how the two problems differ; `""` where they are the same."""
    texts = changes(
        {"order": old.order, "dtype": old.dtype, "inputs": old.n, "outputs": old.m},
        {"order": new.order, "dtype": new.dtype, "inputs": new.n, "outputs": new.m},
    )
    if not texts and old.made_by and new.made_by:
        texts = changes({"inputs": old.made_by.inputs}, {"inputs": new.made_by.inputs})
    return "; ".join(texts)
