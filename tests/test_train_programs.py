"""A training compiles once a process for the same objective, optimizer and shapes."""

import gc
import weakref
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, data, linear, optimizer, same_bits, shuffled

import losses
import nn
import train
from train import _programs

KEY = 5
OPTIMIZER = optimizer()


def counting():
    """An objective of its own, and what it was traced for: True in a step, False when measured."""
    inner, _ = linear()
    traced = []

    def objective(params, state, batch, *, key=None, train=False):
        traced.append(train)
        return inner(params, state, batch, key=key, train=train)

    return objective, traced


def fit(objective, source, seed=KEY, **options):
    defaults = {"epochs": 2, "batch_size": BATCH, "validation": data(5)}
    return train.fit(
        jax.random.key(seed), linear()[1], objective, OPTIMIZER, source, **defaults | options
    )


SOURCES = {"arrays": data, "stream": lambda: list(shuffled(KEY, 0))}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_second_training_traces_nothing_and_is_the_first_again(source):
    objective, traced = counting()
    first, history = fit(objective, source())
    assert sorted(traced) == [False, True]
    second, again = fit(objective, source())
    assert len(traced) == 2
    assert same_bits(first, second)
    assert history == again
    other, _ = fit(objective, source(), seed=KEY + 1)
    assert len(traced) == 2
    if source is data:  # the key decides the order, which is no part of the program
        assert not same_bits(first, other)


@jax.custom_jvp
def softened(x):
    return jnp.tanh(x)


softened.defjvp(lambda inputs, tangents: (softened(*inputs), tangents[0]))


def test_the_second_training_of_a_real_network_with_a_rule_of_its_own_traces_nothing():
    traced = []
    model = nn.serial(nn.mlp((4, 3, 2), batch_norm=True, dropout=0.1), nn.activation(softened))

    def apply(*args, **options):
        traced.append(options)
        return model.apply(*args, **options)

    objective = train.supervised(
        apply,
        losses.squared_error,
        penalty=lambda params: 0.1 * losses.l2(params),
        metrics={"error": lambda p, y, where=None: train.metrics.mean(abs(p - y), where=where)},
    )
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
    train_state = train.init(*model.init(jax.random.key(0)), adam)
    x, _ = data()
    counts = []
    for _ in range(2):
        train.fit(
            *(jax.random.key(1), train_state, objective, adam, (x, x[:, :2])),
            validation=(x, x[:, :2]),
            epochs=1,
            batch_size=BATCH,
        )
        counts.append(sum(bool(options.get("train")) for options in traced))
    assert counts[0] == counts[1] > 0


def test_looking_for_the_monitored_curve_traces_nothing_twice():
    objective, traced = counting()
    for _ in range(2):
        fit(
            objective, list(shuffled(KEY, 0)), validation=list(shuffled(KEY, 1)), patience=2,
            monitor="validation_loss",
        )  # fmt: skip
    assert sorted(traced) == [False, True]


@pytest.mark.parametrize("options", [{"batch_size": 3}, {"patience": 1, "validation": None}])
def test_other_options_are_another_program(options):
    objective, traced = counting()
    fit(objective, data())
    before = len(traced)
    changed, history = fit(objective, data(), **options)
    assert len(traced) > before
    fresh, _ = counting()
    expected, expected_history = fit(fresh, data(), **options)
    assert same_bits(changed, expected)
    assert history == expected_history


def test_another_objective_optimizer_or_gradient_is_another_program():
    objective, traced = counting()
    trained, _ = fit(objective, data())
    twice, _ = fit(lambda *given, **named: _doubled(objective(*given, **named)), data())
    assert not same_bits(trained, twice)
    before = len(traced)
    slow = optax.sgd(1e-3)
    start = train.init(linear()[1].params, (), slow)
    train.fit(jax.random.key(KEY), start, objective, slow, data(), epochs=1, batch_size=BATCH)
    assert len(traced) > before


def _doubled(result):
    value, rest = result
    return 2 * value, rest


def test_a_method_of_an_object_is_one_function():
    class Task:
        traced = 0

        def objective(self, params, state, batch, *, key=None, train=False):
            self.traced += 1
            return ((batch.x @ params - 1) ** 2).mean(), (state, {})

    task, other, sgd = Task(), Task(), optax.sgd(0.1)
    for which in (task, other, task, other):
        train.fit(
            jax.random.key(0), train.init(jnp.zeros(4), (), sgd), which.objective, sgd, data(),
            epochs=1, batch_size=BATCH,
        )  # fmt: skip
    assert task.traced == other.traced == 1


FACTOR = 1.0


def scale():
    return FACTOR


class Scaled:
    def __init__(self, factor):
        self.factor, self.traced = factor, 0

    def loss(self, x):
        self.traced += 1
        return self.factor * x


def test_a_number_that_a_function_reads_from_outside_is_read_again(monkeypatch):
    inner, task = 1.0, Scaled(1.0)

    def by_closure(x):
        return inner * x

    functions = [by_closure, lambda x: scale() * x, lambda x: FACTOR * x, task.loss]

    def model(params, x):
        return by_closure(x)

    def values():
        return [
            float(_programs.program(shifted, fn, arguments=1.0)(1.0))
            for fn in [*functions, partial(train.supervised(model, functions[1]).apply, None)]
        ]

    assert values() == [2.0] * 5
    inner = task.factor = 2.0
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    assert values() == [3.0] * 5


def test_a_counter_that_a_function_keeps_makes_no_new_program():
    calls, task = 0, Scaled(2.0)

    def counted(x):
        nonlocal calls
        calls += 1
        return x

    for _ in range(3):
        for fn in (counted, task.loss):
            _programs.program(shifted, fn, arguments=1.0)(1.0)
    assert calls == task.traced == 1


def test_an_evaluation_outside_of_jit_compiles_once_and_takes_numpy_arrays():
    objective, traced = counting()
    x, y = (np.asarray(part) for part in data())
    results = [
        train.evaluate(objective, linear()[1], (x + shift, y), batch_size=3) for shift in (0, 0, 1)
    ]
    assert traced == [False]
    assert results[0] == results[1] != results[2]
    train.evaluate(objective, linear()[1], (x, y), batch_size=4)
    assert len(traced) == 2


def test_a_function_that_nobody_else_holds_is_collected_with_its_programs():
    gc.collect()
    before = set(_programs._kept)
    objective, _ = counting()
    references = []

    def fit_once():
        held = jnp.ones(1000)

        def large(params, state, batch, *, key=None, train=False):
            value, rest = objective(params, state, batch, key=key, train=train)
            return value + 0 * held.sum(), rest

        fit(large, data())
        assert len(set(_programs._kept) - before) == 1
        references.extend((weakref.ref(large), weakref.ref(held)))

    fit_once()
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    assert not set(_programs._kept) - before


def shifted(fn):
    return lambda x: fn(x) + 1


def test_the_programs_are_bounded_and_those_used_last_stay():
    held = [lambda x, i=i: x * i for i in range(_programs._MOST + 3)]
    programs = [_programs.program(shifted, fn, arguments=1.0) for fn in held]
    assert len(_programs._kept) == _programs._MOST
    for i in (4, -1):
        assert _programs.program(shifted, held[i], arguments=1.0) is programs[i]
    assert _programs.program(shifted, held[0], arguments=1.0) is not programs[0]
    assert [float(programs[i](2.0)) for i in (0, 4)] == [1.0, 9.0]


def test_shapes_types_and_weak_types_have_programs_of_their_own():
    arguments = [1.0, 1, np.ones(3), np.ones(4), np.ones(3, np.float16), jnp.ones(()), {"a": 1.0}]
    programs = [_programs.program(shifted, jnp.square, arguments=given) for given in arguments]
    assert len(set(map(id, programs))) == len(arguments)


class Slotted:
    __slots__ = ()

    def __call__(self, params, state, batch, *, key=None, train=False):
        return ((batch.x @ params - 1) ** 2).mean(), (state, {})


def deeply_nested():
    nest = []
    for _ in range(5000):
        nest = [nest]

    def objective(params, state, batch, *, key=None, train=False):
        return ((batch.x @ params - len(nest)) ** 2).mean(), (state, {})

    return objective


@pytest.mark.parametrize("make", [Slotted, deeply_nested])
def test_a_function_that_cannot_be_looked_through_trains_all_the_same(make):
    sgd = optax.sgd(0.1)
    train_state, _ = train.fit(
        jax.random.key(0), train.init(jnp.zeros(4), (), sgd), make(), sgd, data(), epochs=1,
        batch_size=BATCH,
    )  # fmt: skip
    assert int(train_state.step) == 3
