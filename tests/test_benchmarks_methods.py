"""Every method against closed forms, in both precisions."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.check.reference import errors, gradient_problem, random_probe
from benchmarks.derivatives import METHODS, Context, Truth, select
from benchmarks.derivatives.problem import problem

A = np.random.default_rng(0).standard_normal((5, 5))
W = np.random.default_rng(1).standard_normal((4, 5))
X = np.array([0.3, -0.7, 1.1, 0.4, -0.2])
#: What each method may be off by, relative to the largest entry.
TOLERANCE = {
    "numerical": {"float32": 3e-3, "float64": 1e-7},
    "numerical_forward": {"float32": 2e-2, "float64": 1e-5},
}
EXACT = {"float32": 2e-5, "float64": 1e-12}


def quadratic(x):
    return x @ jnp.asarray(A, x.dtype) @ x


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def layer(x):
    return jnp.tanh(jnp.asarray(W, x.dtype) @ x)


def rosenbrock_gradient(x):
    gradient = np.zeros_like(x)
    gradient[1:] += 200 * (x[1:] - x[:-1] ** 2)
    gradient[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    return gradient


def rosenbrock_hessian(x):
    hessian = np.zeros((x.size, x.size))
    for i in range(x.size - 1):
        hessian[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        hessian[i + 1, i + 1] += 200
        hessian[i, i + 1] = hessian[i + 1, i] = -400 * x[i]
    return hessian


#: Function, its Jacobian, and the Hessian where it is a scalar.
CLOSED = {
    "quadratic": (quadratic, ((A + A.T) @ X)[None], A + A.T),
    "rosenbrock": (rosenbrock, rosenbrock_gradient(X)[None], rosenbrock_hessian(X)),
    "layer": (layer, (1 - np.tanh(W @ X) ** 2)[:, None] * W, None),
}


def truth(value, jacobian, probe):
    tangent = jacobian @ np.asarray(probe.tangent[0], np.float64)
    cotangent = np.ravel(probe.cotangent) @ jacobian
    return Truth(np.ravel(value), tangent, cotangent, jacobian, "closed form")


def error_of(method, name, dtype):
    fn, jacobian, hessian = CLOSED[name]
    target = problem(fn, (jnp.asarray(X, dtype),))
    probe = random_probe(target, 0)
    value = np.asarray(fn(jnp.asarray(X, jnp.float64)))
    first = truth(value, jacobian, probe)
    context = Context(probe, first, math.inf, 10.0)
    program = method.build(target, context)
    result = jax.jit(program.fn)(*program.args)
    if method.kind in ("hvp", "hessian"):
        second = truth(jacobian[0], hessian, probe._replace(cotangent=probe.tangent[0]))
        return errors(method, result, gradient_problem(target), probe, second)[1]
    return errors(method, result, target, probe, first)[1]


def applies(method, name):
    scalar = name != "layer"
    if method.name == "reverse_chunked" and scalar:
        return False  # one output: nothing to cut
    if method.name == "checkpointed" and name != "rosenbrock":
        return False  # too few operations to be cut
    return scalar or ("scalar" not in method.needs and method.order == 1)


CASES = [
    (method, name)
    for method in METHODS
    for name in CLOSED
    if applies(method, name) and not (method.name == "value" and method.order == 2)
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("method", "name"), CASES, ids=[f"{method.name}-{name}" for method, name in CASES]
)
def test_a_method_gives_the_closed_form(method, name, dtype):
    with jax.enable_x64(True):
        tolerance = TOLERANCE.get(method.name, EXACT)[dtype]
        assert error_of(method, name, dtype) < tolerance


def test_chunks_that_do_not_divide_the_inputs_give_the_whole_jacobian():
    from benchmarks.derivatives.jacobians import columns, rows

    target = problem(lambda x, y: (jnp.outer(x, y), jnp.sin(y)), (jnp.ones(3), jnp.arange(4.0)))
    whole = jax.jacrev(target.fn)(target.x, target.fixed)
    for build in (columns, rows):
        for chunk in (1, 2, 5, 100):
            found = build(target, chunk, target.x, target.fixed)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), found, whole)


def test_checkpoints_around_a_scan_keep_less_than_reverse_mode():
    def rnn(w, xs):
        def step(h, x):
            h = jnp.tanh(w @ h + x)
            return h, jnp.sum(h)

        return jnp.sum(jax.lax.scan(step, xs[0], xs)[1])

    target = problem(rnn, (0.1 * jnp.ones((8, 8)), jnp.ones((256, 8))), argnums=0)
    context = Context(random_probe(target, 0), None, math.inf, 1.0)
    bytes_of = {}
    for method in select(["reverse", "checkpointed"])[1:]:
        program = method.build(target, context)
        memory = jax.jit(program.fn).lower(*program.args).compile().memory_analysis()
        bytes_of[method.name] = memory.temp_size_in_bytes
    assert bytes_of["checkpointed"] < 0.6 * bytes_of["reverse"]


def test_a_reversed_scan_of_a_prime_length_survives_checkpointing():
    from benchmarks.derivatives.checkpointing import checkpointed

    def fn(x, xs):
        return jax.lax.scan(lambda h, a: (h * a + x, h), x, xs, reverse=True)[1].sum()

    target = problem(fn, (jnp.asarray(0.5), jnp.linspace(0.1, 0.9, 13)))
    program = checkpointed(target, Context(random_probe(target, 0), None, math.inf, 1.0))
    expected = jax.grad(target.fn)(target.x, target.fixed)
    for mine, its in zip(program.fn(*program.args), expected, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5)


def test_the_import_of_sympy_takes_nothing_of_the_time_to_differentiate(monkeypatch):
    from benchmarks.derivatives.symbolic import method as symbolic

    order = []
    monkeypatch.setattr(symbolic, "import_module", order.append)
    monkeypatch.setattr(symbolic, "deadline", lambda seconds: order.append(seconds) or (lambda: 1))
    target = problem(lambda x: x * x, (jnp.ones(()),))
    symbolic.symbolic(target, Context(random_probe(target, 0), None, math.inf, 7.0))
    assert order == ["sympy", 7.0]


def test_the_forward_gradient_is_unbiased():
    """The mean over tangents comes near the gradient, as sqrt((n + 1) / samples) says."""
    target = problem(rosenbrock, (jnp.asarray(X, jnp.float32),))
    method = next(m for m in select(["forward_gradient"]) if m.name == "forward_gradient")
    probe = random_probe(target, 0)
    program = method.build(target, Context(probe, None, math.inf, 1.0))
    tangents = jax.random.normal(jax.random.key(0), (20_000, X.size))
    estimates = jax.vmap(lambda v: program.fn(target.x, (), (v,))[0])(tangents)
    true = rosenbrock_gradient(X)
    distance = np.linalg.norm(np.mean(estimates, axis=0) - true) / np.linalg.norm(true)
    assert distance < 3 * math.sqrt((X.size + 1) / 20_000)


@pytest.mark.parametrize(
    ("names", "order", "message"),
    [
        (["backward"], 1, "unknown method 'backward'; of order 1 there are: value, jvp"),
        (["forward"], 2, "unknown method 'forward'"),
        (None, 3, "order must be 1"),
    ],
)
def test_an_unknown_method_or_order_is_told_what_there_is(names, order, message):
    with pytest.raises(ValueError, match=message):
        select(names, order=order)
