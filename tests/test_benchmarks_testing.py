"""What `Checks` asserts of a derivative: what passes, and what a failure says."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import Checks


def wrong_by(factor):
    """The cube with a rule of the user's whose slope is off by a factor."""

    @jax.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (factor * 3 * x**2 * g,))
    return cube


def doubled(x):
    return jax.lax.while_loop(lambda h: h[0] < 5, lambda h: 2 * h, x)


def of_squares(x):
    return jnp.sum(jnp.sin(x) ** 2)


def test_a_right_derivative_passes_and_one_that_is_off_by_a_thousandth_does_not():
    Checks().assert_right(wrong_by(1.0), 2.0)
    with pytest.raises(AssertionError, match=r"derivative of cube \(test_\w+\.py:\d+\)") as failed:
        Checks().assert_right(wrong_by(1.001), 2.0)
    text = str(failed.value)
    assert "in reverse mode: wrong: the Taylor remainder falls with slope 1.00, not 2" in text
    assert "custom_vjp of cube at test_benchmarks_testing.py" in text
    Checks().assert_right(wrong_by(1.001), 2.0, rule="trust")


def test_a_mode_that_a_function_has_not_is_no_fault_unless_it_is_asked_for():
    Checks().assert_right(doubled, jnp.ones(3))
    with pytest.raises(AssertionError, match=r"in reverse mode: .*; use lax\.scan"):
        Checks().assert_right(doubled, jnp.ones(3), mode="reverse")


def test_a_derivative_that_is_not_finite_fails_with_the_operation_and_its_cure():
    with pytest.raises(AssertionError) as failed:
        Checks().assert_right(lambda x: jnp.linalg.norm(x) ** 2, jnp.zeros(3))
    for part in ("in forward and reverse mode", "the derivative of `sqrt`", "the sum of squares"):
        assert part in str(failed.value)


def test_a_derivative_that_is_right_in_float64_alone_fails_for_its_own_type():
    def beyond_the_sine(x):  # whose slope, the cosine less 1, is -5e-9 here
        return jnp.sum(jnp.sin(x) - x)

    with pytest.raises(AssertionError, match=r"no digit is right in float32"):
        Checks().assert_right(beyond_the_sine, jnp.full(3, 1e-4))


def test_operations_are_counted_by_hand_and_held_against_the_times():
    x = jnp.ones(50)
    # 50 sines, 50 squares and 49 sums; with 50 cosines and some products of 50 it is 2.3 times that
    Checks().assert_cheap(of_squares, x, times=2.5)
    with pytest.raises(AssertionError, match=r"2\.34 times its operations \(349 to 149\)") as told:
        Checks().assert_cheap(of_squares, x, times=2.3)
    assert str(told.value).splitlines()[0].endswith("more than 2.3")
    # The Jacobian by forward mode pushes 50 tangents.
    with pytest.raises(AssertionError, match=r"takes 1\d\d times its operations"):
        Checks().assert_cheap(of_squares, x, derivative=jax.jacfwd(of_squares), times=50)


def test_what_is_too_dear_is_told_with_the_cure_that_is_known():
    def step(A, b):
        return jnp.sum(jnp.linalg.inv(A) @ b)

    with pytest.raises(AssertionError, match=r"`inv` of .*: solve with the matrix"):
        Checks().assert_cheap(step, jnp.eye(9), jnp.ones(9), times=1.01)


def test_measured_times_fail_only_when_the_whole_interval_is_above():
    x = jnp.ones(50)
    Checks().assert_cheap(of_squares, x, seconds=True, times=1e6)
    with pytest.raises(AssertionError, match=r"times its time \(.*\), more than 1e-06"):
        Checks().assert_cheap(of_squares, x, seconds=True, times=1e-6)


def test_what_cannot_be_counted_is_told_and_not_passed():
    with pytest.raises(ValueError, match=r"cannot be counted \(while at .*seconds=True"):
        Checks().assert_cheap(doubled, jnp.ones(3))


def test_functions_that_differ_are_told_apart_by_value_and_by_derivative():
    x = jnp.arange(1.0, 4.0)
    Checks().assert_same(lambda x: jnp.sum(x**2), lambda x: x @ x, x)
    with pytest.raises(AssertionError, match=r"by 1: 15 at output where .* has 14"):
        Checks().assert_same(lambda x: x @ x, lambda x: x @ x + x[0], x)
    stopped = lambda x: x @ jax.lax.stop_gradient(x)  # noqa: E731  (of the same value)
    with pytest.raises(AssertionError, match=r"in its derivative"):
        Checks().assert_same(lambda x: x @ x, stopped, x)


def test_a_nan_fails_with_its_operation_and_lost_digits_only_when_asked():
    with pytest.raises(AssertionError, match=r"(?s)infinity in the derivative of `sqrt`.*use "):
        Checks().assert_no_nan(jnp.sqrt, 0.0)
    Checks().assert_no_nan(jnp.sqrt, 0.0, mode="value")

    def cancelled(x):
        return (1 - jnp.cos(x)) / x**2

    Checks().assert_no_nan(cancelled, 1e-4)
    with pytest.raises(AssertionError, match="cancellation"):
        Checks().assert_no_nan(cancelled, 1e-4, digits=True)


@pytest.mark.parametrize("check", ["assert_right", "assert_no_nan", "assert_same"])
def test_too_little_time_is_a_failure_that_says_so(check):
    functions = [jnp.tanh, jnp.tanh] if check == "assert_same" else [jnp.tanh]
    with pytest.raises(AssertionError, match=r"could not be checked within 10 us: give it more"):
        getattr(Checks(), check)(*functions, jnp.ones(3), time_limit=1e-5)


def test_a_derivative_that_the_values_tell_nothing_of_does_not_pass():
    def rough(x):  # which turns some 1e13 times between two points of any step
        return jnp.sin(1e14 * jnp.sum(x))

    with pytest.raises(AssertionError, match=r"not known: at no step do differences settle"):
        Checks().assert_right(rough, jnp.array([0.3, 0.7]), mode="forward")


def test_argnums_and_aux_are_taken_as_elsewhere():
    def loss(x, y):
        return jnp.sum(x**2) + jnp.sqrt(y), "aux"

    Checks().assert_no_nan(loss, jnp.ones(2), 0.0, argnums=0, has_aux=True)
    Checks().assert_right(loss, jnp.ones(2), 0.0, argnums=0, has_aux=True)
    Checks().assert_cheap(loss, jnp.ones(2), 0.0, argnums=0, has_aux=True)
    Checks().assert_same(loss, loss, jnp.ones(2), 0.0, argnums=0, has_aux=True)
    with pytest.raises(AssertionError, match="sqrt"):
        Checks().assert_no_nan(loss, jnp.ones(2), 0.0, has_aux=True)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.assert_right(3.0, 1.0), TypeError, "assert_right needs a function"),
        (lambda c: c.assert_right(jnp.sin), ValueError, "nothing to differentiate"),
        (lambda c: c.assert_right(jnp.sin, 1.0, mode="backward"), ValueError, "got 'backward'"),
        (lambda c: c.assert_right(jnp.sin, 1.0, rule="off"), ValueError, "got 'off'"),
        (lambda c: c.assert_right(jnp.sin, 1.0, time_limit=0), ValueError, "time_limit must be"),
        (lambda c: c.assert_cheap(jnp.sin, 1.0, times=0), ValueError, "times must be a positive"),
        (lambda c: c.assert_cheap(jnp.sin, 1.0, times="5"), ValueError, "got '5'"),
        (lambda c: c.assert_cheap(jnp.sin, 1.0, derivative=2), TypeError, "must be a function"),
        (lambda c: c.assert_cheap(jnp.sin, 1.0, mode="x"), ValueError, "mode must be"),
        (lambda c: c.assert_same(jnp.sin, 1.0, 1.0), TypeError, "assert_same needs a function"),
        (lambda c: c.assert_same(jnp.sin, jnp.sin, 1.0, time_limit=-1), ValueError, "got -1"),
        (lambda c: c.assert_no_nan(jnp.sin, 1.0, mode="x"), ValueError, "mode must be one of"),
        (lambda c: c.assert_no_nan(jnp.sin, 1), ValueError, "nothing to differentiate"),
    ],
)
def test_a_slip_is_one_line_without_frames_of_gradwise(call, error, message):
    with pytest.raises(error, match=message) as raised:
        call(Checks())
    assert "\n" not in str(raised.value)
    assert [entry.name for entry in raised.traceback][2:] in (
        [name, "_check"]
        for name in ("assert_right", "assert_cheap", "assert_same", "assert_no_nan")
    )


def test_an_exception_of_the_users_is_one_line_with_the_users_own():
    def broken(x):
        return inner(x)

    def inner(x):
        raise KeyError("mine")

    with pytest.raises(
        TypeError, match=r"KeyError: 'mine' at test_\w+\.py:\d+ \(inner\)"
    ) as raised:
        Checks().assert_right(broken, 1.0)
    assert [entry.name for entry in raised.traceback][1:] == ["assert_right", "_check"]
    assert raised.value.__suppress_context__


def test_each_check_tells_its_name_and_time_even_if_it_fails():
    told = []
    checks = Checks(lambda name, seconds: told.append((name, seconds > 0)))
    checks.assert_no_nan(jnp.sin, 1.0)
    with pytest.raises(AssertionError):
        checks.assert_cheap(of_squares, jnp.ones(3), times=0.1)
    assert told == [("assert_no_nan", True), ("assert_cheap", True)]
