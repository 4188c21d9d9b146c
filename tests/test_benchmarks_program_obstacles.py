"""What cannot be differentiated, and whether that is told in the user's words."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback

from benchmarks.derivatives.problem import make_problem
from benchmarks.program.obstacles import MODES, obstacles

VECTOR = jax.ShapeDtypeStruct((3,), "float32")


@jax.custom_vjp
def backwards_only(x):
    return jnp.sin(x)


backwards_only.defvjp(
    lambda x: (jnp.sin(x), jnp.cos(x)), lambda cosine, cotangent: (cosine * cotangent,)
)


def custom_vjp(x):
    return backwards_only(2.0 * x)  # blamed


def custom_vjp_in_a_loop(x):
    def body(carry, _):
        return backwards_only(carry), None  # blamed

    return jax.lax.scan(body, x, length=3)[0]


def while_loop(x):
    first = jax.lax.while_loop(lambda i: i < 3, lambda i: i + 1, 0)
    return jax.lax.while_loop(lambda c: c[0] < 3, lambda c: c * 2, x) * first  # blamed


def while_loop_in_jit(x):
    @jax.jit
    def inner(x):
        return jax.lax.fori_loop(0, x[0].astype(int), lambda _, c: c * 2, x)  # blamed

    return inner(x)


def pure_callback(x):
    return jax.pure_callback(np.sin, x, x)  # blamed


def io_callback_in_jit(x):
    return jax.jit(lambda x: io_callback(np.sin, x, x))(x)  # blamed


def foreign(x):
    return jax.ffi.ffi_call("mine", x)(x)  # blamed


def schur(x):
    return jax.scipy.linalg.schur(jnp.diag(x))[0]  # blamed


def python_branch(x):
    if jnp.sum(x) > 0:  # blamed
        return x
    return -x


def numpy_call(x):
    return np.sin(x)  # blamed


def host_number(x):
    return float(x[0]) * x  # blamed


def python_index(x):
    return [1.0, 2.0][x[0].astype(int)] * x  # blamed


def boolean_mask(x):
    return x[x > 0]  # blamed


def raising(x):
    return x @ jnp.ones((4, 4))  # blamed


def text(x):
    return {"value": x, "name": "sine"}


UNREADABLE = {
    python_branch: ("Python must know an array's value to take a branch", "jnp.where"),
    numpy_call: ("NumPy is given an array whose value is not known", "jax.numpy"),
    host_number: ("Python must know an array's value, as float(x)", "jax.numpy"),
    python_index: ("to use it as an index or a length", "jnp.take"),
    boolean_mask: ("a boolean mask makes an array whose shape depends", "jnp.where(mask"),
    raising: ("the function raises TypeError: dot_general requires", ""),
    text: ("the function returns a str, which is no array", "an array or a pytree"),
}

UNDERIVABLE = {
    custom_vjp: (["forward"], "a jax.custom_vjp says how to go backwards", "jax.custom_jvp"),
    custom_vjp_in_a_loop: (["forward"], "a jax.custom_vjp", "reverse mode works"),
    while_loop: (["reverse"], "its number of steps is only known", "lax.scan"),
    while_loop_in_jit: (["reverse"], "its number of steps is only known", "static bounds"),
    pure_callback: (["forward", "reverse"], "cannot see inside a callback", "jax.custom_jvp"),
    io_callback_in_jit: (["forward", "reverse"], "inside a callback", "numerical differences"),
    foreign: (["forward", "reverse"], "inside the foreign function `mine`", "jax.custom_jvp"),
    schur: (["forward", "reverse"], "JAX has no derivative of `schur`", "jax.custom_jvp"),
}


def blamed(fn):
    """The line of `fn` that carries the comment, as the report should write it."""
    lines, start = inspect.getsourcelines(fn)
    for offset, line in enumerate(lines):
        if line.rstrip().endswith("# blamed"):
            return f"{__file__.rpartition('/')[2]}:{start + offset} ("
    return ""


@pytest.mark.parametrize("fn", UNREADABLE)
def test_a_function_that_jax_cannot_read_is_told_in_plain_words(fn):
    reason, instead = UNREADABLE[fn]
    found = obstacles(fn, VECTOR)
    assert set(found) == set(MODES)
    for obstacle in found.values():
        assert obstacle.reason.startswith(reason) or reason in obstacle.reason
        assert obstacle.source.startswith(blamed(fn))
        assert bool(obstacle.source) == bool(blamed(fn))
        assert instead in obstacle.instead


@pytest.mark.parametrize("fn", UNDERIVABLE)
def test_a_missing_derivative_names_its_line_and_what_to_use(fn):
    modes, reason, instead = UNDERIVABLE[fn]
    found = obstacles(fn, VECTOR)
    assert [mode for mode in ("value", "numerical", "forward", "reverse") if mode in found] == modes
    for mode in modes:
        assert reason in found[mode].reason
        assert found[mode].source.startswith(blamed(fn))
        assert instead in found[mode].instead


def test_what_jax_refuses_to_differentiate_is_not_put_down_to_gradwise():
    problem = make_problem(lambda x: jax.scipy.special.betainc(x, 2.0, 0.3), (jnp.ones(3),))
    found = obstacles(problem.fn, problem.x, problem.fixed, argnums=0)
    for mode in ("forward", "reverse"):
        assert found[mode].reason.startswith("JAX raises ValueError: Betainc gradient")


def test_a_custom_vjp_that_is_the_function_itself_is_found_in_its_own_lines():
    source = obstacles(backwards_only, VECTOR)["forward"].source
    assert source.startswith("test_benchmarks_program_obstacles.py:")


def test_a_plain_network_has_no_obstacle():
    def network(weights, x, labels):
        hidden = jnp.tanh(x @ weights[0])
        logits = jax.nn.log_softmax(jax.nn.relu(hidden) @ weights[1])
        return -jnp.mean(jnp.take_along_axis(logits, labels[:, None], axis=1))

    weights = [jnp.ones((4, 5)), jnp.ones((5, 3))]
    found = obstacles(network, weights, jnp.ones((7, 4)), jnp.zeros(7, int), argnums=0)
    assert not set(found) - {"symbolic"}


def test_looking_for_obstacles_does_not_run_the_function():
    def explosive(x):
        jax.debug.callback(lambda: pytest.fail("was run"))
        return jnp.sin(x)

    assert not {"value", "complex_step", "forward", "reverse"} & set(obstacles(explosive, VECTOR))


def test_without_floating_inputs_only_the_value_is_possible():
    found = obstacles(lambda n: n * 2.0, jnp.arange(3))
    assert set(found) == set(MODES) - {"value"}
    assert "no input holds floats" in found["forward"].reason
    found = obstacles(lambda x: jnp.argmax(x), VECTOR)
    assert "no output holds floats" in found["reverse"].reason
    held = obstacles(lambda n, x: n * x, jnp.arange(3), VECTOR, argnums=0)
    assert "no input holds floats" in held["forward"].reason
    assert "forward" not in obstacles(lambda n, x: n * x, jnp.arange(3), VECTOR, argnums=(0, -1))


def test_argnums_out_of_range_are_refused():
    with pytest.raises(ValueError, match="argnums must name arguments 0 to 0, got 2"):
        obstacles(jnp.sin, VECTOR, argnums=2)


def test_an_output_without_floats_is_left_out():
    found = obstacles(lambda x: (jnp.argmax(x), jnp.sin(x)), VECTOR)
    assert "forward" not in found
    assert "reverse" not in found


A = jnp.array([[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.8]])

COMPLEX_STEP = {
    "abs": (lambda x: jnp.abs(x), "`abs` is not analytic"),
    "abs, then a branch": (
        lambda x: jax.lax.cond(x[0] > 0, lambda a: a + x, lambda a: x, jnp.abs(x)),
        "`abs`",
    ),
    "abs in a scan": (
        lambda x: jax.lax.scan(lambda c, v: (c * v, jnp.abs(c)), x[0], x)[1],
        "`abs`",
    ),
    "norm": (lambda x: jnp.linalg.norm(x), "not analytic"),
    "conj": (lambda x: jnp.vdot(x, x), "`conj`"),
    "variance": (lambda x: jnp.var(x), "not analytic"),
    "sign": (lambda x: jnp.sign(x) * x, "`sign`"),
    "cholesky": (lambda x: jnp.linalg.cholesky(A + jnp.diag(x)), "not analytic"),
    "log-determinant": (lambda x: jnp.linalg.slogdet(A + jnp.diag(x))[1], "not analytic"),
    "cast to a real type": (lambda x: x.astype(jnp.float32) ** 2, "`convert_element_type`"),
    "error function": (
        lambda x: jax.scipy.special.erf(x),
        "with complex inputs the function raises TypeError",
    ),
    "median": (lambda x: jnp.median(x), "with complex inputs the function raises ValueError"),
    "tanh": (jnp.tanh, None),
    "relu": (jax.nn.relu, None),
    "elu": (jax.nn.elu, None),
    "where": (lambda x: jnp.where(x > 0, x**3, x), None),
    "max": (lambda x: jnp.max(x * x), None),
    "sort": (lambda x: jnp.sort(x) ** 2, None),
    "logsumexp": (jax.nn.logsumexp, None),
    "log_softmax": (jax.nn.log_softmax, None),
    "cast to an index": (lambda x: x[(x[0] > 0).astype(int)] * x, None),
    "scan": (lambda x: jax.lax.scan(lambda c, v: (c * jnp.sin(v), None), x[0], x)[0], None),
    "solve": (lambda x: jnp.linalg.solve(A + jnp.diag(x), x), None),
    "determinant": (lambda x: jnp.linalg.det(A + jnp.diag(x)), None),
    "inverse": (lambda x: jnp.linalg.inv(A + jnp.diag(x)), None),
    "custom_vjp": (backwards_only, None),
}


@pytest.mark.parametrize("name", COMPLEX_STEP)
def test_the_complex_step_is_refused_if_and_only_if_it_is_wrong(name):
    fn, reason = COMPLEX_STEP[name]
    x, v = jnp.array([0.7, 0.4, 1.2]), jnp.array([0.3, 0.7, -0.2])
    found = obstacles(fn, x).get("complex_step")
    assert (found is None) == (reason is None)
    if found is None:
        by_step = jnp.imag(fn(x + 1e-20j * v)) / 1e-20
        ahead, behind = (fn(x + h * v) for h in (1e-2, -1e-2))
        np.testing.assert_allclose(by_step, (ahead - behind) / 2e-2, rtol=2e-3, atol=2e-3)
    else:
        assert str(reason) in found.reason
        assert found.source


def test_the_complex_step_needs_a_complex_type():
    found = obstacles(jnp.sin, jnp.ones(3, "bfloat16"))
    assert "no complex number of bfloat16" in found["complex_step"].reason
