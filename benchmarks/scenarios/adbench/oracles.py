"""The four problems in NumPy, written out number by number, to check the measured forms against.

Nothing here is fast, and nothing is shared with the measured forms.
"""

import itertools
import math

import numpy as np

from .hand import Model


def gmm(
    alphas: np.ndarray,
    means: np.ndarray,
    icf: np.ndarray,
    x: np.ndarray,
    *,
    gamma: float = 1.0,
    m: int = 0,
    prior_sign: int = 1,
) -> float:
    """Compute the Gaussian mixture's log-likelihood and prior; arguments as in `gmm.objective`.

    Example:
        >>> zeros = np.zeros(1), np.zeros((1, 2)), np.zeros((1, 3)), np.zeros((4, 2))
        >>> round(gmm(*zeros), 4)
        -3.8205
    """
    (points, dim), components = np.shape(x), len(alphas)
    value = -points * dim / 2 * math.log(2 * math.pi) - points * _log_sum_exp(alphas)
    prior = 0.0
    triangles = []
    for row in np.asarray(icf):
        triangle, entries = np.diag(np.exp(row[:dim])), iter(row[dim:])
        for column in range(dim):
            for below in range(column + 1, dim):
                triangle[below, column] = next(entries)
        triangles.append(triangle)
        prior += gamma**2 / 2 * np.sum(triangle**2) - m * np.sum(row[:dim])
    for point in np.asarray(x):
        terms = []
        for k in range(components):
            whitened = triangles[k] @ (point - means[k])
            terms.append(alphas[k] + np.sum(icf[k][:dim]) - whitened @ whitened / 2)
        value += _log_sum_exp(terms)
    freedom = dim + m + 1
    log_gamma = math.log(math.pi) * dim * (dim - 1) / 4
    for i in range(1, dim + 1):
        log_gamma += math.lgamma(freedom / 2 + (1 - i) / 2)
    normaliser = freedom * dim * math.log(gamma / math.sqrt(2)) - log_gamma
    return float(value + prior_sign * (prior - components * normaliser))


def ba(
    cameras: np.ndarray,
    points: np.ndarray,
    weights: np.ndarray,
    features: np.ndarray,
    camera_index: np.ndarray,
    point_index: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the residuals of bundle adjustment; arguments as in `ba.residuals`.

    Example:
        >>> camera = np.array([[0.0] * 6 + [2.0] + [0.0] * 4])
        >>> zero = np.zeros(1, int)
        >>> ba(camera, np.array([[1.0, 3.0, 2.0]]), np.ones(1), np.zeros((1, 2)), zero, zero)
        (array([[1., 3.]]), array([0.]))
    """
    reprojection = []
    for i, (camera, point) in enumerate(zip(camera_index, point_index, strict=True)):
        r, centre, focal, principal, radial = np.split(np.asarray(cameras[camera]), [3, 6, 7, 9])
        seen = rotate(r, points[point] - centre)
        u = seen[:2] / seen[2]
        squared = u @ u
        distorted = u * (1 + radial[0] * squared + radial[1] * squared**2)
        reprojection.append(weights[i] * (focal * distorted + principal - features[i]))
    return np.array(reprojection), 1 - np.square(weights)


def lstm(main: np.ndarray, extra: np.ndarray, state: np.ndarray, sequence: np.ndarray) -> float:
    """Compute the loss of the diagonal LSTM; arguments as in `lstm.objective`.

    Example:
        >>> zeros = np.zeros((1, 2, 8)), np.zeros((3, 2)), np.zeros((1, 2, 2))
        >>> round(lstm(*zeros, np.ones((3, 2))), 6)
        1.386294
    """
    states = [(hidden, cell) for hidden, cell in np.asarray(state)]
    width, total = np.shape(sequence)[1], 0.0
    for here, after in itertools.pairwise(sequence):
        x = here * extra[0]
        for k, (weight, bias) in enumerate(np.asarray(main)):
            hidden, cell = states[k]
            gates = np.concatenate([x, hidden, x, hidden]) * weight + bias
            forget, taken, output = (1 / (1 + np.exp(-g)) for g in np.split(gates, 4)[:3])
            cell = cell * forget + taken * np.tanh(gates[3 * width :])
            x = output * np.tanh(cell)
            states[k] = (x, cell)
        y = x * extra[1] + extra[2]
        total += after @ (y - np.log(2 + np.sum(np.exp(y))))
    return float(-total / ((len(sequence) - 1) * width))


def hand_vertices(theta: np.ndarray, model: Model) -> np.ndarray:
    """Compute the vertices `[vertices, 3]` of an unprepared hand at the pose `theta` `[26]`.

    Example:
        >>> still = np.broadcast_to(np.eye(4), (22, 4, 4))
        >>> model = Model(
        ...     np.array([-1, *(0 if bone % 4 == 1 else bone - 1 for bone in range(1, 22))]),
        ...     still, still, np.ones((1, 3)), np.eye(1, 22), np.zeros((1, 3), int),
        ... )
        >>> hand_vertices(np.eye(26)[3], model)  # moved by 1 along x
        array([[2., 1., 1.]])
    """
    absolute: list[np.ndarray] = []
    for bone, parent in enumerate(model.parents):
        in_parent = model.relative[bone] @ _joint(theta, bone)
        absolute.append(in_parent if parent < 0 else absolute[parent] @ in_parent)
    posed = []
    for position, weights in zip(model.positions, model.weights, strict=True):
        vertex = np.zeros(4)
        for bone in np.flatnonzero(weights):
            here = absolute[bone] @ model.inverse[bone] @ np.append(position, 1.0)
            vertex += weights[bone] * here
        posed.append(rotate(theta[:3], vertex[:3]) + theta[3:6])
    return np.array(posed)


def rotate(r: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Turn a vector by |r| radians about r, by Rodrigues' formula for vectors.

    Example:
        >>> rotate(np.array([0.0, 0.0, np.pi / 2]), np.array([1.0, 0.0, 0.0])).round(9)
        array([0., 1., 0.])
    """
    angle = np.linalg.norm(r)
    if angle == 0:
        return vector + _cross(r, vector)
    axis = r / angle
    turned = vector * np.cos(angle) + _cross(axis, vector) * np.sin(angle)
    return turned + axis * (axis @ vector) * (1 - np.cos(angle))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the cross product of two vectors; `np.cross` takes ten times as long."""
    (a1, a2, a3), (b1, b2, b3) = a.tolist(), b.tolist()
    return np.array([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1])


def _joint(theta: np.ndarray, bone: int) -> np.ndarray:
    """Return the rotation Rz(spread) Rx(flexion) of a bone's joint as a 4 x 4 transform."""
    finger, joint = divmod(bone - 1, 4)
    if bone == 0 or finger > 4 or joint == 0:
        return np.eye(4)
    angles = theta[6 + 4 * finger : 10 + 4 * finger]
    flexion, spread = (angles[0], angles[1]) if joint == 1 else (angles[joint], 0.0)
    transform = np.eye(4)
    about_x = [rotate(np.array([flexion, 0, 0]), axis) for axis in np.eye(3)]
    for column, axis in enumerate(about_x):
        transform[:3, column] = rotate(np.array([0, 0, spread]), axis)
    return transform


def _log_sum_exp(values: list | np.ndarray) -> float:
    top = np.max(values)
    return float(top + math.log(np.sum(np.exp(np.asarray(values) - top))))
