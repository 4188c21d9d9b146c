"""What is asked of a derivative: an operator, a pattern by hand, what stands beside, and words."""

import contextlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO
from scipy.sparse import csr_array, diags_array
from structure_examples import normal, only_backwards, rosenbrock, stencil

import gradwise
from benchmarks.structure.given import read_pattern

X = jnp.asarray(normal(30), jnp.float32)
DENSE = np.asarray(jax.jacrev(stencil)(X))
KNOWN = diags_array([np.ones(30)] * 3, offsets=[0, 1, 2], shape=(28, 30))


def forward_alone(x):
    return jax.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0, x))[1]


def dear(x):
    """A function whose entries are cheaper than products with it."""
    y = stencil(x)
    for _ in range(40):
        y = jnp.sin(y)
    return y


@pytest.mark.parametrize(("fn", "way"), [(stencil, "products"), (dear, "coloured (forward, 3)")])
def test_an_operator_gives_the_products_of_the_matrix(fn, way):
    found = gradwise.jacobian(fn, X, output="operator", measure=False)
    assert found.way == way
    matrix, dense = jax.jit(found)(X), np.asarray(jax.jacrev(fn)(X))
    v, u = normal(30).astype("f"), normal(28).astype("f")
    assert matrix.shape == (28, 30)
    assert matrix.T.shape == (30, 28)
    for mine, true in (
        (matrix @ v, dense @ v),
        (matrix.T @ u, dense.T @ u),
        (matrix @ np.eye(30), dense),
        (matrix.todense(), dense),
        (matrix.T.todense(), dense.T),
    ):
        assert np.allclose(mine, true, atol=1e-5)
    assert found.check(X + 1)
    several = jax.vmap(lambda x: found(x) @ v)(jnp.stack([X, 2 * X]))
    scanned = jax.lax.scan(lambda J, x: (found(x), J @ v), matrix, jnp.stack([X, 2 * X]))[1]
    assert np.allclose(several[0], dense @ v, atol=1e-5)
    assert np.allclose(scanned[1], dense @ v, atol=1e-5)
    with pytest.raises(ValueError, match=r"takes a vector \[30\] or a matrix \[30, k\], got shape"):
        _ = matrix @ u
    assert np.allclose(u @ matrix, u @ dense, atol=1e-5)
    assert np.allclose(jnp.ones((2, 28)) @ matrix, np.ones((2, 28)) @ dense, atol=1e-5)
    assert np.allclose(matrix @ (v + 2j * v[::-1]), dense @ (v + 2j * v[::-1]), atol=1e-5)
    with pytest.raises(TypeError, match="an operator takes a vector or a matrix, got dict"):
        _ = matrix @ {"x": v}
    # As long as there are entries, so that shapes would fit.
    with pytest.raises(ValueError, match=r"several operators.*products inside of jax.vmap"):
        _ = jax.vmap(found)(jnp.stack([X] * int(found.entries))) @ v


def test_an_operator_of_a_rule_that_goes_one_way_alone_goes_both_ways_where_it_can():
    matrix = gradwise.jacobian(only_backwards, X, output="operator", measure=False)(X)
    for product in (matrix @ jnp.ones(30), matrix.T @ jnp.ones(30)):
        assert np.allclose(product, 2 * X, atol=1e-6)
    matrix = gradwise.jacobian(forward_alone, X, output="operator")(X)
    assert np.allclose(matrix @ jnp.ones(30), 4 * X**3, atol=1e-4)
    assert np.allclose(matrix.todense(), np.diag(4 * X**3), atol=1e-4)
    # By its entries it goes both ways, by products one way: the faster one is taken.
    with contextlib.suppress(ValueError):
        assert np.allclose(matrix.T @ jnp.ones(30), 4 * X**3, atol=1e-4)


def test_an_operator_needs_no_dense_result():
    x = jnp.ones(40_000)
    matrix = gradwise.jacobian(lambda x: jnp.cumsum(x) ** 2, x, output="operator", measure=False)(x)
    assert np.allclose((matrix @ x)[:2], [2.0, 8.0])


ROWS, COLUMNS = (part.astype(np.int64) for part in KNOWN.tocoo().coords)


@pytest.mark.parametrize(
    "known",
    [
        KNOWN,
        BCOO.fromdense(jnp.asarray(KNOWN.toarray()), nse=100),  # with padding
        KNOWN.toarray() > 0,
        (ROWS, COLUMNS),
        (ROWS.tolist() * 2, COLUMNS.tolist() * 2),
        gradwise.structure(stencil, X),
    ],
    ids=["SciPy", "BCOO", "mask", "pair", "twice", "structure"],
)
def test_a_pattern_by_hand_is_read_in_any_form(known):
    read = read_pattern(known, 28, 30)
    assert np.array_equal(read.toarray(), KNOWN.toarray())
    assert read.has_sorted_indices


def test_a_pattern_by_hand_is_taken_without_a_look():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gradwise.jacobian(stencil, X, pattern=KNOWN, output="csr", measure=False)
    assert found.way == "coloured (forward, 3)"
    assert found.entries == 84
    assert "the pattern is the one that was given" in found.notes
    assert np.allclose(found(X).todense(), DENSE, atol=1e-6)


@pytest.mark.parametrize("output", ["dense", "csr"])
def test_a_pattern_that_misses_an_entry_is_told_where_and_nothing_is_lost(output):
    missing = KNOWN.toarray() > 0
    missing[4, 5] = False
    text = "the pattern that was given to jacobian misses entries.*: output 4 by input 5 "
    with pytest.warns(UserWarning, match=text) as told:
        found = gradwise.jacobian(stencil, X, pattern=missing, output=output, measure=False)
    assert told[0].filename == __file__
    assert found.way in ("forward", "reverse")
    result = found(X)
    assert np.allclose(result if output == "dense" else result.todense(), DENSE, atol=1e-6)


def test_a_pattern_of_a_hessian_is_checked_too():
    x, band = X[:9], np.abs(np.subtract.outer(np.arange(9), np.arange(9))) < 2
    found = gradwise.hessian(rosenbrock, x, pattern=band, measure=False)
    true = jax.jit(jax.hessian(rosenbrock))(x)
    assert found.way == "coloured (forward, 3)"
    assert np.allclose(found(x), true, rtol=1e-5, atol=1e-5 * np.abs(true).max())
    band[2, 3] = False
    with pytest.warns(UserWarning, match="given to hessian misses .*: output 2 by input 3 "):
        gradwise.hessian(rosenbrock, x, pattern=band, measure=False)


def test_what_is_no_pattern_of_this_derivative_is_refused():
    for known, error, text in (
        (np.ones((3, 3)), ValueError, r"shape \(3, 3\).* 28 outputs by 30 inputs: give one of"),
        (([28], [0]), ValueError, r"an entry at \(28, 0\), outside of 28 outputs by 30 inputs"),
        (([1, 2], [0]), ValueError, "2 rows and 1 columns"),
        ("band", TypeError, "pattern must be a sparse array of SciPy or JAX.*got str 'band'"),
        (([0.5], [0]), TypeError, "pattern must be"),
    ):
        with pytest.raises(error, match=text):
            gradwise.jacobian(stencil, X, pattern=known)


def test_what_stands_beside_the_outputs_is_returned_as_by_jax():
    def fn(x):
        return stencil(x), {"first": x[0], "name": "abc", "counts": jnp.arange(3)}

    found = gradwise.jacobian(fn, X, has_aux=True, measure=False)
    assert found.way == "coloured (forward, 3)"
    (mine, aux), (true, expected) = found(2 * X), jax.jacrev(fn, has_aux=True)(2 * X)
    assert np.allclose(mine, true, atol=1e-6)
    assert aux["name"] == expected["name"]
    assert aux["first"] == expected["first"]
    assert aux["counts"].dtype == expected["counts"].dtype
    scalar = gradwise.hessian(lambda x: (rosenbrock(x), x), X, has_aux=True, measure=False)
    hessian, aux = jax.jit(scalar)(X)
    assert hessian.shape == (30, 30)
    assert np.array_equal(aux, X)
    held = {"times": 2.0}
    changing = lambda x: (stencil(x) * held["times"], x[0] * held["times"])  # noqa: E731
    found = gradwise.jacobian(changing, X, has_aux=True, measure=False)
    held["times"] = 3.0  # both are of the function as it was
    dense, aux = jax.vmap(found)(X[None])
    assert np.allclose(dense[0], 2 * DENSE, atol=1e-5)
    assert np.allclose(aux, 2 * X[0])
    with pytest.raises(TypeError, match=r"has_aux=True is for a function that returns"):
        gradwise.jacobian(stencil, X, has_aux=True)


def test_a_sparse_form_by_a_faulty_rule_loses_no_entry(monkeypatch):
    from benchmarks.structure.choosing import weigh

    right = weigh.pattern_of_problem

    def with_a_fault(*args, **options):
        pattern = right(*args, **options)
        dense = pattern.rows.toarray()
        dense[2, 2] = 0
        return pattern._replace(rows=csr_array(dense))

    monkeypatch.setattr(weigh, "pattern_of_problem", with_a_fault)
    with pytest.warns(UserWarning, match="did not pass its check and is not used; please"):
        found = gradwise.jacobian(stencil, X, output="csr", measure=False)
    assert np.allclose(found(X).todense(), DENSE, atol=1e-6)


def test_errors_name_what_the_user_has_called():
    for call in (gradwise.jacobian, gradwise.hessian):
        name = call.__name__
        for args, text in (
            ((3, X), f"{name} needs a function to differentiate"),
            ((jnp.sin, X + 1j), rf"such as {name}\(lambda re, im"),
        ):
            with pytest.raises(TypeError, match=text):
                call(*args)
        with pytest.raises(ValueError, match=f"{name} runs and times the function, but it is"):
            jax.jit(lambda x, call=call: call(jnp.sum, x)(x))(X)
    with pytest.raises(TypeError, match="such as structure"):
        gradwise.structure(jnp.sin, X + 1j, argnums=0)


@pytest.mark.parametrize(
    ("fn", "text"),
    [
        (stencil, "3 colours in forward mode do for 30 inputs (a stencil, structure_examples.py:"),
        (lambda x: x**2, "1 colour in forward mode does for 30 inputs (a diagonal, test_bench"),
        (
            lambda x: jnp.concatenate([jnp.sum(x**2)[None], x[1:] ** 2 * x[0]]),
            "2 colours in forward mode and 1 colour in reverse mode do for 30 inputs (an arrow, ",
        ),
    ],
)
def test_it_says_how_many_colours_do_for_what(fn, text):
    told = str(gradwise.jacobian(fn, X, measure=False))
    assert text in " ".join(told.split())
    assert max(map(len, told.splitlines())) <= 80


def test_a_rule_that_is_not_linear_far_away_is_not_coloured_by_a_pattern_by_hand_either():
    @jax.custom_vjp
    def limited(x):
        return x

    def back(_, cotangent):
        return (cotangent / jnp.maximum(1, jnp.linalg.norm(cotangent) / 100),)

    limited.defvjp(lambda x: (x, None), back)
    fn = lambda x: stencil(limited(x))  # noqa: E731
    found = gradwise.jacobian(fn, X, pattern=KNOWN, measure=False)
    assert found.way == "reverse"
    assert np.allclose(found(X + 40), jax.jacrev(fn)(X + 40), rtol=1e-5)
