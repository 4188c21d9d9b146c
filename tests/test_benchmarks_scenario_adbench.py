"""ADBench's problems against written-out NumPy: value and derivative, edges, and what they cost."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
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


def assert_right(fn, oracle, examples, argnums, *, also=None):
    """Value and Jacobian are the oracle's, entry by entry, in both modes; `also` is a third."""
    modes = [jax.jacfwd(fn, argnums), jax.jacrev(fn, argnums), *([also] if also else [])]
    compiled = jax.jit(lambda *inputs: [each(*inputs) for each in (fn, *modes)])
    for example in examples:
        value, *jacobians = compiled(*example)
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


@pytest.mark.parametrize(("dim", "gamma", "m"), [(1, 0.7, 2), (2, 1.0, 0), (4, 1.3, 5)])
def test_gmm_with_either_prior_is_the_written_out_sum_and_so_is_its_gradient(dim, gamma, m):
    inputs, _ = arrays(data.draw_gmm(dim, 3, 5, seed=dim))
    signed = partial(gmm.objective, wishart=gmm.Wishart(gamma, m))
    oracle = partial(oracles.gmm, gamma=gamma, m=m)
    assert_right(
        lambda *inputs: jnp.array([signed(*inputs, prior_sign=sign) for sign in (1, -1)]),
        lambda *inputs: np.array([oracle(*inputs, prior_sign=sign) for sign in (1, -1)]),
        [inputs],
        (0, 1, 2),
    )


def test_gmm_refuses_what_does_not_fit():
    (alphas, means, icf, x), _ = arrays(data.draw_gmm(3, 2, 5))
    with pytest.raises(ValueError, match=r"prior_sign must be 1 .* or -1, got 0"):
        gmm.objective(alphas, means, icf, x, prior_sign=0)
    with pytest.raises(ValueError, match="= 6 columns for points of D = 3 coordinates, got 5"):
        gmm.objective(alphas, means, icf[:, :5], x)


def test_gmm_stays_finite_where_exponentials_would_not():
    (alphas, means, icf, x), _ = arrays(data.draw_gmm(2, 3, 4))
    inputs = alphas * 1e4, means, icf, x * 1e3
    value, gradient = jax.jit(jax.value_and_grad(gmm.objective))(*inputs)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("layers", [1, 3])
def test_lstm_is_the_written_out_recurrence_and_so_is_its_gradient(layers):
    inputs = arrays(data.draw_lstm(layers, 5, 2, seed=layers))
    assert_right(lstm.objective, oracles.lstm, [inputs], (0, 1))


def ba_inputs():
    """3 cameras, of which one does not turn at all, 4 points and 7 observations."""
    cameras, *others = data.draw_ba(3, 4, 7)
    cameras[1, :3] = 0.0
    return arrays((cameras, *others))


def test_ba_is_the_written_out_projection_and_so_is_its_jacobian():
    def oracle(*inputs):
        return np.concatenate([np.ravel(part) for part in oracles.ba(*inputs)])

    assert_right(lambda *inputs: flat(ba.residuals(*inputs)), oracle, [ba_inputs()], (0, 1, 2))


@pytest.mark.parametrize("derivative", [ba.block_jacobian, ba.per_observation])
def test_ba_blocks_as_csr_are_the_dense_jacobian(derivative, monkeypatch):
    monkeypatch.setattr(ba, "_CHUNK", 3)  # 7 observations: the last chunk overlaps the one before
    inputs = ba_inputs()

    @jax.jit
    def both(*inputs):
        dense = jax.jacfwd(lambda *x: flat(ba.residuals(*x, *inputs[3:])), (0, 1, 2))(*inputs[:3])
        return dense, ba.csr_jacobian(derivative(*inputs), *inputs[4:], cameras=3, points=4)

    dense, sparse = both(*inputs)
    assert sparse.indices.dtype == jnp.int32
    matrix = csr_matrix(tuple(map(np.asarray, sparse)), shape=(21, 3 * 11 + 4 * 3 + 7))
    assert matrix.has_canonical_format
    expected = np.concatenate([np.reshape(part, (21, -1)) for part in dense], axis=1)
    np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-11, atol=1e-11)


def cost(fn, inputs):
    """What XLA counts in `fn` as it is written: `"flops"` and `"transcendentals"`."""
    return jax.jit(fn).lower(*inputs).cost_analysis() or {}


def test_ba_blocks_turn_each_camera_once_however_often_it_is_seen():
    few, many = (cost(ba.block_jacobian, data.draw_ba(3, 4, count)) for count in (5, 500))
    assert few["transcendentals"] == many["transcendentals"] > 0


@pytest.fixture
def model():
    return data.draw_model(6, 5, seed=1)


def test_hand_is_the_written_out_skeleton_and_so_is_its_jacobian(model):
    ready, theta = hand.prepare(model), data.draw_pose(4, 6, seed=2)[0]
    poses = theta, theta * np.r_[np.zeros(3), np.ones(23)], np.zeros(26)  # not turned, at rest
    assert_right(
        hand.vertices,
        lambda theta, _: oracles.hand_vertices(theta, model),
        [(jnp.asarray(pose), ready) for pose in poses],
        (0,),
        also=lambda *inputs: (hand.vertices_jacobian(*inputs),),
    )


def test_hand_is_translated_once_even_where_weights_do_not_add_up_to_one(model):
    model = model._replace(weights=model.weights * np.linspace(0.5, 1.5, 6)[:, None])
    theta, *_ = arrays(data.draw_pose(4, 6))
    expected = oracles.hand_vertices(theta, model)
    found = jax.jit(hand.vertices)(theta, hand.prepare(model))
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_hand_complicated_compresses_to_28_directions(model):
    theta, uv, triangle, points = arrays(data.draw_pose(4, 5))
    inputs = theta, uv, hand.prepare(model), model.triangles[triangle], points
    forms = jax.jacrev(hand.complicated, (0, 1)), hand.complicated_jacobian
    dense, compressed = jax.jit(lambda *inputs: [form(*inputs) for form in forms])(*inputs)
    np.testing.assert_allclose(compressed[0], dense[0], atol=1e-13)
    own = np.array([dense[1][point, :, point] for point in range(4)])
    np.testing.assert_allclose(compressed[1], own, atol=1e-13)
    assert np.count_nonzero(dense[1]) == np.count_nonzero(own)  # nothing was left out


def test_hand_compressed_does_less_arithmetic_than_all_directions_at_once():
    theta, _, index, points = data.draw_pose(100, 544)
    inputs = theta, hand.prepare(data.draw_model()), index, points
    compressed, dense = (cost(fn, inputs) for fn in (hand.simple_jacobian, jax.jacfwd(hand.simple)))
    assert compressed["flops"] < 0.6 * dense["flops"]


def test_hand_refuses_bones_that_are_linked_otherwise(model):
    parents = model.parents.copy()
    parents[7] = 5
    with pytest.raises(ValueError, match="each on the one before and the first on the wrist; got"):
        hand.prepare(model._replace(parents=parents))


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.0999, 0.1001, 2.5, 4.0])
def test_rotation_is_scipys(angle):
    r = angle * np.array([2.0, -1.0, 2.0]) / 3
    found = np.array(rotation_matrix(jnp.asarray(r)))
    np.testing.assert_allclose(found, Rotation.from_rotvec(r).as_matrix(), atol=1e-15)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_rotation_by_nothing_has_the_cross_product_as_its_derivative(mode):
    jacobian = jax.jit(mode(lambda r: jnp.array(rotation_matrix(r))))(jnp.zeros(3))
    for axis in range(3):
        expected = np.cross(np.eye(3)[axis], np.eye(3)).T
        np.testing.assert_array_equal(jacobian[:, :, axis], expected)


@pytest.mark.parametrize(("order", "rtol"), [(0, 1e-15), (1, 1e-13), (2, 1e-10)])
def test_sinc_of_root_joins_its_series_smoothly(order, rtol):
    """Below and above the switch at 0.01 it is the power series of far more terms."""
    s = jnp.array([0.0, 1e-12, 0.00999, 0.01001, 0.3])
    coefficients = np.cumprod([1.0, *(-1.0 / (2 * k * (2 * k + 1)) for k in range(1, 15))])
    expected = np.polynomial.Polynomial(coefficients).deriv(order)(np.asarray(s))
    fn = sinc_of_root
    for _ in range(order):
        fn = jax.grad(fn)
    np.testing.assert_allclose(jax.jit(jax.vmap(fn))(s), expected, rtol=rtol)


def test_cases_are_listed_without_building_them_and_refuse_a_folder_that_is_not_there(tmp_path):
    assert all(name.startswith("adbench/") for name in scenarios("large"))
    with pytest.raises(FileNotFoundError, match=r"no folder of ADBench's files at .*elsewhere"):
        scenarios("small", tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        scenarios("small", tmp_path)["adbench/ba_test"]()
