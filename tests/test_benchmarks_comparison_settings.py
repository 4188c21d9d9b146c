"""What JAX is told to stop at, or to refuse, ends no check and no explanation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare, explain_nonfinite
from benchmarks.derivatives.method import dense
from benchmarks.derivatives.problem import make_problem
from benchmarks.instrument.deadline import within
from benchmarks.program.messages import underivable
from benchmarks.program.obstacles import obstacles

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")
MATRIX = jnp.array([[2.0, 0.2], [0.1, 1.0], [0.3, 0.4]])


def energy(x):
    return jnp.linalg.norm(x) ** 2


@pytest.fixture
def set_for_all_threads():
    """Sets a flag of JAX's as a user does, not for one thread alone."""
    before = {}

    def change(name, value):
        before.setdefault(name, getattr(jax.config, name))
        jax.config.update(name, value)

    yield change
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.parametrize("flag", ["jax_debug_nans", "jax_debug_infs", "jax_disable_jit"])
def test_who_looks_for_nan_by_a_flag_of_jaxs_is_told_the_operation_all_the_same(
    flag, set_for_all_threads
):
    set_for_all_threads(flag, True)
    found = explain_nonfinite(energy, jnp.zeros(3), mode="forward")
    assert (found.operation, found.happened) == ("sqrt", "0.5 / 0 = inf, at sqrt(0)")


def test_a_comparison_names_it_too(set_for_all_threads):
    set_for_all_threads("jax_debug_nans", True)
    row = compare(energy, jnp.zeros(3), methods=["reverse"], budget=0.05).row("reverse")
    assert row.status == "wrong"
    assert "infinity in the derivative of `sqrt`" in row.note


def test_what_is_left_to_a_thread_is_not_watched_either(set_for_all_threads):
    set_for_all_threads("jax_debug_nans", True)
    assert np.isnan(within(60.0, lambda: jnp.log(-jnp.ones(())), "a logarithm"))


def test_obstacles_are_found_where_types_are_not_mixed():
    with jax.numpy_dtype_promotion("strict"):
        assert obstacles(jnp.sin, jnp.ones(3)) == {}


RULES_THAT_JAX_LACKS = {
    "a product over equal indices": (
        lambda x: jnp.ones(2).at[jnp.array([0, 0, 1])].multiply(x[:, 0]),
        "unique_indices=True",
    ),
    "all singular vectors": (lambda x: jnp.linalg.svd(x)[0], "full_matrices=False"),
    "eigenvectors": (lambda x: jnp.linalg.eig(x[:2])[1].real, "jnp.linalg.eigh"),
    "parameters of betainc": (
        lambda x: jax.scipy.special.betainc(x, 3.0, 0.4),
        "numerical differences",
    ),
}


@pytest.mark.parametrize("name", RULES_THAT_JAX_LACKS)
def test_a_rule_that_jax_lacks_for_both_modes_is_not_looked_for_in_the_other(name):
    fn, instead = RULES_THAT_JAX_LACKS[name]
    for mode in (jax.jacfwd, jax.jacrev):
        with pytest.raises((NotImplementedError, ValueError)) as raised:
            jax.eval_shape(mode(fn), MATRIX)
        assert instead in underivable(raised.value).instead


def test_an_input_without_numbers_is_part_of_a_jacobian_without_columns():
    def fn(x, y):
        return jnp.concatenate([x, y**2]), jnp.zeros(0)

    x, y = jnp.zeros(0), jnp.array([1.0, 2.0])
    problem = make_problem(fn, (x, y))
    jacobian = jax.jit(jax.jacrev(fn, (0, 1)))(x, y)
    np.testing.assert_array_equal(dense(jacobian, problem), [[2, 0], [0, 4]])
