"""The bounds of Griewank and Walther as plain numbers."""

import pytest

from benchmarks.program.bounds import adjoints, bound, differences, tangents


def test_single_directions_are_the_cheap_derivative_principles():
    assert bound("forward", 1) == tangents(1) == 2.5
    assert bound("reverse", 1) == adjoints(1) == 4.0


def test_directions_add_up_linearly():
    assert tangents(32) - tangents(31) == 1.5
    assert adjoints(32) - adjoints(31) == 2.5
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
