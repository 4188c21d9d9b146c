"""The suite `structure`: functions that the cost model has seen, and as many that it has not."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from .._inputs import on_device
from ..scenario import Scenario, Suite
from .case import Case
from .held_out import CASES as HELD_OUT
from .known import CASES as KNOWN

_SIZES = ("small", "medium", "large")


def scenarios(size: str) -> Suite:
    """Return all functions at a size: `structure/known/...`, and then `structure/held_out/...`.

    Example:
        >>> suite = scenarios("small")
        >>> len(suite), list(suite)[0]
        (52, 'structure/known/stencil')
    """
    groups: Mapping[str, Mapping[str, Case]] = {"known": KNOWN, "held_out": HELD_OUT}
    return {
        f"structure/{group}/{name}": partial(_scenario, f"structure/{group}/{name}", case, size)
        for group, cases in groups.items()
        for name, case in cases.items()
    }


def _scenario(name: str, case: Case, size: str) -> Scenario:
    random = np.random.default_rng(0)
    return Scenario(
        name=name,
        fn=case.fn,
        inputs=on_device(case.inputs(random, case.sizes[_SIZES.index(size)])),
        purpose=case.purpose,
        argnums=case.argnums,
        order=case.order,
    )
