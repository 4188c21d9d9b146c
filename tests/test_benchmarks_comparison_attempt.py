"""From a method to its row: what may fail it, what may not, and whose fault it is said to be."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import Candidate, compare
from benchmarks.check import dense, reference
from benchmarks.comparison import attempt, experiment, notes, reading, timed, verdict
from benchmarks.comparison import compare as comparing
from benchmarks.derivatives import differences, jacobians, method
from benchmarks.instrument import compile as compiling

X = jnp.linspace(0.1, 1.5, 6)
QUICK = {"budget": 0.05}
BOTH = ["forward", "reverse"]

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


def waves(x):
    return jnp.sum(jnp.sin(x) ** 2)


def planted(*args, **options):
    raise KeyError("planted")


ANALYSES = {
    "the count of operations": (attempt, "flops", "could not count this"),
    "XLA's count": (compiling, "xla_operations", "could not read XLA's count of this"),
    "the comparison of the two": (attempt, "why_xla_differs", "could not compare two counts"),
    "the hash": (attempt, "program_hash", "could not hash this"),
    "the memory": (compiling, "Memory", "could not read the memory of this"),
    "the cause of a time": (timed, "time_notes", "could not explain its time"),
    "the residuals": (reading, "residuals", "could not find out what reverse mode keeps"),
    "the obstacles": (reading, "obstacles", "could not look for obstacles"),
    "the narrowest type": (reference, "_narrowest", "could not find the narrowest type inside"),
    "the custom rules": (reference, "_allowed", "could not read its custom rules"),
    "a zero derivative": (experiment, "_zero", "could not look for what cuts the derivative"),
    "the environment": (comparing, "environment", "could not describe this machine"),
    "the machine's quiet": (comparing, "machine_notes", "could not tell how quiet the machine was"),
    "the verdict": (comparing, "give_verdict", "could not give a verdict"),
    "why": (verdict, "why", "could not say why"),
    "the memory that is left": (
        experiment,
        "available_memory",
        "could not find out how much memory is left",
    ),
}


@pytest.mark.parametrize("name", ANALYSES)
def test_what_gradwise_only_says_about_a_program_can_fail_no_row(name, monkeypatch):
    module, function, told = ANALYSES[name]
    monkeypatch.setattr(module, function, planted)
    found = compare(waves, X, methods=BOTH, **QUICK)
    assert [row.status for row in found.rows] == ["ok"] * 3
    assert all(row.seconds for row in found.rows)
    said = " ".join([*found.notes, *(row.note for row in found.rows), found.verdict.why])
    assert f"gradwise {told} (KeyError: 'planted'); please report it" in said
    assert "JAX" not in said


def raising(x):
    raise RuntimeError("no idea")


def test_an_exception_of_a_users_code_is_not_blamed_on_jax():
    own = Candidate(name="mine", mode="reverse", derivative=raising)
    row = compare(waves, X, methods=BOTH, candidates=[own], **QUICK).row("mine")
    assert row.status == "failed"
    assert row.note.startswith("the function raises RuntimeError: no idea")
    assert "(raising)" in row.note


@pytest.mark.parametrize(
    ("derivative", "product", "note"),
    [
        (lambda x: jnp.ones(7), None, "candidate 'mine' returned shape (7,), expected (6,)"),
        (lambda x: (x, x), None, "candidate 'mine' returned shape (6,), (6,), expected (6,)"),
        (lambda x: (), None, "candidate 'mine' returned shape nothing, expected (6,)"),
        (
            lambda x: x,
            lambda derivative, tangents: derivative * tangents[0],
            "the product of candidate 'mine' returned shape (6,), expected ()",
        ),
    ],
)
def test_a_candidate_of_a_wrong_shape_is_told_which_it_is_and_which_it_should_be(
    derivative, product, note
):
    own = Candidate(name="mine", mode="reverse", derivative=derivative, product=product)
    row = compare(waves, X, methods=[], candidates=[own], **QUICK).row("mine")
    fix = "; of a sparse or blocked form say by product= how it is applied"
    assert (row.status, row.note.removesuffix(fix)) == ("wrong", note)


def test_an_exception_of_gradwise_is_not_blamed_on_jax(monkeypatch):
    monkeypatch.setattr(jacobians, "from_columns", None)
    row = compare(waves, X, methods=["forward_chunked"], **QUICK).row("forward_chunked")
    assert row.status == "failed"
    assert row.note.startswith("gradwise (please report it) raises TypeError: 'NoneType'")


def test_an_exception_of_jax_is_said_to_be_one():
    own = Candidate(
        name="mine", mode="reverse", derivative=lambda x: jax.lax.dot(x[:, None], x[:, None])
    )
    row = compare(waves, X, methods=BOTH, candidates=[own], **QUICK).row("mine")
    assert row.status == "failed"
    assert row.note.startswith("JAX raises ")


def test_the_option_of_jax_that_shortens_tracebacks_is_left_as_it_was():
    before = jax.config.jax_traceback_filtering
    compare(waves, X, methods=BOTH, candidates=[], **QUICK)
    assert jax.config.jax_traceback_filtering == before


def scaled(true, share=0.05):
    """The basis vectors that methods are made of, the third of them 5 % too long."""

    def one_hot(index, leaves):
        factor = jnp.where(index == 2, 1 + share, 1.0)
        return tuple(leaf * factor.astype(leaf.dtype) for leaf in true(index, leaves))

    return one_hot


def test_a_fault_in_the_code_that_methods_share_is_found_in_these_methods_alone(monkeypatch):
    wrong = scaled(jacobians.one_hot)
    monkeypatch.setattr(jacobians, "one_hot", wrong)
    monkeypatch.setattr(differences, "one_hot", wrong)
    names = ["forward", "reverse", "forward_chunked", "complex_step"]
    found = compare(lambda x: jnp.sin(x) ** 2, X, methods=names, **QUICK)
    statuses = {row.method: row.status for row in found.rows}
    assert statuses == {
        "value": "ok",
        "forward": "ok",
        "reverse": "ok",
        "forward_chunked": "wrong",
        "complex_step": "wrong",
    }


@pytest.mark.parametrize("share", [0.05, 1e-5])
def test_a_reference_that_contradicts_the_products_is_not_used(monkeypatch, share):
    monkeypatch.setattr(dense, "_basis", scaled(dense._basis, share))
    found = compare(lambda x: jnp.sin(x) ** 2, X, methods=BOTH, **QUICK)
    assert [row.status for row in found.rows] == ["ok"] * 3
    assert any("its Jacobian did not agree" in note for note in found.notes)


def test_a_fault_in_how_results_are_read_is_found(monkeypatch):
    true = method.dense
    monkeypatch.setattr(
        "benchmarks.check.error.dense", lambda jacobian, problem: 1.01 * true(jacobian, problem)
    )
    found = compare(lambda x: jnp.sin(x) ** 2, X, methods=BOTH, **QUICK)
    assert [found.row(mode).status for mode in BOTH] == ["wrong", "wrong"]


def off_by(share):
    return Candidate(
        name="off", mode="reverse", derivative=lambda x: (1 + share) * jax.grad(waves)(x)
    )


@pytest.mark.parametrize(("share", "status"), [(1e-9, "ok"), (1e-7, "wrong")])
def test_a_derivative_is_refused_from_1e_8_on_in_float64(share, status):
    with jax.enable_x64(True):
        found = compare(waves, X.astype(float), methods=[], candidates=[off_by(share)], **QUICK)
    assert found.row("off").status == status


@pytest.mark.parametrize(("share", "status"), [(1e-7, "ok"), (1e-5, "wrong")])
def test_a_function_that_rounds_to_float32_inside_is_refused_from_a_few_roundings_on(share, status):
    def rounded(x):
        return jnp.sum(jnp.sin(x.astype(jnp.float32)) ** 2)

    off = Candidate(
        name="off", mode="reverse", derivative=lambda x: (1 + share) * jax.grad(rounded)(x)
    )
    with jax.enable_x64(True):
        found = compare(rounded, X.astype(float), methods=[], candidates=[off], **QUICK)
    assert found.row("off").status == status


def test_a_row_says_that_it_measures_the_call_where_it_is_near_the_floor():
    row = attempt.Row(method="a", mode="none", kind="value", status="ok", seconds=2e-5)
    assert "near the dispatch floor" in notes.time_notes(row, None, None, 1e-5)
    assert notes.time_notes(row, None, None, 1e-6) == ""


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"seed": 1.5}, "seed must be a non-negative integer, got 1.5"),
        ({"seed": "a"}, "seed must be a non-negative integer, got 'a'"),
        ({"seed": True}, "seed must be a non-negative integer, got True"),
        ({"budget": "1"}, "budget must be a positive number of seconds, got '1'"),
        ({"budget": True}, "budget must be a positive number of seconds, got True"),
        ({"budget": float("nan")}, "budget must be a positive number of seconds, got nan"),
        ({"order": 1.0}, "order must be 1 or 2, got 1.0"),
        ({"order": True}, "order must be 1 or 2, got True"),
        ({"name": 5}, "name must be a text, got 5"),
    ],
)
def test_an_option_of_an_odd_type_is_refused_before_anything_is_traced(option, message):
    with pytest.raises((ValueError, TypeError), match=message):
        compare(raising, X, **option)
