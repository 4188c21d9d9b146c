"""scikit-learn's MLPClassifier, which has neither batch norm nor dropout."""

import numpy as np

from .peer import Peer, Trainer, library
from .task import Task


def _trainer(task: Task) -> Trainer:
    model = library("sklearn.neural_network").MLPClassifier(
        task.sizes[1:-1], batch_size=task.batch, learning_rate_init=task.learning_rate
    )
    classes = np.arange(task.sizes[-1])

    def epoch():
        model.partial_fit(task.x, task.y, classes=classes)
        return model.loss_

    return Trainer(epoch, epochs=1)


PEER = Peer(name="scikit-learn, no batch norm or dropout", packages=("sklearn",), trainer=_trainer)
