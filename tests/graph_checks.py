"""What holds of every graph, checked from its records alone and against JAX's own derivatives."""

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
    return jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.inexact)


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


def adjoints_of_inputs(graph):
    inputs = [node for node in graph.nodes if node.kind == "input"]
    return [array(node.results[0].adjoint) for node in inputs]


def tangents_of_outputs(graph, place):
    """The tangent of each float output in one pass."""
    results = [result_of(graph, output.edge) for output in graph.outputs]
    moved = [r for r in results if jnp.issubdtype(jnp.dtype(r.dtype), jnp.inexact)]
    return [array(r.tangents[place]) if r.tangents else np.zeros(r.shape, r.dtype) for r in moved]


def assert_as_jax(graph, fn, x, fixed=(), *, tolerance):
    """Values, adjoints and tangents are those of JAX, of a function of the leaves `x`.

    Args:
        graph: The graph of it, differentiated by `x` alone.
        fn: A function of `x` and `fixed`.
        x: The leaves that are differentiated.
        fixed: The others.
        tolerance: As a fraction of the largest number.
    """

    @jax.jit
    def reference(x, fixed, directions):
        def outputs(x):
            leaves = jax.tree.leaves(fn(x, fixed))
            return [y for y in leaves if is_float(y)], leaves

        reverse, forward = not graph.reverse, not graph.forward
        if reverse:
            ys, pull, leaves = jax.vjp(outputs, x, has_aux=True)
            (adjoints,) = pull([jnp.ones_like(y) for y in ys])
        else:
            adjoints, leaves = [], outputs(x)[1]
        pushed = [jax.jvp(lambda x: outputs(x)[0], (x,), (d,))[1] for d in directions if forward]
        return leaves, adjoints, pushed

    x = [jnp.asarray(leaf) for leaf in x]
    directions = [] if graph.forward else unit_vectors(x, len(graph.passes))
    leaves, adjoints, pushed = reference(x, fixed, directions)
    values = [result_of(graph, output.edge).value for output in graph.outputs]
    numbers = [y for y in leaves if not jnp.issubdtype(y.dtype, jax.dtypes.extended)]
    wide = [
        np.asarray(y, np.float32) if y.dtype == jnp.bfloat16 else np.asarray(y) for y in numbers
    ]
    assert_close([array(v) for v in values if v is not None], wide, tolerance)
    if not graph.reverse:
        assert_close(adjoints_of_inputs(graph), adjoints, tolerance)
    for place, expected in enumerate(pushed):
        assert_close(tangents_of_outputs(graph, place), expected, tolerance)


def unit_vectors(x, count):
    """The first unit vectors of the space of all leaves."""
    sizes = [leaf.size for leaf in x]
    found = []
    for place in range(count):
        flat = [np.zeros(size) for size in sizes]
        leaf = next(i for i in range(len(x)) if place < sum(sizes[: i + 1]))
        flat[leaf][place - sum(sizes[:leaf])] = 1
        parts = zip(flat, x, strict=True)
        found.append([jnp.asarray(f.reshape(like.shape), like.dtype) for f, like in parts])
    return found


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
    sums = {}
    edges = [edge for node in graph.nodes for edge in node.operands if node.kind not in BODY_INPUTS]
    edges += [output.edge for output in graph.outputs]
    edges += [edge for group in graph.groups for edge in group.outputs if edge is not None]
    for edge in edges:
        if edge.adjoint is not None:
            key = edge.node, edge.result
            sums[key] = sums.get(key, 0) + array(edge.adjoint)
    for node in graph.nodes:
        for place, result in enumerate(node.results):
            if result.adjoint is not None:
                found, expected = array(result.adjoint), sums.get((node.id, place), 0)
                size = scale([np.where(np.isfinite(found), found, 0)])
                np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * size)


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


def assert_flops_add_up(graph, fn, *inputs):
    """The nodes outside of bodies have the operations of the function."""
    counted, parts = flops(fn, *inputs), [node.flops for node in outside(graph)]
    assert sum(p.low for p in parts) == counted.low
    assert sum(p.high for p in parts) == counted.high
    np.testing.assert_allclose(sum(p.mean for p in parts), counted.mean, rtol=1e-12)
    assert {what for p in parts for what in p.unknown} == set(counted.unknown)
    assert sum(p.transcendental for p in parts) == counted.transcendental
