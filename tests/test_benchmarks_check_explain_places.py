"""Where a NaN is made: in a loop, a branch, a map, a custom rule, a library, a layer of `nn`."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nn
from benchmarks import explain_nonfinite
from benchmarks.check import culprits
from benchmarks.check.stepping import TooLongError

FILE = "test_benchmarks_check_explain_places.py"
ZEROS, ONES = jnp.zeros(2), jnp.ones(2)


def line(fn, below):
    return f"{FILE}:{fn.__code__.co_firstlineno + below} ("


def test_the_turn_of_a_scan_is_named_in_both_modes():
    def fn(x):
        def body(c, i):
            return c + jnp.sqrt(2.0 - i), i

        return jax.lax.scan(body, x, jnp.arange(5.0))[0]

    found = explain_nonfinite(fn, 1.0)
    assert (found.what, found.operation, found.where) == ("NaN", "sqrt", "value")
    assert found.turns == (
        f"turn 4 of 5 of the scan at {line(fn, 4)}{found.turns[0].partition('(')[2]}",
    )
    assert found.happened == "sqrt(-1) = nan"
    assert found.line.startswith(line(fn, 2))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_the_turn_of_a_derivative_is_named_with_the_numbers_of_that_turn(mode):
    def fn(x):
        def body(c, i):
            return c + jnp.sqrt(jnp.abs(x * (i - 2))), None

        return jax.lax.scan(body, 0.0, jnp.arange(5.0))[0]

    found = explain_nonfinite(fn, 1.5, mode=mode)
    assert (found.what, found.operation, found.derived) == ("infinity", "sqrt", True)
    assert found.turns[0].startswith("turn 3 of 5 of the scan at ")
    assert found.happened == "0.5 / 0 = inf, at sqrt(0)"


def test_the_turn_of_a_while_loop_is_named():
    def fn(x):
        return jax.lax.while_loop(lambda c: c > 0, lambda c: jnp.log(c - 1), x)

    found = explain_nonfinite(fn, 3.0, mode="value")
    assert (found.what, found.operation) == ("NaN", "log")
    assert found.turns[0].startswith(f"turn 2 of the while at {line(fn, 1)}")
    assert explain_nonfinite(fn, 2.0, mode="value").fine


def test_a_fori_loop_of_a_backward_pass_names_the_turn_of_the_way_there():
    def fn(x):
        return jax.lax.fori_loop(0, 3, lambda i, c: jnp.sqrt(c - 1.0 * (i == 1)), x)

    found = explain_nonfinite(fn, 1.0, mode="reverse")
    assert found.operation == "sqrt"
    assert found.turns[0].startswith("turn 2 of 3 of the fori_loop at ")


def test_of_all_turns_that_make_infinity_the_one_that_does_harm_is_named():
    def fn(x):
        def body(c, i):
            return jnp.where(i == 30, jnp.log(c - c), 0.9 * c), None

        return jax.lax.scan(body, x, jnp.arange(40))[0]

    found = explain_nonfinite(fn, 1.0)
    assert (found.operation, found.happened) == ("log", "log(0) = -inf")
    assert found.turns[0].startswith(f"turn 31 of 40 of the scan at {line(fn, 4)}")


def test_without_time_to_find_the_turn_the_operation_is_named_all_the_same(monkeypatch):
    def no_time(*_):
        raise TooLongError

    def fn(x):
        return jax.lax.scan(lambda c, _: (jnp.sqrt(c) - 1, None), x, None, length=4)[0]

    found = explain_nonfinite(fn, jnp.array(4.0), mode="value")
    assert (found.operation, len(found.turns)) == ("sqrt", 1)
    monkeypatch.setattr(culprits, "_in_its_turn", no_time)
    hurried = explain_nonfinite(fn, jnp.array(4.0), mode="value")
    assert hurried.sentence == found.sentence.replace(f", {found.turns[0]}", "")


def test_a_long_loop_is_run_turn_by_turn_as_a_whole():
    def fn(x):
        def body(c, i):
            return jnp.sin(c) + 1e-3 * jnp.sqrt(jnp.abs(i - 1500.0) * c), None

        return jax.lax.scan(body, x, jnp.arange(2000.0))[0]

    found = explain_nonfinite(fn, 1.0, mode="forward")
    assert found.turns[0].startswith("turn 1501 of 2000 of the scan at ")
    assert found.happened == "0.5 / 0 = inf, at sqrt(0)"


def branched(x):
    return jax.lax.cond(x[0] > 0.5, jnp.sqrt, jnp.cos, x)


def test_only_the_branch_that_is_taken_is_looked_at():
    assert explain_nonfinite(branched, jnp.array([0.0, 1.0])).fine
    found = explain_nonfinite(branched, jnp.array([1.0, 0.0]))
    assert (found.operation, found.happened) == ("sqrt", "0.5 / 0 = inf, at sqrt(0)")
    assert found.line.startswith(line(branched, 1))


def test_the_where_whose_branch_is_not_taken_is_named():
    def fn(x):
        y = jnp.sqrt(x)
        return jnp.where(x > 0, 2 * y, 0.0)

    found = explain_nonfinite(fn, jnp.array([4.0, 0.0]))
    assert found.modes == ("reverse",)
    assert found.behind.startswith(f"the where at {line(fn, 2)}")
    taken = explain_nonfinite(lambda x: jnp.where(x >= 0, jnp.sqrt(x), 0.0), jnp.array([4.0, 0.0]))
    assert taken.operation == "sqrt"
    assert taken.behind == ""


@pytest.mark.parametrize(
    "wrap", [jax.jit, jax.vmap, jax.checkpoint, lambda fn: jax.jit(jax.vmap(fn))]
)
def test_it_is_found_inside_of_transformed_functions(wrap):
    def inner(x):
        return jnp.log(x)

    found = explain_nonfinite(wrap(inner), jnp.array([1.0, 0.0, 2.0]))
    assert (found.operation, found.happened) == ("log", "log(0) = -inf")
    assert found.line.startswith(line(inner, 1))
    assert explain_nonfinite(wrap(inner), jnp.array([1.0, 0.1, 2.0])).fine


@jax.custom_vjp
def ruled(x):
    return x**2


def _forth(x):
    return x**2, x


def _back(x, g):
    return (g * 2 * x**2 / x,)


ruled.defvjp(_forth, _back)


def test_a_custom_rule_is_named_with_the_line_in_it_that_fails():
    found = explain_nonfinite(lambda x: ruled(x), jnp.array([1.0, 0.0]), mode="reverse")
    assert found.operation.startswith("the custom_vjp of ruled at ")
    assert found.happened.endswith("0 / 0 = nan")
    rule = f"the custom_vjp of ruled at {FILE}:{_back.__code__.co_firstlineno}, called at "
    assert rule in found.sentence
    assert explain_nonfinite(ruled, jnp.array([1.0, 2.0]), mode="reverse").fine


def test_a_layer_is_named_by_its_scope():
    model = nn.serial(nn.dense(2, 3), nn.activation(jnp.sqrt), nn.dense(3, 1))
    params, state = model.init(jax.random.key(0))

    def loss(params, x):
        return jnp.sum(model.apply(params, state, x)[0])

    found = explain_nonfinite(loss, params, -jnp.ones((4, 2)))
    assert (found.what, found.operation) == ("NaN", "sqrt")
    assert found.scope.startswith("1 sqrt")
    assert found.line.startswith(line(loss, 1))
    assert "(in nn/" in found.line


def test_inputs_and_constants_that_hold_nan_are_named_by_their_entry():
    bad = jnp.array([[1.0, 2.0], [np.nan, 3.0]])
    found = explain_nonfinite(lambda x, y: jnp.sum(x * y), ONES, bad)
    assert str(found).splitlines()[1] == "  first  NaN in input 1[1, 0]"
    held = explain_nonfinite(lambda x, y: jnp.sum(x * y), ONES, bad, argnums=0)
    assert "input 0 of those held fixed[1, 0]" in str(held)
    inside = explain_nonfinite(lambda x: jnp.sum(x * bad), ONES)
    assert "a constant that the function closes over" in str(inside)
    known = explain_nonfinite(lambda x, y: x * jnp.nan_to_num(y), ONES, bad, argnums=0)
    assert known.fine


def test_infinity_that_a_mask_hides_is_nobodys_fault():
    mask = jnp.array([0.0, -jnp.inf])
    assert explain_nonfinite(lambda x: jax.nn.logsumexp(x + mask), ONES).fine
    assert explain_nonfinite(lambda x: jnp.max(jnp.where(x > 2, x, -jnp.inf)), ONES + 1.5).fine


def test_what_makes_a_harmless_infinity_first_is_not_named():
    def fn(x):
        hidden = jnp.maximum(jnp.log(0 * x), -5.0)
        return hidden + jnp.sqrt(x - 2)

    found = explain_nonfinite(fn, ONES, mode="value")
    assert (found.operation, found.happened) == ("sqrt", "sqrt(-1) = nan")
    assert explain_nonfinite(fn, 3 * ONES, mode="value").fine


def test_logsumexp_of_nothing_is_named_at_its_line_and_turn():
    forbidden = jnp.array([[0.0, -jnp.inf], [-jnp.inf, -jnp.inf]])

    def fn(x):
        def step(a, e):
            return jax.nn.logsumexp(a[:, None] + forbidden, axis=0) + e, None

        a, _ = jax.lax.scan(step, jnp.array([0.0, -jnp.inf]), x)
        return jax.nn.logsumexp(a)

    found = explain_nonfinite(fn, jnp.ones((3, 2)), mode="reverse")
    assert found.line.startswith(line(fn, 2))
    assert "some = jnp.maximum(x, -1e30)" in found.code


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A package that lies where installed libraries lie."""
    folder = tmp_path_factory.mktemp("site-packages") / "library"
    folder.mkdir()
    (folder / "roots.py").write_text(
        "import jax.numpy as jnp\ndef root(x):\n    return jnp.sqrt(x)\n"
    )
    spec = importlib.util.spec_from_file_location("roots", folder / "roots.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_line_is_the_users_own_with_that_of_the_library_beside_it(library):
    def fn(x):
        return library.root(x)

    found = explain_nonfinite(fn, -ONES)
    assert found.line.startswith(line(fn, 1))
    assert found.line.endswith(" (in library/roots.py:3)")


def test_what_a_library_offers_against_the_root_of_nothing_is_named():
    found = explain_nonfinite(lambda x: optax.tree.norm(x), ZEROS, mode="reverse")
    assert "(in optax/" in found.line
    assert found.cure.endswith("or optax.safe_norm(x, 1e-8)")
    slope = jax.grad(lambda x: optax.safe_norm(x, 1e-8))(ZEROS)
    assert np.all(np.asarray(slope) == 0)
