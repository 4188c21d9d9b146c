"""What stands around an operation: is it a sum of squares, one less a cosine, a sigmoid?"""

from ..program.jaxpr import names, shape
from ..program.source import functions_of_jax
from .cure_codes import Cure
from .uses import Given, Use


def is_sum_of_squares(given: Given) -> bool:
    """Whether something is the sum of the squares of numbers."""
    if given.maker is None:
        return False
    if given.kind == "dot_general":
        return given.maker.source(0).same(given.maker.source(1))
    return given.kind == "reduce_sum" and is_square(given.maker.source(0))


def is_square(given: Given) -> bool:
    """Whether something is the square of a number."""
    if given.maker is None or given.maker.eqn is None:
        return False
    if given.kind == "mul":
        return given.maker.source(0).same(given.maker.source(1))
    return given.kind == "square" or (
        given.kind == "integer_pow" and given.maker.eqn.params["y"] == 2
    )


def length_of(given: Given, far: int = 4) -> Given | None:
    """Return the sum of squares whose root something is, or is a product with; `None` if none."""
    squared = under_root(given, far)
    is_length = squared is not None and (is_sum_of_squares(squared) or is_square(squared))
    return squared if is_length else None


def under_root(given: Given, far: int = 4) -> Given | None:
    """Return what something is the root of, or is a product with the root of; `None` if none."""
    if given.maker is None or not far:
        return None
    if given.kind == "sqrt":
        return given.maker.source(0)
    if given.kind not in ("mul", "max", "integer_pow", "square"):
        return None
    found = (under_root(source, far - 1) for source in given.maker.sources)
    return next((one for one in found if one is not None), None)


def sum_in(given: Given, far: int = 4) -> Given | None:
    """Return the sum that something is a share or a choice of, such as a mean; `None` if none."""
    if given.maker is None or not far or given.kind == "reduce_sum":
        return given if given.kind == "reduce_sum" else None
    sources = given.maker.sources if given.kind in ("div", "select_n") else ()
    found = (sum_in(source, far - 1) for source in sources)
    return next((one for one in found if one is not None), None)


#: What is along axes.
_REDUCES = ("reduce_max", "reduce_sum")
#: Calls that sum along all axes where none is named, and along the last one.
_OF_ALL = ("jnp.sum(x**2", "jnp.var(x", "jnp.prod(x", "jax.nn.logsumexp(x")
_OF_LAST = ("jax.nn.softmax(x", "jax.nn.log_softmax(x")


def along_axes(cure: Cure, summed: Given | None) -> Cure:
    """Return a cure for a sum along some axes only, counted from the last."""
    maker = summed.maker if summed else None
    if maker is None or maker.eqn is None or maker.kind not in _REDUCES:
        return cure
    dims, axes = len(shape(maker.eqn.invars[0])), maker.eqn.params["axes"]
    behind = tuple(axis - dims for axis in axes)
    calls = _OF_ALL if len(axes) < dims else ()
    calls += _OF_LAST if behind != (-1,) else ()
    axis, code = behind[0] if len(behind) == 1 else behind, cure.code
    for call in calls:
        code = code.replace(f"{call})", f"{call}, axis={axis})")
    code = code.replace("axis=-1", f"axis={axis}")
    return cure._replace(code=code)


def of_two(given: Given, operation: str, joined: str) -> bool:
    """Whether something is the sum or the difference of two results of an operation."""
    maker = given.maker
    return (
        maker is not None
        and given.kind == joined
        and all(source.kind == operation for source in maker.sources)
    )


def one_less_of(given: Given) -> Given | None:
    """Return what 1 is lessened by; `None` where something is no such difference."""
    pair = _difference(given)
    return pair[1] if pair is not None and pair[0].is_number(1) else None


def made_within(given: Given, functions: str) -> bool:
    """Whether something is made inside of one of these functions of JAX."""
    eqn = given.maker.eqn if given.maker else None
    return eqn is not None and not names(functions).isdisjoint(functions_of_jax(eqn))


def _difference(given: Given) -> tuple[Given, Given] | None:
    """Return what is subtracted from what, where it is a difference."""
    maker = given.maker
    return (maker.source(0), maker.source(1)) if maker and given.kind == "sub" else None


def one_less_cosine(given: Given) -> Given | None:
    """Return the x of `1 - cos(x)`; `None` where something is no such difference."""
    pair = _difference(given)
    return operand_of(pair[1], "cos") if pair is not None and pair[0].is_number(1) else None


def exp_less_one(given: Given) -> Given | None:
    """Return the x of `exp(x) - 1` or `expm1(x)`; `None` where something is no such."""
    if given.kind == "expm1":
        return operand_of(given, "expm1")
    pair = _difference(given)
    return operand_of(pair[0], "exp") if pair is not None and pair[1].is_number(1) else None


def operand_of(given: Given, operation: str) -> Given | None:
    """Return the operand of what is a result of this operation."""
    return given.maker.source(0) if given.maker and given.kind == operation else None


def is_of(operand: Given | None, other: Given) -> bool:
    """Whether an operand is there, and is this one."""
    return operand is not None and operand.same(other)


def over_sum(quotient: Use) -> Given | None:
    """Return the sum of exponentials that one of them is divided by; `None` if it is no such."""
    above, below = quotient.sources
    summed = operand_of(below, "reduce_sum")
    return below if above.kind == "exp" and is_of(summed, above) else None


def sigmoid(quotient: Use) -> Given | None:
    """Return the exponential in `1 / (1 + exp(x))`; `None` where a quotient is no such."""
    above, below = quotient.sources
    return one_plus_exp(below) if above.is_number(1) else None


def one_plus_exp(given: Given) -> Given | None:
    """Return the exponential in `1 + exp(x)`; `None` where something is no such sum."""
    if given.maker is None or given.kind != "add":
        return None
    first, second = given.maker.sources
    pairs = ((first, second), (second, first))
    return next((exp for one, exp in pairs if one.is_number(1) and exp.kind == "exp"), None)


def of_less(exp: Given) -> bool:
    """Whether an exponential is that of `-x`."""
    return exp.maker is not None and exp.maker.source(0).kind == "neg"


def squared_again(use: Use) -> bool:
    """Whether all that becomes of a result is its square."""
    after = list(use.after(lambda _: False))
    users = [user for user in after if not _moves_only(user)]
    return bool(users) and all(is_square(Given(user)) for user in users)


def _moves_only(use: Use) -> bool:
    return use.kind in names("broadcast_in_dim convert_element_type reshape squeeze transpose")


def times_itself(use: Use) -> bool:
    """Whether a function's result is multiplied by its operand."""
    operand = use.source(0)
    return any(
        user.kind == "mul" and any(given.same(operand) for given in user.sources)
        for user in use.after(lambda _: False)
    )


def exponential_of_sum(use: Use) -> Given | None:
    """Return the sum of a result if all that becomes of it is its exponential; `None` if not."""
    sums = [one for one in use.after(lambda _: False) if not _moves_only(one)]
    after = [one for each in sums for one in each.after(lambda _: False) if not _moves_only(one)]
    summed = all(one.kind == "reduce_sum" for one in sums)
    return Given(sums[0]) if after and summed and all(one.kind == "exp" for one in after) else None


def reduced_in(use: Use | None, far: int = 3) -> Given | None:
    """Return a sum or a largest entry that an operation is soon made of; `None` if none is."""
    sources = use.sources if use and far else []
    deeper = (reduced_in(source.maker, far - 1) for source in sources)
    found = (source if source.kind in _REDUCES else None for source in sources)
    return next((one for one in (*found, *deeper) if one is not None), None)


def is_over_length(above: Given, squared: Given) -> bool:
    """Whether something is what is squared in a sum of squares, or its square in one entry."""
    squares = operand_of(squared, "reduce_sum")
    maker = squares.maker if squares else squared.maker
    return maker is not None and maker.source(0).same(above)


def is_tanh(above: Given, below: Given) -> bool:
    """Whether a quotient is `sinh(x) / cosh(x)`, maybe of exponentials."""
    sinh, cosh = operand_of(above, "sinh"), operand_of(below, "cosh")
    if sinh is not None and cosh is not None:
        return sinh.same(cosh)
    if not (of_two(above, "exp", "sub") and of_two(below, "exp", "add")):
        return False
    assert above.maker is not None
    assert below.maker is not None
    first, second = above.maker.sources
    own = all(any(one.same(other) for other in below.maker.sources) for one in (first, second))
    return own and of_less(second) and not of_less(first)


def made_by(use: Use, operation: str) -> bool:
    """Whether an operand of an equation is a result of this operation."""
    return any(given.kind == operation for given in use.sources)


def eigenvalues_used(use: Use) -> bool:
    """Whether anything is made of the eigenvalues, and not of the vectors alone."""
    every = [given for user in use.users for given in user.operands if given.maker is use]
    return any(given.place == 1 for given in every)
