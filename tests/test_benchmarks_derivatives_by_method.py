"""Every method as a function of the inputs, and the line to type for it.

The oracle is JAX's own `jax.jacrev`, `jax.hessian`, `jax.jvp` and `jax.vjp`, never gradwise.
"""

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from handed import Handed, close, loss, network, point, vector

import gradwise
from benchmarks import METHODS
from benchmarks.derivatives.by_method import Way, as_function
from benchmarks.derivatives.problem import make_problem

INEXACT = {"numerical": 2e-3, "numerical_forward": 2e-2}


@pytest.fixture(scope="module")
def several():
    return Handed(network, *point(0), argnums=0)


@pytest.fixture(scope="module")
def scalar():
    return Handed(loss, *point(0), argnums=0)


def wanted(name, fn, params, x, v):
    """What JAX gives for a row at a point; a forward gradient is what its definition says."""

    def alone(params):
        return fn(params, x)

    if name.startswith("hvp"):
        return jax.jvp(jax.grad(alone), (params,), (v,))[1]
    if name == "gradient":
        return jax.grad(alone)(params)
    if name == "value_and_grad":
        return jax.value_and_grad(alone)(params)
    value, slope = jax.jvp(alone, (params,), (v,))
    if name == "forward_gradient":
        return jax.tree.map(lambda leaf: slope * leaf, v)
    if name in ("jvp", "linearize"):
        return (value, slope) if name == "jvp" else slope
    if name == "vjp":
        cotangent = jax.tree.map(jnp.cos, value)
        return value, jax.vjp(alone, params)[1](cotangent)[0]
    if name.startswith(("diagonal", "trace")):
        flat, unravel = jax.flatten_util.ravel_pytree(params)
        diagonal = jnp.diag(jax.hessian(lambda flat: alone(unravel(flat)))(flat))
        return unravel(diagonal) if name.startswith("diagonal") else diagonal.sum()
    second_order = {method.name for method in METHODS if method.order == 2}
    return (jax.hessian if name in second_order else jax.jacrev)(alone)(params)


def vectors(name, fn, params, x, v):
    """The vector of a product."""
    if name == "vjp":
        return (jax.tree.map(jnp.cos, fn(params, x)),)
    along = name in ("jvp", "linearize", "forward_gradient") or name.startswith("hvp")
    return (v,) if along else ()


OF_SEVERAL = [m.name for m in METHODS if m.order == 1 and "scalar" not in m.requires][1:]


OF_A_SCALAR = [m.name for m in METHODS if "scalar" in m.requires]


@pytest.mark.parametrize("name", OF_SEVERAL + OF_A_SCALAR)
def test_every_method_is_handed_out_and_typed_as_what_jax_gives_at_other_values(
    name, several, scalar
):
    handed, fn = (several, network) if name in OF_SEVERAL else (scalar, loss)
    params, x = point(7)
    inputs = (params, x, *vectors(name, fn, params, x, vector(3)))
    expected = wanted(name, fn, params, x, vector(3))
    assert handed.line(name).startswith("jax.jit(")
    derivatives = [handed.typed(name)]
    if "gradwise" not in handed.line(name):  # else it is the same
        derivatives.append(jax.jit(handed.derivative(name)))
    for derivative in derivatives:
        close(derivative(*inputs), expected, INEXACT.get(name, 2e-5))


def test_what_jax_has_itself_is_typed_in_plain_jax(several, scalar):
    assert scalar.line("reverse") == "jax.jit(jax.grad(loss, argnums=0))"
    assert several.line("reverse") == "jax.jit(jax.jacrev(network, argnums=0))"
    assert several.line("forward") == "jax.jit(jax.jacfwd(network, argnums=0))"
    assert scalar.line("forward_over_reverse") == "jax.jit(jax.hessian(loss, argnums=0))"
    alone = Handed(jnp.sum, jnp.ones(3))
    assert alone.line("reverse") == "jax.jit(jax.grad(jax.numpy.sum))"
    assert alone.line("jvp") == "jax.jit(lambda a, v: jax.jvp(jax.numpy.sum, (a,), (v,)))"
    assert Handed(lambda x: 2 * x, 1.0).line("forward") == "jax.jit(jax.jacfwd(fn))"
    lines = {m.name: scalar.line(m.name) for m in METHODS if m.kind != "value"}
    assert {name for name, line in lines.items() if "gradwise" in line} == {
        *("numerical", "numerical_forward", "complex_step", "symbolic", "forward_gradient"),
        *("forward_chunked", "reverse_chunked", "checkpointed"),
        *("hvp_forward_over_forward", "columns"),
        *(name for name in OF_A_SCALAR if name.startswith(("diagonal", "trace"))),
    }


def test_a_derivative_can_be_vmapped_over_one_of_the_inputs(several):
    params, x = point(7)
    many = jnp.stack([x, 2 * x, -x])
    expected = jax.vmap(jax.jacrev(network), in_axes=(None, 0))(params, many)
    for method in ("reverse", "forward_chunked", "symbolic"):
        derivative = jax.jit(jax.vmap(several.derivative(method), in_axes=(None, 0)))
        close(derivative(params, many), expected)


@pytest.mark.parametrize(
    ("argnums", "options"),
    [(None, {}), ((0,), {}), ((1, 0), {}), (-1, {}), (0, {"has_aux": True})],
)
def test_arguments_and_aux_are_given_back_in_the_form_of_jax(argnums, options):
    aux = bool(options)

    def fn(w, x):
        y = jnp.tanh(x @ w).sum(0)
        return (y, {"mean": x.mean()}) if aux else y

    w, x = jnp.ones((3, 2)) / 3, jnp.linspace(0.0, 1.0, 12).reshape(4, 3)
    made = Handed(fn, w, x, argnums=argnums, **options)
    chosen = (0, 1) if argnums is None else argnums
    expected = jax.jacrev(fn, argnums=chosen, **options)(2 * w, x)
    for method in ("reverse", "forward", "forward_chunked"):
        close(made.derivative(method)(2 * w, x), expected)
        close(made.typed(method)(2 * w, x), expected)
    several = isinstance(chosen, tuple)
    moving = [(w, x)[place] for place in (chosen if several else (chosen,))]
    tangent = tuple(moving) if several else moving[0]
    for method in ("jvp", "linearize", "vjp"):
        vector = jnp.ones(2) if method == "vjp" else tangent
        close(made.derivative(method)(w, x, vector), made.typed(method)(w, x, vector))


def test_of_a_loss_with_aux_value_gradient_and_products_have_aux_where_jax_has_it():
    def fn(x):
        return jnp.sum(jnp.sin(x)), x.mean()

    x, v = jnp.linspace(0.0, 1.0, 3), jnp.arange(3.0)
    made = Handed(fn, x, has_aux=True)
    both = jax.value_and_grad(fn, has_aux=True)(x)
    close(made.derivative("value_and_grad")(x), both)
    close(made.typed("value_and_grad")(x), both)
    close(made.derivative("gradient")(x), jax.grad(fn, has_aux=True)(x))
    close(made.derivative("jvp")(x, v), jax.jvp(fn, (x,), (v,), has_aux=True))
    value, pull, aux = jax.vjp(fn, x, has_aux=True)
    close(made.derivative("vjp")(x, 2.0), (value, pull(jnp.float32(2.0))[0], aux))
    product = made.typed("hvp_forward_over_reverse")(x, v)
    close(product, (-jnp.sin(x) * v, x.mean()))


@pytest.mark.parametrize("argnums", [0, (0,), (1, 0), (0, 1), None])
def test_products_with_a_hessian_by_several_arguments_are_those_of_jax(argnums):
    def fn(w, x):
        return jnp.sum(jnp.sin(x @ w) * x[:, 0])

    w, x = jnp.linspace(-1.0, 1.0, 3), jnp.linspace(0.0, 1.0, 12).reshape(4, 3)
    chosen = (0, 1) if argnums is None else argnums
    several = isinstance(chosen, tuple)
    moving = [(w, x)[place] for place in (chosen if several else (chosen,))]
    vector = tuple(jnp.cos(leaf) for leaf in moving)

    def gradient(*moved):
        every = dict(enumerate((w, x))) | dict(zip(chosen if several else (0,), moved, strict=True))
        return jax.grad(fn, argnums=chosen)(every[0], every[1])

    expected = jax.jvp(gradient, tuple(moving), vector)[1]
    made = Handed(fn, w, x, argnums=argnums)
    for method in ("hvp_forward_over_reverse", "hvp_reverse_over_reverse"):
        for derivative in (made.derivative(method), made.typed(method)):
            close(derivative(w, x, vector if several else vector[0]), expected)
    assert "gradwise" not in made.line("hvp_forward_over_reverse")


def test_what_is_held_fixed_in_an_argument_is_none_in_its_derivative():
    def fn(params, k):
        return params["scale"] * jnp.arange(3.0)[params["index"]] ** k

    params = {"scale": 2.0, "index": jnp.array([2, 0, 1, 2])}
    made = Handed(fn, params, 3)
    for method in ("reverse", "forward", "symbolic"):
        typed = made.typed(method) if method != "symbolic" else None
        for derivative in filter(None, (made.derivative(method), typed)):
            result = derivative(params, 3)
            assert result["index"] is None
            np.testing.assert_allclose(result["scale"], [8, 0, 1, 8])
    assert made.line("symbolic") == 'comparison.derivative("symbolic")'


def test_a_number_that_the_function_needs_while_it_is_traced_is_static_in_what_to_type():
    def powers(x, count):
        return jnp.stack([x.sum() ** power for power in range(count)])

    made = Handed(powers, jnp.arange(1.0, 4.0), 3)
    assert made.line("forward") == "jax.jit(jax.jacfwd(powers, argnums=0), static_argnums=1)"
    expected = jax.jacrev(lambda x: powers(x, 4))(jnp.ones(3))
    for method in ("forward", "forward_chunked"):
        close(made.typed(method)(jnp.ones(3), 4), expected)
        close(made.derivative(method)(jnp.ones(3), 4), expected)


def test_what_cannot_be_static_is_not_jitted():
    def scaled(x, options):
        return x * options["factor"] if options["name"] == "scaled" else x

    made = Handed(scaled, jnp.ones(3), {"name": "scaled", "factor": 2.0}, argnums=0)
    assert made.line("forward") == "jax.jacfwd(scaled, argnums=0)"
    close(made.typed("forward")(jnp.ones(3), {"name": "scaled", "factor": 5.0}), 5 * jnp.eye(3))


def test_a_complex_output_has_the_complex_jacobian_of_forward_mode():
    def wave(x):
        return jnp.exp(1j * x) * x[0]

    x, v = jnp.linspace(0.1, 1.0, 3), jnp.array([1.0, -2.0, 0.5])
    made = Handed(wave, x)
    for method in ("forward", "reverse"):
        close(made.derivative(method)(x), jax.jacfwd(wave)(x))
        close(made.typed(method)(x), jax.jacfwd(wave)(x))
    close(made.derivative("jvp")(x, v), jax.jvp(wave, (x,), (v,)))
    cotangent = v * (1 + 2j)
    close(made.derivative("vjp")(x, cotangent)[1], jax.vjp(wave, x)[1](cotangent)[0])


def test_a_vector_of_another_structure_or_shape_is_refused(several):
    params, x = point(7)
    product = several.derivative("jvp")
    with pytest.raises(ValueError, match="the vector must have the structure of the input"):
        product(params, x, x)
    with pytest.raises(ValueError, match="the vector must have the shapes"):
        product(params, x, {"b": jnp.ones(3), "w": params["w"]})
    with pytest.raises(TypeError, match="jvp is a product: give the inputs"):
        product(x)


def test_a_symbolic_derivative_is_made_anew_for_other_whole_numbers_and_refuses_traced_ones():
    def power(x, k):
        return jnp.sum(x ** jnp.clip(k, 1, 3))

    x = jnp.linspace(1.0, 2.0, 4)
    method = next(method for method in METHODS if method.name == "symbolic")
    way = Way(method, None, method.build(make_problem(power, (x, 2)), None).make(lambda: 60.0))
    derivative = as_function(power, way, argnums=None, has_aux=False)
    close(derivative(x, 2), 2 * x)
    close(derivative(x, 3), 3 * x**2)
    with pytest.raises(ValueError, match="made for the whole numbers among the inputs"):
        jax.jit(derivative)(x, 2)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("foward", {}, "unknown method 'foward', did you mean 'forward'"),
        ("forward", {"chunk": 3}, "forward takes no chunk: it has no options"),
        ("reverse_chunked", {}, "reverse_chunked needs chunk, an integer above 0, got None"),
        ("reverse_chunked", {"step": 1.0}, "takes no step: its option is chunk"),
        ("checkpointed", {"blocks": "product kept"}, "did you mean 'products kept'"),
        ("numerical", {"step": -1.0}, "numerical needs a step above 0"),
    ],
)
def test_a_derivative_by_a_method_refuses_what_is_no_option_of_it(method, options, message):
    with pytest.raises(ValueError, match=message):
        gradwise.derivative(jnp.sin, method, **options)


def test_a_derivative_by_a_method_works_where_the_function_holds_values_that_jax_transforms():
    def outer(theta):
        inner = gradwise.derivative(lambda x: jnp.sin(theta * x), "forward_chunked", chunk=2)
        return inner(jnp.ones(3)).sum()

    expected = jax.grad(lambda t: jnp.sum(t * jnp.cos(t * jnp.ones(3))))(0.7)
    np.testing.assert_allclose(jax.jit(jax.grad(outer))(0.7), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["coloured (forward, 3)", "cut (4)", "constant", "coloured"])
def test_a_way_by_the_structure_is_no_method_and_its_name_says_who_takes_it(name):
    message = r"is no method but a way by a function's structure; gradwise.jacobian\(fn, \*inputs\)"
    with pytest.raises(ValueError, match=message):
        gradwise.derivative(jnp.sin, name)
    with pytest.raises(ValueError, match=message):
        gradwise.compare(jnp.sin, jnp.ones(3), methods=[name])
