"""What is no data set is refused alike by every function that takes data, and named."""

import warnings

import numpy as np
import pytest
from train_doors import DOORS, OTHER_DOORS, ROWS, WHOLE, Y, objective

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    RAGGED = [[1.0, 2.0], [3.0], [4.0], [5.0], [6.0]]
    OBJECTS = np.array([1, None, "a", 2, 3], dtype=object)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("it requires grad")


BAD = {
    "texts": (np.array(list("abcde")), TypeError, r"\['a'\].* must be numbers, got .* encode"),
    "a_list_of_texts": (list("abcde"), TypeError, r"\['a'\]\[0\].* must be numbers, got str"),
    "objects": (OBJECTS, TypeError, r"\['a'\].* must be numbers, got ndarray of object"),
    "ragged": (RAGGED, ValueError, r"\['a'\].* must be an array, got a ragged list"),
    "dates": (np.zeros(ROWS, "M8[D]"), TypeError, r"\['a'\].* must be numbers, got .*datetime64"),
    "foreign": (Broken(), TypeError, r"\['a'\].* got a Broken that .* it requires grad"),
    "masked": (np.ma.masked_equal(Y, 1), ValueError, r"\['a'\].* is a masked array"),
    "too_large_ids": (Y + 2**40, ValueError, r"\['a'\].* holds 1099511627776, and JAX would cut"),
    "a_function": (print, TypeError, r"\['a'\].* must be numbers, got builtin_function"),
    "other_rows": (np.zeros((ROWS + 1, 3)), ValueError, r"one length, got shapes"),
    "no_rows": (np.zeros((0, 3)), ValueError, r"one length, got shapes"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("door", [*DOORS, *OTHER_DOORS])
def test_what_holds_no_numbers_raises_an_error_that_names_the_leaf(door, kind):
    leaf, error, message = BAD[kind]
    data = ({"a": leaf, "b": WHOLE}, Y)
    with pytest.raises(error, match=message) as raised:
        (DOORS | OTHER_DOORS)[door](objective, data)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([WHOLE, Y], r"tuple|pairs \(x, y\)"),
        ({"x": WHOLE, "y": Y}, r"pair \(x, y\)|pairs \(x, y\)"),
        ((WHOLE, Y, Y), r"a pair \(x, y\) of arrays|pairs \(x, y\)"),
        ([(WHOLE[0], 1), (WHOLE[1], 2)], "y of .* has no rows, .* no batch; stack examples first"),
    ],
    ids=["a_list_of_two", "a_dict", "three_arrays", "examples"],
)
def test_what_may_mean_two_things_is_an_error_that_says_what_to_write(door, data, message):
    if door == "stream" and isinstance(data, list):
        data = data[0]  # the door puts it into a list
    with pytest.raises((TypeError, ValueError), match=message):
        DOORS[door](objective, data)
