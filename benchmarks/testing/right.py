"""Whether both modes give the derivative of a function, in float64 and in its own type."""

from functools import partial

from ..comparison.asked import check_options
from ..comparison.attempt import attempt
from ..comparison.experiment import Experiment, untold
from ..comparison.nonfinite import explain_nonfinite
from ..derivatives.selection import select
from ..instrument.deadline import TimeUpError, stopped_after
from ..instrument.interrupts import never_dropped
from ..instrument.unwatched import unwatched
from .looked_at import MODES, SEED, Subject, check_mode, look, out_of_time

#: The method that takes the product of each mode with one direction.
_PRODUCTS = {"forward": "jvp", "reverse": "vjp"}
#: What is not right for a reason that the operation of a function has.
_EXPLAINED = ("inaccurate", "failed")


def not_right(subject: Subject, *, mode: str | None, rule: str) -> str:
    """Say what is not right about the derivative of a function; `""` if all of it is.

    Args:
        subject: The function.
        mode: `"forward"` or `"reverse"`; `None` for each of them that the function has.
        rule: `"trust"` if a custom rule of the user's is right by definition.
    """
    check_mode(mode)
    check_options(budget=1.0, time_limit=subject.time_limit, seed=SEED, rule=rule)
    work = look(subject, rule=rule)
    if work is None or work.experiment is None or work.experiment.unchecked:
        return out_of_time(subject)
    found = {one: _fault(one, work.experiment) for one in ([mode] if mode else MODES)}
    stops = work.experiment.obstacles
    if mode is None and len(stops.keys() & found.keys()) < len(MODES):
        found = {one: fault for one, fault in found.items() if one not in stops}
    faults = {one: fault for one, fault in found.items() if fault is not None}
    if not faults:
        return ""
    lines = [f"the derivative of {subject.name} is not right"]
    notes = dict.fromkeys(note for _, note in faults.values())
    for note in notes:
        modes = [one for one, (_, said) in faults.items() if said == note]
        lines.append(f"in {' and '.join(modes)} mode: {note}")
    if any(status in _EXPLAINED for status, _ in faults.values()):
        lines += [_explained(subject, next(iter(faults)))]
    return "\n".join(filter(None, lines))


def _fault(mode: str, experiment: Experiment) -> tuple[str, str] | None:
    """Return the status of a mode and what is wrong with it; `None` if nothing is."""
    (method,) = (one for one in select([_PRODUCTS[mode]]) if one.name != "value")
    try:
        with never_dropped(), unwatched():
            tried = partial(attempt, method, experiment)
            row = stopped_after(experiment.limits.left(), tried, "checking").row
    except TimeUpError as error:
        return "skipped", str(error)
    if row.status != "ok":
        return row.status, row.note
    if not experiment.first.tells(mode):
        return "untold", f"not known: {untold(experiment.first)}; take other inputs"
    return None


def _explained(subject: Subject, mode: str) -> str:
    """Name the operation that is to blame, and its cure; `""` if there is none."""
    for part in ("value", mode):
        found = explain_nonfinite(
            subject.fn,
            *subject.inputs,
            argnums=subject.argnums,
            has_aux=subject.has_aux,
            mode=part,
            time_limit=subject.time_limit,
        )
        if found.what:
            return str(found)
    return ""
