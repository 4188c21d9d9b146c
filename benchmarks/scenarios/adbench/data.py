"""Inputs of ADBench's problems: drawn from a seed in its sizes, or read from its own files.

The files are those of microsoft/ADBench (MIT licence), which gradwise does not contain.
"""

from pathlib import Path

import numpy as np

from .gmm import STANDARD, Wishart
from .hand import THETA, Model

_BONES = 22


def draw_gmm(dim: int, components: int, points: int, *, seed: int = 0) -> tuple[tuple, Wishart]:
    """Draw the inputs of `gmm.objective` for D, K, N; return them and the prior.

    Example:
        >>> [part.shape for part in draw_gmm(2, 3, 4)[0]]
        [(3,), (3, 2), (3, 3), (4, 2)]
    """
    random = np.random.default_rng(seed)
    alphas = random.standard_normal(components)
    means = random.uniform(size=(components, dim))
    icf = random.standard_normal((components, dim * (dim + 1) // 2))
    return (alphas, means, icf, random.standard_normal((points, dim))), STANDARD


def read_gmm(path: Path) -> tuple[tuple, Wishart]:
    r"""Read the inputs of `gmm.objective` from ADBench's file; return them and the prior.

    Raises:
        ValueError: If the file has more or fewer lines than it announces.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "gmm.txt"
        >>> _ = path.write_text("1 1 2\n0.5\n3\n0\n7\n8\n1 0\n")  # D K N, alpha, mu, icf, x, prior
        >>> (alphas, means, icf, x), prior = read_gmm(path)
        >>> x.tolist(), prior
        ([[7.0], [8.0]], Wishart(gamma=1.0, m=0))
    """
    rows = _rows(path)
    _, components, points = (int(number) for number in rows[0])
    gamma, m = rows[-1]
    alphas, means, icf, x = _blocks(path, rows[1:-1], components, components, components, points)
    return (alphas[:, 0], means, icf, x), Wishart(gamma, int(m))


def draw_ba(cameras: int, points: int, observations: int, *, seed: int = 0) -> tuple:
    """Draw the inputs of `ba.residuals`, with cameras and points that differ a little.

    Example:
        >>> [part.shape for part in draw_ba(2, 3, 4)]
        [(2, 11), (3, 3), (4,), (4, 2), (4,), (4,)]
    """
    random = np.random.default_rng(seed)
    camera = np.array([0.3, -0.2, 0.1, 1.0, 2.0, -30.0, 400.0, 5.0, -8.0, 0.05, 0.002])
    return (
        camera * (1 + 0.1 * random.standard_normal((cameras, len(camera)))),
        np.array([4.0, 1.0, 3.0]) + random.standard_normal((points, 3)),
        random.uniform(size=observations),
        100 * random.standard_normal((observations, 2)),
        *_observations(cameras, points, observations),
    )


def read_ba(path: Path) -> tuple:
    r"""Read the inputs of `ba.residuals` from ADBench's file.

    The file holds one camera, point, weight and feature, and how often each is repeated.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "ba.txt"
        >>> camera = "0 0 0 0 0 0 2 0 0 0 0"
        >>> _ = path.write_text(f"2 3 4\n{camera}\n1 3 2\n0.5\n7 8\n")
        >>> [part.shape for part in read_ba(path)]
        [(2, 11), (3, 3), (4,), (4, 2), (4,), (4,)]
    """
    rows = _rows(path)
    cameras, points, observations = (int(number) for number in rows[0])
    counts = (cameras, points, observations, observations)
    camera, point, weight, feature = (
        np.tile(row, (count, 1)) for row, count in zip(rows[1:5], counts, strict=True)
    )
    return camera, point, weight[:, 0], feature, *_observations(cameras, points, observations)


def draw_lstm(layers: int, length: int, width: int, *, seed: int = 0) -> tuple:
    """Draw the inputs of `lstm.objective` for l, c, b.

    Example:
        >>> [part.shape for part in draw_lstm(2, 5, 3)]
        [(2, 2, 12), (3, 3), (2, 2, 3), (5, 3)]
    """
    random = np.random.default_rng(seed)
    shapes = (layers, 2, 4 * width), (3, width), (layers, 2, width)
    sequence = random.integers(0, 2, (length, width)).astype(np.float64)
    return *(random.uniform(size=shape) for shape in shapes), sequence


def read_lstm(path: Path) -> tuple:
    r"""Read the inputs of `lstm.objective` from ADBench's file.

    Raises:
        ValueError: If the file has more or fewer lines than it announces.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "lstm.txt"
        >>> lines = ["1 2 1", *["0 0 0 0"] * 2, *["1"] * 3, *["0"] * 2, *["1"] * 2]
        >>> _ = path.write_text("\n".join(lines))
        >>> [part.shape for part in read_lstm(path)]
        [(1, 2, 4), (3, 1), (1, 2, 1), (2, 1)]
    """
    rows = _rows(path)
    layers, length, width = (int(number) for number in rows[0])
    main, extra, state, sequence = _blocks(path, rows[1:], 2 * layers, 3, 2 * layers, length)
    return main.reshape(layers, 2, 4 * width), extra, state.reshape(layers, 2, width), sequence


def draw_model(vertices: int = 544, triangles: int = 1084, *, seed: int = 0) -> Model:
    """Draw a hand of ADBench's anatomy and sizes, with bones in random positions.

    Example:
        >>> model = draw_model(10, 4)
        >>> model.positions.shape, model.weights.shape, model.triangles.shape
        ((10, 3), (10, 22), (4, 3))
    """
    random = np.random.default_rng(seed)
    parents = np.array([-1, *(0 if bone % 4 == 1 else bone - 1 for bone in range(1, _BONES))])
    relative = np.zeros((_BONES, 4, 4))
    orthogonal = np.linalg.qr(random.standard_normal((_BONES, 3, 3)))[0]
    relative[:, :3, :3] = orthogonal * np.linalg.det(orthogonal)[:, None, None]  # no reflections
    relative[:, :3, 3] = 0.1 * random.standard_normal((_BONES, 3))
    relative[:, 3, 3] = 1.0
    absolute = np.array(relative)
    for bone in range(1, _BONES):
        absolute[bone] = absolute[parents[bone]] @ relative[bone]
    weights = random.uniform(size=(vertices, _BONES))
    weights[weights < np.sort(weights, axis=1)[:, -4:-3]] = 0.0  # at most four bones a vertex
    return Model(
        parents=parents,
        relative=relative,
        inverse=np.linalg.inv(absolute),
        positions=0.1 * random.standard_normal((vertices, 3)),
        weights=weights / weights.sum(axis=1, keepdims=True),
        triangles=random.integers(0, vertices, (triangles, 3), np.int32),
    )


def read_model(folder: Path) -> Model:
    """Read the hand in ADBench's folder `hand/model`."""
    bones = _fields(folder / "bones.txt")
    transforms = np.array([[float(number) for number in bone[2:34]] for bone in bones])
    relative, inverse = np.split(transforms.reshape(-1, 8, 4), 2, axis=1)
    vertices = _fields(folder / "vertices.txt")
    weights = np.zeros((len(vertices), len(bones)))
    for row, vertex in zip(weights, vertices, strict=True):
        pairs = vertex[9 : 9 + 2 * int(vertex[8])]
        row[[int(bone) for bone in pairs[::2]]] = [float(weight) for weight in pairs[1::2]]
    return Model(
        parents=np.array([int(bone[1]) for bone in bones]),
        relative=relative,
        inverse=inverse,
        positions=np.array([[float(number) for number in vertex[:3]] for vertex in vertices]),
        weights=weights,
        triangles=np.array(_fields(folder / "triangles.txt"), np.int32),
    )


def draw_pose(points: int, choices: int, *, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Draw a pose of the hand, and measured points.

    Args:
        points: The number N of measured points.
        choices: How many vertices or triangles the hand has.
        seed: Seed of all numbers.

    Returns:
        The pose `[26]`; of each point the coordinates u and v in a triangle `[N, 2]`, the vertex or
        triangle it lies on `[N]`, and its position `[N, 3]`.

    Example:
        >>> [part.shape for part in draw_pose(5, 10)]
        [(26,), (5, 2), (5,), (5, 3)]
    """
    random = np.random.default_rng(seed)
    theta, uv = random.standard_normal(THETA), random.uniform(0, 0.5, (points, 2))
    index = random.integers(0, choices, points, np.int32)
    return theta, uv, index, random.standard_normal((points, 3))


def read_pose(path: Path) -> tuple[np.ndarray, ...]:
    r"""Read what `draw_pose` draws from ADBench's file; the simple variant has no u and v.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "pose.txt"
        >>> _ = path.write_text("\n".join(["1 26", "4 0.1 0.2 0.3", *["0"] * 26]))
        >>> theta, uv, index, points = read_pose(path)
        >>> uv.shape, index, points
        ((0, 2), array([4], dtype=int32), array([[0.1, 0.2, 0.3]]))
    """
    rows = _rows(path)
    count = int(rows[0][0])
    measured, uv = np.array(rows[1 : count + 1]), rows[count + 1 : -THETA]
    theta = np.array(rows[-THETA:])[:, 0]
    return theta, np.reshape(uv, (-1, 2)), measured[:, 0].astype(np.int32), measured[:, 1:]


def _observations(cameras: int, points: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    index = np.arange(count, dtype=np.int32)
    return index % cameras, index % points


def _rows(path: Path) -> list[list[float]]:
    """Return the numbers of a file line by line, without blank lines."""
    lines = path.read_text().splitlines()
    return [[float(number) for number in line.split()] for line in lines if line.strip()]


def _fields(path: Path) -> list[list[str]]:
    return [line.split(":") for line in path.read_text().splitlines() if line.strip()]


def _blocks(path: Path, rows: list[list[float]], *counts: int) -> list[np.ndarray]:
    """Return the first `counts[0]` rows as an array, the next `counts[1]` as another, and so on."""
    if len(rows) != sum(counts):
        raise ValueError(f"{path} announces {sum(counts)} lines of numbers and has {len(rows)}")
    ends = np.cumsum(counts)
    return [np.array(rows[end - count : end]) for end, count in zip(ends, counts, strict=True)]
