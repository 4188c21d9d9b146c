"""PyTorch, run eagerly."""

from .loop import python_loop
from .peer import Peer, Trainer, library
from .task import Task


def _trainer(task: Task) -> Trainer:
    torch = library("torch")

    layers = []
    for weight in task.weights[:-1]:
        size = weight.shape[1]
        layers += [
            _linear(weight, bias=False),
            torch.nn.BatchNorm1d(size, eps=task.eps, momentum=1 - task.momentum),
            torch.nn.ReLU(),
            torch.nn.Dropout(task.rate),
        ]
    model = torch.nn.Sequential(*layers, _linear(task.weights[-1], bias=True))
    optimizer = torch.optim.Adam(model.parameters(), task.learning_rate)

    def step(x, y):
        optimizer.zero_grad()
        logits = model(torch.from_numpy(x))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y).long())
        loss.backward()
        optimizer.step()
        return loss.item()

    return python_loop(task, step)


def _linear(weight, *, bias):
    torch = library("torch")
    layer = torch.nn.Linear(*weight.shape, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.T))
        if bias:
            layer.bias.zero_()
    return layer


PEER = Peer(name="PyTorch, eager", packages=("torch",), trainer=_trainer)
