"""`compare` on functions of other libraries, as their users call them.

A library that is not installed is skipped; `uv run --group libraries pytest` with this file
installs them all.
"""

import functools

import jax
import jax.numpy as jnp
import pytest

from benchmarks import compare

pytestmark = [
    pytest.mark.usefixtures("nothing_is_too_slow"),
    pytest.mark.filterwarnings("default"),  # what other libraries warn of is theirs to mend
]

X = jnp.linspace(-1.0, 1.0, 10).reshape(5, 2)
BOTH = ["forward", "reverse"]


def statuses(comparison):
    return {row.method: row.status for row in comparison.rows if row.kind != "value"}


def right(fn, *inputs, methods=BOTH, **options):
    """The comparison of a function, of which these modes are right and have no line but ours."""
    comparison = compare(fn, *inputs, methods=methods, budget=0.1, **options)
    assert statuses(comparison) == dict.fromkeys(methods, "ok")
    return comparison


def test_diffrax_solves_with_a_solver_as_an_argument_and_a_length_of_python():
    diffrax = pytest.importorskip("diffrax")

    def solve(y0, rate, solver, *, end):
        term = diffrax.ODETerm(lambda t, y, rate: -rate * y)
        return diffrax.diffeqsolve(term, solver, 0.0, end, 0.1, y0, args=rate, max_steps=16)

    fn = functools.partial(solve, end=1.0)
    found = right(fn, jnp.ones(2), 0.5, diffrax.Heun(), methods=["reverse"], argnums=(0, 1))
    assert found.name == "partial(solve, end=1.0)"
    assert any("max_steps'] (int 16)" in note and "left out" in note for note in found.notes)
    assert all("test_libraries.py" in line for line in found.residuals[1:])
    blocked = compare(fn, jnp.ones(2), 0.5, diffrax.Heun(), methods=["forward"], budget=0.1)
    assert statuses(blocked) == {"forward": "impossible"}
    assert "test_libraries.py" in blocked.row("forward").note


def test_optimistix_finds_a_root():
    optimistix = pytest.importorskip("optimistix")

    def root(a):
        solver = optimistix.Newton(rtol=1e-6, atol=1e-6)
        return optimistix.root_find(lambda y, a: y**2 - a, solver, jnp.ones(3), args=a).value

    found = right(root, jnp.array([2.0, 3.0, 4.0]))
    assert (found.n, found.m) == (3, 3)


def test_a_solution_that_is_returned_whole_names_what_cuts_its_statistics():
    lineax = pytest.importorskip("lineax")

    def solve(matrix, b):
        return lineax.linear_solve(lineax.MatrixLinearOperator(matrix), b)

    inputs = jnp.eye(3) + 0.1, jnp.arange(3.0)
    checked = compare(solve, *inputs, methods=BOTH, budget=0.1)
    for row in checked.rows[1:]:
        assert row.status == "wrong"
        assert "the stop_gradient at test_libraries.py:" in row.note
        assert "if it is meant, rule='trust' checks against it" in row.note
    right(solve, *inputs, rule="trust")


def test_lineax_solves_with_an_operator_and_a_solver_as_arguments():
    lineax = pytest.importorskip("lineax")

    def solve(operator, b, solver):
        return lineax.linear_solve(operator, b, solver).value

    operator = lineax.MatrixLinearOperator(jnp.eye(3) + 0.1)
    found = right(solve, operator, jnp.arange(3.0), lineax.AutoLinearSolver(well_posed=True))
    assert found.n == 12
    assert any("argument 2.well_posed (True) is held" in note for note in found.notes)


def test_numpyro_has_densities():
    numpyro = pytest.importorskip("numpyro")
    util = pytest.importorskip("numpyro.infer.util")

    def model(x, y=None):
        w = numpyro.sample("w", numpyro.distributions.Normal(0, 1).expand([2]).to_event(1))
        numpyro.sample("y", numpyro.distributions.Normal(x @ w, 1.0), obs=y)

    def density(params):
        return util.log_density(model, (X,), {"y": jnp.zeros(5)}, params)

    found = right(density, {"w": jnp.ones(2)}, has_aux=True)
    assert (found.m, "aux is left out, as has_aux asks" in found.notes) == (1, True)
    assert all("test_libraries.py" in line for line in found.residuals[1:])
    with jax.debug_key_reuse(False):  # NumPyro draws from a key twice
        key, data = jax.random.key(0), {"y": X[:, 0]}
        start = util.initialize_model(key, model, model_args=(X,), model_kwargs=data)
    assert right(start.potential_fn, start.param_info.z).name.startswith("partial(potential_energy")
    assert right(numpyro.distributions.Normal(0.0, 1.0).log_prob, X[0]).name == "Normal.log_prob"


def test_flax_linen_applies_a_module_with_state_and_flags():
    nn = pytest.importorskip("flax.linen")

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x, train=False):
            x = nn.BatchNorm(use_running_average=not train)(nn.Dense(4)(x))
            return nn.Dense(1)(nn.Dropout(0.5, deterministic=not train)(jnp.tanh(x)))

    network = Network()
    variables = network.init(jax.random.key(0), X)
    assert right(network.apply, variables, X, argnums=0).name == "Network.apply"
    assert right(network.bind(variables), X).name == "Network"

    def loss(params, stats, x, train, key):
        y, updates = network.apply(
            {"params": params, **stats}, x, train, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return jnp.mean(y**2), updates

    stats = {"batch_stats": variables["batch_stats"]}
    key = jax.random.key(1)
    found = right(loss, variables["params"], stats, X, True, key, argnums=0, has_aux=True)
    assert found.m == 1
    assert any("argument 3 (True) is held" in note for note in found.notes)


def test_flax_nnx_differentiates_a_model_that_is_an_object():
    nnx = pytest.importorskip("flax.nnx")
    model = nnx.Sequential(
        nnx.Linear(2, 4, rngs=nnx.Rngs(0)), jnp.tanh, nnx.Dropout(0.5, rngs=nnx.Rngs(1))
    )

    def loss(model, x):
        return jnp.mean(model(x) ** 2)

    found = right(loss, model, X, argnums=0)
    assert found.n == 12
    assert any("(uint32) is held fixed" in note for note in found.notes)
    assert right(nnx.jit(loss), model, X, argnums=0).name == "loss"
    assert right(model.layers[0], X).name == "Linear"


def test_equinox_differentiates_a_module_with_functions_in_it():
    eqx = pytest.importorskip("equinox")
    model = eqx.nn.MLP(2, 1, 4, 1, activation=jnp.tanh, key=jax.random.key(0))

    def loss(model, x):
        return jnp.mean(jax.vmap(model)(x) ** 2)

    assert right(loss, model, X, argnums=0).n == 17
    assert right(eqx.filter_jit(loss), model, X, argnums=0).name == "loss"
    assert right(model, X[0]).name == "MLP"
    assert right(eqx.Partial(loss, model), X).name == "partial(loss, MLP)"


def test_haiku_applies_a_transformed_function_without_a_key_and_with_a_flag():
    hk = pytest.importorskip("haiku")
    plain = hk.without_apply_rng(hk.transform(lambda x: jnp.mean(hk.nets.MLP([4, 1])(x) ** 2)))
    assert right(plain.apply, plain.init(jax.random.key(0), X), X, argnums=0).n == 17

    def network(x, is_training):
        x = hk.BatchNorm(True, True, 0.9)(hk.Linear(3)(x), is_training)
        return jnp.mean(hk.dropout(hk.next_rng_key(), 0.5, x) ** 2)

    stateful = hk.transform_with_state(network)
    params, state = stateful.init(jax.random.key(0), X, True)
    inputs = params, state, jax.random.key(1), X, True
    found = right(stateful.apply, *inputs, argnums=0, has_aux=True)
    assert any("argument 4 (True) is held" in note for note in found.notes)
