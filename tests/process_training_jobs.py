"""Jobs of several processes that train to the end, on streams and on arrays."""

from process_group import LABELS, PARTS, X, Y
from process_job import barrier, result


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
