"""A program is made anew where anything that its functions read from outside has changed."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nn
import train
from train import _programs, _readings

ARRAY, TUPLE, RATE = jnp.ones(()), (1.0,), 0.5


def helper(x):
    return x


def set_global(name, value):
    return lambda monkeypatch: monkeypatch.setitem(globals(), name, value)


class Model:
    by_class = 1.0

    def __init__(self):
        self.factor, self.inner = 1.0, {"factor": 1.0}

    def __call__(self, x):
        return self.factor * self.by_class * x

    def by_dictionary(self, x):
        return self.inner["factor"] * x

    def with_factor(self, factor):
        self.factor = factor


MODEL = Model()


def cases():
    """Functions of which each doubles what it returns after its change, with that change."""
    listed, stated, mapped = [1.0], types.SimpleNamespace(factor=1.0), {"deep": [{"factor": 1.0}]}
    in_place, fixed, defaults = np.ones(2), [1.0], [1.0]
    module = types.ModuleType("settings")
    module.factor = 1.0
    called, bound = Model(), Model()
    return {
        "a global array": (lambda x: ARRAY * x, set_global("ARRAY", jnp.full((), 2.0))),
        "a global tuple": (lambda x: TUPLE[0] * x, set_global("TUPLE", (2.0,))),
        "a helper": (lambda x: helper(x), set_global("helper", lambda x: 2 * x)),
        "an array in place": (lambda x: in_place.mean() * x, lambda _: in_place.fill(2)),
        "a list": (lambda x: listed[0] * x, lambda _: listed.__setitem__(0, 2.0)),
        "a nested dictionary": (
            lambda x: mapped["deep"][0]["factor"] * x,
            lambda _: mapped["deep"][0].update(factor=2.0),
        ),
        "a namespace": (
            lambda x: stated.factor * x, lambda _: setattr(stated, "factor", 2.0)
        ),
        "a module": (lambda x: module.factor * x, lambda _: setattr(module, "factor", 2.0)),
        "a default": (
            lambda x, factor=defaults: factor[0] * x, lambda _: defaults.__setitem__(0, 2.0)
        ),
        "a fixed argument": (
            functools.partial(lambda factor, x: factor[0] * x, fixed),
            lambda _: fixed.__setitem__(0, 2.0),
        ),
        "an object that is called": (called, lambda _: called.with_factor(2.0)),
        "an object within a method": (
            bound.by_dictionary, lambda _: bound.inner.update(factor=2.0)
        ),
        "a class": (
            lambda x: Model.by_class * x, lambda patch: patch.setattr(Model, "by_class", 2.0)
        ),
        "a global object": (
            lambda x: MODEL(x), lambda patch: patch.setattr(MODEL, "factor", 2 * MODEL.factor)
        ),
    }  # fmt: skip


def value(fn):
    return float(_programs.program(plain, fn, arguments=1.0)(1.0))


def plain(fn):
    return lambda x: fn(x)


@pytest.mark.parametrize("name", cases())
def test_what_is_read_from_outside_is_read_again(name, monkeypatch):
    fn, change = cases()[name]
    assert value(fn) == 1.0
    program = _programs.program(plain, fn, arguments=1.0)
    assert program is _programs.program(plain, fn, arguments=1.0)
    change(monkeypatch)
    assert value(fn) == 2.0


def test_a_schedule_within_an_optimizer_is_read_again(monkeypatch):
    optimizer = optax.sgd(lambda step: RATE)

    def objective(params, state, batch, *, key=None, train=False):
        return (params * batch.x).sum(), (state, {})

    def trained():
        x = jnp.ones((1, 1))
        start = train.init(jnp.zeros(()), (), optimizer)
        return float(
            train.fit(
                jax.random.key(0), start, objective, optimizer, (x, x), epochs=1, batch_size=1
            )[0].params
        )

    assert trained() == -0.5
    monkeypatch.setitem(globals(), "RATE", 0.25)
    assert trained() == -0.25


def test_minus_zero_and_nan_are_numbers_like_others():
    zero = 0.0

    def fn(x):
        return jnp.copysign(x, zero)

    assert value(fn) == 1.0
    zero = -0.0
    assert value(fn) == -1.0
    zero = float("nan")
    programs = [_programs.program(plain, fn, arguments=1.0) for _ in range(2)]
    assert programs[0] is programs[1]


def test_what_cannot_be_told_apart_makes_a_new_program_each_time():
    never_the_same = object()  # it cannot be held weakly, and equals nothing else
    programs = [
        _programs.program(plain, lambda x, _=never_the_same: x, arguments=1.0) for _ in range(2)
    ]
    assert programs[0] is not programs[1]
    with pytest.raises(TypeError, match="too many objects"):
        _readings.readings(lambda x, _=[[i] for i in range(30_000)]: x)


def test_two_names_for_one_array_differ_from_two_equal_arrays():
    one, other = np.ones(1), np.ones(1)
    names = [one, one]
    fn = lambda x: x * (2 if names[0] is names[1] else 1)  # noqa: E731
    assert value(fn) == 2.0
    names[1] = other
    assert value(fn) == 1.0


def test_a_deep_model_is_read_in_few_objects():
    model = nn.serial(*[nn.dense(2, 2) for _ in range(50)])
    assert len(_readings.readings(model.apply).objects) < 500


def test_a_list_that_holds_itself_is_read():
    endless: list = [1.0]
    endless.append(endless)
    assert value(lambda x: endless[0] * x) == 1.0
