"""`jacobian` and `hessian`: the derivative that is cheapest of all, handed back as a function."""

from collections.abc import Callable
from typing import Any

from ..derivatives.forms import Form
from ..derivatives.problem import Leaves, Problem, gradient_problem, make_problem
from ..program.arguments import Argnums
from ..program.names import line_of_function, name_of
from .choosing.choose import cheapest
from .colouring.stars import is_symmetric
from .forms.asked import OUTPUTS, Asked
from .forms.beside import auxiliary
from .given import read_pattern
from .record import Jacobian


def jacobian(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    output: str = "dense",
    pattern: object = None,
    has_aux: bool = False,
    measure: bool = True,
) -> Jacobian:
    """Return the Jacobian of `fn` as a function, taken in the way that is cheapest at these inputs.

    The program of `fn` is looked at for what depends on what, for every x. Columns that meet in no
    row share a pass (Curtis, Powell and Reid, 1974); a few full rows or columns are taken by the
    other mode; a Jacobian that is the same everywhere is computed once. If all outputs depend on
    the inputs through a few numbers, reverse mode is taken to these and forward mode from them, a
    cut; if a few numbers such as a mean make it dense, these are held still and added, a split;
    where there are dense layers, their weights are multiplied in the cheapest order with what is
    before and after them, a chain. If the outputs are of examples, each example's rows come from
    the function of one example, which is traced and compared with the whole. Looking ends after 5
    seconds of computing (not of waiting, so that a busy machine finds the same), or where it would
    take more than 2 GB; a plain mode is then taken.

    The cheapest ways are checked against products of JAX's own modes, in float64 where that is
    possible, here and at two points near, and then timed. What is not right is not handed out: then
    the plain mode is, with a warning.

    As by `jax.jit`, `fn` is traced once: what it closes over is held as it was then.

    References: colours: A. H. Gebremedhin, F. Manne, A. Pothen, What Color Is Your Jacobian?, 2005;
    sets of columns by their sums: G. N. Newsam, J. D. Ramsdell, 1983, and T. F. Coleman, J. J.
    More, 1983; both modes: T. F. Coleman, A. Verma, 1998; cuts and chains: U. Naumann, Optimal
    Accumulation of Jacobian Matrices, 2004; patterns: A. Griewank, A. Walther, Evaluating
    Derivatives, 2008, ch. 7.

    Args:
        fn: A pure function of arrays or pytrees to an array or pytree.
        *inputs: Where it is looked at: arguments of the shapes and dtypes that the result takes.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        output: `"dense"` for the result of `jax.jacrev(fn, argnums)`; `"csr"` or `"bcoo"` for one
            sparse matrix of `jax.experimental.sparse`, of the outputs' numbers by the inputs'; or
            `"operator"` for that matrix by its products `J @ v` and `J.T @ u`, which are taken from
            its entries or by JAX's modes, whichever is cheaper for some ten of them.
        pattern: Where that matrix may be other than zero, for all inputs, whole numbers included,
            if you know it: a sparse array of SciPy or JAX, a matrix of truth values, a pair `(rows,
            columns)`, or what `structure` returns. It is checked at the inputs and near them; where
            it misses an entry, a warning says which, and a plain mode is taken.
        has_aux: Whether `fn` returns a pair `(outputs, aux)`; `(derivative, aux)` is returned then.
        measure: Whether the ways are timed; if not, the least by count of operations is taken.

    Raises:
        TypeError: If `fn` is not callable or cannot be traced, an input to differentiate is
            complex, or `pattern` is none.
        ValueError: If `argnums` or `output` is out of range, `pattern` has another shape than the
            derivative, nothing is there to be differentiated, or it is called inside of a
            transformation of JAX.

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
    problem = make_problem(fn, inputs, argnums=argnums, has_aux=has_aux, caller="jacobian")
    asked = _asked(fn, problem, argnums, output, pattern, "jacobian")
    return cheapest(asked._replace(aux=_aux(fn, problem) if has_aux else None), measure=measure)


def hessian(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    output: str = "dense",
    pattern: object = None,
    has_aux: bool = False,
    measure: bool = True,
) -> Jacobian:
    """Return the Hessian of a scalar `fn` as a function, in the way that is cheapest.

    It is the Jacobian of the gradient, so that a colour costs one product with the Hessian, forward
    over reverse. An entry stands there twice, so that star colours may do with fewer (T. F.
    Coleman, J. J. More, Estimation of Sparse Hessian Matrices and Graph Coloring Problems, 1984).
    The arguments and checks are those of `jacobian`; the result is that of `jax.hessian(fn,
    argnums)`, or a matrix `[n, n]`.

    Raises:
        TypeError: If `jacobian` raises it.
        ValueError: If the function is not scalar, or `jacobian` raises it.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import hessian
        >>> x = jnp.arange(1.0, 5.0)
        >>> cubes = hessian(lambda x: jnp.sum(x**3), x, measure=False)
        >>> cubes.way, cubes(x).diagonal().tolist()
        ('coloured (forward, 1)', [6.0, 12.0, 18.0, 24.0])
    """
    problem = make_problem(fn, inputs, argnums=argnums, has_aux=has_aux, caller="hessian")
    if not problem.scalar:
        raise ValueError(
            f"hessian takes a scalar function, this one has {problem.m} outputs: give one of them, "
            "or a sum"
        )
    asked = _asked(fn, problem, argnums, output, pattern, "hessian")
    return cheapest(asked._replace(aux=_aux(fn, problem) if has_aux else None), measure=measure)


def _asked(
    fn: object, problem: Problem, argnums: Argnums, output: str, pattern: object, caller: str
) -> Asked:
    """Say what is asked for.

    Raises:
        TypeError: If the pattern is none.
        ValueError: If the output is none of those there are, or the pattern has another shape.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    form, order = Form(problem, argnums), 1 if caller == "jacobian" else 2
    m = problem.m if order == 1 else problem.n
    return Asked(
        name=name_of(fn),
        problem=problem if order == 1 else gradient_problem(problem),
        shapes=problem.outputs.shapes if order == 1 else [leaf.shape for leaf in problem.x],
        of_form=form.of_jacobian if order == 1 else form.of_hessian,
        argnums=argnums,
        order=order,
        output=output,
        known=None if pattern is None else read_pattern(pattern, m, problem.n),
        line=line_of_function(fn),
        caller=caller,
        symmetric=order == 2 and is_symmetric(problem),
    )


def _aux(fn: Callable[..., Any], problem: Problem) -> Callable[[Leaves, Leaves], Any]:
    """Return what the function returns beside its outputs, as a function of the flat inputs."""
    return auxiliary(lambda x, fixed: fn(*problem.arguments(x, fixed))[1])
