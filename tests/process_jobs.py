"""What real processes do together, by name: `process_group.run` starts them.

A job is a function of a `Job`, which knows this process's number, how many there are, and a folder
that all of them share. What it returns is told to the test as JSON, an error as its type and text.
"""

import json
import os
import shutil
import signal
import sys
from itertools import count as numbers
from pathlib import Path

import numpy as np
from process_group import EPOCHS, HEARTBEAT, LABELS, OWN, PARTS, RATE, X, Y, batches_of


def linear(params, state, x, *, key=None, train=False, mask=None):
    return x @ params, state


def two_layers(params, state, x, *, key=None, train=False, mask=None):
    import jax.numpy as jnp

    return jnp.tanh(x @ params["a"]) @ params["b"], state


class Job:
    """Shorthands that the jobs share."""

    def __init__(self, number, count, folder):
        import jax
        import jax.numpy as jnp
        import optax

        import losses
        import train

        self.number, self.count, self.folder = number, count, folder
        self.sgd, self.adam = optax.sgd(RATE), optax.adam(RATE)
        self.linear = train.supervised(linear, losses.squared_error)
        self.two_layers = train.supervised(two_layers, losses.squared_error)
        self.classes = train.supervised(linear, losses.softmax_cross_entropy_with_integer_labels)
        self.mesh = jax.sharding.Mesh(np.array(jax.devices()), ("data",))
        self.zeros = jnp.zeros

    def source(self, epoch):
        return batches_of(self.number, self.count)

    def placed(self, array, *spec):
        import jax

        sharding = jax.sharding.NamedSharding(self.mesh, jax.P(*spec))
        return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)

    def fit(self, data=None, key=None, value=0.0, **options):
        import jax

        import train

        state = train.init(self.zeros((4, 1)) + value, (), self.sgd)
        options = {"epochs": EPOCHS, "batch_size": OWN * self.count} | options
        return train.fit(
            jax.random.key(0) if key is None else key, state, self.linear, self.sgd,
            data or self.source, **options,
        )  # fmt: skip

    def spread_state(self):
        """Parameters and Adam's moments of which each process holds a part."""
        import train

        random = np.random.default_rng(1)
        a, b = (random.normal(size=shape).astype(np.float32) for shape in ((4, 8), (8, 1)))
        params = {"a": self.placed(a, None, "data"), "b": self.placed(b, "data")}
        return train.init(params, (), self.adam)

    def fit_spread(self, folder, source=None, **options):
        import jax

        import train

        options = {"epochs": EPOCHS, "batch_size": 12} | options
        return train.fit(
            jax.random.key(0), self.spread_state(), self.two_layers, self.adam,
            source or self.rows_of_each_batch, checkpoint=folder, **options,
        )  # fmt: skip

    def rows_of_each_batch(self, epoch):
        """Parts of the same batches, whatever the number of processes."""
        size = 12 // self.count
        for first in range(0, 36, 12):
            own = slice(first + self.number * size, first + (self.number + 1) * size)
            yield X[own], Y[own]


def flat(train_state):
    from train._global_arrays import local

    return np.concatenate([np.ravel(leaf) for leaf in _leaves(local(train_state))]).tolist()


def _leaves(tree):
    import jax

    return jax.tree.leaves(tree)


def result(train_state, history):
    return {
        "params": flat(train_state.params),
        "losses": history["train_loss"].tolist(),
        "steps": int(train_state.step),
        "stopped": history.stopped,
    }


def stream(job):
    import train

    log = train.log.csv(job.folder / "log.csv")
    return result(*job.fit(callback=log))


def validated(job):
    """With all that may be measured, from the source of each and without looking ahead."""
    options = {"validation": job.source, "keep_best": True, "prefetch": 0, "gradient_norm": True}
    found = job.fit(**options)
    return result(*found) | {"validation": found[1]["validation_loss"].tolist()}


def own_types(job):
    """Batches of another type in one process."""

    def source(epoch):
        for x, y in job.source(epoch):
            yield x.astype(("float32", "float16")[job.number]), y

    job.fit(source)


def own_key(job):
    import jax

    job.fit(key=jax.random.key(job.number), epochs=job.number + 1)


def own_start(job):
    job.fit(value=job.number)


def own_rows(job):
    begin, end = PARTS[job.count][job.number : job.number + 2]
    return result(*job.fit((X[begin:end], Y[begin:end])))


def global_rows(job):
    return result(*job.fit((job.placed(X, "data"), job.placed(Y, "data"))))


def global_batches(job):
    batches = [(job.placed(X[i : i + 6], "data"), job.placed(Y[i : i + 6], "data")) for i in (0, 6)]
    return result(*job.fit(batches, validation=(job.placed(X, "data"), job.placed(Y, "data"))))


def labels(job, wrong=None):
    import jax

    import train

    own = LABELS.copy()
    if wrong is not None:
        own[wrong] = 2
    state = train.init(job.zeros((4, 2)), (), job.sgd)
    data = job.placed(X, "data"), job.placed(own, "data")
    options = {"epochs": 1, "batch_size": 6}
    return result(*train.fit(jax.random.key(0), state, job.classes, job.sgd, data, **options))


def wrong_label(job):
    return labels(job, wrong=41)  # of the last process


def within(job):
    """A run that is saved within its epochs, and the same one from such a checkpoint."""
    from train.checkpoints import format as file_format

    def source(epoch):
        return Positioned(job.source(epoch))

    folder = job.folder / "within"
    whole = job.fit(source, checkpoint=folder, every_steps=4, keep=9)
    names = sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
    barrier()
    if job.number == 0:
        for name in names[1:]:
            (folder / name).unlink()
    sources = file_format.read(folder / names[0])[1]["position"]["sources"]
    resumed = job.fit(source, checkpoint=folder, every_steps=4, keep=9, resume=True)
    return {"whole": result(*whole), "resumed": result(*resumed), "files": names, "at": sources}


class Positioned:
    """An iterator that keeps its position, as those of grain do."""

    def __init__(self, batches):
        self.batches, self.at = batches, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.at == len(self.batches):
            raise StopIteration
        self.at += 1
        return self.batches[self.at - 1]

    def get_state(self):
        return self.at

    def set_state(self, state):
        self.at = state


def barrier():
    from train._processes import agree

    agree(0)


def not_finite(job):
    def source(epoch):
        for i, (x, y) in enumerate(job.source(epoch)):
            yield (np.where(i == 2, np.nan, x) if job.number else x), y

    return result(*job.fit(source))


def broken_source(job):
    def source(epoch):
        for i, batch in enumerate(job.source(epoch)):
            if job.number and i == 2:
                raise OSError("the disk is gone")
            yield batch

    return result(*job.fit(source))


def broken_callback(job):
    def callback(epoch, row):
        if job.number:
            raise KeyError("mine")

    try:
        job.fit(callback=callback, checkpoint=job.folder / "callback")
    finally:
        barrier()  # so that the first has saved
    return "no error"


def stopping_callback(job):
    return result(*job.fit(callback=lambda epoch, row: job.number == 1, epochs=5))


def signalled(job):
    """SIGTERM to the last process, in the middle of an epoch."""

    def source(epoch):
        for i, batch in enumerate(job.source(epoch)):
            if job.number == job.count - 1 and (epoch, i) == (1, 3):
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    import train

    try:
        job.fit(source, checkpoint=job.folder / "signalled", every=99)
    except train.Interrupted as interruption:
        return {"code": interruption.code, "step": int(interruption.train_state.step)}
    return "no interruption"


def signalled_arrays(job):
    """Ctrl-C to the first process, whose data are arrays."""
    import train

    def callback(epoch, row):
        if job.number == 0 and epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    data = job.placed(X, "data"), job.placed(Y, "data")
    try:
        job.fit(data, callback=callback, epochs=4)
    except train.Interrupted as interruption:
        return {"code": interruption.code, "epochs": interruption.history.epochs}
    return "no interruption"


def own_loop(job):
    """A loop of the user's own, which a signal to one process ends in all."""
    import train

    with train.interruptible() as interrupted:
        for step in range(9):
            if job.number and step == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            if interrupted():
                break
    return step


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


def evaluated(job):
    import train

    data = job.placed(X, "data"), job.placed(Y, "data")
    state = train.init(job.zeros((4, 1)) + 0.5, (), job.sgd)
    found = train.evaluate(job.linear, state, data, batch_size=8)
    predictions = train.predict(linear, state, data[0], batch_size=8)
    return {"loss": float(found["loss"]), "predictions": flat(predictions)}


def prepared(job):
    """Scaled, and split by labels, of arrays that all processes hold together."""
    import jax

    import train

    x, labels = job.placed(X, "data"), job.placed(LABELS, "data")
    scaler = train.data.scaler(x)
    (_, held_out) = train.data.split(jax.random.key(0), (x, labels), test=0.5, stratify=labels)
    return {"center": scaler.center.tolist(), "ones": int(held_out[1].sum())}


def evaluated_own(job):
    import train

    train.evaluate(job.linear, train.init(job.zeros((4, 1)), (), job.sgd), (X, Y), batch_size=8)


def evaluated_by_own(job):
    """With parameters that differ from process to process."""
    import train

    state = train.init(job.zeros((4, 1)) + job.number, (), job.sgd)
    train.predict(linear, state, job.placed(X, "data"), batch_size=8)


def compared(job):
    import gradwise

    gradwise.compare(lambda x: (x**2).sum(), job.placed(X, "data"), time_limit=5)


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


def main(number, count, port, folder, *jobs):
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    address = f"127.0.0.1:{port}"
    if count > 1:
        jax.distributed.initialize(address, count, number, heartbeat_timeout_seconds=HEARTBEAT)
    job = Job(number, count, folder)
    for name in jobs:
        try:
            answer = globals()[name](job)
        except Exception as error:
            lost = getattr(error, "lost", None)
            answer = {"error": type(error).__name__, "text": str(error), "lost": lost}
            if lost:
                raise
        print(json.dumps([name, answer]), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), Path(sys.argv[4]), *sys.argv[5:])
