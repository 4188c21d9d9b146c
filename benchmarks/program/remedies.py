"""What a library offers against an obstacle that its own code puts up, as that library spells it.

No library is imported: it is known by the folder of its frame.
"""

from .source import package_of

#: Obstacles: a loop without a known length backwards, a rule for reverse mode alone forwards, and
#: the root of 0.
LOOP, ONE_WAY, ROOT = "loop", "one way", "root"

_REMEDIES = {
    ("diffrax", LOOP): "diffrax.diffeqsolve(..., adjoint=diffrax.RecursiveCheckpointAdjoint())",
    ("diffrax", ONE_WAY): "diffrax.diffeqsolve(..., adjoint=diffrax.ForwardMode())",
    ("optimistix", LOOP): "adjoint=optimistix.ImplicitAdjoint() in the solve",
    ("optimistix", ONE_WAY): "adjoint=optimistix.ImplicitAdjoint() in the solve",
    ("lineax", LOOP): "lineax.linear_solve, which is differentiated implicitly",
    ("lineax", ONE_WAY): "lineax.linear_solve, which is differentiated implicitly",
    ("equinox", LOOP): 'equinox.internal.while_loop(..., max_steps=n, kind="checkpointed")',
    ("equinox", ONE_WAY): "equinox.filter_custom_jvp, which serves both modes",
    ("jaxopt", LOOP): "implicit_diff=True in the solver",
    ("optax", ROOT): "optax.safe_norm(x, 1e-8)",
}


def remedy(line: str, obstacle: str) -> str:
    """Return what the library of a line offers against an obstacle, `""` if nothing is known.

    Args:
        line: A user's line with that of the library beside it.
        obstacle: `LOOP`, `ONE_WAY` or `ROOT`.

    Example:
        >>> remedy("fit.py:12 (loss) (in optax/_src/numerics.py:40)", ROOT)
        'optax.safe_norm(x, 1e-8)'
    """
    return _REMEDIES.get((package_of(line), obstacle), "")
