"""compare: what it measures, refuses and concludes, and that it leaves the inputs alone."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import benchmarks
from benchmarks import compare

X = jnp.linspace(0.1, 1.5, 6)
QUICK = {"budget": 0.05}

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


def network(params, x, y):
    (w, b), (v, c) = params
    return jnp.mean((jnp.tanh(x @ w + b) @ v + c - y) ** 2)


def inputs():
    random = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(random.standard_normal(shape), jnp.float32)

    params = [(normal(3, 4), normal(4)), (normal(4, 2), normal(2))]
    return params, normal(5, 3), normal(5, 2)


@pytest.fixture(scope="module")
def comparison(nothing_is_too_slow):
    return compare(network, *inputs(), argnums=0, budget=0.4, methods="all")


def test_every_method_of_the_first_order_has_a_row(comparison):
    names = [m.name for m in benchmarks.METHODS if m.order == 1]
    assert [row.method for row in comparison.rows] == names
    assert (comparison.n, comparison.m) == (3 * 4 + 4 + 4 * 2 + 2, 1)


def test_a_row_that_was_timed_has_all_its_figures(comparison):
    timed = [row for row in comparison.rows if row.status == "ok"]
    assert len(timed) >= 11
    for row in timed:
        assert row.seconds > 0
        assert row.compile_seconds > 0
        assert row.samples.wall.size >= 3
        assert row.ratio.least <= row.ratio.median <= row.ratio.most
        assert row.memory.total > 0
        assert row.flops.known
        assert row.flops.high > 0
        assert len(row.program_hash) == 16
        assert row.error is not None
    assert comparison.row("value").ratio.median == 1.0


def test_exact_methods_are_exact_and_the_others_say_how_far_off_they_are(comparison):
    for row in comparison.rows:
        if row.status == "ok" and row.exact:
            assert row.error < 1e-5
    assert 1e-6 < comparison.row("numerical").error < 1e-1
    assert comparison.row("forward_gradient").error > 1e-1


def test_flops_of_the_value_are_those_of_its_matrix_products(comparison):
    products = 2 * 5 * 3 * 4 + 2 * 5 * 4 * 2
    assert products < comparison.row("value").flops.high < 1.6 * products


def test_an_impossible_row_says_why(comparison):
    assert comparison.row("reverse_chunked").status == "impossible"
    assert "nothing to cut" in comparison.row("reverse_chunked").note


def test_the_table_shows_every_row_and_the_verdict(comparison):
    text = str(comparison)
    for row in comparison.rows:
        assert row.method in text
    assert text.splitlines()[0] == "network: 26 inputs -> 1 output, float32"
    assert "\n  ANSWER   " in text
    assert "\n  why      " in text
    assert text.count("\n  USE      jax.jit(") == 2
    assert "<table>" in comparison._repr_html_()


def test_row_returns_a_row_by_name_and_raises_for_an_unknown_name(comparison):
    assert comparison.row("reverse").mode == "reverse"
    with pytest.raises(ValueError, match="no row 'backprop'; there are: value, jvp"):
        comparison.row("backprop")


def test_residuals_are_named_by_source_line(comparison):
    assert any("test_benchmarks_comparison_compare.py" in line for line in comparison.residuals)


def test_a_jacobian_by_every_mode_agrees_in_float64():
    with jax.enable_x64(True):
        found = compare(
            lambda x: jnp.outer(jnp.sin(x), x),
            jnp.asarray(np.linspace(0.1, 1.0, 5)),
            methods=["forward", "reverse", "forward_chunked", "reverse_chunked"],
            **QUICK,
        )
    assert found.dtype == "float64"
    for row in found.rows:
        assert row.status == "ok"
        assert row.error < 1e-13


def test_second_order_compares_hessians_and_their_products():
    found = compare(lambda x: jnp.sum(jnp.sin(x) ** 3), X, order=2, budget=0.1, methods="all")
    kinds = {row.kind for row in found.rows if row.status == "ok"}
    assert kinds == {"value", "gradient", "hvp", "hessian", "diagonal", "trace"}
    for row in found.rows:
        assert row.error is not None
        assert row.error < 1e-5


def test_the_inputs_are_unchanged_after_a_comparison():
    params, x, y = inputs()
    before = jax.tree.map(np.array, (params, x, y))
    compare(network, params, x, y, methods=["reverse"], argnums=0, **QUICK)
    jax.tree.map(np.testing.assert_array_equal, before, (params, x, y))


def test_a_sharded_input_works_and_stays_sharded():
    devices = jax.devices()
    mesh = jax.sharding.Mesh(np.array(devices), ("rows",))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("rows"))
    x = jax.device_put(jnp.linspace(0.1, 1.0, 4 * len(devices)), spread)
    found = compare(lambda x: jnp.sum(jnp.sin(x)), x, methods=["forward", "reverse"], **QUICK)
    assert [row.status for row in found.rows] == ["ok"] * 3
    assert x.sharding == spread
    assert not x.is_deleted()


@pytest.mark.parametrize("argnums", [0, (0, 1)])
def test_a_sum_over_an_explicit_mesh_has_both_modes(argnums):
    shards = min(2, jax.device_count())
    mesh = jax.make_mesh((shards,), ("rows",), axis_types=(jax.sharding.AxisType.Explicit,))
    rows = jax.sharding.PartitionSpec("rows")
    w = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3)
    x = jax.device_put(
        jnp.linspace(0.1, 1.0, 32).reshape(8, 4), jax.sharding.NamedSharding(mesh, rows)
    )

    @jax.shard_map(
        mesh=mesh,
        in_specs=(jax.sharding.PartitionSpec(), rows),
        out_specs=jax.sharding.PartitionSpec(),
    )
    def total(w, x):
        return jax.lax.psum(jnp.sum(jnp.tanh(x @ w)), "rows")

    found = compare(total, w, x, argnums=argnums, methods=["forward", "reverse"], **QUICK)
    assert [row.status for row in found.rows] == ["ok"] * 3


def test_progress_is_told_from_checking_to_measuring():
    told = []
    compare(jnp.sin, X, methods=["forward"], on_progress=lambda *stage: told.append(stage), **QUICK)
    assert told[0] == ("checking", 0.0)
    assert told[1] == ("plan: 2 methods, about " + told[1][0].partition("about ")[2], 0.0)
    assert ("forward", 0.5) in told
    assert told[-1][0] == "measuring"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((jnp.sin, X), {"methods": ["backward"]}, "unknown method 'backward'"),
        ((jnp.sin, X), {"order": 2}, "one of them, or a sum"),
        ((jnp.sin, X), {"order": 0}, "order must be"),
        ((jnp.sin, X), {"argnums": 2}, "argnums must name"),
        ((jnp.sin, X), {"budget": 0}, "budget must be"),
        ((jnp.sin, X), {"budget": math.nan}, "budget must be"),
        ((jnp.sum, X), {"order": 2, "crossover": True}, "crossover is about first derivatives"),
        ((jnp.sin, X), {"seed": -1}, "seed must be a non-negative integer, got -1"),
        ((jnp.sin, jnp.arange(3)), {}, "nothing to differentiate"),
    ],
)
def test_bad_arguments_raise_before_anything_is_measured(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        compare(*arguments, **options)


def test_a_program_that_does_not_compile_is_not_measured():
    with jax.disable_jit(), pytest.raises(ValueError, match="disable_jit is on"):
        compare(jnp.sin, X, **QUICK)
