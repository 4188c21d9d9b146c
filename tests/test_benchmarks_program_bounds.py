"""The bounds of Griewank and Walther as plain numbers."""

import numpy as np
import pytest

from benchmarks import bounds
from benchmarks.program.arguments import read_argnums
from benchmarks.program.bounds import bound, cotangents, differences, tangents


def test_single_directions_are_the_cheap_derivative_principles():
    assert bound("forward", 1) == tangents(1) == 2.5
    assert bound("reverse", 1) == cotangents(1) == 4.0


def test_directions_add_up_linearly():
    assert tangents(32) - tangents(31) == 1.5
    assert cotangents(32) - cotangents(31) == 2.5
    assert bound("forward differences", 50) == 51
    assert bound("central differences", 50) == differences(50, central=True) == 100


def test_the_bound_of_reverse_mode_is_lower_from_one_and_two_thirds_inputs_an_output_on():
    outputs = 300
    assert bound("forward", 500 - 1) < bound("reverse", outputs) < bound("forward", 500 + 1)


@pytest.mark.parametrize(
    ("mode", "outer", "inner", "expected"),
    [
        ("forward over reverse", 1, 1, 10.0),
        ("reverse over forward", 1, 1, 10.0),
        ("reverse over reverse", 1, 1, 16.0),
        ("forward over forward", 3, 3, 5.5**2),
        ("central differences over reverse", 4, 1, 32.0),
    ],
)
def test_a_composition_costs_the_product(mode, outer, inner, expected):
    assert bound(mode, outer, inner) == expected


@pytest.mark.parametrize(
    "mode", ["sideways", "forward over sideways", "", "forward over forward over forward"]
)
def test_an_unknown_mode_is_refused(mode):
    with pytest.raises(ValueError, match="bound knows forward, reverse"):
        bound(mode, 1)


def test_no_direction_is_refused():
    with pytest.raises(ValueError, match="at least one direction, got 0"):
        bound("forward", 0)


@pytest.mark.parametrize(
    ("arguments", "order", "message"),
    [
        ((0, 1), 1, "n must be an integer above 0, got 0"),
        ((2.5, 1), 1, "n must be an integer above 0, got 2.5"),
        ((1, -1), 1, "m must be an integer above 0, got -1"),
        ((1, True), 1, "m must be an integer above 0, got True"),
        ((3, 1), 3, "order must be 1 or 2, got 3"),
    ],
)
def test_bounds_of_no_function_are_refused(arguments, order, message):
    with pytest.raises(ValueError, match=message):
        bounds(*arguments, order=order)
    assert bounds(np.int64(3), 1) == bounds(3, 1)


def test_arguments_are_named_by_integers_or_an_array_of_them():
    assert read_argnums(np.array([2, 0]), 3) == read_argnums((2, 0), 3) == (2, 0)
    assert read_argnums(np.array(1), 3) == read_argnums(range(1, 2), 3) == (1,)


@pytest.mark.parametrize(
    ("argnums", "error", "message"),
    [
        ({0, 1}, TypeError, r"an integer, a sequence of them or None, got \{0, 1\}"),
        (1.0, TypeError, "an integer, a sequence of them or None, got 1.0"),
        ("0", TypeError, "an integer, a sequence of them or None, got '0'"),
        (True, ValueError, "must name arguments 0 to 2, got True"),
        (np.True_, ValueError, "must name arguments 0 to 2, got np.True_"),
        (np.array([], int), ValueError, "argnums is empty"),
    ],
)
def test_what_names_no_argument_is_refused(argnums, error, message):
    with pytest.raises(error, match=message):
        read_argnums(argnums, 3)
