"""How patterns are told: shapes, factors, and the user's own names."""

from ..jaxpr import Program, opened
from .scope import Value


def shaped(value: Value) -> str:
    """Write the type of an array.

    Example:
        >>> import jax
        >>> from benchmarks.program.patterns.reader import read_scopes
        >>> shaped(read_scopes(jax.make_jaxpr(lambda x: x)(1.0), [True]).inputs[0])
        'float32[]'
    """
    return f"{value.dtype.name}[{', '.join(map(str, value.shape))}]"


def times(factor: float) -> str:
    """Write a factor, two digits of it.

    Example:
        >>> times(3.14159), times(1234.5)
        ('3.1 times', '1,200 times')
    """
    return f"{float(f'{factor:.2g}'):,.6g} times"


def argument_names(program: Program) -> list[str]:
    """Return what the user calls the inputs of a program, `""` for one without a name.

    The last names are those of the last inputs; constants that a loop closes over have none.

    Example:
        >>> import jax
        >>> scan = jax.make_jaxpr(
        ...     lambda x: jax.lax.scan(lambda state, row: (state + row, None), 0.0, x)[0]
        ... )(jax.numpy.ones(3)).eqns[0]
        >>> argument_names(scan.params["jaxpr"])
        ['state', 'row']
    """
    jaxpr = opened(program)
    told = getattr(getattr(jaxpr, "debug_info", None), "arg_names", None) or ()
    names = [name if name and name.isidentifier() else "" for name in told]
    missing = len(jaxpr.invars) - len(names)
    return [""] * missing + names if missing >= 0 else names[-len(jaxpr.invars) :]
