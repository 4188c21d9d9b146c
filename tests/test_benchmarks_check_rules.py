"""Rules that somebody wrote: right ones pass, wrong ones are named, and they can be trusted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import Candidate, compare
from benchmarks.check.blame import draws
from benchmarks.check.directions import random_probe
from benchmarks.check.reference import find_reference
from benchmarks.derivatives.problem import make_problem
from benchmarks.program.vanishing import find_cut

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")
X = jnp.linspace(0.2, 1.4, 5)
KEY = jax.random.key(1)
HERE = "test_benchmarks_check_rules.py"


def custom(fn, slope):
    """`fn` with a rule of both modes: `slope` is its derivative, entry by entry."""
    ruled = jax.custom_jvp(fn)
    ruled.defjvp(lambda x, v: (fn(*x), slope(*x) * v[0]))
    return ruled


def host(fn):
    def call(x):
        like = jax.ShapeDtypeStruct(x.shape, jnp.float32)
        return jax.pure_callback(
            lambda x: fn(np.asarray(x)).astype(np.float32), like, x, vmap_method="sequential"
        )

    return call


def cube_root(x):
    """A fixed point to five digits, whose derivative by the rule has more of them."""
    return jax.lax.while_loop(
        lambda y: jnp.any(jnp.abs(y**3 - x) > 1e-5), lambda y: y - (y**3 - x) / 4, x + 0.1
    )


third = custom(lambda x: x / 3, lambda x: jnp.full_like(x, 1 / 3))
root = custom(cube_root, lambda x: 1 / (3 * cube_root(x) ** 2))
sine = custom(host(np.sin), host(np.cos))
RIGHT = {
    "constants of float32": (lambda x: jnp.sum(third(x)), X),
    "a solver of some tolerance": (lambda x: jnp.sum(root(x)), X),
    "a callback": (lambda x: jnp.sum(sine(x) * x), X),
    "numbers of a million": (lambda x: jnp.sum(jnp.sin(x)), 1e6 * X),
    "a jump nearby": (lambda x: jnp.sum(x + (x > X + 2e-3)), X),
    "bfloat16": (lambda x: jnp.sum(jnp.tanh(jnp.outer(x, x) @ x)), X.astype(jnp.bfloat16)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_derivative_is_not_called_wrong_for_rounding(name):
    fn, x = RIGHT[name]
    reference = reference_of(fn, x)
    assert not reference.wrong
    assert not reference.kink


def reference_of(fn, *inputs, **options):
    with jax.debug_key_reuse(False):  # the key is drawn from at each point of a line
        problem = make_problem(fn, inputs)
        return find_reference(problem, random_probe(problem, 0), ("forward", "reverse"), **options)


def off(factor, fn, slope):
    """`fn` with the rule that its slope is `factor` times what it is."""
    return custom(fn, lambda x: factor * slope(x))


drawn = off(1.001, jnp.sin, jnp.cos)
rounded = off(1.1, jnp.sin, jnp.cos)
solved = off(1.01, cube_root, lambda x: 1 / (3 * cube_root(x) ** 2))
called = off(1.05, host(np.sin), host(np.cos))
WRONG = {
    "in random numbers": (lambda k, x: jnp.sum(drawn(x) * jax.random.normal(k, x.shape)), KEY, X),
    "in bfloat16": (lambda x: jnp.sum(rounded(x.astype(jnp.bfloat16)).astype(jnp.float32)), X),
    "of a solver": (lambda x: jnp.sum(solved(x)), X),
    "of a callback": (lambda x: jnp.sum(called(x)), X),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_found_whatever_is_around_it(name):
    fn, *inputs = WRONG[name]
    reference = reference_of(fn, *inputs)
    assert set(reference.wrong) == {"forward", "reverse"}
    if name.startswith("in"):
        assert f"; the custom_jvp of sin at {HERE}:" in reference.wrong["reverse"]


def straight_through(x):
    return jnp.sum((x + jax.lax.stop_gradient(jnp.round(x) - x)) ** 3)


clip = custom(lambda x: jnp.clip(x, 0, 1), jnp.ones_like)


def clipped(x):
    return jnp.sum(clip(x) ** 2)


@pytest.mark.parametrize(
    ("fn", "who", "x", "slope"),
    [
        (straight_through, "stop_gradient", X + 0.05, 3 * np.round(X + 0.05) ** 2),
        (clipped, "custom_jvp of <lambda>", X, 2 * np.clip(X, 0, 1)),
    ],
)
def test_a_deliberate_derivative_is_named_and_can_be_trusted(fn, who, x, slope):
    checked = reference_of(fn, x)
    for mode in ("forward", "reverse"):
        assert f"; the {who} at {HERE}:" in checked.wrong[mode]
    trusted = reference_of(fn, x, rule="trust")
    assert not trusted.wrong
    assert who in trusted.trusted[0]
    np.testing.assert_allclose(trusted.truth.jacobian[0], slope, rtol=1e-6)


def test_methods_that_differentiate_the_function_are_not_compared_with_a_trusted_rule():
    names = ["forward", "reverse", "numerical", "complex_step"]
    found = compare(lambda x: jnp.sum(drawn(x)), X, methods=names, budget=0.05, rule="trust")
    assert [found.row(mode).status for mode in names] == ["ok", "ok", "ok", "impossible"]
    for name in ("numerical", "complex_step"):
        row = found.row(name)
        assert f"of the function itself, not comparable with the custom_jvp of sin at {HERE}:" in (
            row.note
        )
        assert row.error is None
    assert any("which is trusted" in note for note in found.notes)
    assert all(found.row(name).samples is not None for name in names[:3])


def test_trust_has_nothing_to_say_of_a_rule_that_is_right():
    assert reference_of(lambda x: jnp.sum(third(x)), X, rule="trust").trusted == ()


def test_two_modes_that_contradict_each_other_are_not_trusted(monkeypatch):
    monkeypatch.setattr(
        "benchmarks.check.reference.take",
        lambda problem, probe, mode, pace: np.ones({"forward": 1, "reverse": 5}[mode]),
    )
    assert reference_of(clipped, X, rule="trust").wrong


def test_a_draw_whose_derivative_is_its_distributions_is_named():
    found = draws(make_problem(lambda a: jnp.sum(jax.random.gamma(KEY, a)), (X,)))
    assert len(found) == 1
    assert found[0].startswith(f"JAX's implicit derivative of random_gamma at {HERE}:")
    assert draws(make_problem(lambda x: jnp.sum(jax.random.normal(KEY) * x), (X,))) == ()


def test_a_draws_derivative_is_trusted_where_the_user_has_no_rule(monkeypatch):
    monkeypatch.setattr("benchmarks.check.reference.draws", lambda problem: ("the draw",))
    assert reference_of(clipped, X).wrong  # it may be the user's rule that is wrong
    monkeypatch.setattr("benchmarks.check.reference.deliberate", lambda problem: ())
    trusted = reference_of(clipped, X)
    assert (trusted.wrong, trusted.trusted) == ({}, ("the draw",))


def test_a_deliberate_derivative_tells_how_to_trust_it():
    assert "rule='trust' checks against it" in reference_of(clipped, X).wrong["reverse"]


def test_a_function_that_runs_at_its_point_alone_is_not_checked_and_says_so():
    def only_here(x):
        if not np.allclose(x, X):
            raise ValueError("too far")
        return np.asarray(x)

    found = compare(lambda x: jnp.sum(host(only_here)(x) * x), X, budget=0.05)
    assert "not checked: it does not run beside the point (" in found.incomplete


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="rule must be one of check, trust, got 'believe'"):
        compare(clipped, X, rule="believe")


def test_one_mode_alone_in_a_coarse_type_is_said_to_be_unchecked():
    ruled = jax.custom_vjp(host(np.sin))
    ruled.defvjp(lambda x: (host(np.sin)(x), host(np.cos)(x)), lambda slope, g: (g * slope,))
    found = compare(lambda x: jnp.sum(ruled(x)), X, methods=["reverse", "numerical"], budget=0.05)
    row = found.row("reverse")
    assert (row.status, row.error) == ("ok", None)
    assert "not checked independently: differences agree to " in row.note
    assert found.row("numerical").error is not None


def test_beside_a_part_in_float32_a_derivative_is_refused_from_a_few_of_its_roundings_on():
    def fn(x):
        return jnp.sum(sine(x) * x)

    def off_by(share):
        return Candidate(
            name=f"{share}", mode="reverse", derivative=lambda x: (1 + share) * jax.grad(fn)(x)
        )

    candidates = [off_by(1e-6), off_by(1e-4)]
    found = compare(fn, X, methods=[], candidates=candidates, budget=0.05)
    assert [found.row(one.name).status for one in candidates] == ["ok", "wrong"]


CUT = {
    "argmax": lambda x: jnp.argmax(x).astype(jnp.float32),
    "round": lambda x: jnp.sum(jnp.round(x) * 2),
    "gt": lambda x: jnp.mean(jnp.where(x > 0.5, 1.0, 0.0)),
    "convert_element_type": lambda x: jnp.sum(x.astype(int)) * 0.5,
    "stop_gradient": lambda x: jnp.sum(jnp.sin(jax.lax.stop_gradient(x))),
    "sign": lambda x: jax.lax.scan(lambda c, a: (c + jnp.sign(a), c), 0.0, x)[0],
    "floor": lambda x: jax.jit(jnp.floor)(x).sum(),
}


@pytest.mark.parametrize("operation", CUT)
def test_what_cuts_a_derivative_that_is_zero_everywhere_is_named(operation):
    cut = find_cut(jax.make_jaxpr(CUT[operation])(X), [True])
    assert cut.startswith(f"`{operation}` at {HERE}:")


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: jnp.sum(x * jnp.sign(x)),
        lambda x: jnp.sum(0 * x),
        lambda x: jnp.sum(jnp.where(x > 9, x, 0)),
        lambda x: straight_through(x),
        lambda x: jnp.sum(custom(lambda x: jnp.round(x), jnp.ones_like)(x)),
    ],
)
def test_a_derivative_that_is_not_sure_to_be_zero_is_not_said_to_be(fn):
    assert find_cut(jax.make_jaxpr(fn)(X), [True]) == ""


def test_a_zero_derivative_is_a_note_of_the_comparison():
    found = compare(CUT["round"], X, methods=["reverse"], budget=0.05)
    assert any(
        note.startswith(f"the derivative is zero everywhere: `round` at {HERE}:")
        for note in found.notes
    )
    assert found.row("reverse").status == "ok"
