"""Shift and scale features by the figures of the training part, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._equality import same_fields
from .._global_arrays import local
from .._precision import at_least_float32, wide_dtype
from .._text import excerpt
from .._types import Tree
from .accepted import check_no_targets, tree_of_rows
from .arrays import Array, as_arrays

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaler:
    """What `train.data.scaler` makes: `scaler(x)` scales, and `scaler.inverse(z)` undoes it.

    Both take NumPy's arrays and JAX's, under `jit` too, with any axes in front of a row's, and give
    float32 of the same kind. NaN stays where it is.

    Attributes:
        center: What is subtracted from each feature, a tree of float64 arrays of a row's shape.
        scale: What the difference is divided by, such a tree.

    Example:
        >>> import jax, numpy as np
        >>> from gradwise import train
        >>> scaler = train.data.scaler({"age": np.array([30.0, 50.0])})
        >>> scaler
        Scaler(1 array, 1 feature)
        >>> scaler({"age": np.array([60.0])})
        {'age': array([2.], dtype=float32)}
        >>> jax.jit(scaler.inverse)({"age": np.array([2.0])})
        {'age': Array([60.], dtype=float32)}
    """

    center: Tree
    scale: Tree

    def __call__(self, x: T) -> T:
        """Return `(x - center) / scale`, of arrays `[..., *row]`.

        Raises:
            ValueError: If `x` has other leaves than the training part, or rows of another shape.
        """
        return self._map(_scaled, x)

    def inverse(self, x: T) -> T:
        """Return `x * scale + center`, which undoes the scaling, of arrays `[..., *row]`.

        Raises:
            ValueError: If `x` has other leaves than the training part, or rows of another shape.

        Example:
            >>> import numpy as np
            >>> from gradwise import train
            >>> scaler = train.data.scaler(np.array([[1.0], [3.0]]))
            >>> scaler.inverse(scaler(np.array([[7.0]])))
            array([[7.]], dtype=float32)
        """
        return self._map(_unscaled, x)

    def _map(self, fn: Callable[[Array, np.ndarray, np.ndarray], Array], x: T) -> T:
        x = as_arrays("x", x)
        wanted, got = jax.tree.structure(self.center), jax.tree.structure(x)
        if wanted != got:
            raise ValueError(f"scaler was made of a tree {wanted}, got {excerpt(got)}")
        for (path, leaf), row in zip(
            jax.tree.leaves_with_path(x), jax.tree.leaves(self.center), strict=True
        ):
            if leaf.shape[max(leaf.ndim - row.ndim, 0) :] != row.shape:
                raise ValueError(
                    f"scaler was made of rows {row.shape}, got x{jax.tree_util.keystr(path)} of "
                    f"shape {leaf.shape}"
                )
        return jax.tree.map(fn, x, self.center, self.scale)

    def __eq__(self, other: object) -> bool:
        """Compare all figures."""
        return same_fields(self, other)

    def __hash__(self) -> int:
        """Return a hash of the structure and the shapes, so that `jax.jit` takes a scaler."""
        leaves, structure = jax.tree.flatten(self.center)
        return hash((structure, *(leaf.shape for leaf in leaves)))

    def __repr__(self) -> str:
        """Return one line: how many arrays and features, no numbers."""
        leaves = jax.tree.leaves(self.center)
        counts = {"array": len(leaves), "feature": sum(leaf.size for leaf in leaves)}
        words = (f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
        return f"Scaler({', '.join(words)})"


def scaler(
    train_x: Tree, *, nan: Literal["raise", "ignore"] = "raise", axis: int | tuple[int, ...] = 0
) -> Scaler:
    """Return what shifts and scales features to mean 0 and deviation 1 over the training rows.

    A feature that is constant is only shifted. The figures are computed in float64.

    Args:
        train_x: Features of the training part, a pytree of arrays `[rows, ...]` of any numbers.
        nan: "raise" an error where a feature is NaN, or "ignore" such entries: the figures are
            those of the others.
        axis: Over which axes, beside the rows, the features share a figure: for images
            `[rows, height, width, channels]`, `axis=(0, 1, 2)` is one figure for each channel.

    Raises:
        ValueError: If an entry is infinite, or NaN and not to be ignored; if a feature has nothing
            but NaN; or if `axis` leaves out the rows.
        TypeError: If a leaf holds no numbers, or there are targets beside the features.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> scaler = train.data.scaler(np.array([[1, 5], [3, 5]]))
        >>> scaler(np.array([[5, 6]]))
        array([[3., 1.]], dtype=float32)
        >>> train.data.scaler(np.array([[1.0, 5.0], [3.0, np.nan]]))
        Traceback (most recent call last):
        ValueError: train_x is not finite in 1 of 2 rows: feature 1 is nan in row 1: ...
    """
    if nan not in ("raise", "ignore"):
        raise ValueError(f'nan must be "raise" or "ignore", got {nan!r}')
    check_no_targets("train_x", train_x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if 0 not in axes:
        raise ValueError(f"scaler axis must include 0, the rows, got {axis!r}")
    leaves, structure = jax.tree.flatten_with_path(tree_of_rows("train_x", train_x))
    figures = [
        _figures(
            f"train_x{jax.tree_util.keystr(path)}", np.asarray(local(leaf)), nan == "ignore", axes
        )
        for path, leaf in leaves
    ]
    center, scale = (structure.unflatten(part) for part in zip(*figures, strict=True))
    return Scaler(center=center, scale=scale)


def standardize(
    train_x: Tree, *others: Tree, nan: Literal["raise", "ignore"] = "raise"
) -> tuple[Tree, ...]:
    """Shift and scale features `[rows, ...]` to mean 0 and deviation 1 over the training rows.

    All parts are scaled by the `scaler` of the training part, so that nothing of the others leaks
    into training. A feature that is constant there is only shifted. The results are float32.

    Args:
        train_x: The features of the training part, a pytree of arrays.
        others: The features of further parts, such as validation and test.
        nan: What to do where a feature of the training part is NaN, see `scaler`.

    Returns:
        The parts in the same order.

    Raises:
        ValueError: If an entry of the training part is infinite, or NaN and not to be ignored; or
            if parts have other leaves, or rows of another shape.
        TypeError: If a leaf holds no numbers, or there are targets beside the features.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> train_x, test_x = train.data.standardize(np.array([[1.0], [3.0]]), np.array([[5.0]]))
        >>> train_x.ravel().tolist(), test_x.ravel().tolist()
        ([-1.0, 1.0], [3.0])
    """
    scale = scaler(train_x, nan=nan)
    return tuple(scale(part) for part in (train_x, *others))


def _figures(
    name: str, x: np.ndarray, ignore: bool, axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return center and scale of one array, both of a row's shape in float64."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"{name} must be real, got {x.dtype}: give its parts as two features")
    x = x.astype(np.float64)
    _check_finite(name, x, ignore)
    count = (~np.isnan(x)).sum(axis=axes, keepdims=True)
    if not count.all():
        index = np.argwhere(np.broadcast_to(count, (1, *x.shape[1:]))[0] == 0)[0]
        raise ValueError(f"{name} holds nothing but NaN in {_feature(index)}: leave it out")
    center = np.where(np.isnan(x), 0, x).sum(axis=axes, keepdims=True) / count
    squares = np.where(np.isnan(x), 0, (x - center) ** 2)
    deviation = np.sqrt(squares.sum(axis=axes, keepdims=True) / count)
    scale = np.where(deviation > 1e-12 * np.abs(center), deviation, 1.0)
    return tuple(np.broadcast_to(part, (1, *x.shape[1:]))[0].copy() for part in (center, scale))


def _check_finite(name: str, x: np.ndarray, ignore: bool) -> None:
    bad = np.isinf(x) if ignore else ~np.isfinite(x)
    if not bad.any():
        return
    row, *feature = np.argwhere(bad)[0]
    rows = np.flatnonzero(bad[(slice(None), *feature)]).tolist()
    shown = f"row {rows[0]}" if len(rows) == 1 else f"rows {', '.join(map(str, rows[:5]))}"
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    total = int(bad.reshape(len(x), -1).any(axis=1).sum())
    raise ValueError(
        f"{name} is not finite in {total} of {len(x)} rows: {_feature(feature)} is "
        f"{x[(row, *feature)]} in {shown}{more}: mend or leave out these rows"
        + ("" if ignore else ', or pass nan="ignore" to take the figures of the others')
    )


def _feature(index: np.ndarray | list) -> str:
    numbers = [int(i) for i in index]
    return f"feature {numbers[0] if len(numbers) == 1 else tuple(numbers)}" if numbers else "it"


def _scaled(x: Array, center: np.ndarray, scale: np.ndarray) -> Array:
    if isinstance(x, np.ndarray):
        return ((x.astype(np.float64) - center) / scale).astype(_scaled_dtype(x))
    distance = _distance(x, center)
    return distance / _beside(x, scale).astype(distance.dtype)


def _unscaled(x: Array, center: np.ndarray, scale: np.ndarray) -> Array:
    if isinstance(x, np.ndarray):
        return (x.astype(np.float64) * scale + center).astype(_scaled_dtype(x))
    x = at_least_float32(x)
    high, low = _halves(_beside(x, center), x)
    return (x * _beside(x, scale).astype(x.dtype) + low) + high


def _beside(x: jax.Array, of_row: np.ndarray) -> np.ndarray:
    """Return figures of a row with as many axes as `x`, rows of any number of axes, has."""
    return np.expand_dims(of_row, tuple(range(x.ndim - of_row.ndim)))


def _scaled_dtype(x: np.ndarray) -> np.dtype:
    """Return float32, or float64 where JAX keeps it."""
    return wide_dtype(jax.dtypes.canonicalize_dtype(x.dtype))


def _distance(x: jax.Array, center: np.ndarray) -> jax.Array:
    """Return `x - center` in float32 or wider, without a rounding of `x` where it is integer."""
    wide, center = at_least_float32(x), _beside(x, center)
    high, low = _halves(center, wide)
    distance = (wide - high) - low
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return distance
    # Float32 has not all integers above 2^24. The difference of integers is exact modulo 2^32, and
    # so it is right wherever it is below 2^31.
    whole = np.rint(np.clip(center, -(2.0**62), 2.0**62))
    apart = x.astype(jnp.int32) - whole.astype(np.int64).astype(np.int32)
    exact = apart.astype(wide.dtype) - (center - whole).astype(wide.dtype)
    return jnp.where(jnp.abs(distance) < 2.0**30, exact, distance)


def _halves(center: np.ndarray, x: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return a center as two numbers of the dtype of `x`, whose sum is nearer to it than one is.

    Where the center is large beside the scale, its rounding alone would shift every feature.
    """
    high = center.astype(x.dtype)
    return high, (center - high.astype(np.float64)).astype(x.dtype)
