"""The cheapest derivative, handed back: equal to JAX's own, checked, and refused where it must."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from structure_examples import EXACT, WIDER, arrow, brusselator, normal, rosenbrock, stencil

import gradwise
from benchmarks.structure.choosing import weigh as module
from benchmarks.structure.pattern import whole
from benchmarks.structure.pattern.marks import TooLargeError
from benchmarks.structure.ways import ways_of


def close(one, other, tolerance=1e-12):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        a, b = np.asarray(a), np.asarray(b)
        scale = np.max(np.abs(b), initial=1.0)
        assert np.max(np.abs(a - b), initial=0.0) <= tolerance * scale


@pytest.mark.parametrize(
    "name",
    [
        "stencil",
        "softmax",
        "scatter",
        "long scan",
        "brusselator",
        "mask",
        "only backwards",
        "convolution",
        "nothing",
        "layer",
    ],
)
def test_every_way_gives_what_jax_gives(name):
    with jax.enable_x64(True):
        fn, *inputs = (EXACT | WIDER)[name]
        inputs = [jnp.asarray(leaf) for leaf in inputs]
        argnums = tuple(range(len(inputs))) if len(inputs) > 1 else 0
        found = gradwise.jacobian(fn, *inputs, measure=False)
        moved = [leaf + 0.1 for leaf in inputs]
        true = jax.jit(jax.jacrev(fn, argnums))
        for at in (inputs, moved):
            close(found(*at), true(*at))
        assert found.check(*moved)
        assert found.entries is not None


def test_it_is_a_function_to_jit_vmap_and_scan():
    x = jnp.asarray(normal(6), jnp.float32)
    found = gradwise.jacobian(stencil, x, measure=False)
    batch = jnp.stack([x, 2 * x])
    true = jax.jit(jax.jacrev(stencil))
    expected = jnp.stack([true(one) for one in batch])
    assert np.allclose(jax.vmap(found)(batch), expected, atol=1e-6)
    assert np.allclose(jax.jit(found)(x), expected[0], atol=1e-6)
    scanned = jax.lax.scan(lambda c, one: (c, found(one)), 0, batch)[1]
    assert np.allclose(scanned, expected, atol=1e-6)


def test_passes_are_as_few_as_colours():
    x = jnp.asarray(normal(200), jnp.float32)
    found = gradwise.jacobian(stencil, x, measure=False)
    assert found.way == "coloured (forward, 3)"
    assert found.rivals[0].passes == 3
    text = jax.jit(found).lower(x).as_text()
    assert "3x200xf32" in text  # the tangents that are pushed
    assert "200x200xf32" not in text  # none for each input
    assert gradwise.jacobian(arrow, x, measure=False).way == "coloured (forward, 2 + reverse, 1)"


def test_sparse_forms_hold_the_same_numbers():
    x = jnp.asarray(normal(9), jnp.float32)
    expected = np.asarray(jax.jit(jax.jacrev(stencil))(x))
    for output in ("csr", "bcoo"):
        found = jax.jit(gradwise.jacobian(stencil, x, output=output, measure=False))(x)
        assert found.nse == 21
        assert np.allclose(found.todense(), expected, atol=1e-6)


def test_two_inputs_and_two_outputs_are_one_matrix_in_their_order():
    u, v = (jnp.asarray(normal(4, 5), jnp.float32) for _ in range(2))
    found = gradwise.jacobian(brusselator, u, v, output="csr", measure=False)(u, v).todense()
    blocks = jax.jit(jax.jacrev(brusselator, (0, 1)))(u, v)
    whole = np.block([[np.asarray(b).reshape(20, 20) for b in row] for row in blocks])
    assert np.allclose(found, whole, atol=1e-5)


def test_argnums_pytrees_and_python_numbers_are_as_in_jax():
    def fn(params, x, power):
        return {"y": params["w"] * x**power, "z": (jnp.sum(params["b"]) * x,)}

    params = {"w": jnp.asarray(normal(3)), "b": jnp.asarray(normal(2))}
    x = jnp.asarray(normal(3))
    for argnums in (1, (1, 0), (1,)):
        found = gradwise.jacobian(fn, params, x, 2, argnums=argnums, measure=False)
        close(found(params, x, 2), jax.jit(jax.jacrev(fn, argnums))(params, x, 2), 1e-5)


def test_a_constant_jacobian_is_computed_once():
    x = jnp.arange(50.0)
    found = gradwise.jacobian(lambda x: x[1:] - 2 * x[:-1], x, measure=False)
    assert found.way == "constant"
    assert found.rivals[0].passes == 0
    assert "cosine" not in jax.jit(found).lower(x).as_text()
    close(found(x + 1), jax.jit(jax.jacrev(lambda x: x[1:] - 2 * x[:-1]))(x))


def test_a_hessian_is_taken_by_as_few_products_as_it_has_colours():
    with jax.enable_x64(True):
        x = jnp.asarray(normal(30))
        found = gradwise.hessian(rosenbrock, x, measure=False)
        assert found.way == "coloured (forward, 3)"
        close(found(x), jax.jit(jax.hessian(rosenbrock))(x))
        tree = {"a": x[:5], "b": x[5:9]}

        def fn(tree):
            return jnp.sum(tree["a"] ** 3) * jnp.sum(tree["b"] ** 2)

        close(gradwise.hessian(fn, tree, measure=False)(tree), jax.jit(jax.hessian(fn))(tree))
    with pytest.raises(ValueError, match="scalar function, this one has 3 outputs"):
        gradwise.hessian(jnp.sin, jnp.ones(3))


def test_inputs_of_another_kind_are_refused_and_never_answered_wrongly():
    x, indices = jnp.asarray(normal(9), jnp.float32), jnp.array([1, 3])
    found = gradwise.jacobian(lambda x, i: x[i] ** 2 * jnp.ones((2, 1)), x, indices, measure=False)
    with pytest.raises(
        ValueError, match=r"argument 0 is float32\[5\], it was made for float32\[9\]"
    ):
        found(x[:5], indices)
    with pytest.raises(ValueError, match="structure"):
        found({"x": x}, indices)
    if found.way.startswith("coloured"):
        with pytest.raises(ValueError, match="argument 1 has other values"):
            found(x, indices + 1)
        with pytest.raises(ValueError, match="no value inside of"):
            jax.jit(found)(x, indices)
    power = gradwise.jacobian(lambda x, k: x[:k], x, 3, measure=False)
    with pytest.raises(ValueError, match="argument 1 is 4, it was made for 3"):
        power(x, 4)
    with pytest.raises(ValueError, match="one of dense, csr, bcoo, operator, got 'coo'"):
        gradwise.jacobian(jnp.sin, x, output="coo")


def test_texts_and_objects_that_decide_are_compared_at_each_call():
    x = jnp.asarray(normal(9), jnp.float32)
    found = gradwise.jacobian(
        lambda x, name: jnp.sin(x) if name == "sin" else jnp.cos(x), x, "sin", measure=False
    )
    close(found(x, "sin"), jnp.diag(jnp.cos(x)), 1e-6)
    with pytest.raises(ValueError, match="argument 1 is 'cos', it was made for 'sin'"):
        found(x, "cos")
    with jax.enable_x64(True):
        wide = gradwise.jacobian(jnp.sin, jnp.arange(3.0), measure=False)
        at = jnp.arange(3.0)
    with pytest.raises(ValueError, match="argument 0 is float64, and jax_enable_x64 is off"):
        wide(at)


def test_sparse_forms_are_strict_about_indices_in_every_way():
    x = jnp.asarray(normal(4), jnp.float32)
    found = gradwise.jacobian(lambda x, i: x[i] * x, x, jnp.array([1]), output="csr", measure=False)
    with pytest.raises(ValueError, match="argument 1 has other values"):
        found(x, jnp.array([2]))


def test_what_was_donated_is_still_compared_and_masks_may_change():
    x, indices = jnp.asarray(normal(9), jnp.float32), jnp.array([1, 3])
    found = gradwise.jacobian(lambda x, i: x[i] ** 2, x, indices, measure=False)
    indices.delete()
    expected = jax.jit(jax.jacrev(lambda x: x[jnp.array([1, 3])] ** 2))(x)
    close(found(x, jnp.array([1, 3])), expected, 1e-6)
    mask = jnp.arange(9) % 2
    masked = gradwise.jacobian(lambda x, m: x**2 * m, x, mask, measure=False)
    close(masked(x, 1 - mask), jnp.diag(2 * x * (1 - mask)), 1e-6)


def test_a_scalar_among_the_arguments_and_a_derivative_of_the_derivative():
    x = jnp.asarray(normal(9), jnp.float32)

    def fn(a, x):
        return a * x[1:] * x[:-1]

    found = gradwise.jacobian(fn, 2.0, x, measure=False)
    close(found(3.0, x), jax.jit(jax.jacrev(fn, (0, 1)))(3.0, x), 1e-6)
    found = gradwise.jacobian(stencil, x, measure=False)
    slopes = [
        jax.jit(jax.grad(lambda x, jac=jac: jnp.sum(jnp.sin(jac(x)))))(x)
        for jac in (found, jax.jacrev(stencil))
    ]
    assert np.allclose(*slopes, atol=1e-5)


def test_a_rule_that_is_not_linear_is_taken_in_a_plain_mode_without_a_warning():
    @jax.custom_vjp
    def clipped(x):
        return x

    clipped.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -0.5, 0.5),))
    x = jnp.ones(30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        taken = gradwise.jacobian(lambda x: clipped(2 * x), x, measure=False)
    assert taken.way == "reverse"
    assert any("not linear in a direction" in note for note in taken.notes)
    close(taken(x), jnp.eye(30))


def test_a_result_that_is_too_large_says_what_to_ask_for():
    x = jnp.ones(30_000)
    with pytest.raises(ValueError, match="30,000 by 30,000 numbers is too large: ask for output"):
        gradwise.jacobian(jnp.sin, x, measure=False)
    assert gradwise.jacobian(jnp.sin, x, output="csr", measure=False)(x).nse == 30_000


def test_a_check_where_the_derivative_is_nan_ends_under_debug_nans_too():
    fn = lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0)  # noqa: E731
    found = gradwise.jacobian(fn, jnp.arange(4.0), measure=False)
    with jax.debug_nans(True):
        assert found.check(jnp.arange(4.0))


def test_what_does_not_pass_its_check_is_not_handed_out(monkeypatch):
    """A pattern that misses an entry, as a rule with a fault would find it."""

    def with_a_fault(*args, **options):
        pattern = found(*args, **options)
        dense = pattern.rows.toarray()
        dense[2, 2] = 0
        return pattern._replace(rows=type(pattern.rows)(dense))

    found = module.pattern_of_problem
    monkeypatch.setattr(module, "pattern_of_problem", with_a_fault)
    x = jnp.asarray(normal(40), jnp.float32)
    with pytest.warns(UserWarning, match="did not pass its check and is not used; please") as told:
        taken = gradwise.jacobian(stencil, x, measure=False)
    assert told[0].filename == __file__
    assert taken.way in ("forward", "reverse")
    close(taken(x), jax.jit(jax.jacrev(stencil))(x), 1e-6)


def test_of_a_program_that_is_too_long_no_derivative_is_traced_to_look_at_it(monkeypatch):
    monkeypatch.setattr(whole, "MOST_OPERATIONS", 3)
    monkeypatch.setattr(whole, "find_pattern", lambda *_, **__: pytest.fail("it is traced"))
    fn = lambda x: jnp.sin(jnp.cos(x) + x * x)  # noqa: E731
    with pytest.raises(TooLargeError, match=r"in lambda .*: a program of 4 operations; give a"):
        gradwise.structure(fn, jnp.ones(8))
    taken = gradwise.jacobian(fn, jnp.ones(8), measure=False)
    assert taken.way in ("forward", "reverse")
    assert "not known: a program of 4 operations" in taken.notes[0]


def test_a_function_that_cannot_be_looked_at_is_taken_in_a_plain_mode(monkeypatch):
    def broken(*args, **options):
        raise KeyError("planted")

    monkeypatch.setattr(module, "pattern_of_problem", broken)
    x = jnp.asarray(normal(4), jnp.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        taken = gradwise.jacobian(jnp.sin, x, measure=False)
    assert taken.way in ("forward", "reverse")
    assert "please report" in taken.notes[0]
    close(taken(x), jax.jit(jax.jacrev(jnp.sin))(x), 1e-6)


def test_ways_are_measured_and_the_choice_is_told():
    x = jnp.asarray(normal(300), jnp.float32)
    found = gradwise.jacobian(stencil, x)
    told = str(found)
    assert f"3 colours in {found.way[10:17]} mode do for" in told
    assert "(a stencil, structure_examples.py:" in " ".join(told.split())
    assert sum(rival.seconds is not None for rival in found.rivals) == 3
    assert all(len(line) <= 80 for line in told.splitlines())
    assert ways_of is not None
