"""What depends on what: no entry of a Jacobian is missed at any point, and few are too many."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import primitive_examples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from structure_examples import EXACT, WIDER, brusselator, normal, stencil, straight_through

from benchmarks.program.primitives import PLACE, PRIMITIVES
from benchmarks.structure.pattern import loops, moves, rules
from benchmarks.structure.pattern.detection import find_pattern
from benchmarks.structure.pattern.marks import TooLargeError

POINTS = 12


def looked_at(fn, inputs, fixed=()):
    return find_pattern(lambda x, f: jax.tree.leaves(fn(*x, *f)), list(inputs), list(fixed))


def nonzeros(fn, inputs, *, backwards=False, points=POINTS):
    """Where the dense Jacobian, by JAX's own modes in float64, is other than zero at some point."""
    random, seen = np.random.default_rng(1), np.zeros(())

    def flat(inputs):
        return jnp.concatenate([jnp.ravel(y) for y in jax.tree.leaves(fn(*inputs))])

    dense = jax.jit((jax.jacrev if backwards else jax.jacfwd)(flat))
    for _ in range(points):
        at = [jnp.asarray(random.normal(size=np.shape(leaf))) for leaf in inputs]
        blocks = [np.asarray(block) for block in dense(at)]
        whole = np.concatenate([block.reshape(block.shape[0], -1) for block in blocks], axis=1)
        seen = seen + (whole != 0)
    return seen != 0


@pytest.mark.parametrize("name", [*EXACT, *WIDER])
def test_no_entry_is_missed_and_none_is_too_many_where_no_value_decides(name):
    with jax.enable_x64(True):
        fn, *inputs = (EXACT | WIDER)[name]
        pattern = looked_at(fn, map(jnp.asarray, inputs))
        seen = nonzeros(fn, inputs, backwards=name.startswith("only backwards"))
    found = pattern.rows.toarray() != 0
    assert not np.any(seen & ~found)
    assert pattern.unknown == ()
    if name in EXACT:
        assert np.array_equal(found, seen)


@cache
def installed():
    return primitive_examples.known_primitives().keys() | primitive_examples.wrapped_primitives()


#: One rule is for all that take arrays number by number: of these each time, of all by night.
SOME_AT_PLACE = ("add", "clamp", "div", "mul", "neg", "select_n", "sin")


def by_night(name):
    known = PRIMITIVES.get(name)
    return known is not None and known.depends == PLACE and name not in SOME_AT_PLACE


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.nightly) if by_night(name) else name
        for name in sorted(primitive_examples.EXAMPLES)
    ],
)
def test_every_primitive_of_the_table_has_a_rule_that_misses_nothing(name):
    fn, *inputs = primitive_examples.EXAMPLES[name]
    floats = [
        i for i, leaf in enumerate(inputs) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
    ]
    if not floats or name not in installed():
        return

    def of_floats(x, fixed):
        every = dict(zip(floats, x, strict=True)) | dict(
            zip([i for i in range(len(inputs)) if i not in floats], fixed, strict=True)
        )
        leaves = jax.tree.leaves(fn(*(every[i] for i in range(len(inputs)))))
        return [y for y in leaves if jnp.issubdtype(y.dtype, jnp.floating)]

    x = [jnp.asarray(inputs[i]) for i in floats]
    fixed = [jnp.asarray(leaf) for i, leaf in enumerate(inputs) if i not in floats]
    if not jax.eval_shape(of_floats, x, fixed):
        return
    dense = None
    for mode in (jax.jacfwd, jax.jacrev):
        try:
            dense = jax.jit(mode(of_floats))(x, fixed)
            break
        except Exception:  # JAX has no such derivative
            continue
    if dense is None:
        return
    pattern = find_pattern(of_floats, x, fixed)
    lines = [
        np.concatenate(
            [np.asarray(b).reshape(-1, leaf.size) for b, leaf in zip(row, x, strict=True)], 1
        )
        for row in dense
    ]
    assert not np.any((np.concatenate(lines) != 0) & (pattern.rows.toarray() == 0))


def test_an_unknown_operation_mixes_everything_and_is_named():
    from jax.extend.core import Primitive
    from jax.interpreters import ad

    planted = Primitive("planted")
    planted.def_abstract_eval(lambda x: x)
    ad.deflinear(planted, lambda ct: [ct])
    pattern = looked_at(lambda x: planted.bind(2 * x), [jnp.ones(3)])
    assert pattern.rows.toarray().all()
    assert pattern.unknown[0].startswith("planted at test_benchmarks_structure_pattern.py:")


def test_whole_numbers_are_bound_if_they_decide_what_depends_on_what():
    indices = jnp.array([2, 0])
    taken = looked_at(lambda x, i: x[i] ** 2, [jnp.ones(3)], [indices])
    assert taken.rows.toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
    assert taken.bound == {0}
    unknown = looked_at(
        lambda x, i: x[i] ** 2, [jnp.ones(3)], [jax.ShapeDtypeStruct((2,), "int32")]
    )
    assert unknown.rows.toarray().all()
    assert unknown.bound == frozenset()


def test_masks_are_not_bound_and_a_branch_that_an_argument_chooses_may_be_any():
    mask = jnp.array([True, False, True])
    for fn in (lambda x, m: x * m, lambda x, m: jnp.where(m, x, 0)):
        pattern = looked_at(fn, [jnp.ones(3)], [mask])
        assert pattern.rows.toarray().tolist() == np.eye(3).tolist()
        assert pattern.bound == frozenset()
    either = looked_at(
        lambda x, k: lax.cond(k > 0, lambda x: x, lambda x: x[::-1], x),
        [jnp.ones(3)],
        [jnp.array(2)],
    )
    assert either.rows.nnz == 5
    assert either.bound == frozenset()


def test_the_right_sides_of_a_system_stay_apart():
    pattern = looked_at(lambda b: jnp.linalg.solve(np.tri(3), b), [jnp.ones((3, 2))])
    assert pattern.rows.toarray().tolist() == np.kron(np.ones((3, 3)), np.eye(2)).tolist()


@pytest.mark.parametrize("bend", [jnp.sign, jnp.round, lambda g: jnp.clip(g, -0.5, 0.5)])
def test_a_custom_rule_that_is_not_linear_in_a_direction_is_named(bend):
    @jax.custom_vjp
    def through(x):
        return x

    through.defvjp(lambda x: (x, None), lambda _, g: (bend(g),))
    pattern = looked_at(lambda x: through(2 * x), [jnp.ones(3)])
    assert pattern.rows.toarray().all()
    assert "test_benchmarks_structure_pattern.py:" in pattern.curved[0]
    assert looked_at(lambda x: jnp.round(x) * x, [jnp.ones(3)]).curved == ()


def test_a_long_chain_of_constants_is_computed_when_it_is_asked_for():
    def fn(x):
        index = jnp.arange(2)
        for _ in range(1500):
            index = index ^ 1
        return x[index] ** 2

    assert looked_at(fn, [jnp.ones(2)]).rows.toarray().tolist() == [[1, 0], [0, 1]]


def test_a_jacobian_that_is_the_same_everywhere_is_known_as_such():
    assert looked_at(lambda x: 3 * x[::-1], [jnp.ones(3)]).constant
    assert not looked_at(lambda x: x * x, [jnp.ones(3)]).constant
    assert not looked_at(lambda x, a: a * x, [jnp.ones(3)], [jnp.ones(3)]).constant


def test_nothing_is_allocated_for_shapes():
    huge = jax.ShapeDtypeStruct((100_000,), "float32")
    assert looked_at(stencil, [huge]).rows.nnz == 3 * 99_998
    field = jax.ShapeDtypeStruct((100, 100), "float32")
    assert looked_at(brusselator, [field, field]).rows.nnz == 2 * 6 * 100**2


def test_looking_ends_in_time_and_within_memory():
    wide = jax.ShapeDtypeStruct((30_000,), "float32")
    with pytest.raises(TooLargeError):
        looked_at(lambda x: jnp.sum(x) * x, [wide])
    for fn in (jnp.cumsum, lambda x: x[jnp.argsort(x)]):
        with pytest.raises(TooLargeError):
            looked_at(fn, [jax.ShapeDtypeStruct((1_000_000,), "float32")])
    with pytest.raises(TooLargeError):
        looked_at(jnp.sin, [jax.ShapeDtypeStruct((10**9,), "float32")])
    with pytest.raises(TooLargeError):
        find_pattern(lambda x, _: [jnp.sin(x[0])], [wide], limit=-1.0)


PIECES = {
    "sin": jnp.sin,
    "roll": lambda x: x * jnp.roll(x, 1, 0),
    "flip": lambda x: x[::-1],
    "transpose": lambda x: x.T if x.shape[0] == x.shape[1] else x,
    "take": lambda x: x[np.array([1, 0, 2, 2])],
    "put": lambda x: x.at[np.array([0, 2])].add(x[1:3] ** 2),
    "row sum": lambda x: x + jnp.sum(x, 1, keepdims=True),
    "column mean": lambda x: x - jnp.mean(x, 0),
    "cumsum": lambda x: jnp.cumsum(x, 1),
    "mask": lambda x: x * np.tri(4),
    "where": lambda x: jnp.where(np.eye(4) > 0, x, 2 * x[::-1]),
    "left": lambda x: np.tri(4, k=1) @ x,
    "square": lambda x: x @ x,
    "pad": lambda x: jnp.pad(x, 1)[2:, 1:-1] * x,
    "scan": lambda x: lax.scan(lambda c, v: (c + v, c * v), x[0], x)[1],
    "while": lambda x: lax.while_loop(
        lambda c: c[0] < 2, lambda c: (c[0] + 1, jnp.sin(c[1])), (0, x)
    )[1],
    "cond": lambda x: lax.cond(x[0, 0] > 0, lambda x: x[::-1], jnp.cos, x),
    "split": lambda x: jnp.concatenate(jnp.split(x, 2, 1)[::-1], 1),
    "through": lambda x: jax.nn.relu(x),
    "solve": lambda x: jax.scipy.linalg.solve_triangular(np.tri(4) + np.eye(4), x, lower=True),
    "fft": lambda x: jnp.abs(jnp.fft.fft(x, axis=1)),
    "convolution": lambda x: jax.scipy.signal.convolve(x, np.eye(3), mode="same"),
    "sums of windows": lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 3), (1, 1), "SAME"),
    "largest of windows": lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 1), "SAME"),
    "times at": lambda x: x.at[np.array([3, 1])].multiply(x[:2], unique_indices=True),
    "less at": lambda x: x.at[np.array([3, 1])].subtract(x[2:] ** 2),
    "set at": lambda x: x.at[np.array([3, 1])].set(x[:2] ** 2),
    "set at chosen": lambda x: x.at[jnp.argmax(x[:, 0])].set(x[0] ** 2),
    "largest": lambda x: lax.top_k(x, 4)[0],
    "sort": lambda x: jnp.sort(x, 0),
    "in order": lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1),
    "cumprod": lambda x: jnp.cumprod(x, 0),
    "cumulated backwards": lambda x: lax.cumlogsumexp(x, 1, reverse=True),
    "softmax": lambda x: jax.nn.softmax(x, 0),
    "complex": lambda x: jnp.real(jnp.exp(1j * x)),
    "dilated": lambda x: lax.pad(x, 0.0, [(-1, 1, 0), (0, -3, 1)]),
    "again": jax.checkpoint(lambda x: jnp.exp(-x * x)),
    "each row": lambda x: jax.vmap(lambda row: jnp.outer(row, row)[1])(x),
    "largest of a column": lambda x: x * jnp.max(x, 0),
    "held": lambda x: x * lax.stop_gradient(jnp.roll(x, 1)),
    "straight through": lambda x: straight_through(x) * x.T,
    "chosen by a number": lambda x: lax.dynamic_slice(
        jnp.concatenate([x, x]), (jnp.argmax(x[0]), 0), (4, 4)
    ),
    "long": lambda x: lax.scan(lambda c, _: (jnp.roll(c, 1, 0) * 0.9, c[0]), x, None, length=70)[0],
}


def misses_nothing(names):
    """Compare the pattern of some pieces, one after the other, at five points in float64."""

    def fn(x):
        for name in names:
            x = PIECES[name](x) * 0.5
        return x

    with jax.enable_x64(True):
        found = looked_at(fn, [jnp.asarray(normal(4, 4))]).rows.toarray() != 0
        seen = nonzeros(fn, [normal(4, 4)], points=5)
    assert not np.any(seen & ~found)


CHAINS = st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(CHAINS)
def test_no_entry_of_a_composed_function_is_missed(names):
    misses_nothing(names)


@pytest.mark.nightly
@settings(max_examples=200, deadline=None)
@given(CHAINS)
def test_no_entry_of_two_hundred_composed_functions_is_missed(names):
    misses_nothing(names)


def test_every_rule_is_asked_for_by_a_function_of_these(monkeypatch):
    asked = set()

    def spying(rule, name):
        def spy(*args):
            asked.add(name)
            return rule(*args)

        return spy

    tables = ((rules, "_RULES"), (moves, "_MOVES"), (moves, "_INDEXED"), (loops, "LOOPS"))
    every = set()
    for module, table in tables:
        for name, rule in getattr(module, table).items():
            monkeypatch.setitem(getattr(module, table), name, spying(rule, (table, name)))
            every.add((table, name))
    for name in ("_turn_by_turn", "_summarised"):
        monkeypatch.setattr(loops, name, spying(getattr(loops, name), name))
        every.add(name)
    for name in OF_ALL_RULES:
        fn, *inputs = (EXACT | WIDER)[name]
        looked_at(fn, map(jnp.asarray, inputs))
    for fn in PIECES.values():
        looked_at(fn, [jnp.asarray(normal(4, 4))])
    assert sorted(map(str, every - asked)) == []


#: Those that ask for rules of which no piece does.
OF_ALL_RULES = (
    "grouped convolution",
    "slice at a chosen place",
    "long scan",
    "constant matrix",
    "solve",
    "update at a chosen place",
)
