"""What a shell completes: names, kept here so that a press of Tab loads neither JAX nor a suite."""

from ..report.glossary import GLOSSARY

#: The names in `scenarios.table` and `derivatives.table`; a test holds them to those.
SUITES = (
    "adbench",
    "helmholtz",
    "hessian",
    "jacobian",
    "lecture",
    "memory",
    "pathologies",
    "structure",
)
METHODS = (
    "checkpointed",
    "columns",
    "complex_step",
    "diagonal_forward_over_forward",
    "diagonal_forward_over_reverse",
    "diagonal_in_turn",
    "forward",
    "forward_chunked",
    "forward_gradient",
    "forward_over_forward",
    "forward_over_reverse",
    "gradient",
    "hvp_forward_over_forward",
    "hvp_forward_over_reverse",
    "hvp_reverse_over_forward",
    "hvp_reverse_over_reverse",
    "jvp",
    "linearize",
    "numerical",
    "numerical_forward",
    "reverse",
    "reverse_chunked",
    "reverse_over_reverse",
    "symbolic",
    "trace_forward_over_forward",
    "trace_forward_over_reverse",
    "trace_in_turn",
    "value",
    "value_and_grad",
    "vjp",
)
WORDS = tuple(GLOSSARY)
SIZES = ("small", "medium", "large")
DTYPES = ("float32", "float64")
FORMS = ("dense", "csr", "bcoo", "operator")
OVERLAYS = ("kept", "flops", "saturation", "zeros", "not finite", "digits")
PARTS = ("value", "forward", "reverse")
