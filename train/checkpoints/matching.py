"""Which leaves of a file are those that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np

from .._records import is_key
from .._text import html_table
from .._types import Tree

_KINDS = ("restored", "missing", "unexpected", "mismatched")


@dataclass(frozen=True, kw_only=True, repr=False)
class Matched:
    """What `restore(only=...)` took from a file, leaf by leaf.

    Attributes:
        restored: The paths of the leaves that were taken.
        missing: Those that were asked for, and that the file does not have.
        unexpected: Those that the file has beside them, and that were not asked for.
        mismatched: Those of another shape or dtype, each with what is in the file and what was
            expected.

    Example:
        >>> from gradwise import train
        >>> matched = train.Matched(
        ...     restored=("params['weight']",), missing=("params['bias']",), unexpected=(),
        ...     mismatched=(),
        ... )
        >>> matched
        Matched(1 restored, 1 missing)
        >>> print(matched)
        restored    params['weight']
        missing     params['bias']
    """

    restored: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the file and what was asked for have the same leaves.

        Example:
            >>> from gradwise import train
            >>> train.Matched(restored=(), missing=(), unexpected=(), mismatched=()).complete
            True
        """
        return not (self.missing or self.unexpected or self.mismatched)

    def __repr__(self) -> str:
        """Return how many leaves there are of each kind."""
        counts = {kind: len(getattr(self, kind)) for kind in _KINDS}
        return f"Matched({', '.join(f'{n} {kind}' for kind, n in counts.items() if n) or 'none'})"

    def __str__(self) -> str:
        """Return a line for each leaf."""
        return "\n".join(f"{kind:<12}{leaf}" for kind, leaf in self._lines())

    def _repr_html_(self) -> str:
        """Return the table of the leaves, for a notebook."""
        return html_table([("what became of it", "leaf"), *self._lines()])

    def _lines(self) -> list[tuple[str, str]]:
        return [(kind, leaf) for kind in _KINDS for leaf in getattr(self, kind)]


def match(leaves: Mapping[str, Tree], expected: Mapping[str, Tree]) -> Matched:
    """Compare the leaves of a file with those that are asked for, by path, shape and dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> match({"a": jnp.ones(2), "b": jnp.ones(3)}, {"a": jnp.ones(2), "b": jnp.ones(4)})
        Matched(1 restored, 1 mismatched)
    """
    both = [name for name in expected if name in leaves]
    restored = [name for name in both if agree(leaves[name], expected[name])]
    return Matched(
        restored=tuple(restored),
        missing=tuple(name for name in expected if name not in leaves),
        unexpected=tuple(name for name in leaves if name not in expected),
        mismatched=tuple(
            mismatch(name, leaves[name], expected[name]) for name in both if name not in restored
        ),
    )


def agree(leaf: Tree, expected: Tree) -> bool:
    """Return whether a leaf of a file has the shape and the dtype that are expected.

    Example:
        >>> import jax.numpy as jnp
        >>> agree(jnp.ones(2), np.ones(2)), agree(jnp.ones(2), jnp.ones(3))
        (True, False)
    """
    return described(leaf) in (described(expected), described(expected, in_jax=True))


def mismatch(name: str, leaf: Tree, expected: Tree) -> str:
    """Return in words how a leaf of a file differs from what was expected.

    Example:
        >>> import jax.numpy as jnp
        >>> mismatch("weight", jnp.ones((3, 4)), jnp.ones((3, 5)))
        'weight: float32 (3, 4) in the file, float32 (3, 5) expected'
    """
    return f"{name}: {described(leaf)} in the file, {described(expected, in_jax=True)} expected"


def described(leaf: Tree, *, in_jax: bool = False) -> str:
    """Return dtype and shape in words, with the dtype that JAX has for it, or its own.

    Example:
        >>> described(np.ones((3, 4))), described(np.ones((3, 4)), in_jax=True)
        ('float64 (3, 4)', 'float32 (3, 4)')
    """
    leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    keep = is_key(leaf) or not in_jax
    return f"{leaf.dtype if keep else jax.dtypes.canonicalize_dtype(leaf.dtype)} {leaf.shape}"
