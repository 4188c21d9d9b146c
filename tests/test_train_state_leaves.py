"""Numbers of Python and NumPy are leaves of a train state, and what is no number is named."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import train

SGD = optax.sgd(1.0)


def test_numbers_of_python_and_numpy_come_back_from_a_checkpoint(tmp_path):
    params = {"w": np.ones(2), "t": 0.1, "n": [1.5, 2.5], "half": np.float16(3)}
    optimizer = train.wide_moments(optax.adam(0.1))  # for the half
    state = train.init(params, {"seen": True, "count": 3}, optimizer)
    assert state.params["n"][1].dtype == jnp.float32  # a list of a tree stays one
    bare = state._replace(params=params, state={"seen": True, "count": 3})
    for saved in (state, bare):
        for like in (state, bare):
            train.save(tmp_path / "a", saved, key=jax.random.key(0), history=train.History.empty())
            back = train.restore(tmp_path / "a", like).train_state
            assert jax.tree.structure(back) == jax.tree.structure(state)
            for restored, leaf in zip(jax.tree.leaves(back), jax.tree.leaves(state), strict=True):
                assert restored.dtype == leaf.dtype
                np.testing.assert_array_equal(restored, leaf)


def test_a_leaf_of_a_train_state_that_holds_no_numbers_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"\['params'\]\['name'\] must be numbers, got str"):
        train.init({"name": "adam"}, (), SGD)
    state = train.init(0.0, (), SGD)._replace(state={"name": "adam"})
    with pytest.raises(TypeError, match=r"train_state.state\['name'\] must be numbers, got str"):
        train.save(tmp_path / "a", state, key=jax.random.key(0), history=train.History.empty())


def test_a_train_state_does_not_change_when_the_array_it_was_made_of_is_written_to():
    weight = np.ones(1024, np.float32)
    state = train.init(weight, (), SGD)
    weight[:] = 2
    assert float(state.params.max()) == 1
