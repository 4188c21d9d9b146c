"""Which way is taken: by times that can be believed, and in the time that looking may take."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from structure_examples import normal, stencil

import gradwise
from benchmarks.derivatives.problem import make_problem
from benchmarks.instrument.clock import Clock
from benchmarks.instrument.samples import Samples
from benchmarks.structure import jacobian, modes
from benchmarks.structure.choosing import choose, weigh

X = jnp.asarray(normal(60), jnp.float32)


def asked(fn, *inputs, output="dense"):
    problem = make_problem(fn, inputs)
    return jacobian._asked(fn, problem, None, output, None, "jacobian")


def of_seconds(seconds, busy=1.0):
    """A stand-in for the stopwatch: what each way takes, by the beginning of its name."""

    def interleave(calls, *, budget):
        del budget
        found = {}
        for name in calls:
            each = next(s for start, s in seconds.items() if name.startswith(start))
            wall = np.full(20, each)
            found[name] = Samples(rounds=np.arange(20), wall=wall, cpu=wall / busy, calls=1)
        return found, {}

    return interleave


def ticking(step, wall=0.0):
    """Clocks that are a step later each time that somebody looks at what a thread computes."""
    count = itertools.count()
    return Clock(lambda: wall * next(count), lambda: 0.0, lambda: step * next(count))


@pytest.mark.parametrize(
    ("seconds", "busy", "taken", "note"),
    [
        (
            {"coloured (f": 9.0, "coloured (r": 5.0, "forward": 7.0, "nothing": 1.0},
            1,
            "reverse",
            "",
        ),
        # all but one at the floor of a call: the fewest operations
        (
            {"coloured (f": 1.4, "coloured (r": 1.1, "forward": 2.0, "nothing": 1.0},
            1,
            "forward",
            "",
        ),
        (
            {"coloured (f": 9.0, "coloured (r": 5.0, "forward": 7.0, "nothing": 1.0},
            2,
            "forward",
            "busy",
        ),
    ],
    ids=["fastest", "floor", "busy"],
)
def test_the_fastest_is_taken_unless_times_tell_nothing(monkeypatch, seconds, busy, taken, note):
    monkeypatch.setattr(choose, "interleave", of_seconds(seconds, busy))
    found = gradwise.jacobian(stencil, X)
    assert found.rivals[0].name == "coloured (forward, 3)"  # of fewest operations
    assert found.way == f"coloured ({taken}, 3)"
    assert note in " ".join(found.notes)
    assert "nothing" not in str(found)


@pytest.mark.parametrize("step", [6.0, 0.6])
def test_looking_ends_in_time_and_a_plain_mode_is_taken(step):
    _, ways, notes = weigh.weighed(asked(stencil, X), ticking(step))
    assert [way.name for way in ways] == ["forward", "reverse"]
    assert "what depends on what is not known: looking for it took too long" in notes
    _, ways, _ = weigh.weighed(asked(stencil, X), ticking(1e-6))
    assert ways[0].name == "coloured (forward, 3)"


def test_what_is_found_is_the_same_on_a_busy_machine_until_nobody_waits_any_longer():
    _, ways, _ = weigh.weighed(asked(stencil, X), ticking(1e-6, wall=0.01))
    assert ways[0].name == "coloured (forward, 3)"
    _, ways, _ = weigh.weighed(asked(stencil, X), ticking(1e-6, wall=60.0))
    assert [way.name for way in ways] == ["forward", "reverse"]


def test_a_sparse_array_of_nobody_knows_what_is_refused_where_it_is_too_large():
    x = jnp.ones(3000)
    with pytest.raises(ValueError, match=r"nobody knows which of 3,000 by 3,000 numbers.*operator"):
        weigh.weighed(asked(lambda x: x**2, x, output="csr"), ticking(6.0))
    pattern, ways, _ = weigh.weighed(asked(stencil, X, output="csr"), ticking(6.0))
    assert pattern.rows.nnz == 58 * 60
    assert ways[0].name == "forward"


def test_a_long_program_is_not_differentiated_to_see_whether_it_can_be(monkeypatch):
    monkeypatch.setattr(modes, "_FEW", 3)
    monkeypatch.setattr(modes, "obstacles", None)

    def endless(x):
        return jax.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0, x))[1]

    assert list(modes.blocked_modes(make_problem(endless, (X,)))) == ["reverse"]
    assert modes.blocked_modes(make_problem(stencil, (X,))) == {}
    monkeypatch.setattr(modes, "_MANY", 3)
    found = gradwise.jacobian(stencil, X)
    assert found.way == "coloured (forward, 3)"
    assert all(rival.seconds is None for rival in found.rivals)
    assert any("too long to be timed" in note for note in found.notes)


def test_what_does_not_matter_what_is_linear_and_examples_are_said_without_a_run():
    found = gradwise.jacobian(lambda x: x[1:4] ** 2, X, measure=False)
    assert "no output depends on 57 of the 60 numbers of argument 0" in str(found)
    found = gradwise.jacobian(lambda a, b, c: a[3:] ** 2 + c, X, X, X[3:], measure=False)
    assert "no output depends on argument 1\nnor on 3 of the 60 numbers of argument 0: 0 to 2" in (
        str(found)
    )

    def fn(params, x):
        return jnp.tanh(x @ params["in"]) @ params["out"] + params["shift"]

    of = lambda *shape: jax.ShapeDtypeStruct(shape, "float32")  # noqa: E731
    params = {"in": of(3, 5), "out": of(5, 2), "shift": of(2)}
    found = gradwise.structure(fn, params, of(8, 3), argnums=0)
    told = str(found)
    assert "vmap (8 examples)" in found.further
    assert found.linear == ("argument 0['out']", "argument 0['shift']")
    assert found.same_by == ("argument 0['shift']",)
    assert "linear in argument 0['out']\n" in told + "\n"
    assert "linear in argument 0['shift'], by which the derivative is the same for all" in told
    assert gradwise.structure(lambda a, b: jnp.sin(a * b), X, X).linear == ()


def test_what_a_shape_alone_leaves_open_is_said_and_what_saves_nothing_is_not():
    fn = lambda x, i: x[i] ** 2  # noqa: E731
    indices = jax.ShapeDtypeStruct((3,), "int32")
    told = str(gradwise.structure(fn, X, indices))
    assert "argument 1 has no values, and so may select anything" in told
    assert "no way was found that takes fewer" in told
    assert "coloured" not in told
    told = str(gradwise.structure(fn, X, jnp.array([4, 2, 0])))
    assert "has no values" not in told
    assert "no output depends on 57 of the 60 numbers of argument 0\n" in told
    assert "1 by coloured (forward, 1)" in told


def test_layers_before_the_one_whose_rows_are_mapped_count_for_each_row():
    sizes = ((512,), (48, 512), (40, 48), (32, 40))
    inputs = [jnp.asarray(normal(*size), jnp.float32) for size in sizes]
    fn = lambda x, a, b, c: jnp.tanh(c @ jnp.tanh(b @ jnp.tanh(a @ x)))  # noqa: E731
    problem = make_problem(fn, inputs, argnums=0)
    _, ways, _ = weigh.weighed(jacobian._asked(fn, problem, 0, "dense", None, "jacobian"))
    names = [way.name for way in ways]
    assert names[0] == "chain (48 x 40)"
    assert names.index("vmap (32 examples)") > 0


def test_a_derivative_that_is_zero_and_one_that_there_is_not_are_said():
    told = str(gradwise.structure(lambda x: 3.0 * jnp.ones(4), X))
    assert "none is needed: it is zero everywhere" in told
    assert "a band" not in told
    assert "no output depends on argument 0" in told
    found = gradwise.jacobian(lambda x: 3.0 * jnp.ones(4), X, measure=False)
    names = [rival.name for rival in found.rivals]
    assert len(names) == len(set(names))

    def called_out(x):
        return jax.pure_callback(lambda value: value, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    with pytest.raises(ValueError, match="called_out has no derivative in JAX: JAX cannot see"):
        gradwise.structure(called_out, X)


def test_what_every_example_does_anew_costs_more_than_its_operations():
    turns = jnp.asarray(normal(24, 4, 4), jnp.float32)
    chosen = np.arange(96) * 7 % 24

    def fn(angles, chosen, points):
        """Bones one after the other, of which each point follows its own, as HAND's do."""
        poses, whole = [], jnp.eye(4)
        for turn, angle in zip(turns, angles, strict=True):
            whole = whole @ (turn * jnp.cos(angle) + jnp.eye(4))
            poses.append(whole)
        return jnp.einsum("nij,nj->ni", jnp.stack(poses)[chosen], points)[:, :3]

    inputs = jnp.ones(24), chosen, jnp.ones((96, 4))
    problem = make_problem(fn, inputs, argnums=0)
    _, ways, _ = weigh.weighed(jacobian._asked(fn, problem, 0, "dense", None, "jacobian"))
    costs = {way.name: way.cost for way in ways}
    assert costs["vmap (96 examples)"] > 1.5 * costs["reverse"]
