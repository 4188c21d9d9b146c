"""The suites by name; nothing else lists them."""

from collections.abc import Callable

from . import adbench, helmholtz, hessian, jacobian, lecture, memory, pathologies, structure
from .scenario import Suite

#: `SUITES[name](size)` returns the scenarios of a suite; none is built before it is called.
SUITES: dict[str, Callable[..., Suite]] = {
    "lecture": lecture.scenarios,
    "jacobian": jacobian.scenarios,
    "memory": memory.scenarios,
    "hessian": hessian.scenarios,
    "helmholtz": helmholtz.scenarios,
    "adbench": adbench.scenarios,
    "pathologies": pathologies.scenarios,
}
#: Likewise those whose scenarios are not compared: of these the choice of a way is judged.
JUDGED: dict[str, Callable[..., Suite]] = {"structure": structure.scenarios}
