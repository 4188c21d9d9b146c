"""Losses and their gradients on device meshes, with explicit and with automatic axes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from loss_cases import CASES, Case

import losses

# One entry for each loss; the variants differ only in hyperparameters.
_CASES = {name: case for name, case in CASES.items() if "," not in name}
_AXES = ("rows", "classes")


def _all_losses(predictions, targets, weights, shown):
    """Value and gradient of the weighted mean of every loss, and the first in forward mode."""
    found = {}
    for name, case in _CASES.items():

        def objective(p, case: Case = case, t=targets[name]):
            return losses.mean(case.loss(p, t, where=shown), where=shown, weights=weights)

        value, reverse = jax.value_and_grad(objective)(predictions[name])
        _, forward = jax.jvp(objective, (predictions[name],), (jnp.ones_like(reverse),))
        found[name] = value, reverse, forward
    return found


def _arguments():
    def tiled(x):  # [3, 4] to [12, 4], which four devices can share evenly
        return np.tile(x, (4, 1)[: x.ndim]).astype(np.int32 if x.ndim == 1 else np.float32)

    return (
        {name: tiled(case.predictions) for name, case in _CASES.items()},
        {name: tiled(case.targets) for name, case in _CASES.items()},
        np.linspace(0.5, 2.0, 12, dtype=np.float32),
        np.arange(12) % 5 != 0,
    )


@pytest.mark.skipif(jax.device_count() % 4 != 0, reason="the mesh is 2 x 2")
@pytest.mark.parametrize("axis_type", [AxisType.Explicit, AxisType.Auto])
def test_losses_and_gradients_on_a_mesh_equal_those_on_one_device(axis_type):
    arguments = _arguments()
    expected = jax.jit(_all_losses)(*arguments)
    mesh = jax.make_mesh((2, 2), _AXES, axis_types=(axis_type, axis_type))

    def place(x):
        return jax.device_put(x, NamedSharding(mesh, PartitionSpec(*_AXES[: x.ndim])))

    with jax.set_mesh(mesh):
        found = jax.jit(_all_losses)(*jax.tree.map(place, arguments))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), found, expected)
