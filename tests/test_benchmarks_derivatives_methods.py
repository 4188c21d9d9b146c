"""Every method against closed forms, in both precisions."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.check.directions import random_probe
from benchmarks.comparison.experiment import Limits
from benchmarks.comparison.search import settle
from benchmarks.derivatives.method import Preparation, Program, Truth
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.selection import select
from benchmarks.derivatives.table import METHODS

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


def programs(method, problem, probe, first):
    """Every program that a method may come to on a problem."""
    built = method.build(problem, probe)
    if isinstance(built, Program):
        return [built]
    if isinstance(built, Preparation):
        return [built.make(lambda: 10.0)]
    if built.by == "error":
        return [settle(built, first, Limits(10.0, 10.0, math.inf)).program, built.unguided]
    return [built.program(label) for label in built.trials]


def should_be(method, name, value, probe):
    """What a method gives, in NumPy, entry by entry."""
    _, jacobian, hessian = CLOSED[name]
    tangent = np.asarray(probe.tangent[0], np.float64)
    jvp, vjp = jacobian @ tangent, np.ravel(probe.cotangent) @ jacobian
    return {
        "value": lambda: (value,),
        "value_and_jvp": lambda: (value, jvp),
        "jvp": lambda: (jvp,),
        "value_and_vjp": lambda: (value, vjp),
        "value_and_grad": lambda: (value, jacobian),
        "estimate": lambda: (jvp * tangent,),
        "jacobian": lambda: (jacobian,),
        "gradient": lambda: (jacobian,),
        "hvp": lambda: (hessian @ tangent,),
        "hessian": lambda: (hessian,),
        "diagonal": lambda: (np.diag(hessian),),
        "trace": lambda: (np.trace(hessian),),
    }[method.kind]()


def worst_fault(method, name, dtype):
    """How far the entries of any program of a method are off, over the largest true one."""
    fn, jacobian, _ = CLOSED[name]
    problem = make_problem(fn, (jnp.asarray(X, dtype),))
    probe = random_probe(problem, 0)
    value = np.asarray(fn(jnp.asarray(X, jnp.float64)))
    first = truth(value, jacobian, probe)
    faults = []
    for program in programs(method, problem, probe, first):
        leaves = jax.tree.leaves(jax.jit(program.fn)(*program.args))
        for leaf, true in zip(leaves, should_be(method, name, value, probe), strict=True):
            assert np.size(leaf) == np.size(true)
            off = np.abs(np.ravel(leaf).astype(np.float64) - np.ravel(true))
            faults.append(np.max(off) / np.max(np.abs(true)))
    return max(faults)


def applies(method, name):
    scalar = name != "layer"
    if method.name == "reverse_chunked" and scalar:
        return False  # one output: nothing to cut
    if method.name == "checkpointed" and name != "rosenbrock":
        return False  # too few operations to be cut
    return scalar or ("scalar" not in method.requires and method.order == 1)


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
        assert worst_fault(method, name, dtype) < tolerance


def test_chunks_that_do_not_divide_the_inputs_give_the_whole_jacobian():
    from benchmarks.derivatives.jacobians import columns, rows

    target = make_problem(
        lambda x, y: (jnp.outer(x, y), jnp.sin(y)), (jnp.ones(3), jnp.arange(4.0))
    )
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

    target = make_problem(rnn, (0.1 * jnp.ones((8, 8)), jnp.ones((256, 8))), argnums=0)
    reverse, checkpointed = (
        method.build(target, random_probe(target, 0))
        for method in select(["reverse", "checkpointed"])[1:]
    )

    def temporary(program):
        executable = jax.jit(program.fn).lower(*program.args).compile()
        return executable.memory_analysis().temp_size_in_bytes

    assert min(map(temporary, checkpointed.trials.values())) < 0.6 * temporary(reverse)


def test_a_reversed_scan_of_a_prime_length_survives_checkpointing():
    from benchmarks.derivatives.checkpointing import checkpointed

    def fn(x, xs):
        return jax.lax.scan(lambda h, a: (h * a + x, h), x, xs, reverse=True)[1].sum()

    target = make_problem(fn, (jnp.asarray(0.5), jnp.linspace(0.1, 0.9, 13)))
    expected = jax.grad(target.fn)(target.x, target.fixed)
    for program in checkpointed(target, random_probe(target, 0)).trials.values():
        for mine, its in zip(program.fn(*program.args), expected, strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-5)


def test_sympy_is_imported_before_the_time_to_differentiate_begins(monkeypatch):
    from benchmarks.derivatives.symbolic import method as symbolic

    imported = []
    monkeypatch.setattr(symbolic, "import_extra", lambda name, extra: imported.append(name))
    target = make_problem(lambda x: x * x, (jnp.ones(()),))
    preparation = symbolic.symbolic(target, random_probe(target, 0))
    assert imported == ["sympy"]
    asked = []
    preparation.make(lambda: asked.append("time") or 1.0)
    assert imported == ["sympy"]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.order}-{method.name}")
def test_the_description_of_a_method_compiles_runs_and_times_nothing(method, monkeypatch):
    """Tracing is allowed, and so are constants; a program of the function's is not."""
    from benchmarks.instrument import clock

    ran = []

    def fn(x):
        jax.debug.callback(lambda: ran.append("run"))
        return jnp.sum(jnp.sin(x) * jnp.cos(x) + jnp.tanh(x))

    target = make_problem(fn, (jnp.asarray(X, jnp.float32),))
    probe = random_probe(target, 0)
    stopped = clock.Clock(*[lambda: pytest.fail("a clock was read")] * 2)
    monkeypatch.setattr(clock, "CLOCK", stopped)
    monkeypatch.setattr(jax.stages.Lowered, "compile", lambda *_: pytest.fail("compiled"))
    try:
        method.build(target, probe)
    except ValueError:
        assert method.name in ("reverse_chunked", "checkpointed")
    jax.effects_barrier()
    assert not ran


def test_the_forward_gradient_is_unbiased():
    """The mean over tangents comes near the gradient, as sqrt((n + 1) / samples) says."""
    target = make_problem(rosenbrock, (jnp.asarray(X, jnp.float32),))
    method = next(m for m in select(["forward_gradient"]) if m.name == "forward_gradient")
    probe = random_probe(target, 0)
    program = method.build(target, probe)
    tangents = jax.random.normal(jax.random.key(0), (20_000, X.size))
    estimates = jax.vmap(lambda v: program.fn(target.x, (), (v,))[0])(tangents)
    true = rosenbrock_gradient(X)
    distance = np.linalg.norm(np.mean(estimates, axis=0) - true) / np.linalg.norm(true)
    assert distance < 3 * math.sqrt((X.size + 1) / 20_000)


@pytest.mark.parametrize(
    ("names", "order", "message"),
    [
        (["backward"], 1, "unknown method 'backward'; there are: value, jvp"),
        (["forward"], 2, "unknown method 'forward'"),
        (None, 3, "order must be 1"),
    ],
)
def test_the_error_for_an_unknown_method_or_order_lists_the_known_ones(names, order, message):
    with pytest.raises(ValueError, match=message):
        select(names, order=order)
