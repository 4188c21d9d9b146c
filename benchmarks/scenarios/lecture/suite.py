"""The scenarios of the lecture, at three sizes."""

from functools import partial

from ..scenario import Suite
from .networks import NETWORKS
from .operations import OPERATIONS, operation_scenario
from .sizes import Sizes

_SIZES = {
    "small": Sizes(rows=8, hidden=4, features=3),
    "medium": Sizes(rows=64, hidden=16, features=16),
    "large": Sizes(rows=256, hidden=256, features=128),
}


def scenarios(size: str) -> Suite:
    """Return the lecture's networks, then its operations and losses, at a size.

    Example:
        >>> list(scenarios("small"))[:2]
        ['lecture/dense_sigmoid', 'lecture/prelu_penalty']
    """
    sizes = _SIZES[size]
    builders = {name: partial(build, sizes) for name, build in NETWORKS.items()}
    builders |= {name: partial(operation_scenario, name, sizes) for name in OPERATIONS}
    return {f"lecture/{name}": build for name, build in builders.items()}
