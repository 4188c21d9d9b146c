"""Trains a small model of each layer on eight devices and prints what its compiled program does.

It is a process of its own: `python tests/mesh_table.py CASE ...` prints a line of JSON a case, such
as `dense-Auto-fsdp`. The oracle is a loop of JAX and optax on one device.
"""

import json
import os
import re
import sys
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.core import Tracer
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import nn
import train
from train import _programs

# No weight has an axis of as many entries as there are rows in a batch, or rows of a device.
ROWS, BATCH, STEPS_IN_TIME = 80, 40, 3
KEY = 3
LAYERS = {
    "dense": nn.serial(nn.dense(6, 32), nn.activation(nn.gelu), nn.dense(32, 16)),
    "conv": nn.serial(nn.conv(8, 16, (2, 2)), nn.activation(nn.tanh), nn.conv(16, 8, (2, 2))),
    "norms": nn.serial(nn.batch_norm(16), nn.layer_norm(16), nn.dense(16, 32), nn.rms_norm(32)),
    "embedding": nn.serial(nn.embedding(16, 8), nn.learned_positions(STEPS_IN_TIME, 8)),
    "attention": nn.residual(nn.attention(8, heads=2)),
    "recurrent": nn.serial(nn.gru(8, 8), nn.lstm(8, 8), nn.elman(8, 8, every_step=False)),
    "repeat": nn.repeat(nn.residual(nn.serial(nn.dense(8, 16), nn.dense(16, 8))), 2),
}
INPUTS = {"dense": (6,), "conv": (4, 4, 8), "norms": (16,)}
OPTIONS = {
    "accumulate": {"accumulate": 4},  # which does not divide the five rows of a device
    "average": {"average": train.ema(0.5)},
    "gradient_norm": {"gradient_norm": True},
    "global": {"shuffle": "global"},
    "skip": {"on_nonfinite": "skip", "keep_best": True},
}
MESHES = {
    "data": ((8,), None),
    "fsdp": ((8,), train.fsdp("data")),
    "model": ((4, 2), train.tensor_parallel("model")),
}
CASES = [
    f"{what}-{kind}-{mesh}"
    for what in (*LAYERS, *OPTIONS)
    for kind in ("Auto", "Explicit")
    for mesh in MESHES
]


def problem(layer):
    """The layer's objective, its parameters and its data, all by NumPy."""
    model, random = LAYERS[layer], np.random.default_rng(1)
    shapes, state = jax.eval_shape(model.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype("f4") / 2, shapes)
    if jax.tree.leaves(state):
        state = model.init(jax.random.key(0))[1]
    if layer == "embedding":
        x = random.integers(0, 16, (ROWS, STEPS_IN_TIME)).astype(np.int32)
    else:
        x = random.normal(size=(ROWS, *INPUTS.get(layer, (STEPS_IN_TIME, 8)))).astype("f4")
    like = jax.eval_shape(partial(model.apply, train=True), params, state, x)[0]
    y = random.normal(size=like.shape).astype("f4")
    return model, params, state, x, y


OPTIMIZER = optax.sgd(0.05, momentum=0.9)


def squares(predictions, targets):
    """The mean square of each example."""
    return ((predictions - targets) ** 2).mean(axis=tuple(range(1, predictions.ndim)))


@cache
def expected(layer, devices, option):
    """The parameters after an epoch on one device, by JAX and optax alone."""
    model, params, state, x, y = problem(layer)

    @jax.jit
    def step(params, state, opt_state, x, y):
        def loss(params):
            predictions, after = model.apply(params, state, x, train=True)
            return jnp.mean((predictions - y) ** 2), after

        (_, state), slope = jax.value_and_grad(loss, has_aux=True)(params)
        updates, opt_state = OPTIMIZER.update(slope, opt_state, params)
        return optax.apply_updates(params, updates), state, opt_state

    blocks = 1 if option == "global" else devices
    indices, _ = train.data.shuffle(jax.random.key(KEY), 0, ROWS, BATCH, devices=blocks)
    opt_state, trail = OPTIMIZER.init(params), []
    for rows in np.asarray(indices):
        params, state, opt_state = step(params, state, opt_state, x[rows], y[rows])
        trail.append(params)
    if option == "average":  # the weights of two steps, of which the first counts half
        return jax.tree.map(lambda first, second: (first + 2 * second) / 3, *trail)
    return params


def run(case):
    """How far a training on a mesh is off, and what each device computes and sends."""
    what, kind, name = case.split("-")
    layer, option = (what, "") if what in LAYERS else ("dense", what)
    shape, rule = MESHES[name]
    devices = np.array(jax.devices()).reshape(shape)
    axes = ("data", "model")[: len(shape)]
    mesh = Mesh(devices, axes, axis_types=(getattr(AxisType, kind),) * len(shape))
    model, params, state, x, y = problem(layer)
    train_state = train.init(params, state, OPTIMIZER)
    if rule is not None:
        train_state = train.shard(train_state, mesh, rule)
    data = jax.device_put((x, y), NamedSharding(mesh, PartitionSpec("data")))
    recording = _programs.jax = Recording()
    fitted, _ = train.fit(
        jax.random.key(KEY), train_state, train.supervised(model.apply, squares),
        OPTIMIZER, data, epochs=1, batch_size=BATCH, progress=False, **OPTIONS.get(option, {}),
    )  # fmt: skip
    wanted = jax.tree.leaves(expected(layer, shape[0], option))
    pairs = zip(jax.tree.leaves(fitted.params), wanted, strict=True)
    errors = [abs(np.asarray(a) - b).max() / max(1.0, abs(b).max()) for a, b in pairs]
    found = {"case": case, "error": float(max(errors))}
    text = max(recording.texts, key=len)
    found |= {"dots": dots(text), "collectives": collectives(text)}
    leaves = jax.tree.leaves(params)
    spread = jax.tree.leaves(fitted.params)
    found["params"] = [list(leaf.shape) for leaf in leaves]
    found["parts"] = [list(leaf.sharding.shard_shape(leaf.shape)) for leaf in spread]
    momentum = jax.tree.leaves(fitted.opt_state)
    found["momentum"] = [list(leaf.sharding.shard_shape(leaf.shape)) for leaf in momentum]
    return found


def environment():
    """That of the process: eight devices of the CPU, and a compiler in a hurry."""
    own = {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    return os.environ | own


class Recording:
    """JAX, of which the texts of the programs that train compiles are kept."""

    def __init__(self):
        self.texts, self.tree, self.typeof = [], jax.tree, jax.typeof

    def jit(self, fn, **options):
        jitted, compiled = jax.jit(fn, **options), []

        def call(*given):
            if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
                return jitted(*given)
            if not compiled:
                compiled.append(jitted.lower(*given).compile())
                self.texts.append(compiled[0].as_text())
            return compiled[0](*given)

        return call


def dots(text):
    """The shapes of the results of products and convolutions on each device."""
    lines = re.findall(r"= \w+\[([\d,]*)\]\S* (?:dot|convolution)\(", text)
    return sorted({tuple(map(int, line.split(","))) for line in lines if line})


def collectives(text):
    """The kind and the shape of all that is sent between devices, sorted."""
    kinds = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
    found = []
    for shapes, kind in re.findall(rf"= (.*?) ({kinds})(?:-start)?\(", text):
        for dims in re.findall(r"\w+\[([\d,]*)\]", shapes):
            found.append((kind, [int(size) for size in dims.split(",") if size]))
    return sorted(found)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(run(name)), flush=True)
