"""Which formulas are computed once and written; others are computed wherever they are read.

XLA computes an operation of a vector anew in each that reads it, as long as it fuses them, which
for an addition is faster than to write the result and read it, and for a sine is not.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from .formulas import Formulas

#: Additions that take as long as to write a vector, and as to read it.
_WRITTEN, _READ = 5, 1


class Stages:
    """What is computed of some formulas of one length, stage by stage.

    Attributes:
        outputs: For each stage the formulas that are written; the last are the roots.
        borrowed: Formulas of other lengths that are read, as wholes or as numbers.

    Example:
        >>> formulas = Formulas()
        >>> x = formulas.leaf(0, 0, 9)
        >>> root = formulas.over(formulas.over(formulas.add(x, formulas.number(1.0))))
        >>> Stages(formulas, [root, formulas.mul(root, x)], 9).outputs
        [[4], [4, 5]]
    """

    def __init__(self, formulas: Formulas, roots: Sequence[int], length: int | None) -> None:
        """Find what is written, of formulas of one length."""
        self._formulas, self._length = formulas, length
        order = self._order(roots, ())
        self.borrowed = self._borrowed(roots, order)
        written = self._written(roots, order)
        depths: dict[int, int] = {}
        for place in order:
            below = [depths.get(operand, 0) for operand in self._operands(place)]
            depths[place] = max(below, default=0) + (place in written)
        self.outputs = [
            [place for place in order if place in written and depths[place] == stage]
            for stage in range(1, max(depths.values(), default=0) + 1)
        ]
        self.outputs.append(list(dict.fromkeys(roots)))

    def order(self, stage: int) -> list[int]:
        """Return what a stage computes, in order, of what is written before it."""
        before = [place for outputs in self.outputs[:stage] for place in outputs]
        return self._order(self.outputs[stage], before)

    def _operands(self, place: int) -> tuple[int, ...]:
        """Return the operands that are computed at the same examples."""
        formula = self._formulas.every[place]
        return formula.operands[1:] if formula.what[0] == "take" else formula.operands

    def _order(self, roots: Iterable[int], known: Collection[int]) -> list[int]:
        """Return what some are made of, in order, without what is known or of another length."""
        seen, todo = set(known), [root for root in roots if root not in known]
        made = set()
        while todo:
            place = todo.pop()
            if place in seen or self._formulas.every[place].length != self._length:
                continue
            seen.add(place)
            made.add(place)
            todo += self._operands(place)
        return sorted(made)

    def _borrowed(self, roots: Sequence[int], order: Sequence[int]) -> list[int]:
        found = {root for root in roots if self._is_other(root)}
        for place in order:
            formula = self._formulas.every[place]
            others = formula.operands[:1] if formula.what[0] == "take" else ()
            found |= {o for o in formula.operands if self._is_other(o)} | set(others)
        return sorted(found)

    def _is_other(self, place: int) -> bool:
        return self._formulas.every[place].length != self._length

    def _written(self, roots: Sequence[int], order: Sequence[int]) -> set[int]:
        """Return what takes longer to compute wherever it is read than to write it."""
        uses = Counter(roots)
        for place in order:
            uses.update(self._operands(place))
        pending: dict[int, int] = {}
        written = set()
        for place in order:
            work = self._formulas.every[place].work
            work += sum(pending.get(operand, 0) for operand in self._operands(place))
            if work * (uses[place] - 1) > _WRITTEN + _READ * uses[place]:
                written.add(place)
                work = 0
            pending[place] = work
        return written
