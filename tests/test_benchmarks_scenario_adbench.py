"""ADBench's problems against NumPy oracles: values, derivatives, edges, counts of operations."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import counted_by_xla
from scipy.sparse import csr_matrix
from scipy.spatial.transform import Rotation

from benchmarks.scenarios.adbench import ba, data, gmm, hand, lstm, oracles, scenarios
from benchmarks.scenarios.adbench.rotation import rotation_matrix, sinc_of_root


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def arrays(inputs):
    return jax.tree.map(jnp.asarray, inputs)


def flat(parts):
    return jnp.concatenate([jnp.ravel(part) for part in parts])


def differences(fn, x, step=1e-3):
    """The Jacobian `[m, n]` of a NumPy function by differences of fourth order."""
    columns = []
    for index in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[index] = step
        near, far = fn(x + unit) - fn(x - unit), fn(x + 2 * unit) - fn(x - 2 * unit)
        columns.append((8 * near - far) / (12 * step))
    return np.array(columns).T


def assert_right(fn, oracle, examples, argnums, *, compressed=None):
    """The value and the Jacobian by both modes are the oracle's, entry by entry.

    So is the result of `compressed(*inputs)`, if that is given.
    """

    def with_value(*inputs):
        value = fn(*inputs)
        return value, value

    @jax.jit
    def everything(*inputs):
        forward, value = jax.jacfwd(with_value, argnums, has_aux=True)(*inputs)
        reverse = jax.jacrev(fn, argnums)(*inputs)
        return value, forward, reverse, *([compressed(*inputs)] if compressed else [])

    for example in examples:
        value, *jacobians = everything(*example)
        inputs = jax.tree.map(np.asarray, example)
        expected = oracle(*inputs)
        scale = np.max(np.abs(expected))
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13 * scale)
        for position, argnum in enumerate(argnums):

            def along(x, inputs=inputs, argnum=argnum):
                return np.ravel(oracle(*inputs[:argnum], x, *inputs[argnum + 1 :]))

            slopes = differences(along, inputs[argnum])
            for jacobian in jacobians:
                rows = np.reshape(jacobian[position], slopes.shape)
                np.testing.assert_allclose(rows, slopes, rtol=1e-8, atol=1e-8 * max(1, scale))


@pytest.mark.parametrize(("dim", "gamma", "m"), [(1, 0.7, 2), (4, 1.3, 5)])
def test_gmm_and_its_gradient_are_the_oracles_with_either_sign_of_the_prior(dim, gamma, m):
    inputs, _ = arrays(data.draw_gmm(dim, 3, 5, seed=dim))
    signed = partial(gmm.objective, wishart=gmm.Wishart(gamma, m))
    oracle = partial(oracles.gmm, gamma=gamma, m=m)
    assert_right(
        lambda *inputs: jnp.array([signed(*inputs, prior_sign=sign) for sign in (1, -1)]),
        lambda *inputs: np.array([oracle(*inputs, prior_sign=sign) for sign in (1, -1)]),
        [inputs],
        (0, 1, 2),
    )


def test_gmm_refuses_a_wrong_sign_and_a_wrong_number_of_columns():
    (alphas, means, icf, x), _ = arrays(data.draw_gmm(3, 2, 5))
    with pytest.raises(ValueError, match=r"prior_sign must be 1 .* or -1, got 0"):
        gmm.objective(alphas, means, icf, x, prior_sign=0)
    with pytest.raises(ValueError, match="= 6 columns for points of D = 3 coordinates, got 5"):
        gmm.objective(alphas, means, icf[:, :5], x)


def test_gmm_stays_finite_where_an_exponential_overflows():
    (alphas, means, icf, x), _ = arrays(data.draw_gmm(2, 3, 4))
    inputs = alphas * 1e4, means, icf, x * 1e3
    value, gradient = jax.jit(jax.value_and_grad(gmm.objective))(*inputs)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(("layers", "length"), [(1, 5), (3, 5), (4, 3)])
def test_lstm_and_its_gradient_are_the_oracles(layers, length):
    inputs = arrays(data.draw_lstm(layers, length, 2, seed=layers))
    assert_right(lstm.objective, oracles.lstm, [inputs], (0, 1))


def test_lstm_takes_one_loop_for_all_layers():
    main, extra, state, sequence = arrays(data.draw_lstm(3, 9, 2))
    jaxpr = jax.make_jaxpr(lstm.objective)(main, extra, state, sequence)
    scans = [eqn.params["length"] for eqn in jaxpr.eqns if eqn.primitive.name == "scan"]
    assert scans == [8 + 2]  # 8 characters have a next one, and the last layer is 2 steps behind


def ba_inputs():
    """3 cameras, of which one does not turn at all, 4 points and 7 observations."""
    cameras, *others = data.draw_ba(3, 4, 7)
    cameras[1, :3] = 0.0
    return arrays((cameras, *others))


def test_ba_and_its_jacobian_are_the_oracles():
    def oracle(*inputs):
        return np.concatenate([np.ravel(part) for part in oracles.ba(*inputs)])

    assert_right(lambda *inputs: flat(ba.residuals(*inputs)), oracle, [ba_inputs()], (0, 1, 2))


def test_ba_blocks_as_csr_are_the_dense_jacobian(monkeypatch):
    monkeypatch.setattr(ba.chunks, "_CHUNK", 3)  # of 7: the last chunk overlaps the one before

    @jax.jit
    def every(*inputs):
        dense = jax.jacfwd(lambda *x: flat(ba.residuals(*x, *inputs[3:])), (0, 1, 2))(*inputs[:3])
        derivatives = ba.block_jacobian, ba.per_observation
        blocks = [derivative(*inputs) for derivative in derivatives]
        sparse = [ba.csr_jacobian(b, *inputs[4:], cameras=3, points=4) for b in blocks]
        value, at_once = ba.value_and_csr(jax.tree.map(jnp.zeros_like, sparse[0]), *inputs)
        return (ba.residuals(*inputs), value), dense, [*sparse, at_once]

    (expected, value), dense, jacobians = every(*ba_inputs())
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-11), value, expected)
    expected = np.concatenate([np.reshape(part, (21, -1)) for part in dense], axis=1)
    for sparse in jacobians:
        assert sparse.indices.dtype == jnp.int32
        matrix = csr_matrix(tuple(map(np.asarray, sparse)), shape=(21, 3 * 11 + 4 * 3 + 7))
        assert matrix.has_canonical_format
        np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-11, atol=1e-11)


def test_ba_values_are_written_once_into_the_memory_of_those_before(monkeypatch):
    monkeypatch.setattr(ba.chunks, "_CHUNK", 3)
    inputs, many = ba_inputs(), arrays(data.draw_ba(3, 4, 700))
    values = jax.jit(ba.csr_values, donate_argnums=0)
    into = ba.Csr(
        jnp.empty(31 * 700), jnp.empty(31 * 700, jnp.int32), jnp.empty(3 * 700 + 1, jnp.int32)
    )
    at_once = jax.jit(ba.value_and_csr, donate_argnums=0)
    for compiled, reused in (
        (values.lower(into.data, *many).compile(), into.data.nbytes),
        (at_once.lower(into, *many).compile(), into.data.nbytes + into.indices.nbytes),
    ):
        memory = compiled.memory_analysis()
        assert memory.alias_size_in_bytes == reused
        assert memory.temp_size_in_bytes < reused / 4  # it is made nowhere else
    expected = ba.csr_jacobian(
        jax.jit(ba.per_observation)(*inputs), *inputs[4:], cameras=3, points=4
    )
    np.testing.assert_allclose(
        values(jnp.full(31 * 7, jnp.nan), *inputs), expected.data, rtol=1e-11, atol=1e-11
    )


def cost(fn, inputs):
    """What XLA counts in `fn` as it is written: `"flops"` and `"transcendentals"`."""
    return jax.jit(fn).lower(*inputs).cost_analysis() or {}


@counted_by_xla
def test_ba_blocks_compute_each_rotation_once_whatever_the_number_of_observations():
    few, many = (cost(ba.block_jacobian, data.draw_ba(3, 4, count)) for count in (5, 500))
    assert few["transcendentals"] == many["transcendentals"] > 0


@pytest.fixture
def model():
    return data.draw_model(6, 5, seed=1)


def test_hand_and_its_jacobian_are_the_oracles(model):
    prepared, theta = hand.prepare(model), data.draw_pose(4, 6, seed=2)[0]
    poses = theta, theta * np.r_[np.zeros(3), np.ones(23)], np.zeros(26)  # not turned, at rest
    assert_right(
        hand.vertices,
        lambda theta, _: oracles.hand_vertices(theta, model),
        [(jnp.asarray(pose), prepared) for pose in poses],
        (0,),
        compressed=lambda *inputs: (hand.vertices_jacobian(*inputs),),
    )


def test_hand_is_translated_once_even_if_weights_do_not_sum_to_one(model):
    model = model._replace(weights=model.weights * np.linspace(0.5, 1.5, 6)[:, None])
    theta, *_ = arrays(data.draw_pose(4, 6))
    expected = oracles.hand_vertices(theta, model)
    actual = jax.jit(hand.vertices)(theta, hand.prepare(model))
    np.testing.assert_allclose(actual, expected, atol=1e-13)


@pytest.mark.parametrize("count", [4, 9])  # points, of 6 vertices
def test_hand_complicated_has_the_compressed_jacobian_that_jacrev_gives(model, count):
    theta, uv, triangle, points = arrays(data.draw_pose(count, 5))
    inputs = theta, uv, hand.prepare(model), model.triangles[triangle], points
    dense_form = jax.jacrev(hand.complicated, (0, 1))
    forms = hand.complicated, dense_form, hand.complicated_jacobian, hand.value_and_complicated
    value, dense, *others = jax.jit(lambda *inputs: [form(*inputs) for form in forms])(*inputs)
    compressed, (value_by_finger, by_finger) = others
    np.testing.assert_allclose(value_by_finger, value, atol=1e-13)
    diagonal = np.array([dense[1][point, :, point] for point in range(count)])
    for jacobian in (compressed, by_finger):
        np.testing.assert_allclose(jacobian[0], dense[0], atol=1e-13)
        np.testing.assert_allclose(jacobian[1], diagonal, atol=1e-13)
    assert np.count_nonzero(dense[1]) == np.count_nonzero(diagonal)  # all else is zero


@pytest.mark.parametrize("count", [4, 9])  # points, of 6 vertices
def test_hand_chooses_vertices_before_the_product_or_after_it_with_one_result(model, count):
    theta, _, index, points = arrays(data.draw_pose(count, 6))
    inputs = theta, hand.prepare(model), index, points

    @jax.jit
    def everything(*inputs):
        whole = hand.vertices_jacobian(*inputs[:2])
        compressed = hand.simple(*inputs), hand.simple_jacobian(*inputs)
        return whole, [compressed, hand.value_and_simple(*inputs)]

    posed = oracles.hand_vertices(np.asarray(theta), model)
    whole, forms = everything(*inputs)
    for value, (jacobian,) in forms:
        np.testing.assert_allclose(value, points - posed[index], atol=1e-13)
        np.testing.assert_allclose(jacobian, -whole[index], atol=1e-13)


@counted_by_xla
def test_hand_compressed_takes_fewer_operations_than_all_directions_at_once():
    inputs = np.zeros(26), hand.prepare(data.draw_model())
    forms = hand.transforms_jacobian, jax.jacfwd(hand.transforms)
    compressed, dense = (cost(form, inputs)["flops"] for form in forms)
    assert compressed < 0.6 * dense


@counted_by_xla
@pytest.mark.parametrize("count", [400, 1600])  # points, of 544 vertices
def test_hand_by_finger_takes_half_of_the_compressed_forms_operations(count):
    theta, _, index, points = data.draw_pose(count, 544)
    inputs = theta, hand.prepare(data.draw_model()), index, points
    forms = lambda *i: (hand.simple(*i), hand.simple_jacobian(*i)), hand.value_and_simple
    compressed, by_finger = (cost(form, inputs)["flops"] for form in forms)
    assert by_finger < 0.5 * compressed


def test_hand_refuses_bones_that_are_attached_otherwise(model):
    parents = model.parents.copy()
    parents[7] = 5
    with pytest.raises(ValueError, match="each on the one before and the first on the wrist; got"):
        hand.prepare(model._replace(parents=parents))


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.0999, 0.1001, 2.5, 4.0])
def test_rotation_is_that_of_scipy(angle):
    r = angle * np.array([2.0, -1.0, 2.0]) / 3
    actual = np.array(jax.jit(rotation_matrix)(jnp.asarray(r)))
    np.testing.assert_allclose(actual, Rotation.from_rotvec(r).as_matrix(), atol=1e-15)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_the_derivative_of_a_rotation_by_zero_is_the_cross_product(mode):
    jacobian = jax.jit(mode(lambda r: jnp.array(rotation_matrix(r))))(jnp.zeros(3))
    for axis in range(3):
        expected = np.cross(np.eye(3)[axis], np.eye(3)).T
        np.testing.assert_array_equal(jacobian[:, :, axis], expected)


@pytest.mark.parametrize(("order", "rtol"), [(0, 1e-15), (1, 1e-13), (2, 1e-10)])
def test_sinc_of_root_and_its_derivatives_are_the_power_series(order, rtol):
    """On both sides of 0.01, where the code switches from a short series to the quotient."""
    s = jnp.array([0.0, 1e-12, 0.00999, 0.01001, 0.3])
    coefficients = np.cumprod([1.0, *(-1.0 / (2 * k * (2 * k + 1)) for k in range(1, 15))])
    expected = np.polynomial.Polynomial(coefficients).deriv(order)(np.asarray(s))
    fn = sinc_of_root
    for _ in range(order):
        fn = jax.grad(fn)
    np.testing.assert_allclose(jax.jit(jax.vmap(fn))(s), expected, rtol=rtol)


def test_scenarios_are_listed_without_being_built():
    assert all(name.startswith("adbench/") for name in scenarios("large"))


def test_a_folder_that_does_not_exist_is_refused_and_so_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder of ADBench's files at .*elsewhere"):
        scenarios("small", tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        scenarios("small", tmp_path)["adbench/ba_test"]()
