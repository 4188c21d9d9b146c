"""Jobs of several processes that measure, and train nothing."""

from process_group import LABELS, X, Y
from process_job import flat, linear


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
