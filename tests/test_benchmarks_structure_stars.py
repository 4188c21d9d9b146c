"""Star colours of Hessians: each entry is told by a product, and fewer products do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_array
from structure_examples import normal

import gradwise
from benchmarks.structure.colouring.colours import Colouring, colour
from benchmarks.structure.colouring.plans import plans, proves
from benchmarks.structure.colouring.stars import mirrored, star


def energy(u):
    """Springs between neighbours on a grid."""
    return jnp.sum((u[1:] - u[:-1]) ** 4) + jnp.sum(jnp.cos(u[:, 1:] * u[:, :-1]))


def hub(x):
    """Everything is tied to the first number, and to nothing else."""
    return jnp.sum(jnp.sin(x[1:] * x[0])) + x[0] ** 3


def drawn(seed):
    random = np.random.default_rng(seed)
    n = random.integers(2, 16)
    dense = np.triu(random.normal(size=(n, n)) * (random.random((n, n)) < 0.2))
    return dense + np.triu(dense, 1).T


def test_every_entry_is_told_by_the_product_that_is_named_for_it():
    fewer = 0
    for seed in range(80):
        dense = drawn(seed)
        rows = csr_array(dense)
        found = star(rows)
        if not rows.nnz:
            assert found is None
            continue
        mirror = mirrored(rows, found)
        assert mirror is not None
        seeds = (found.colours[:, None] == np.arange(found.count)).astype(float)
        products = dense @ seeds
        row_of = np.repeat(np.arange(len(dense)), np.diff(rows.indptr))
        for place, (i, j) in enumerate(zip(row_of, rows.indices, strict=True)):
            at, off = (j, i) if mirror[place] else (i, j)
            assert np.isclose(products[at, found.colours[off]], dense[i, j], atol=1e-12)
        fewer += found.count < colour(rows).count
    assert fewer > 10


def test_a_colour_too_few_is_refused_entry_by_entry():
    for seed in range(40):
        rows = csr_array(drawn(seed))
        found = star(rows)
        if found is None or found.count < 2:
            continue
        merged = Colouring(np.where(found.colours == 1, 0, found.colours), found.count)
        if mirrored(rows, merged) is None:
            break
    else:
        raise AssertionError("no fault was found")
    plan = plans(rows, symmetric=True)[-1]
    if plan.mirrored is not None:
        assert not proves(rows, plan._replace(forward=merged))


@pytest.mark.parametrize("output", ["dense", "csr"])
@pytest.mark.parametrize(
    ("fn", "shape", "way"),
    [(hub, (30,), "coloured (forward, 2, star)"), (energy, (6, 7), None)],
)
def test_a_hessian_by_stars_is_what_jax_gives(fn, shape, way, output):
    with jax.enable_x64(True):
        x = jnp.asarray(normal(*shape))
        found = gradwise.hessian(fn, x, output=output, measure=False)
        assert way in (found.way, None)
        true = jax.jit(jax.hessian(fn))
        for at in (x, x + 0.2):
            expected = true(at)
            mine = found(at).todense().reshape(expected.shape) if output == "csr" else found(at)
            assert np.allclose(mine, expected, rtol=1e-10, atol=1e-10)
        assert found.check(x - 1)


def test_stars_are_of_hessians_alone_and_only_where_they_save_something():
    rows = csr_array(np.eye(9, dtype=np.int8))
    assert [plan.name for plan in plans(rows, symmetric=True)] == [
        "coloured (forward, 1)",
        "coloured (reverse, 1)",
    ]
    x = jnp.asarray(normal(30), jnp.float32)
    # The same pattern, of a function that is no gradient: its mirror is another number.
    found = gradwise.jacobian(
        lambda x: jnp.concatenate([jnp.sum(x**2)[None], x[1:] * x[0]]), x, measure=False
    )
    assert "star" not in found.way
    assert star(csr_array(np.array([[1, 1], [0, 1]]))) is None  # not symmetric
    assert star(csr_array(np.ones((600, 600), np.int8)), lambda: -1.0) is None


def test_a_rule_by_which_a_hessian_is_not_its_own_mirror_far_away_is_no_star():
    @jax.custom_jvp
    def times(a, b):
        return a * b

    @times.defjvp
    def _(given, along):
        a, b = given
        return a * b, along[0] * jnp.where(jnp.abs(a) < 50, b, 2 * b) + along[1] * a

    def fn(x):
        return jnp.sum(times(x[1:], x[0] * jnp.ones(29)) ** 2) + x[0] ** 3

    with jax.enable_x64(True):
        x = jnp.asarray(normal(30))
        found = gradwise.hessian(fn, x, measure=False)
        true = jax.jit(jax.hessian(fn))(x + 100)
        assert not np.allclose(true, true.T)
        assert np.allclose(found(x + 100), true)
    # A number and its mirror, each in the type of its own row.
    wide, narrow = jnp.ones(9), jnp.ones(1, "bfloat16")
    mixed = lambda a, b: jnp.sum(jnp.sin(a * b)) + jnp.sum(b) ** 3  # noqa: E731
    assert "star" not in gradwise.hessian(mixed, wide, narrow, measure=False).way
    told = str(gradwise.hessian(hub, jnp.asarray(normal(30), "float32"), measure=False))
    assert "\n2 colours in forward mode do for 30 inputs (an arrow" in told
