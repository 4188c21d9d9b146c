"""What a derivative of a JAX function costs, by every way there is to take it."""

# What is named there is loaded when it is used; the stub beside this file declares it.
from ._lazy import NAMES as __all__
from ._lazy import __dir__, __getattr__
