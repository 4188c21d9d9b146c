"""Jobs of several processes that each hold a part of the parameters, and of what is saved."""

import os
import shutil
from itertools import count as numbers

from process_group import RATE
from process_job import barrier, flat, result


def spread(job):
    """A run whose parameters are spread, saved within its epochs."""
    folder = job.folder / "spread"
    made = result(*job.fit_spread(folder, every_steps=2, keep=9))
    barrier()
    return made | {"files": sorted(path.name for path in folder.iterdir() if path.name[0] != ".")}


def spread_resumed(job):
    """The same from its checkpoint, by whatever number of processes."""
    return result(*job.fit_spread(job.folder / "spread", every_steps=2, keep=9, resume=True))


def fsdp(job, mesh=True, epochs=(1, 3)):
    """Layers spread over all processes, on an explicit axis, with a checkpoint and a resume."""
    import jax
    import optax

    import losses
    import nn
    import train

    model = nn.serial(nn.dense(4, 8), nn.activation(nn.tanh), nn.batch_norm(8), nn.dense(8, 1))
    adam = optax.adam(RATE)
    state = train.init(*model.init(jax.random.key(0)), adam)
    objective = train.supervised(model.apply, losses.squared_error)
    options = {"batch_size": 12, "validation": job.rows_of_each_batch}
    if mesh:
        mesh = jax.make_mesh((jax.device_count(),), ("data",), (jax.sharding.AxisType.Explicit,))
        state = train.shard(state, mesh, train.fsdp("data"))
        options |= {"checkpoint": job.folder / "fsdp", "resume": True}
    key, source = jax.random.key(0), job.rows_of_each_batch
    for until in epochs:
        made = train.fit(key, state, objective, adam, source, epochs=until, **options)
    spec = getattr(made[0].params[0].weight.sharding, "spec", None)
    return result(*made) | {"spec": str(spec), "validation": made[1]["validation_loss"].tolist()}


def damaged(job):
    """A part of the newest checkpoint is cut off, which one of the processes reads."""
    folder = job.folder / "damaged"
    if job.number == 0:
        shutil.copytree(job.folder / "spread", folder)
        (part,) = folder.glob("shards-epoch-00000002-*-2-of-2.safetensors")
        os.truncate(part, 300)
    barrier()
    try:
        job.fit_spread(folder, every_steps=2, keep=9, resume=True)
    except ValueError as error:
        text = str(error)
    options = {"every_steps": 2, "keep": 9, "resume": "latest good"}
    return {"error": text, "resumed": result(*job.fit_spread(folder, **options))}


def late(job):
    """The second process does not write its part."""
    from train.checkpoints import spread as parts
    from train.checkpoints import trees

    if job.number:
        trees.write_part = lambda *given: None
    try:
        job.fit_spread(job.folder / "late", save_timeout=0.2)
    finally:
        trees.write_part = parts.write_part


def saved(job):
    """One file by `train.save`, and back."""
    import jax

    import train

    state, path = job.spread_state(), job.folder / "file.safetensors"
    train.save(path, state, key=jax.random.key(3), history=train.History.empty())
    like = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), state
    )
    back = train.restore(path, like).train_state
    return {"same": flat(back) == flat(state), "spec": str(back.params["a"].sharding.spec)}


def saves(job, times=10):
    """So many steps, each of which saves what is spread, and prunes."""

    def endless(epoch):
        for _ in range(times):
            yield from job.rows_of_each_batch(epoch)

    folder = job.folder / "saves"
    options = {"epochs": 1, "steps_per_epoch": times, "every_steps": 1, "keep": 2}
    made = result(*job.fit_spread(folder, endless, **options))
    barrier()
    return made | {"files": sorted(path.name for path in folder.iterdir() if path.name[0] != ".")}


def thousand_saves(job):
    return saves(job, times=1000)


def endless(job):
    """Train until somebody ends it, and save what is spread at every step."""

    def source(epoch):
        for _ in numbers():
            yield from job.rows_of_each_batch(epoch)

    def callback(epoch, row):
        if epoch == 2:
            print("training", flush=True)

    options = {"epochs": 10**6, "steps_per_epoch": 5, "every_steps": 1, "callback": callback}
    job.fit_spread(job.folder / "endless", source, **options)
