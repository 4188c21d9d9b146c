"""Jobs of several processes that an error, a signal or a callback ends in one of them."""

import os
import signal

import numpy as np
from process_group import X, Y
from process_job import barrier, result


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
