"""Named scopes: combinators name the layers inside of them, and change no program by it."""

import re
from contextlib import nullcontext

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache import compilation_cache

import nn
from benchmarks.program.jaxpr import bodies, opened

KEY = jax.random.key(0)
BLOCK = nn.residual(nn.serial(nn.dense(3, 4), nn.activation(nn.relu), nn.dense(4, 3)))
MODELS = {
    "mlp": (nn.mlp((7, 5, 2), batch_norm=True, dropout=0.1), (6, 7)),
    "conv": (
        nn.serial(
            *(nn.conv(2, 4, (3, 3)), nn.activation(nn.relu), nn.max_pool((2, 2))),
            *(nn.flatten(), nn.dense(36, 3)),
        ),
        (5, 6, 6, 2),
    ),
    "residual": (nn.residual(nn.dense(3, 3)), (6, 3)),
    "repeat": (nn.repeat(BLOCK, 12), (6, 3)),
    "concatenate": (nn.concatenate(nn.dense(3, 2), nn.dropout(0.3)), (6, 3)),
    "wrappers": (nn.serial(nn.frozen(nn.dense(3, 4)), nn.mixed_precision(nn.dense(4, 2))), (6, 3)),
}


def scopes(program):
    """Every chain of scopes in a program, in order of appearance, without transformations."""

    def of(jaxpr, outside):
        for eqn in jaxpr.eqns:
            own = tuple(str(eqn.source_info.name_stack).split("/"))
            here = (*outside, *filter(None, own))
            inner = [scope for body in bodies(eqn) for scope in of(opened(body), here)]
            yield from inner or [here]

    return list(dict.fromkeys(of(program.jaxpr, ())))


def traced(model, shape, **switches):
    params, state = jax.eval_shape(model.init, KEY)
    x = jax.ShapeDtypeStruct(shape, "float32")
    return jax.make_jaxpr(lambda p, s, x: model.apply(p, s, x, **switches))(params, state, x)


def names(model, shape, **switches):
    return ["/".join(scope) for scope in scopes(traced(model, shape, **switches))]


def test_serial_names_each_layer_by_its_place_and_its_kind():
    model = nn.mlp((7, 5, 2), batch_norm=True, dropout=0.1)
    outermost = [scope[0] for scope in scopes(traced(model, (6, 7), train=True, key=KEY)) if scope]
    expected = ["0 dense", "1 batch_norm", "2 relu", "3 dropout", "4 dense"]
    assert list(dict.fromkeys(outermost)) == expected


def test_a_layer_inside_of_residual_repeat_and_concatenate_is_named():
    assert names(nn.residual(nn.dense(3, 3)), (6, 3)) == ["dense", ""]
    assert names(BLOCK, (6, 3)) == ["0 dense", "1 relu", "2 dense", ""]
    joined = names(nn.concatenate(nn.dense(3, 2), nn.layer_norm(3)), (6, 3))
    assert joined[0] == "0 dense"
    assert "1 layer_norm" in joined
    deep = names(nn.serial(nn.repeat(nn.residual(nn.dense(3, 3)), 4), nn.dense(3, 2)), (6, 3))
    assert "0 repeat/residual/dense" in deep
    assert deep[-1] == "1 dense"


def test_what_only_wraps_a_layer_is_called_by_it():
    model = nn.serial(
        nn.frozen(nn.dense(3, 4)),
        nn.mixed_precision(nn.frozen(nn.dense(4, 4))),
        nn.with_mask(nn.dense(4, 2), lambda x: x[:, 0] > 0),
    )
    outermost = list(dict.fromkeys(scope[0] for scope in scopes(traced(model, (6, 3)))))
    assert outermost == ["0 frozen dense", "1 bfloat16 frozen dense", "2 dense"]


def test_layers_of_the_users_own_are_named_by_their_functions():
    def scale(params, state, x, /, *, key=None, train=False, mask=None):
        return params * x, state

    class Shift:
        def __call__(self, params, state, x, /, *, key=None, train=False, mask=None):
            return x + 1, state

    def half(x):
        return x / 2

    half.__name__ = "a/b"
    model = nn.serial(
        nn.Layer(lambda key: (2.0, ()), scale),
        nn.Layer(lambda key: ((), ()), Shift()),
        nn.activation(lambda x: 3 * x),
        nn.activation(half),
        nn.stateless(lambda key: (), lambda params, x: 4 * x),
    )
    assert names(model, (6, 3)) == ["0 scale", "1 Shift", "2 lambda", "3 a b", "4 stateless"]


@pytest.fixture
def nothing_is_kept_on_disk():
    """A program that is kept has the scopes of the one that was compiled first."""
    folder = jax.config.jax_compilation_cache_dir
    for kept_in in (None, folder):
        jax.config.update("jax_compilation_cache_dir", kept_in)
        compilation_cache.reset_cache()
        if kept_in is None:
            yield


@pytest.mark.usefixtures("nothing_is_kept_on_disk")
@pytest.mark.parametrize("name", MODELS)
def test_scopes_change_neither_the_jaxpr_nor_the_compiled_program(name, monkeypatch):
    model, shape = MODELS[name]
    params, state = jax.eval_shape(model.init, KEY)
    x = jax.ShapeDtypeStruct(shape, "float32")

    def programs():
        traces = []

        def loss(params, state, x, key):
            traces.append(1)
            y, state = model.apply(params, state, x, key=key, train=True)
            return jnp.sum(y**2), state

        step = jax.value_and_grad(loss, has_aux=True)
        jaxpr = str(jax.make_jaxpr(step)(params, state, x, KEY))
        text = jax.jit(step).lower(params, state, x, KEY).compile().as_text()
        return (
            jaxpr,
            re.sub(r", metadata=\{[^{}]*\}", "", text),
            len(traces),
            text,
        )  # the last with metadata

    results = []
    for scope in (jax.named_scope, lambda _: nullcontext()):  # one line, so that lines are equal
        monkeypatch.setattr(jax, "named_scope", scope)
        results.append(programs())
    (*with_scopes, named), (*without, bare) = results
    assert named != bare  # the scopes are in the metadata
    assert with_scopes == without


def test_the_compiled_program_names_the_layers():
    model, shape = MODELS["mlp"]
    params, state = jax.eval_shape(model.init, KEY)
    x = jax.ShapeDtypeStruct(shape, "float32")
    text = jax.jit(model.apply).lower(params, state, x).compile().as_text() or ""
    assert "/0 dense/dot_general" in text
    assert "/4 dense/dot_general" in text
