"""What holds of every graph, checked from its records alone and against JAX's own derivatives."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np

from gradwise import flops


def array(quantity):
    """The numbers of a quantity that is not pooled."""
    assert not quantity.pooled
    return quantity.array


def result_of(graph, edge):
    """The result that an edge comes from."""
    return graph.nodes[edge.node].results[edge.result]


def outside(graph):
    """The nodes outside of all bodies."""
    return [node for node in graph.nodes if node.body_of is None]


def is_float(leaf):
    return jnp.issubdtype(jax.typeof(leaf).dtype, jnp.inexact)


def scale(arrays):
    """The largest of all numbers, which an error is measured by."""
    return max((float(np.max(np.abs(a), initial=0)) for a in arrays), default=0.0)


def assert_close(found, expected, tolerance):
    """The same numbers, up to a fraction of the largest; NaN and infinities at the same places."""
    expected = [np.asarray(a) for a in expected]
    finite = [np.where(np.isfinite(a), a, 0) for a in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale(finite))


def adjoints_of_inputs(graph, names):
    """The adjoints of the inputs of these names; a graph has its inputs where they are used."""
    inputs = {node.name: node for node in graph.nodes if node.kind == "input"}
    assert sorted(inputs) == sorted(names)
    return [array(inputs[name].results[0].adjoint) for name in names]


def names_of_leaves(fn, inputs, argnums=None):
    """What the differentiated leaves are called, in the order of the arguments."""
    parameters = list(inspect.signature(fn).parameters.values())
    several = parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL
    plain = parameters[:-1] if several else parameters
    names = [p.name for p in plain]
    names += [f"{parameters[-1].name}[{i}]" for i in range(len(inputs) - len(plain)) if several]
    chosen = range(len(inputs)) if argnums is None else np.atleast_1d(argnums)
    return [
        f"{names[place]}{jax.tree_util.keystr(path)}"
        for place in chosen
        for path, leaf in jax.tree.leaves_with_path(inputs[place])
        if is_float(leaf)
    ]


def tangents_of_outputs(graph, place):
    """The tangent of each float output in one pass."""
    results = [result_of(graph, output.edge) for output in graph.outputs]
    moved = [r for r in results if "float" in r.dtype or "complex" in r.dtype]
    return [array(r.tangents[place]) if r.tangents else np.zeros(r.shape, r.dtype) for r in moved]


def assert_as_jax(graph, names, fn, x, fixed=(), *, tolerance, weights=None):
    """Values, adjoints and tangents are those of JAX, of a function of the leaves `x`.

    Args:
        graph: The graph of it, differentiated by `x` alone.
        names: What the leaves of `x` are called in it.
        fn: A function of `x` and `fixed`.
        x: The leaves that are differentiated.
        fixed: The others.
        tolerance: As a fraction of the largest number.
        weights: The cotangent of each float output; 1 on each number by default.
    """

    @jax.jit
    def reference(x, fixed, directions):
        def outputs(x):
            leaves = jax.tree.leaves(fn(x, fixed))
            return [y for y in leaves if is_float(y)], leaves

        reverse, forward = not graph.reverse, not graph.forward
        if reverse:
            ys, pull, leaves = jax.vjp(outputs, x, has_aux=True)
            (adjoints,) = pull([jnp.ones_like(y) for y in ys] if weights is None else weights)
        else:
            adjoints, leaves = [], outputs(x)[1]
        push = lambda d: jax.jvp(lambda x: outputs(x)[0], (x,), (d,))[1]  # noqa: E731
        return leaves, adjoints, jax.lax.map(push, directions) if forward else []

    x = [jnp.asarray(leaf) for leaf in x]
    with jax.debug_key_reuse(False):
        leaves, adjoints, pushed = reference(x, fixed, unit_vectors(x, len(graph.passes)))
    values = [result_of(graph, output.edge).value for output in graph.outputs]
    numbers = [y for y in leaves if not jnp.issubdtype(y.dtype, jax.dtypes.extended)]
    wide = [
        np.asarray(y, np.float32) if y.dtype == jnp.bfloat16 else np.asarray(y) for y in numbers
    ]
    assert_close([array(v) for v in values if v is not None], wide, tolerance)
    if not graph.reverse:
        assert_close(adjoints_of_inputs(graph, names), adjoints, tolerance)
    for place in range(len(graph.passes)):
        expected = [np.asarray(stacked[place]) for stacked in pushed]
        assert_close(tangents_of_outputs(graph, place), expected, tolerance)


def unit_vectors(x, count):
    """The first unit vectors of the space of all leaves, stacked."""
    every = np.eye(count, sum(leaf.size for leaf in x))
    parts = np.split(every, np.cumsum([leaf.size for leaf in x])[:-1], axis=1)
    pairs = zip(parts, x, strict=True)
    return [jnp.asarray(part.reshape(count, *leaf.shape), leaf.dtype) for part, leaf in pairs]


def assert_structure(graph):
    """Operands stand before what takes them, ids are places, groups are runs and say so."""
    for place, node in enumerate(graph.nodes):
        assert node.id == place
        for edge in node.operands:
            assert edge.node < place
            assert edge.result < len(graph.nodes[edge.node].results)
        if node.kind in ("operation", "loop", "branch"):
            assert len(node.operands) == sum(number is None for number in node.literals)
        assert node.body_of is None or node.body_of < place
    for place, group in enumerate(graph.groups):
        assert group.id == place
        assert group.parent is None or group.parent < place
        inside = [node.id for node in graph.nodes if place in node.groups]
        assert inside == list(range(inside[0], inside[0] + len(inside))) if inside else True
        for node in graph.nodes:
            if place in node.groups:
                above = node.groups[: node.groups.index(place)]
                assert above[-1:] == (() if group.parent is None else (group.parent,))
    for output in graph.outputs:
        assert output.edge.node < len(graph.nodes)


def assert_adjoints_are_sums(graph, tolerance):
    """A result's adjoint is the sum of what its edges hand back, a body's outputs among them."""
    parts = {}
    edges = [edge for node in graph.nodes for edge in node.operands if node.kind not in BODY_INPUTS]
    edges += [output.edge for output in graph.outputs]
    edges += [edge for group in graph.groups for edge in group.outputs if edge is not None]
    for edge in edges:
        if edge.adjoint is not None:
            parts.setdefault((edge.node, edge.result), []).append(array(edge.adjoint))
    for node in graph.nodes:
        for place, result in enumerate(node.results):
            if result.adjoint is not None:
                summands = parts.get((node.id, place), [np.zeros(result.shape)])
                size = scale([np.where(np.isfinite(a), a, 0) for a in summands])
                found = array(result.adjoint)
                np.testing.assert_allclose(found, sum(summands), rtol=0, atol=tolerance * size)


#: Inputs of a body, whose one operand hands nothing back.
BODY_INPUTS = ("carried", "slice", "held")


def cut_sums(graph, place):
    """The sums of adjoint times tangent over the edges of every cut, in one pass."""
    nodes = outside(graph)
    edges = [(edge, node.id) for node in nodes for edge in node.operands]
    edges += [(output.edge, len(graph.nodes)) for output in graph.outputs]
    terms = []
    for edge, end in edges:
        source = result_of(graph, edge)
        if edge.adjoint is not None and source.tangents:
            product = np.sum(array(edge.adjoint) * array(source.tangents[place]))
            start = -1 if graph.nodes[edge.node].kind == "input" else edge.node
            terms.append((start, end, float(np.real(product))))
    cuts = [-1, *(node.id for node in nodes if node.kind != "input")]
    return [sum(t for start, end, t in terms if start <= cut < end) for cut in cuts]


def assert_cut_sums_agree(graph, tolerance):
    """Every cut has the same sum of adjoint times tangent, in each pass."""
    for place in range(len(graph.passes)):
        sums = cut_sums(graph, place)
        np.testing.assert_allclose(sums, sums[-1], rtol=0, atol=tolerance * cut_scale(graph, place))


def cut_scale(graph, place):
    """The largest term of a cut's sum, which its rounding errors are measured by."""
    nodes = outside(graph)
    edges = [edge for node in nodes for edge in node.operands]
    edges += [output.edge for output in graph.outputs]
    pairs = [(e.adjoint, r.tangents[place]) for e in edges if (r := result_of(graph, e)).tangents]
    return scale([array(a) * array(t) for a, t in pairs if a is not None]) or 1.0


def assert_flops_add_up(graph, fn, *inputs):
    """The nodes outside of bodies have the operations of the function."""
    counted, parts = flops(fn, *inputs), [node.flops for node in outside(graph)]
    assert sum(p.low for p in parts) == counted.low
    assert sum(p.high for p in parts) == counted.high
    np.testing.assert_allclose(sum(p.mean for p in parts), counted.mean, rtol=1e-12)
    assert {what for p in parts for what in p.unknown} == set(counted.unknown)
    assert sum(p.transcendental for p in parts) == counted.transcendental
