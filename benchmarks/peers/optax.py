"""optax, from which the users of the layer libraries take their losses."""

import jax.numpy as jnp
import optax

from .peer import EdgeFunctions, Peer


def _masked_cross_entropy(logits, targets, where):
    values = optax.softmax_cross_entropy(logits, targets, where=where[:, None])
    return jnp.mean(values, where=where)


def _decay(params):
    zeros = {name: jnp.zeros_like(leaf) for name, leaf in params.items()}
    transformation = optax.add_decayed_weights(1.0)
    return transformation.update(zeros, transformation.init(params), params)[0]


PEER = Peer(
    name="optax",
    functions=EdgeFunctions(
        cross_entropy=optax.softmax_cross_entropy_with_integer_labels,
        distribution_cross_entropy=optax.softmax_cross_entropy,
        binary_cross_entropy=optax.sigmoid_binary_cross_entropy,
        masked_cross_entropy=_masked_cross_entropy,
        norm=optax.global_norm,
        decay=_decay,
    ),
)
