"""Graphs made by hand, and random ones, for tests of what is drawn; no function is traced."""

import random
from dataclasses import replace

from benchmarks.graph.parts import Group, Node, Operand
from benchmarks.graph.record import Graph


class Sketch:
    """Nodes and groups in the order in which they are named."""

    def __init__(self):
        self.nodes = []
        self.groups = []
        self.stack = []
        self.loops = []

    def _add(self, **fields):
        node = Node(
            id=len(self.nodes),
            groups=tuple(self.stack),
            body_of=self.loops[-1] if self.loops else None,
            **fields,
        )
        self.nodes.append(node)
        return node.id

    def leaf(self, name, kind="input", *, parameter=False):
        return self._add(kind=kind, operation=name, name=name, parameter=parameter)

    def weight(self, name):
        return self.leaf(name, parameter=True)

    def op(self, operation, *operands, kind="operation"):
        taken = tuple(
            Operand(node=o) if isinstance(o, int) else Operand(node=o[0], result=o[1])
            for o in operands
        )
        return self._add(kind=kind, operation=operation, operands=taken)

    def open(self, name, kind="layer", **fields):
        parent = self.stack[-1] if self.stack else None
        group = Group(id=len(self.groups), name=name, kind=kind, parent=parent, **fields)
        self.groups.append(group)
        self.stack.append(group.id)
        return group.id

    def close(self):
        self.stack.pop()

    def open_loop(self, *operands, turns=12):
        """Open the body of a loop, and return the loop and the inputs of its body."""
        loop = self.op("scan", *operands, kind="loop")
        self.open(f"x {turns}", "loop", loop=loop, turns=turns)
        self.loops.append(loop)
        kinds = ("carried", "slice", "held")
        return loop, [self.op("in", o, kind=kinds[k % 3]) for k, o in enumerate(operands)]

    def close_loop(self, *outputs):
        group = self.stack.pop()
        self.loops.pop()
        made = tuple(Operand(node=o) for o in outputs)
        self.groups[group] = replace(self.groups[group], outputs=made)

    def graph(self):
        return Graph(title="f", nodes=tuple(self.nodes), groups=tuple(self.groups))


def logistic():
    """One layer with a sigmoid and its cross entropy."""
    s = Sketch()
    w, x, b, y = s.leaf("w"), s.leaf("x", "fixed"), s.leaf("b"), s.leaf("y", "fixed")
    p = s.op("logistic", s.op("add", s.op("dot_general", w, x), b))
    one = s.op("mul", y, s.op("log", p))
    zero = s.op("mul", s.op("sub", y), s.op("log", s.op("sub", p)))
    s.op("neg", s.op("add", one, zero))
    return s.graph()


def prelu():
    """One layer with PReLU, a squared error and a penalty."""
    s = Sketch()
    x, w, b, a = s.leaf("x", "fixed"), s.leaf("w"), s.leaf("b"), s.leaf("a")
    v, y, mask = s.leaf("v"), s.leaf("y", "fixed"), s.leaf("mask", "constant")
    h = s.op("add", s.op("dot_general", w, x), b)
    p = s.op("dot_general", s.op("select_n", mask, s.op("mul", a, h), h), v)
    error = s.op("reduce_sum", s.op("square", s.op("sub", p, y)))
    penalty = s.op("mul", s.op("reduce_sum", s.op("square", w)))
    s.op("add", error, penalty)
    return s.graph()


def mlp(blocks=1):
    """Dense layers with batch norm, relu and dropout, each a group, and cross entropy."""
    s = Sketch()
    x = s.leaf("x", "fixed")
    for k in range(blocks):
        x = _dropout(s, _relu(s, _batch_norm(s, _dense(s, x, 4 * k))), 4 * k + 3)
    x = _dense(s, x, 4 * blocks)
    s.open("softmax_cross_entropy", "loss")
    d = s.op("sub", x, s.op("reduce_max", x))
    picked = s.op("reduce_sum", s.op("mul", d, s.leaf("one-hot", "constant")))
    loss = s.op("sub", s.op("log", s.op("reduce_sum", s.op("exp", d))), picked)
    s.close()
    s.op("div", s.op("reduce_sum", loss))
    return s.graph()


def _dense(s, x, k):
    s.open(f"{k} dense")
    y = s.op("add", s.op("dot_general", x, s.weight("w")), s.weight("b"))
    s.close()
    return y


def _batch_norm(s, x):
    s.open("batch_norm")
    d = s.op("sub", x, s.op("div", s.op("reduce_sum", x)))
    r = s.op("rsqrt", s.op("add", s.op("reduce_sum", s.op("square", d))))
    y = s.op("add", s.op("mul", s.op("mul", d, r), s.weight("gamma")), s.weight("beta"))
    s.close()
    return y


def _relu(s, x):
    s.open("relu")
    y = s.op("relu", x)
    s.close()
    return y


def _dropout(s, x, k):
    s.open(f"{k} dropout")
    y = s.op("select_n", s.leaf("mask", "constant"), s.leaf("0", "constant"), s.op("div", x))
    s.close()
    return y


def attention():
    """A residual block with a normed attention in it: groups in groups, and a link over all."""
    s = Sketch()
    x = s.leaf("x", "fixed")
    s.open("block")
    s.open("attention")
    s.open("norm")
    d = s.op("sub", x, s.op("mean", x))
    n = s.op("mul", s.op("mul", d, s.op("rsqrt", s.op("mean", s.op("square", d)))), s.weight("g"))
    s.close()
    q, k, v = (s.op("dot_general", n, s.weight(name)) for name in ("q", "k", "v"))
    a = s.op("softmax", s.op("div", s.op("dot_general", q, k)))
    out = s.op("dot_general", s.op("dot_general", a, v), s.weight("o"))
    s.close()
    y = s.op("add", x, out)
    s.close()
    s.op("reduce_sum", y)
    return s.graph()


def scan():
    """A recurrent network: a loop that carries, slices and holds, and hands out two results."""
    s = Sketch()
    w, u, xs, h0 = s.leaf("w"), s.leaf("u"), s.leaf("xs", "fixed"), s.leaf("h0")
    loop, (h, x, wi, ui) = s.open_loop(h0, xs, w, u)
    z = s.op("tanh", s.op("add", s.op("dot_general", wi, h), s.op("dot_general", ui, x)))
    s.close_loop(z, s.op("square", z))
    s.op("add", s.op("reduce_sum", (loop, 1)), s.op("reduce_sum", (loop, 0)))
    return s.graph()


LECTURE = {f.__name__: f for f in (logistic, prelu, mlp, attention, scan)}


def random_graph(seed, size=30):
    """Return a random graph: groups and loops in one another, weights, operands taken twice."""
    rng = random.Random(seed)
    s = Sketch()
    made = [[s.leaf("x", "fixed"), s.leaf("y")]]  # what may be taken, by loop
    while len(s.nodes) < size:
        chance = rng.random()
        here = made[-1]
        if chance < 0.12 and len(s.stack) < 4:
            s.open("group")
        elif chance < 0.24 and s.stack and s.groups[s.stack[-1]].loop is None and _filled(s):
            s.close()
        elif chance < 0.29 and len(made) < 3:
            _, inputs = s.open_loop(*rng.choices(here, k=3))
            made.append(inputs)
        elif chance < 0.39 and len(made) > 1 and s.groups[s.stack[-1]].loop is not None:
            loop = s.loops[-1]
            s.close_loop(*rng.choices(here, k=2))
            made.pop()
            made[-1] += [loop]
        elif chance < 0.5:
            here.append(s.leaf("c", "constant") if chance < 0.42 else s.weight("w"))
        else:
            near = here[-8:] if rng.random() < 0.8 else here
            operation = rng.choice(("add", "sub", "select_n"))
            here.append(s.op(operation, *rng.choices(near, k=rng.randint(1, 3))))
    while s.stack:
        if s.groups[s.stack[-1]].loop is not None:
            s.close_loop(*made.pop()[-1:])
        else:
            s.close()
    return s.graph()


def _filled(s):
    return any(s.stack[-1] in n.groups and n.kind == "operation" for n in s.nodes)


def sizes(graph, seed=0):
    """Return a box's width and height for every node and group."""
    rng = random.Random(seed)
    keys = [f"n{n.id}" for n in graph.nodes] + [f"g{g.id}" for g in graph.groups]
    return {key: (float(rng.randint(40, 130)), float(rng.randint(28, 90))) for key in keys}


def shut_sets(graph, seed=0):
    """Return none, all, and some of the groups."""
    rng = random.Random(seed)
    every = frozenset(g.id for g in graph.groups)
    return (frozenset(), every, *(frozenset(g for g in every if rng.random() < 0.4) for _ in "ab"))
