"""Everything lowers for NVIDIA GPUs and TPUs: nothing of 64 bits, no call to the host, no LAPACK.

Nothing is compiled, so no device of these kinds is needed.
"""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from loss_cases import CASES
from structure_examples import normal, rosenbrock, stencil
from test_nn_contract import LAYERS, setting

import losses
import nn
import train
from benchmarks.check.directions import random_probe
from benchmarks.derivatives.method import Preparation, Program, Search
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.rewrites import rewrites
from benchmarks.derivatives.table import METHODS
from benchmarks.structure.methods import structured

PLATFORMS = ("cuda", "tpu")
WIDE = re.compile(r"[<x]f64>|complex<f64>")
#: What a program may call that is no instruction of its own: what tells the compiler where arrays
#: lie, what draws on a GPU, and what takes a sorted head.
CALLS = {"Sharding", "SPMDFullToShardShape", "SPMDShardToFullShape", "mhlo.topk", "TopK"}
CALLS |= {"cu_threefry2x32_ffi", "cuda_threefry2x32_ffi"}
#: What needs a library of linear algebra, by which functions of it. Of gradwise itself only the
#: draw of recurrent weights does.
LIBRARIES = {
    "qr": {"cusolver_geqrf_ffi", "cusolver_orgqr_ffi", "Qr"}
    | {"ProductOfElementaryHouseholderReflectors"},
    "cholesky": {"cusolver_potrf_ffi"},
    "eigh": {"cusolver_syevd_ffi", "Eigh"},
    "lu": {"cusolver_getrf_ffi", "cu_lu_pivots_to_permutation", "LuDecomposition"},
}


def lowered(fn, *args):
    """The programs of a function for both platforms, as text."""
    traced = jax.jit(fn).trace(*args)
    return "\n".join(traced.lower(lowering_platforms=(one,)).as_text() for one in PLATFORMS)


def called(text):
    quoted = re.findall(r'call_target_name = "([^"]+)"', text)
    return set(quoted) | set(re.findall(r"stablehlo.custom_call @([\w.$]+)", text))


def assert_portable(fn, *args, libraries=frozenset()):
    text = lowered(fn, *args)
    assert not WIDE.search(text)
    assert "callback" not in text
    assert called(text) - CALLS == set(libraries)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_and_its_derivative(name):
    layer, params, state, x, _ = setting(name)

    def loss(params, x, key):
        y, new_state = layer.apply(params, state, x, key=key, train=True)
        return jnp.sum(y**2), new_state

    assert_portable(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True), params, x, key())


def key():
    return jax.random.key(0)


@pytest.mark.parametrize(
    ("layer", "libraries"),
    [
        (nn.serial(nn.conv(2, 4, (3,)), nn.dense(4, 3), nn.attention(3, heads=1)), ()),
        (nn.serial(nn.embedding(9, 4), nn.learned_positions(5, 4), nn.prelu(4)), ()),
        *((recurrent(3, 2), ("qr",)) for recurrent in (nn.elman, nn.lstm, nn.gru)),
    ],
)
def test_every_draw_of_parameters(layer, libraries):
    """Recurrent weights begin as orthogonal ones."""
    used = set().union(*(LIBRARIES[name] for name in libraries))
    assert_portable(layer.init, key(), libraries=used)


def test_every_loss_and_its_derivative():
    def all_of_them(cases):
        totals = {
            name: losses.mean(CASES[name].loss(predictions, targets))
            for name, (predictions, targets) in cases.items()
        }
        return sum(totals.values()), totals

    narrow = {name: jnp.asarray(case.predictions, jnp.float32) for name, case in CASES.items()}
    targets = {name: jnp.asarray(case.targets) for name, case in CASES.items()}

    def values(narrow):
        return all_of_them({name: (narrow[name], targets[name]) for name in narrow})

    assert_portable(jax.grad(values, has_aux=True), narrow)


STEPS = {
    "plain": (optax.sgd(0.1), {}),
    "adam, accumulated": (optax.adam(0.1), {"accumulate": 2}),
    "scaled": (train.loss_scaling(optax.adam(0.1)), {}),
    "line search": (optax.lbfgs(), {}),
    "forward": (optax.sgd(0.1), {"gradient": train.gradients.forward}),
    "numerical": (optax.sgd(0.1), {"gradient": train.gradients.numerical}),
    "forward gradient": (optax.sgd(0.1), {"gradient": train.gradients.forward_gradient()}),
    "frozen": (train.freeze(optax.adam(0.1), select=lambda path, leaf: path[0] == 0), {}),
    "augmented": (optax.sgd(0.1), {"augment": lambda key, x: x + jax.random.normal(key, x.shape)}),
}


@pytest.mark.parametrize("name", STEPS)
def test_every_kind_of_step(name):
    optimizer, options = STEPS[name]
    model = nn.mlp((3, 4, 2), dropout=0.1)
    params, state = model.init(key())
    metrics = {"accuracy": train.metrics.accuracy}
    loss = losses.softmax_cross_entropy_with_integer_labels
    objective = train.supervised(model.apply, loss, metrics=metrics)
    step = train.make_step(objective, optimizer, **options)
    batch = train.Batch(jnp.ones((4, 3)), jnp.zeros(4, jnp.int32), jnp.ones(4, bool))
    assert_portable(step, key(), train.init(params, state, optimizer), batch)


def program_of(method, problem):
    description = method.build(problem, random_probe(problem, 0))
    if isinstance(description, Program):
        return description
    if isinstance(description, Preparation):
        return description.make(lambda: 60.0)
    assert isinstance(description, Search)
    return description.program(next(reversed(description.trials)))


def network(w, x):
    """A loop, a matrix product and an exponential, of 12 inputs."""

    def body(h, row):
        h = jnp.tanh(h @ w + row)
        return h, h

    return jnp.sum(jax.lax.scan(body, jnp.ones(3), x)[1] ** 2)


def formula(x):
    return jnp.sum(jnp.sin(x) * x[::-1] ** 2)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.order} {method.name}")
def test_every_method(method):
    plain = method.name in ("symbolic", "complex_step")
    inputs = (jnp.ones(3),) if plain else (jnp.ones((3, 3)), jnp.ones((4, 3)))
    fn = formula if plain else network
    if "chunked" in method.name:
        fn, inputs = (lambda x: jnp.cumsum(jnp.sin(x)) * x), (jnp.ones(9),)
    program = program_of(method, make_problem(fn, inputs))
    assert_portable(program.fn, *program.args)


def rolled(x):
    def body(rows, i):
        return rows.at[i].set(jnp.sin(rows[i - 1])), None

    rows = jnp.zeros((8, 3)).at[0].set(x)
    return jnp.sum(jax.lax.scan(body, rows, jnp.arange(1, 8))[0] ** 2)


def test_every_derivative_that_a_structure_or_a_rewrite_allows():
    x = jnp.asarray(normal(24), jnp.float32)
    narrow = lambda x: jnp.outer(jnp.sin(x).sum() * jnp.ones(24), jnp.cos(x)).sum(1)  # noqa: E731
    for fn, order in ((stencil, 1), (narrow, 1), (rosenbrock, 2), (jnp.sin, 1)):
        problem = make_problem(fn, (x,))
        methods = structured(problem, order=order)
        assert methods or fn is narrow
        for method in methods:
            program = program_of(method, problem)
            assert_portable(program.fn, *program.args)
    problem = make_problem(rolled, (jnp.ones(3),))
    (rewrite,) = rewrites({"carried buffer"}, problem, order=1, stops={})
    program = program_of(rewrite, problem)
    assert_portable(program.fn, *program.args)


@pytest.mark.parametrize("name", LIBRARIES)
def test_what_needs_a_library_is_named_by_it(name):
    decompose = {"cholesky": jnp.linalg.cholesky, "eigh": jnp.linalg.eigh, "qr": jnp.linalg.qr}
    fn = decompose.get(name, partial(jnp.linalg.solve, b=jnp.ones(3)))
    assert_portable(fn, jnp.eye(3), libraries=LIBRARIES[name])


def test_a_callback_and_a_number_of_64_bits_are_seen():
    def asks(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    with pytest.raises((AssertionError, ValueError)):  # JAX refuses some of them itself
        assert_portable(asks, jnp.ones(2))
    with jax.enable_x64(True), pytest.raises(AssertionError):
        assert_portable(jnp.sin, jnp.ones(2))
