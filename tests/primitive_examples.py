"""A small example of each primitive: a function whose program has it, and its inputs."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.ad_checkpoint import checkpoint_name

_random = np.random.default_rng(0)
#: Numbers that most functions are smooth at, none of them equal.
X = _random.uniform(0.2, 0.8, (2, 3)).astype(np.float32)
Y = _random.uniform(0.3, 0.9, (2, 3)).astype(np.float32)
ABOVE = X + 1
VECTOR = _random.uniform(0.2, 0.8, 6).astype(np.float32)
SQUARE = _random.uniform(-1, 1, (3, 3)).astype(np.float32)
POSITIVE = (SQUARE @ SQUARE.T + 3 * np.eye(3)).astype(np.float32)
LOWER = np.tril(POSITIVE)
TALL = _random.uniform(-1, 1, (4, 3)).astype(np.float32)
TRUTHS = X > 0.5
WHOLE = np.array([[3, 1, 2], [5, 4, 7]], np.int32)
WORDS = np.array([[3, 1, 2], [5, 4, 7]], np.uint32)
IMAGE = _random.uniform(0, 1, (1, 2, 5, 4)).astype(np.float32)
KERNEL = _random.uniform(0, 1, (3, 2, 2, 2)).astype(np.float32)
DIAGONALS = [np.array(d, np.float32) for d in ([0, 1, 2], [4, 5, 6], [1, 2, 0])]
KEY = jax.random.key(0)
_FLOORED = lax.GatherDimensionNumbers((1,), (0,), (0,))
_SCATTERED = lax.ScatterDimensionNumbers((1,), (0,), (0,))
PLACES = np.array([[1], [0]], np.int32)


def bound(name, **params):
    """The primitive itself, for those that no function of JAX asks for."""

    def fn(*operands):
        result = primitive(name).bind(*operands, **params)
        return result[0] if isinstance(result, (list, tuple)) else result

    return fn


def primitive(name):
    """A primitive of the installed JAX by its name."""
    return known_primitives()[name]


def known_primitives():
    """Every primitive that the installed JAX knows, by name."""
    import gc

    from jax.extend.core import Primitive

    return {one.name: one for one in gc.get_objects() if isinstance(one, Primitive)}


def wrapped_primitives():
    """The operations that newer versions of JAX wrap into one primitive, by their names."""
    program = jax.make_jaxpr(jnp.searchsorted)(VECTOR, X)
    wrapped = [eqn.params["_prim"] for eqn in program.eqns if "_prim" in eqn.params]
    waiting, found = [type(one).__mro__[-2] for one in wrapped], set()
    while waiting:
        below = waiting.pop().__subclasses__()
        found |= {one.__name__ for one in below}
        waiting += below
    return found


DEVICES = jax.devices()[:2]
_AROUND = [(i, (i + 1) % len(DEVICES)) for i in range(len(DEVICES))]


def over_devices(fn):
    """`fn` on each of two devices, or on the only one there is: what a collective needs."""
    mesh = jax.sharding.Mesh(np.array(DEVICES), ("i",))
    spec = jax.sharding.PartitionSpec("i")
    return jax.shard_map(fn, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)


def scatter(update):
    return lambda x, i, u: update(x, i, u, _SCATTERED, unique_indices=True)


_UNARY = """
abs asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil cos cosh digamma erf erf_inv erfc exp exp2
expm1 floor is_finite lgamma log log1p logistic neg round rsqrt sign sin sinh sqrt square
stop_gradient tan tanh
"""
_BINARY = """
add atan2 complex div eq ge gt igamma igamma_grad_a igammac le lt max min mul ne nextafter pow rem
sub
"""
UNARY = {name: (getattr(lax, name), X) for name in _UNARY.split()} | {
    "acos": (lax.acos, X),
    "acosh": (lax.acosh, ABOVE),
    "log2": (jnp.log2, X),
}
BINARY = {name: (getattr(lax, name), X, Y) for name in _BINARY.split()}
BITS = {
    "and": (lax.bitwise_and, TRUTHS, ~TRUTHS),
    "or": (lax.bitwise_or, TRUTHS, ~TRUTHS),
    "xor": (lax.bitwise_xor, TRUTHS, ~TRUTHS),
    "not": (lax.bitwise_not, TRUTHS),
    "clz": (lax.clz, WHOLE),
    "population_count": (lax.population_count, WHOLE),
    "shift_left": (lax.shift_left, WHOLE, WHOLE),
    "shift_right_arithmetic": (lax.shift_right_arithmetic, WHOLE, WHOLE),
    "shift_right_logical": (lax.shift_right_logical, WHOLE, WHOLE),
    "mulhi": (lambda x, y: lax.mulhi(x, y), WORDS, WORDS),
    "eq_to": (bound("eq_to"), X, Y),
    "le_to": (bound("le_to"), X, Y),
    "lt_to": (bound("lt_to"), X, Y),
    "bitcast_convert_type": (lambda x: lax.bitcast_convert_type(x, jnp.int32), X),
    "reduce_and": (bound("reduce_and", axes=(1,)), TRUTHS),
    "reduce_or": (bound("reduce_or", axes=(1,)), TRUTHS),
    "reduce_xor": (bound("reduce_xor", axes=(1,)), WHOLE),
}
MOVES = {
    "broadcast_in_dim": (lambda x: lax.broadcast_in_dim(x, (4, 2, 3), (1, 2)), X),
    "concatenate": (lambda x, y: lax.concatenate([x, y], 0), X, Y),
    "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (i, 1), (1, 2)), X, np.int32(1)),
    "dynamic_update_slice": (
        lambda x, y, i: lax.dynamic_update_slice(x, y[:1, :2], (i, 0)),
        X,
        Y,
        np.int32(1),
    ),
    "gather": (lambda x, i: lax.gather(x, i, _FLOORED, (1, 3)), X, PLACES),
    "pad": (lambda x: lax.pad(x, x.dtype.type(0), [(1, 0, 0), (0, 1, 1)]), X),
    "reshape": (lambda x: lax.reshape(x, (3, 2)), X),
    "rev": (lambda x: lax.rev(x, (1,)), X),
    "scatter": (scatter(lax.scatter), X, PLACES, Y),
    "select_n": (lax.select_n, TRUTHS, X, Y),
    "slice": (lambda x: lax.slice(x, (0, 1), (2, 3)), X),
    "split": (lambda x: lax.split(x, (1, 2), axis=1), X),
    "squeeze": (lambda x: lax.squeeze(x[None], (0,)), X),
    "stack": (bound("stack", axis=0), X, Y),
    "tile": (bound("tile", reps=(2, 1)), X),
    "transpose": (lambda x: lax.transpose(x, (1, 0)), X),
    "unstack": (bound("unstack", axis=0), X),
}
ALONG_AXES = {
    "approx_top_k": (lambda x: lax.approx_max_k(x, 2), X),
    "argmax": (lambda x: lax.argmax(x, 1, np.int32), X),
    "argmin": (lambda x: lax.argmin(x, 1, np.int32), X),
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x, 1), X),
    "cummax": (lambda x: lax.cummax(x, 1), X),
    "cummin": (lambda x: lax.cummin(x, 1), X),
    "cumprod": (lambda x: lax.cumprod(x, 1), X),
    "cumsum": (lambda x: lax.cumsum(x, 1, reverse=True), X),
    "reduce_max": (lambda x: jnp.max(x, axis=1), X),
    "reduce_min": (lambda x: jnp.min(x, axis=0), X),
    "reduce_prod": (lambda x: jnp.prod(x, axis=1), X),
    "reduce_sum": (lambda x: jnp.sum(x, axis=0), X),
    "sort": (lambda x: lax.sort(x, dimension=1), X),
    "top_k": (lambda x: lax.top_k(x, 2)[0], X),
}
WINDOWS = {
    "reduce_window_max": (
        lambda x: lax.reduce_window(x, -np.inf, lax.max, (1, 2), (1, 1), "VALID"),
        X,
    ),
    "reduce_window_min": (
        lambda x: lax.reduce_window(x, np.inf, lax.min, (1, 2), (1, 1), "VALID"),
        X,
    ),
    "reduce_window_sum": (
        lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2), (1, 1), "VALID"),
        X,
    ),
    "select_and_gather_add": (
        jax.jacfwd(lambda x: lax.reduce_window(x, -np.inf, lax.max, (2,), (1,), "VALID")),
        VECTOR,
    ),
    "select_and_scatter_add": (
        jax.grad(lambda x: lax.reduce_window(x, -np.inf, lax.max, (2,), (1,), "VALID").sum()),
        VECTOR,
    ),
}
PRODUCTS = {
    "conv_general_dilated": (lambda x, k: lax.conv(x, k, (1, 1), "SAME"), IMAGE, KERNEL),
    "dot_general": (lambda a, b: lax.dot(a, b.T), X, Y),
    "fft": (lambda x: jnp.fft.rfft(x, axis=1), X),
    "scatter-add": (scatter(lax.scatter_add), X, PLACES, Y),
    "scatter-max": (scatter(lax.scatter_max), X, PLACES, Y),
    "scatter-min": (scatter(lax.scatter_min), X, PLACES, Y),
    "scatter-mul": (scatter(lax.scatter_mul), X, PLACES, Y),
    "scatter-sub": (scatter(lax.scatter_sub), X, PLACES, Y),
}
LINEAR_ALGEBRA = {
    "cholesky": (lambda a: lax.linalg.cholesky(a, symmetrize_input=False), POSITIVE),
    "eig": (lambda a: lax.linalg.eig(a)[0], SQUARE),
    "eigh": (lambda a: lax.linalg.eigh(a, symmetrize_input=False)[1], POSITIVE),
    "geqp3": (bound("geqp3"), TALL, np.zeros(3, np.int32)),
    "geqrf": (bound("geqrf"), TALL),
    "hessenberg": (lambda a: lax.linalg.hessenberg(a)[0], SQUARE),
    "householder_product": (lax.linalg.householder_product, TALL, TALL[0]),
    "lu": (lambda a: lax.linalg.lu(a)[0], POSITIVE),
    "lu_pivots_to_permutation": (
        lambda p: lax.linalg.lu_pivots_to_permutation(p, 3),
        np.array([1, 1, 2], np.int32),
    ),
    "qr": (lambda a: lax.linalg.qr(a, full_matrices=False)[1], TALL),
    "schur": (lambda a: lax.linalg.schur(a)[0], SQUARE),
    "svd": (lambda a: lax.linalg.svd(a, compute_uv=False), TALL),
    "triangular_solve": (
        lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True, lower=True),
        LOWER,
        TALL[:3],
    ),
    "tridiagonal": (lambda a: lax.linalg.tridiagonal(a)[1], POSITIVE),
    "tridiagonal_solve": (lax.linalg.tridiagonal_solve, *DIAGONALS, TALL[:3]),
}
OTHERS = {
    "name": (lambda x: checkpoint_name(x, "kept"), X),
    "SearchSorted": (jnp.searchsorted, VECTOR, X),
    "Frexp": (lambda x: jnp.frexp(x)[0], X),
    "Ldexp": (lambda x: jnp.ldexp(x, 3), X),
    "Nonzero": (lambda x: jnp.nonzero(x > 0.5, size=2)[0], VECTOR),
    "add_any": (bound("add_any"), X, Y),
    "clamp": (lambda x: lax.clamp(np.float32(0.4), x, np.float32(0.6)), X),
    "conj": (lambda x, y: jnp.real(lax.conj(lax.complex(x, y))), X, Y),
    "convert_element_type": (lambda x: lax.convert_element_type(x, jnp.bfloat16), X),
    "copy": (bound("copy"), X),
    "imag": (lambda x, y: lax.imag(lax.complex(x, y)), X, Y),
    "integer_pow": (lambda x: lax.integer_pow(x, 5), X),
    "iota": (lambda: jnp.arange(3.0),),
    "one_minus_square": (jax.grad(lambda x: jnp.sum(jnp.tanh(x))), X),
    "optimization_barrier": (lambda x: lax.optimization_barrier(x), X),
    "polygamma": (lambda x: lax.polygamma(np.ones_like(X), x), X),
    "polynomial": (bound("polynomial"), X, np.float32(1), np.float32(2), np.float32(3)),
    "real": (lambda x, y: lax.real(lax.complex(x, y)), X, Y),
    "reduce_precision": (lambda x: lax.reduce_precision(x, 8, 7), X),
    "regularized_incomplete_beta": (lambda x: lax.betainc(X, Y, x), X),
    "threefry2x32": (lambda k, x: jax.extend.random.threefry_2x32(k, x), WORDS[0, :2], WORDS[0]),
    "zeta": (lambda y: lax.zeta(1 + ABOVE, y), Y),
}
PLACES_OF_DATA = {
    "all_gather": (over_devices(lambda x: lax.all_gather(x, "i").sum(0)), X),
    "all_to_all": (over_devices(lambda x: lax.all_to_all(x, "i", 1, 0)), X[:, : len(DEVICES)]),
    "axis_index": (over_devices(lambda x: x + lax.axis_index("i")), WHOLE),
    "device_put": (lambda x: jax.device_put(x), X),
    "pmax": (over_devices(lambda x: lax.pmax(x, "i")), X),
    "pmin": (over_devices(lambda x: lax.pmin(x, "i")), X),
    "ppermute": (over_devices(lambda x: lax.ppermute(x, "i", _AROUND)), X),
    "psum": (over_devices(lambda x: lax.psum(x, "i")), X),
    "reduce_scatter": (
        over_devices(lambda x: lax.psum_scatter(x, "i", scatter_dimension=1, tiled=True)),
        X[:, :2],
    ),
}
RANDOM = {
    "random_bits": (lambda k: jax.random.bits(k, (3,)), KEY),
    "random_fold_in": (lambda k: jax.random.fold_in(k, 1), KEY),
    "random_seed": (lambda s: jax.random.key_data(jax.random.key(s)), np.int32(1)),
    "random_split": (lambda k: jax.random.split(k), KEY),
    "random_unwrap": (lambda s: jax.random.key_data(jax.random.key(s)), np.int32(1)),
    "random_wrap": (lambda w: jax.random.bits(jax.random.wrap_key_data(w), (3,)), WORDS[0, :2]),
}
EXAMPLES = {
    **UNARY,
    **BINARY,
    **BITS,
    **MOVES,
    **ALONG_AXES,
    **WINDOWS,
    **PRODUCTS,
    **LINEAR_ALGEBRA,
    **OTHERS,
    **PLACES_OF_DATA,
    **RANDOM,
}
#: Those that only appear on a mesh, inside a transformation or for a moment, by the reason.
WITHOUT_EXAMPLE = {
    "only on meshes whose axes are in the types": "all_gather_invariant pbroadcast psum_invariant "
    "pvary reshard sharding_constraint layout_constraint with_memory_space_constraint",
    "only where an option of JAX asks for it": "CheckpointName CheckpointNameFwd",
    "only where a custom rule is differentiated": "custom_lin",
    "they hold no numbers": "after_all create_token debug_callback debug_print empty empty2 "
    "platform_index random_clone zeros_like",
    "only by modules of jax.experimental": "shard_alike xla_metadata_value",
    "only in programs of JAX's own": "broadcast_to pin tie unpin",
}
