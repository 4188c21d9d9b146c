"""The options that `fit` has beside those of `make_run`, checked before anything compiles."""

from __future__ import annotations

import os
from typing import get_args

import jax
from jax.core import Tracer

from .._checks import check_switches, is_number, positive
from .interruption import OnInterrupt


def check_not_traced(*given: object) -> None:
    """Check that a `fit`, which prints, saves and stops, is not a part of a program.

    Raises:
        TypeError: If it is.

    Example:
        >>> jax.jit(check_not_traced)(1)
        Traceback (most recent call last):
        TypeError: fit cannot be within jit, vmap, grad or the run of grid_search: ...
    """
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
        raise TypeError(
            "fit cannot be within jit, vmap, grad or the run of grid_search: train.make_run makes "
            "a run that can, a pure function of the same options"
        )


def check_own_options(
    *,
    progress: object,
    fast_dev_run: object,
    donate: object,
    prefetch: object,
    save_timeout: object,
    checkpoint: object,
    on_interrupt: object,
) -> None:
    """Check the options of a `fit` that watches over a run.

    Raises:
        ValueError: If one is out of its range.
        TypeError: If one is of another kind.

    Example:
        >>> check_own_options(
        ...     progress="yes", fast_dev_run=False, donate=False, prefetch=2, save_timeout=1.0,
        ...     checkpoint=None, on_interrupt="raise",
        ... )
        Traceback (most recent call last):
        TypeError: progress must be True or False, got 'yes'
    """
    check_switches({"fast_dev_run": fast_dev_run, "donate": donate})
    if progress is not None:
        check_switches({"progress": progress})
    positive("prefetch", prefetch, least=0)
    if not (is_number(save_timeout) and save_timeout > 0):  # pyright: ignore[reportOperatorIssue]
        raise ValueError(f"save_timeout must be seconds above 0, got {save_timeout!r}")
    if checkpoint is not None and not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(f"checkpoint must be the path of a folder, got {checkpoint!r}")
    if on_interrupt not in get_args(OnInterrupt):
        raise ValueError(f'on_interrupt must be "raise" or "return", got {on_interrupt!r}')
