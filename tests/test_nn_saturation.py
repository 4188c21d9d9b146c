"""`saturation`: the shares it reports, and the layers it finds in a model."""

import jax
import numpy as np
import pytest

import nn


def compiled(model):
    """The model with an `apply` that is one program."""
    return nn.Layer(jax.jit(model.init), jax.jit(model.apply))


def parallel(*layers):
    """A combinator that the library does not have: the mean of several layers."""

    def init(key):
        pairs = [layer.init(k) for layer, k in zip(layers, jax.random.split(key, 2), strict=True)]
        return [p for p, _ in pairs], {f"branch {i}": s for i, (_, s) in enumerate(pairs)}

    @jax.checkpoint
    def both(params, state, x):
        branches = zip(layers, params, state.values(), strict=True)
        ys, states = zip(*[layer.apply(p, s, x) for layer, p, s in branches], strict=True)
        return sum(ys) / len(ys), dict(zip(state, states, strict=True))

    def apply(params, state, x, /, *, key=None, train=False, mask=None):
        del key, train, mask
        return both(params, state, x)

    return nn.Layer(init, apply)


def test_saturation_reports_the_layers_inside_every_combinator():
    sigmoid, relu = nn.activation(nn.sigmoid), nn.activation(nn.relu)
    model = nn.serial(
        sigmoid,
        nn.residual(nn.serial(nn.dropout(0.5), nn.activation(nn.tanh))),
        nn.repeat(nn.residual(nn.prelu(4)), 2),
        parallel(relu, nn.activation(nn.elu)),
    )
    model = compiled(model)
    params, state = model.init(jax.random.key(0))
    x = np.array([[-9.0, 0.0, 9.0, 1.0], [9.0, -1.0, 9.0, 0.0]], np.float32)
    report = nn.saturation(model, params, state, x)
    assert [row.layer for row in report.layers] == [
        *("0", "1.1", "2[0]", "2[1]", "3.branch 0", "3.branch 1")
    ]
    assert [row.activation for row in report.layers] == [
        *("sigmoid", "tanh", "prelu", "prelu", "relu", "elu")
    ]
    assert report.layers[0].saturated == 0.5
    assert report.layers[0].units == 4


def test_saturation_counts_small_slopes_and_units_dead_on_every_row():
    model = nn.activation(nn.relu)
    x = np.array([[-1.0, 2.0, -3.0], [-4.0, -5.0, -6.0], [-7.0, 8.0, 9.0]], np.float32)
    (row,) = nn.saturation(model, (), (), x).layers
    assert row.saturated == pytest.approx(6 / 9)
    assert row.dead == pytest.approx(1 / 3)


@pytest.mark.parametrize("threshold", [0.2, 1e-3, 1e-12])
def test_saturation_of_a_sigmoid_is_the_share_of_inputs_beyond_a_closed_form(threshold):
    x = np.linspace(-40, 40, 4001, dtype=np.float32).reshape(-1, 1)
    model = compiled(nn.activation(nn.sigmoid))
    (row,) = nn.saturation(model, (), (), x, threshold=threshold).layers
    beyond = 2 * np.arccosh(1 / (2 * np.sqrt(threshold)))  # the derivative is sech(x / 2)^2 / 4
    assert row.saturated == pytest.approx(np.mean(np.abs(x) > beyond), abs=1e-3)
    assert row.dead == 0


def test_saturation_counts_only_real_rows():
    x = np.array([[-1.0, 2.0], [3.0, -4.0], [np.nan, 5.0]], np.float32)
    mask = np.array([True, False, False])
    (row,) = nn.saturation(compiled(nn.activation(nn.relu)), (), (), x, mask=mask).layers
    assert (row.saturated, row.dead) == (0.5, 0.5)


def test_saturation_of_an_activation_that_mixes_its_units_is_nan():
    x = np.array([[1.0, 2.0, 3.0]], np.float32)
    for fn in (nn.softmax, nn.log_softmax):
        (row,) = nn.saturation(compiled(nn.activation(fn)), (), (), x).layers
        assert np.isnan([row.saturated, row.dead]).all()


def test_saturation_counts_each_use_of_a_shared_layer():
    shared = nn.activation(nn.relu)

    def apply(params, state, x, /, *, key=None, train=False, mask=None):
        del key, train, mask
        y, state = shared.apply(params, state, x)
        return shared.apply(params, state, y - 1)

    twice = compiled(nn.Layer(shared.init, apply))
    rows = nn.saturation(twice, (), (), np.array([[0.5, 2.0]], np.float32)).layers
    assert [row.dead for row in rows] == [0.0, 0.5]


def test_saturation_changes_neither_the_output_nor_the_state_of_a_model():
    model = compiled(nn.mlp((3, 8, 2), batch_norm=True, dropout=0.5))
    params, state = model.init(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    before, _ = model.apply(params, state, x)
    nn.saturation(model, params, state, x)
    after, same = model.apply(params, state, x)
    np.testing.assert_array_equal(after, before)
    assert jax.tree.structure(same) == jax.tree.structure(state)


def test_the_report_prints_a_row_for_each_activation_layer():
    model = compiled(nn.mlp((3, 8, 4, 2), activation=nn.tanh))
    params, state = model.init(jax.random.key(0))
    x = np.ones((5, 3), np.float32)
    table = str(nn.saturation(model, params, state, x, threshold=1e-3))
    head, *rows = table.splitlines()
    assert head.split() == ["layer", "activation", "units", "|slope|", "<", "0.001", "dead"]
    assert [row.split()[:3] for row in rows] == [["1", "tanh", "8"], ["3", "tanh", "4"]]


def test_saturation_without_a_real_row_raises_an_error():
    layer, full = nn.activation(nn.relu), np.ones((2, 3), np.float32)
    for x, mask in ((full, np.zeros(2, bool)), (full[:0], None)):
        with pytest.raises(ValueError, match="saturation expected at least one real row"):
            nn.saturation(layer, (), (), x, mask=mask)


def test_saturation_of_sequences_counts_the_real_steps_alone():
    x = np.array([[[-1.0], [2.0], [-9.0]], [[-3.0], [-9.0], [-9.0]]], np.float32)
    mask = np.array([[True, True, False], [True, False, False]])  # no sequence has a third step
    (row,) = nn.saturation(compiled(nn.activation(nn.relu)), (), (), x, mask=mask).layers
    assert (row.saturated, row.dead) == (pytest.approx(2 / 3), 0.5)
