"""`gradwise.load` reads what any record's `save` wrote, in this version or in the one before."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradwise
from gradwise import compare, nn, train
from train._record_file import encode

DATA = Path(__file__).parent / "data"


def history():
    return train.History.empty().append({"train_loss": [0.5, float("nan")]})


def comparison():
    return compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.05)


def search():
    scores = {0.1: np.array([[0.5, 0.25]]), 9.0: np.array([[np.nan]])}
    rows = tuple(train.Row.of({"rate": rate}, those) for rate, those in scores.items())
    return train.Search(rows=rows, score="validation_loss")


def saturation():
    model = nn.mlp((3, 4, 2))
    return nn.saturation(model, *model.init(jax.random.key(0)), jnp.ones((5, 3)))


def graph():
    @jax.jit
    def loss(w, x):
        state, turns = jax.lax.scan(lambda c, t: (jnp.tanh(c * w + t), c), x, jnp.arange(3.0))
        return jnp.where(state > 0, state, 1e-30 * state) + jnp.sum(turns)

    return gradwise.graph(loss, jnp.float32(0.1), float("nan"))


def summary():
    return nn.summary(nn.mlp((3, 4, 2)), jnp.ones((5, 3)))


def structure():
    return gradwise.structure(lambda a, b: a[1:] * a[:-1] + b[0], jnp.ones(9), jnp.ones(2))


def jacobian():
    return gradwise.jacobian(lambda x: x[1:] * x[:-1], jnp.ones(30), output="csr")


RECORDS = [comparison, graph, history, search, saturation, summary, structure, jacobian]


@pytest.mark.parametrize("make", RECORDS)
def test_a_saved_record_comes_back_equal(make, tmp_path):
    record = make()
    record.save(tmp_path / "record.json")
    loaded = gradwise.load(str(tmp_path / "record.json"))
    assert type(loaded) is type(record)
    assert loaded == record
    assert str(loaded) == str(record)
    assert loaded._repr_html_() == record._repr_html_()


def test_a_jacobian_from_a_file_tells_its_choice_and_says_that_it_has_no_function(tmp_path):
    made = gradwise.hessian(lambda x: jnp.sum(x**3), jnp.ones(30), measure=False)
    made.save(tmp_path / "found.json")
    loaded = gradwise.load(tmp_path / "found.json")
    assert (loaded.rivals, loaded.why, loaded.sketch) == (made.rivals, made.why, made.sketch)
    with pytest.raises(ValueError, match="without its function: call gradwise"):
        loaded(jnp.ones(30))
    with pytest.raises(ValueError, match=r"nobody knows the pattern of Hessian.*; write a .json"):
        loaded.save(tmp_path / "pattern.npz")
    with pytest.raises(ValueError, match=r"must end in .json or .txt or .svg or .npz"):
        made.save(tmp_path / "found.csv")
    for ending in ("svg", "txt"):
        for record, name in ((made, "made"), (loaded, "loaded")):
            record.save(tmp_path / f"{name}.{ending}")
        texts = [(tmp_path / f"{name}.{ending}").read_text() for name in ("made", "loaded")]
        assert texts[0] == texts[1]


def test_files_of_the_version_before_are_read(tmp_path):
    (old,) = gradwise.load(DATA / "comparisons_schema_1.json")
    assert isinstance(old, gradwise.Comparison)
    (tmp_path / "history.json").write_text(json.dumps(history().to_dict()).replace("NaN", '"nan"'))
    assert gradwise.load(tmp_path / "history.json") == history()


def test_a_file_that_is_not_there_is_said_not_to_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        gradwise.load(tmp_path / "nothing.json")


KINDS = ("comparison", "comparisons", "graph", "history", "search", "saturation", "summary")
DEEP = "[" * 200_000
LONG = "9" * 5000
#: What may stand in the place of a kind's file.
NO_RECORDS = [
    "",
    "not JSON",
    "[1, 2]",
    "null",
    "\x00\xff",
    DEEP,
    '{"schema": 2, "kind": "KIND"',
    '{"schema": 2, "kind": "KIND"}',
    '{"schema": 99, "kind": "KIND", "record": {}}',
    '{"schema": 2.0, "kind": "KIND", "record": {}}',
    '{"schema": true, "kind": "KIND", "record": {}}',
    '{"schema": [2], "kind": "KIND", "record": {}}',
    '{"schema": 2, "kind": ["KIND"], "record": {}}',
    '{"schema": 2, "kind": {"KIND": 1}, "record": {}}',
    '{"schema": 2, "kind": null, "record": {}}',
    '{"schema": 2, "kind": "recipe", "record": {}}',
    '{"schema": 2, "kind": "KIND", "record": {}}',
    '{"schema": 2, "kind": "KIND", "record": null}',
    '{"schema": 2, "kind": "KIND", "record": 3}',
    '{"schema": 2, "kind": "KIND", "record": [3]}',
    f'{{"schema": 2, "kind": "KIND", "record": {LONG}}}',
    f'{{"schema": 2, "kind": "KIND", "record": {DEEP}',
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", NO_RECORDS, ids=range(len(NO_RECORDS)))
def test_a_file_that_is_no_record_is_a_short_error_that_names_it(content, kind, tmp_path):
    path = tmp_path / "strange.json"
    path.write_text(content.replace("KIND", kind), encoding="latin-1")
    with pytest.raises(ValueError, match=r"strange\.json: expected .*, got .*; ") as error:
        gradwise.load(path)
    assert len(str(error.value)) < len(str(path)) + 350


def changed(record, change):
    """A record's fields as they are written, one of them changed."""
    plain = record.to_dict() if hasattr(record, "to_dict") else record
    fields = json.loads(json.dumps(encode(plain)))
    change(fields)
    return fields


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (history, lambda fields: fields.update(epochs=-1, curves={})),
        (history, lambda fields: fields.update(epochs=0.5)),
        (history, lambda fields: fields.update(epochs=True)),
        (history, lambda fields: fields.update(epochs=3)),
        (history, lambda fields: fields.update(failed_step=True)),
        (history, lambda fields: fields.update(untrained_loss="1")),
        (history, lambda fields: fields.update(untrained_loss=10**400)),
        (history, lambda fields: fields.update(curves={"train_loss": "ab"})),
        (history, lambda fields: fields.pop("epochs")),
        (search, lambda fields: fields.update(rows=5)),
        (search, lambda fields: fields.update(rows=[])),
        (search, lambda fields: fields.update(rows=[{}])),
        (search, lambda fields: fields.update(score=3)),
        (search, lambda fields: fields["rows"][0].update(failure=1)),
        (search, lambda fields: fields["rows"][0].update(mean=True)),
        (search, lambda fields: fields["rows"][0].update(scores=[[0.5], [0.5, 0.5]])),
        (saturation, lambda fields: fields.update(threshold="0.1")),
        (saturation, lambda fields: fields.update(threshold=10**400)),
        (saturation, lambda fields: fields["layers"][0].update(units=True)),
        (summary, lambda fields: fields["layers"][0].update(shape=[5, "4"])),
    ],
)
def test_a_record_of_nonsense_is_refused(make, change, tmp_path):
    path = tmp_path / "strange.json"
    record = changed(make(), change)
    path.write_text(json.dumps({"schema": 2, "kind": make.__name__, "record": record}))
    with pytest.raises(ValueError, match=r"strange\.json: expected .*, got .*damaged"):
        gradwise.load(path)
