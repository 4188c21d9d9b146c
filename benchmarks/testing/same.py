"""Whether two functions give the same, and have the same derivative."""

from ..comparison.agreement import difference
from .looked_at import Subject, look, out_of_time


def not_same(first: Subject, other: Subject) -> str:
    """Say how a function differs from the first one, and where; `""` if it does not.

    Values are compared, and products of the derivatives with random directions, in float64 where
    that is possible. A derivative is what JAX gives: a rule of the user's is trusted.
    """
    works = []
    for subject in (first, other):
        work = look(subject, rule="trust")
        if work is None or work.experiment is None or work.experiment.unchecked:
            return out_of_time(subject)
        works.append(work)
    differs = difference(first.name, *works)
    return f"{other.name} {differs}" if differs else ""
