"""`jacobian` and `hessian`: the derivative that is cheapest of all, handed back as a function."""

from collections.abc import Callable

from ..derivatives.forms import Form
from ..derivatives.problem import gradient_problem, make_problem
from ..program.arguments import Argnums
from ..program.names import name_of
from .choose import Asked, cheapest
from .record import Jacobian

#: The forms of a result.
OUTPUTS = ("dense", "csr", "bcoo")


def jacobian(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    output: str = "dense",
    measure: bool = True,
) -> Jacobian:
    """Return the Jacobian of `fn` as a function, taken in the way that is cheapest at these inputs.

    The program of `fn` is looked at for what depends on what, for every x. Columns that meet in no
    row share a pass (Curtis, Powell and Reid, 1974); a few full rows or columns are taken by the
    other mode; a Jacobian that is the same everywhere is computed once. If all outputs depend on
    the inputs through a few numbers, reverse mode is taken to these and forward mode from them, a
    cut; if a few numbers such as a mean make it dense, these are held still and added, a split; if
    the outputs are of examples that share parameters, each example's rows come from the function
    of one example, which is traced and compared with the whole.

    The cheapest ways are checked against products of JAX's own modes, in float64 where that is
    possible, here and at two points near, and then timed. What is not right is not handed out: then
    the plain mode is, with a warning.

    A function that returns `(loss, aux)` is given as `lambda *inputs: fn(*inputs)[0]`.

    Args:
        fn: A pure function of arrays or pytrees to an array or pytree.
        *inputs: Where it is looked at: arguments of the shapes and dtypes that the result takes.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        output: `"dense"` for the result of `jax.jacrev(fn, argnums)`; `"csr"` or `"bcoo"` for one
            sparse matrix of `jax.experimental.sparse`, of the outputs' numbers by the inputs'.
        measure: Whether the ways are timed; if not, the least by count of operations is taken.

    Raises:
        TypeError: If `fn` is not callable or cannot be traced, or an input to differentiate is
            complex.
        ValueError: If `argnums` or `output` is out of range, nothing is there to be differentiated,
            or it is called inside of a transformation of JAX.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import jacobian
        >>> x = jnp.arange(6.0)
        >>> products = jacobian(lambda x: x[1:] * x[:-1], x, measure=False)
        >>> products.way
        'coloured (forward, 2)'
        >>> products(x)[0].tolist()
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    problem = make_problem(fn, inputs, argnums=argnums)
    asked = Asked(
        name=name_of(fn),
        problem=problem,
        shapes=problem.outputs.shapes,
        of_form=Form(problem, argnums).of_jacobian,
        argnums=argnums,
        order=1,
        output=output,
    )
    return cheapest(asked, measure=measure)


def hessian(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    output: str = "dense",
    measure: bool = True,
) -> Jacobian:
    """Return the Hessian of a scalar `fn` as a function, in the way that is cheapest.

    It is the Jacobian of the gradient, so that a colour costs one product with the Hessian, forward
    over reverse. The arguments, checks and errors are those of `jacobian`; the result is that of
    `jax.hessian(fn, argnums)`.

    Raises:
        ValueError: If the function is not scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import hessian
        >>> x = jnp.arange(1.0, 5.0)
        >>> cubes = hessian(lambda x: jnp.sum(x**3), x, measure=False)
        >>> cubes.way, cubes(x).diagonal().tolist()
        ('coloured (forward, 1)', [6.0, 12.0, 18.0, 24.0])
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    problem = make_problem(fn, inputs, argnums=argnums)
    if not problem.scalar:
        raise ValueError(
            f"hessian takes a scalar function, this one has {problem.m} outputs: give one of them, "
            "or a sum"
        )
    asked = Asked(
        name=name_of(fn),
        problem=gradient_problem(problem),
        shapes=[leaf.shape for leaf in problem.x],
        of_form=Form(problem, argnums).of_hessian,
        argnums=argnums,
        order=2,
        output=output,
    )
    return cheapest(asked, measure=measure)
