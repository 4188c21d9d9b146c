"""Graphs made without JAX: NumPy computes the values, the complex step the derivatives."""

from dataclasses import replace

import numpy as np

from benchmarks.graph.parts import Group, Node, Operand, Output, Quantity, Result
from benchmarks.graph.record import Graph
from benchmarks.program.count import Flops
from benchmarks.program.residuals import Residual


def derivative(fn, arrays, place):
    """The Jacobian of `fn` by one of its arrays, `[size of the result, size of the array]`."""
    columns = []
    for index in range(arrays[place].size):
        shifted = [array.astype(complex) for array in arrays]
        shifted[place].flat[index] += 1e-30j
        columns.append(np.imag(np.ravel(fn(*shifted))) / 1e-30)
    return np.stack(columns, axis=1)


class Tape:
    """Write a graph down node by node; `graph` fills in all derivatives of the last node."""

    def __init__(self):
        self.nodes, self.arrays, self.rules = [], [], []

    def leaf(self, name, array, kind="input", **options):
        node = Node(id=len(self.nodes), kind=kind, operation=kind, name=name, **options)
        return self._add(node, np.asarray(array, float), ())

    def apply(self, operation, fn, *operands, name="", notes=(), keeps=None, **options):
        """Add an operation; `keeps` is a kind of storage, such as `"new"`."""
        array = np.real(np.asarray(fn(*(self.arrays[node] for node in operands))))
        edges = tuple(
            Operand(node=node, notes=tuple(notes) if place == len(operands) - 1 else ())
            for place, node in enumerate(operands)
        )
        kept = Residual(
            bytes=array.nbytes,
            shape=array.shape,
            dtype="float64",
            what=operation,
            source="net.py:3 (loss)",
            storage=keeps or "",
        )
        node = Node(
            id=len(self.nodes),
            kind="operation",
            operation=operation,
            name=name,
            operands=edges,
            source=options.pop("source", f"net.py:{len(self.nodes)} (loss)"),
            flops=Flops(low=array.size, mean=array.size, high=array.size),
            kept=(kept,) if keeps else (),
            **options,
        )
        jacobians = [
            derivative(fn, [self.arrays[node] for node in operands], place)
            for place in range(len(operands))
        ]
        return self._add(node, array, jacobians)

    def _add(self, node, array, jacobians):
        self.nodes.append(node)
        self.arrays.append(array)
        self.rules.append(jacobians)
        return node.id

    def graph(self, title, groups=(), *, most=None, **options):
        passes, seeds = [], []
        for node in self.nodes:
            if node.kind == "input":
                for index in np.ndindex(self.arrays[node.id].shape):
                    place = f"[{','.join(map(str, index))}]" if index else ""
                    passes.append(f"{node.name}{place}")
                    seeds.append((node.id, index))
        n, passes = len(passes), passes[:most]
        tangents = [self._tangents(*seed) for seed in seeds[:most]]
        adjoints, handed = self._adjoints()
        nodes = []
        for node, array in zip(self.nodes, self.arrays, strict=True):
            moves = node.kind in ("input", "operation", "loop")
            result = Result(
                shape=array.shape,
                dtype="float64",
                value=Quantity(array=array),
                tangents=tuple(Quantity(array=t[node.id]) for t in tangents) if moves else (),
                adjoint=Quantity(array=adjoints[node.id]) if moves else None,
            )
            operands = tuple(
                replace(edge, adjoint=Quantity(array=handed[node.id, place]))
                if self.nodes[edge.node].kind in ("input", "operation", "loop")
                else edge
                for place, edge in enumerate(node.operands)
            )
            nodes.append(replace(node, results=(result,), operands=operands))
        last = self.arrays[-1]
        edge = Operand(node=nodes[-1].id, adjoint=Quantity(array=np.ones_like(last)))
        return Graph(
            title=title,
            nodes=tuple(nodes),
            groups=tuple(groups),
            outputs=(Output(name="output", edge=edge),),
            passes=tuple(passes),
            n=n,
            m=last.size,
            **options,
        )

    def _tangents(self, seeded, index):
        tangents = []
        for node, array in zip(self.nodes, self.arrays, strict=True):
            tangent = np.zeros(array.size)
            if node.id == seeded:
                tangent = tangent.reshape(array.shape)
                tangent[index] = 1
            for edge, rule in zip(node.operands, self.rules[node.id], strict=True):
                tangent = tangent + rule @ tangents[edge.node].ravel()
            tangents.append(tangent.reshape(array.shape))
        return tangents

    def _adjoints(self):
        adjoints = [np.zeros_like(array) for array in self.arrays]
        adjoints[-1] += 1
        handed = {}
        for node in reversed(self.nodes):
            for place, edge in enumerate(node.operands):
                back = self.rules[node.id][place].T @ adjoints[node.id].ravel()
                handed[node.id, place] = back.reshape(self.arrays[edge.node].shape)
                adjoints[edge.node] += handed[node.id, place]
        return adjoints, handed


def logistic_regression():
    """`-y log p - (1 - y) log(1 - p)` with `p = sigmoid(w @ x + b)`."""
    tape = Tape()
    w = tape.leaf("w", [0.5, -1.0])
    x = tape.leaf("x", [2.0, 1.0], "fixed")
    dot = tape.apply("dot_general", lambda w, x: w @ x, w, x)
    b = tape.leaf("b", 0.1)
    z = tape.apply("add", np.add, dot, b, name="z")
    p = tape.apply("logistic", lambda z: 1 / (1 + np.exp(-z)), z, name="p", keeps="new")
    log = tape.apply("log", np.log, p)
    y = tape.leaf("y", 1.0, "fixed")
    left = tape.apply("mul", np.multiply, y, log)
    rest = tape.apply("sub", lambda p: 1 - p, p, literals=(1.0, None))
    log_rest = tape.apply("log", np.log, rest)
    right = tape.apply("mul", lambda a: a * 0.0, log_rest, literals=(None, 0.0))
    both = tape.apply("add", np.add, left, right)
    tape.apply("neg", np.negative, both)
    return tape.graph("loss")


def _pick(mask, otherwise, where):
    return np.real(mask) * where + (1 - np.real(mask)) * otherwise


def prelu_with_penalty():
    """The lecture's one layer with PReLU, a squared error and an L2 penalty."""
    tape = Tape()
    x = tape.leaf("x", [2.0, 1.0], "fixed")
    w = tape.leaf("w", [[0.5, 0.25], [-0.5, 1.0]])
    product = tape.apply("dot_general", lambda w, x: w @ x, w, x)
    b = tape.leaf("b", [0.1, -0.2])
    h = tape.apply("add", np.add, product, b, name="h", keeps="output")
    mask = tape.leaf("mask", [1.0, 0.0], "constant")
    a = tape.leaf("a", 0.25)
    slope = tape.apply("mul", np.multiply, h, a, notes=("broadcast",))
    z = tape.apply("select_n", _pick, mask, slope, h, name="z", keeps="new")
    v = tape.leaf("v", [1.0, -0.5])
    p = tape.apply("dot_general", lambda v, z: v @ z, v, z, name="p")
    y = tape.leaf("y", 1.0, "fixed")
    error = tape.apply("sub", np.subtract, p, y)
    square = tape.apply("integer_pow", lambda e: e**2, error, name="e", params=(("y", 2),))
    squares = tape.apply("integer_pow", lambda w: w**2, w, params=(("y", 2),), keeps="new")
    total = tape.apply("reduce_sum", np.sum, squares, params=(("axes", (0, 1)),))
    penalty = tape.apply("mul", lambda s: s * 0.1, total, name="r", literals=(None, 0.1))
    tape.apply("add", np.add, square, penalty)
    return tape.graph("loss")


def layers(count=2, size=6, rows=5, passes=None):
    """Dense layers with tanh and a sum of squares at the end, each layer a group."""
    generator = np.random.default_rng(0)
    tape, groups = Tape(), []
    x = tape.leaf("x", generator.normal(size=(rows, size)), "fixed")
    for place in range(count):
        groups.append(Group(id=2 * place, name=f"{2 * place} dense", kind="layer"))
        groups.append(Group(id=2 * place + 1, name=f"{2 * place + 1} tanh", kind="layer"))
        inside = {"groups": (2 * place,)}
        w = tape.leaf("weight", generator.normal(size=(size, size)), parameter=True, **inside)
        x = tape.apply("dot_general", np.matmul, x, w, **inside)
        b = tape.leaf("bias", np.zeros(size), parameter=True, **inside)
        x = tape.apply("add", np.add, x, b, notes=("broadcast",), **inside)
        x = tape.apply("tanh", np.tanh, x, keeps="new", groups=(2 * place + 1,))
    squares = tape.apply("integer_pow", lambda x: x**2, x, params=(("y", 2),))
    tape.apply("reduce_sum", np.sum, squares, params=(("axes", (0, 1)),), name="loss")
    return tape.graph("model", groups, most=passes)


def in_loop(turns=12):
    """A loop `carry = sin(carry) + x`, whose body shows its last turn."""
    tape = Tape()
    x = tape.leaf("x", 0.5)
    start = tape.apply("mul", lambda x: x * 2.0, x, name="start", literals=(None, 2.0))

    def loop(start, x):
        for _ in range(turns):
            start = np.sin(start) + x
        return start

    scan = tape.apply("scan", loop, start, x, name="end", params=(("length", turns),))
    tape.nodes[scan] = replace(tape.nodes[scan], kind="loop")
    body = {"body_of": scan, "groups": (0,)}
    carried = tape.leaf("carry", 0.9, "carried", **body)
    tape.nodes[carried] = replace(tape.nodes[carried], operands=(Operand(node=start),))
    held = tape.leaf("x", 0.5, "held", **body)
    tape.nodes[held] = replace(tape.nodes[held], operands=(Operand(node=x),))
    tape.rules[carried] = tape.rules[held] = [np.zeros((1, 1))]
    sine = tape.apply("sin", np.sin, carried, keeps="new", **body)
    step = tape.apply("add", np.add, sine, held, **body)
    tape.apply("mul", lambda end: end * 3.0, scan, name="loss", literals=(None, 3.0))
    body_group = Group(
        id=0,
        name=f"x {turns}",
        kind="loop",
        loop=scan,
        turns=turns,
        turn=turns - 1,
        outputs=(Operand(node=step),),
    )
    return tape.graph("repeated", [body_group], shut=frozenset({0}))


EXAMPLES = (logistic_regression, prelu_with_penalty, layers, in_loop)
