"""What a comparison advises: what it finds, what the cures gain, and how that is shown and kept."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import Advice, compare, load
from benchmarks.comparison import reading, settled
from benchmarks.comparison.advised import with_gains
from benchmarks.comparison.settled import settled_loops
from benchmarks.comparison.verdict import give_verdict
from benchmarks.derivatives.problem import make_problem
from benchmarks.report.example import EXAMPLE
from benchmarks.report.files import save
from benchmarks.report.notebook import html_answer
from benchmarks.report.page import page
from benchmarks.report.text import text_table

TURNS, WIDTH = 20, 3
X = jnp.linspace(0.2, 0.9, WIDTH)
OUTPUTS = "scan outputs (rewrite)"


def rollout(x):
    def body(rows, i):
        return rows.at[i].set(jnp.sin(rows[i - 1]) * 0.99), None

    rows = jnp.zeros((TURNS, WIDTH)).at[0].set(x)
    return jnp.mean(jax.lax.scan(body, rows, jnp.arange(1, TURNS))[0] ** 2)


@pytest.fixture(scope="module")
def rolled():
    return compare(rollout, X, methods=["reverse"], budget=0.1)


def test_a_rewrite_is_a_row_that_is_checked_and_timed_like_the_others(rolled):
    row = rolled.row(OUTPUTS)
    assert row.rewrite
    assert (row.status, row.kind, row.mode) == ("ok", "jacobian", "reverse")
    assert row.error < 1e-5
    assert row.samples is not None
    assert [one.method for one in rolled.rows if not one.rewrite] == ["value", "reverse"]


def test_the_advice_names_the_line_the_row_and_its_gain(rolled):
    (advice,) = rolled.advice
    assert advice.pattern == "carried buffer"
    assert "test_benchmarks_comparison_advice.py" in advice.line
    assert advice.row == OUTPUTS
    fastest = rolled.row("reverse").seconds / rolled.row(OUTPUTS).seconds
    assert advice.measured == pytest.approx(fastest)
    assert "measured here: " in advice.saves


def test_the_verdict_is_never_a_rewrite(rolled):
    answers = rolled.verdict.answers()
    assert {finding.take for finding in answers.values()} == {"reverse"}
    quick = replace(rolled.row("reverse"), method="quick", seconds=1e-9, rewrite=True)
    assert give_verdict([*rolled.rows, quick], WIDTH, 1).time.method == "reverse"


def test_a_rewrite_is_handed_out_as_a_derivative(rolled):
    derivative = jax.jit(rolled.derivative(OUTPUTS))
    np.testing.assert_allclose(derivative(2 * X), jax.grad(rollout)(2 * X), rtol=1e-5)


def test_the_advice_is_saved_and_loaded(rolled, tmp_path):
    rolled.save(tmp_path / "rolled.json")
    assert load(tmp_path / "rolled.json").advice == rolled.advice


def advice(number, **changed):
    fields = {"pattern": f"p{number}", "what": f"thing {number}", "line": f"f.py:{number} (f)"}
    fields |= {"cure": "mend it", "code": f"y = mend({number})\nz = y", "saves": "much"}
    return Advice(**(fields | {"factor": float(number)} | changed))


FOUR = replace(EXAMPLE, advice=tuple(advice(number) for number in (4, 3, 2, 1)))


def test_three_pieces_of_advice_stand_below_the_answer_with_their_code_as_it_is_typed():
    lines = [line.removeprefix("  ") for line in text_table(FOUR).splitlines()]
    start = lines.index("ADVICE   thing 4, at f.py:4 (f): mend it")
    assert lines[start + 1 : start + 4] == [
        "           y = mend(4)",
        "           z = y",
        "         saves much",
    ]
    assert any(line.startswith("ANSWER") for line in lines[:start])
    told = [line[9:16] for line in lines if line.startswith("ADVICE")]
    assert told == ["thing 4", "thing 3", "thing 2"]
    assert "ADVICE" not in text_table(EXAMPLE)


def test_the_advice_is_in_a_notebook_on_the_page_and_in_markdown(tmp_path):
    save(FOUR, tmp_path / "four.md")
    markdown = (tmp_path / "four.md").read_text()
    assert "  ```python\n  y = mend(4)\n  z = y\n  ```" in markdown
    for text in (html_answer(FOUR), page([FOUR]), markdown):
        assert "thing 4, at f.py:4 (f): mend it" in text
        assert "y = mend(2)" in text
        assert "thing 1" not in text


def test_advice_is_ranked_by_what_is_measured_and_else_by_what_is_counted(rolled):
    plain, own = rolled.row("reverse"), rolled.row(OUTPUTS)
    rows = [replace(plain, seconds=6e-3), replace(own, seconds=2e-3)]
    found = advice(100, pattern="carried buffer"), advice(5), advice(2)
    ranked = with_gains(found, rows)
    assert [one.pattern for one in ranked] == ["p5", "carried buffer", "p2"]
    assert ranked[1].measured == pytest.approx(3.0)
    assert "measured here: 3 times faster than any way without it" in ranked[1].saves
    slow = with_gains(found[:1], [rows[0], replace(own, seconds=6e-3)])
    assert slow[0].saves.endswith("measured here: nothing at these inputs")
    wrong = with_gains(found[:1], [rows[0], replace(own, status="wrong")])
    assert (wrong[0].measured, wrong[0].row) == (None, "")


def test_a_failure_of_the_search_is_a_note_and_fails_no_derivative(monkeypatch):
    def broken(program, differentiated):
        raise KeyError("a pattern")

    monkeypatch.setattr(reading, "find_advice", broken)
    comparison = compare(rollout, X, methods=["reverse"], budget=0.1)
    assert comparison.row("reverse").status == "ok"
    assert comparison.advice == ()
    (note,) = (note for note in comparison.notes if "known cure" in note)
    assert note.endswith("(KeyError: 'a pattern'); please report it")


def test_a_rewrite_that_breaks_is_a_row_that_says_so(monkeypatch):
    from benchmarks.derivatives.rewrites import scans

    def broken(loop):
        raise RuntimeError("no plan")

    monkeypatch.setattr(scans, "rows_of", broken)
    comparison = compare(rollout, X, methods=["reverse"], budget=0.1)
    assert comparison.row("reverse").status == "ok"
    assert comparison.row(OUTPUTS).status == "failed"
    assert [one.row for one in comparison.advice] == [""]


def test_products_alone_and_sound_functions_are_not_rewritten():
    products = compare(rollout, X, methods=["vjp"], budget=0.1)
    assert [row.method for row in products.rows] == ["value", "vjp"]
    assert [one.pattern for one in products.advice] == ["carried buffer"]
    sound = compare(lambda x: jnp.sum(jnp.sin(x)), X, methods=["reverse"], budget=0.1)
    assert not any(row.rewrite for row in sound.rows)
    assert sound.advice == ()


def test_a_hessian_is_taken_of_the_rewritten_function_too():
    methods = ["forward_over_reverse"]
    comparison = compare(rollout, X, methods=methods, order=2, budget=0.1)
    row = comparison.row(OUTPUTS)
    assert (row.status, row.kind, row.rewrite) == ("ok", "hessian", True)


def test_a_loop_without_reverse_mode_gets_its_cure_and_single_numbers_their_array():
    def root(a):
        def moving(y):
            return jnp.max(jnp.abs(y**3 + y - a)) > 1e-6

        return jax.lax.while_loop(moving, lambda y: y - (y**3 + y - a) / (3 * y**2 + 1), a)

    comparison = compare(root, X, methods=["forward", "reverse"], budget=0.1)
    assert comparison.row("reverse").status == "impossible"
    assert [one.pattern for one in comparison.advice] == ["implicit solve"]
    note = comparison.row("reverse").note  # says what the advice says
    assert note.endswith("; use jax.lax.custom_root, as advised; forward mode works")
    numbers = [jnp.float32(i / 16) for i in range(16)]
    comparison = compare(lambda p: sum(map(jnp.sin, p)), numbers, methods=["reverse"], budget=0.1)
    row = comparison.row("stacked (rewrite)")
    assert row.status == "ok"
    gradient = comparison.derivative(row.method)(numbers)
    np.testing.assert_allclose(gradient, np.cos(numbers), rtol=1e-5)


def settles(a):
    return jnp.sum(jax.lax.fori_loop(0, 60, lambda i, y: jnp.cos(a * y), jnp.ones(WIDTH)))


def marches(a):
    return jnp.sum(jax.lax.fori_loop(0, 60, lambda i, y: y + 0.01 * jnp.cos(a * y), a))


def counts(a):
    return jnp.sum(jax.lax.fori_loop(0, 60, lambda i, y: jnp.cos(a * y) + 0 * i, jnp.ones(WIDTH)))


def stays(a):
    return jnp.sum(jax.lax.fori_loop(0, 60, lambda i, y: y**a, jnp.ones(WIDTH)))


def is_driven(a):
    return jnp.sum(jax.lax.scan(lambda y, x: (jnp.cos(a * y) + x, None), a, jnp.zeros(60))[0])


def gives_all(a):
    return jnp.sum(jax.lax.scan(lambda y, _: (jnp.cos(a * y),) * 2, a, length=60)[1])


def test_a_loop_that_has_settled_by_its_last_turn_is_seen_when_it_runs():
    point = jnp.array([0.3, 0.5, 0.7])
    (found,) = settled_loops(make_problem(settles, (point,)))
    assert found.pattern == "implicit solve"
    assert found.what.startswith("a loop of 60 turns has settled by the last of them")
    assert "test_benchmarks_comparison_advice.py" in found.line
    for fn in (marches, counts, stays, is_driven, gives_all):
        assert settled_loops(make_problem(fn, (point,))) == (), fn.__name__
    assert settled_loops(make_problem(settles, (3 * point,))) == ()  # where it does not settle


def test_a_comparison_sees_whether_loops_settle(monkeypatch):
    point = jnp.array([0.3, 0.5, 0.7])
    comparison = compare(settles, point, methods=["reverse"], budget=0.1)
    assert [one.pattern for one in comparison.advice] == ["implicit solve"]

    def broken(problem, pace):
        raise KeyError("a loop")

    monkeypatch.setattr(settled, "settled_loops", broken)
    comparison = compare(settles, point, methods=["reverse"], budget=0.1)
    assert comparison.row("reverse").status == "ok"
    assert any("see whether loops settle (KeyError" in note for note in comparison.notes)
