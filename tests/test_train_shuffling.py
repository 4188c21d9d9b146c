"""The order of the rows in an epoch: every row once, as chance would have it, computed by place."""

import math
from functools import partial
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from gradwise import train
from train.data.shuffling import batches, permutation

ROWS = 1117  # 26 x 43 places, one of which is no row: it walks on


@partial(jax.jit, static_argnums=(0, 1, 2))
def orders(rows: int, count: int, seed: int = 5, *, positions: tuple = ()) -> jax.Array:
    """Where `positions`, or all, lead to in `count` orders `[count, positions]`."""
    where = jnp.array(positions or range(rows))
    keys = jax.random.split(jax.random.key(seed), count)
    return jax.vmap(lambda key: permutation(key, rows)(where))(keys)


def agrees(counts: np.ndarray, expected: object = None) -> bool:
    """Whether counts are as chance has them, but for one case of 10,000 on either side."""
    return 1e-4 < stats.chisquare(counts, expected).pvalue < 1 - 1e-4


@pytest.mark.parametrize("rows", [1, 2, 20, 1023, 1024, ROWS, 99_991])
def test_every_row_comes_once_and_each_batch_is_had_by_its_place(rows):
    shuffle = jax.jit(train.data.shuffle, static_argnums=(2, 3))
    indices, mask = map(np.asarray, shuffle(jax.random.key(3), 1, rows, 8))
    assert sorted(indices[mask].tolist()) == list(range(rows))
    assert not indices[~mask].any()
    assert mask.shape == (-(-rows // 8), 8)
    last = jax.jit(lambda step: batches(jax.random.key(3), 1, rows, 8)(step))(len(mask) - 1)
    assert (last[0] == indices[-1]).all()
    assert (last[1] == mask[-1]).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_each_order_of_few_rows_is_as_likely_as_another(rows):
    drawn = np.asarray(orders(rows, 6000))
    digits = rows ** np.arange(rows)
    every = np.array(list(permutations(range(rows)))) @ digits
    counts = (drawn @ digits == every[:, None]).sum(axis=1)
    assert counts.sum() == 6000
    assert rows == 1 or agrees(counts)


@pytest.mark.parametrize("rows", range(6, 21, 7))
def test_each_of_few_rows_is_as_likely_in_each_place(rows):
    drawn = np.asarray(orders(rows, 6000))
    for place in (0, rows // 2, rows - 1):
        assert agrees(np.bincount(drawn[:, place], minlength=rows))


def test_many_rows_are_as_likely_in_each_place_and_at_each_distance():
    places = 0, 1, 26, 131, 558, 1116  # beside each other, and in one column of the rectangle
    drawn = np.asarray(orders(ROWS, 40_000, positions=places))
    for column in drawn.T:
        assert agrees(np.bincount(column, minlength=ROWS))
    for one, other in [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3), (4, 5)]:
        distances = (drawn[:, other] - drawn[:, one]) % ROWS
        assert agrees(np.bincount(distances, minlength=ROWS)[1:])
    crossed = (drawn[:, 0] - drawn[:, 1] - drawn[:, 2] + drawn[:, 3]) % ROWS
    assert agrees(np.bincount(crossed, minlength=ROWS))


def test_orders_of_many_rows_rise_stay_and_turn_as_those_of_chance_do():
    drawn, other = np.asarray(orders(ROWS, 4000)), np.asarray(orders(ROWS, 4000, 6))
    poisson = stats.poisson.pmf(np.arange(5), 1)
    poisson = 4000 * np.append(poisson, 1 - poisson.sum())
    stay = (drawn == np.arange(ROWS)).sum(axis=1)
    agree = (drawn == other).sum(axis=1)  # as those of two epochs
    for counts in (stay, agree):
        assert agrees(np.bincount(np.minimum(counts, 5), minlength=6), poisson)
    rising = (drawn[:, 1:] > drawn[:, :-1]).sum(axis=1)
    assert_normal(rising, (ROWS - 1) / 2, (ROWS + 1) / 12)
    beside = [np.corrcoef(order[1:], order[:-1])[0, 1] for order in drawn]
    assert_normal(beside, -1 / ROWS, 1 / ROWS)
    squares = 1 / np.arange(1.0, ROWS + 1) ** 2
    harmonic = (1 / np.arange(1.0, ROWS + 1)).sum()
    assert_normal([cycles(order) for order in drawn], harmonic, harmonic - squares.sum())


def assert_normal(values: object, mean: float, variance: float) -> None:
    """Asserts that values have this mean, to four standard errors, and this variance."""
    values = np.asarray(values)
    assert abs(values.mean() - mean) < 4 * math.sqrt(variance / len(values))
    assert abs(values.var() / variance - 1) < 0.1  # which has a standard error of 0.022


def cycles(order: np.ndarray) -> int:
    """How many cycles a permutation has: each row takes the least row that it leads to."""
    least, reached = np.arange(len(order)), order
    for _ in range(len(order).bit_length()):
        least, reached = np.minimum(least, least[reached]), reached[reached]
    return int((least == np.arange(len(order))).sum())


def test_a_program_has_the_order_that_its_steps_have_one_by_one():
    alone = jax.jit(lambda key, place: permutation(key, ROWS)(place))
    with jax.enable_x64(True):
        assert "u64" not in str(jax.make_jaxpr(partial(orders, ROWS, 2))())  # it would never end
        wide = np.asarray(orders(ROWS, 2))
    for key, order in zip(jax.random.split(jax.random.key(5), 2), wide, strict=True):
        for place in (0, 558, 1116):
            assert alone(jax.random.clone(key), place) == order[place]


def test_epochs_differ_and_are_what_the_key_and_their_number_say():
    shuffle = jax.jit(lambda epoch: train.data.shuffle(jax.random.key(1), epoch, ROWS, 50)[0])
    first, second, again = (shuffle(epoch) for epoch in (0, 1, 0))
    assert (first == again).all()
    assert (first != second).mean() > 0.9


def test_rows_that_number_to_the_limit_of_an_int32_are_permuted():
    rows = 2**31 - 1
    order = jax.jit(lambda where: permutation(jax.random.key(2), rows)(where))
    drawn = np.asarray(order(jnp.arange(rows - 50_000, rows)))
    assert len(set(drawn.tolist())) == 50_000
    assert drawn.min() >= 0
    assert drawn.max() < rows
    assert stats.kstest(drawn / rows, "uniform").pvalue > 1e-4


def test_a_run_sorts_nothing_and_holds_as_much_for_ten_million_rows_as_for_ten_thousand():
    objective = train.supervised(
        lambda params, state, x, **_: (x @ params, state),
        lambda predictions, targets, *, where=None: (predictions - targets) ** 2,
    )
    train_state = train.init(jnp.zeros(3), (), optax.sgd(0.1))
    run = train.make_run(objective, optax.sgd(0.1), epochs=2, batch_size=100)
    key, held = jax.random.key(0), []
    for rows in (10_000, 1_000_003, 10_000_000):
        shapes = [jax.ShapeDtypeStruct((rows, *more), jnp.float32) for more in ((3,), ())]
        compiled = jax.jit(run).lower(key, train_state, tuple(shapes)).compile()
        assert " sort(" not in str(compiled.as_text())
        held.append(compiled.memory_analysis().temp_size_in_bytes)
    assert (
        max(held) < min(held) + 10_000_000 / 5
    )  # the steps' metrics; an order takes 4 bytes a row
