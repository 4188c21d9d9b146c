"""What a reader sees first, and in which order: the answer, what to type, the table, the words."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import gradwise

from benchmarks.cli.explained import explained
from benchmarks.comparison.fastest import WAITED
from benchmarks.comparison.findings import Finding
from benchmarks.comparison.row import Row
from benchmarks.derivatives.table import METHODS
from benchmarks.instrument.memory import Memory
from benchmarks.instrument.units import SIZES, TIMES, in_one_unit
from benchmarks.report.answer import answers, use
from benchmarks.report.columns import by_cost, columns, is_doubtful
from benchmarks.report.example import EXAMPLE, exactly
from benchmarks.report.files import write_report
from benchmarks.report.glossary import GLOSSARY, as_markdown
from benchmarks.report.notebook import html_answer
from benchmarks.report.page import page
from benchmarks.report.summary import legend, one_line, summary_cells, summary_text
from benchmarks.report.text import text_table

TIE = Finding(method="tie", take="reverse", text="a tie between reverse and forward")


def changed(method, comparison=EXAMPLE, **fields):
    """The example with a row changed."""
    rows = [replace(r, **fields) if r.method == method else r for r in comparison.rows]
    return replace(comparison, rows=tuple(rows))


def column(comparison, name):
    return next((c.cells for c in columns(comparison) if c.name == name), None)


def waited(row, times):
    """A row whose calls took so many times their CPU time."""
    samples = replace(row.samples, cpu=row.samples.wall / times)
    return replace(row, samples=samples, note=f"{WAITED}: {times:g} times its CPU time")


def test_the_answer_comes_first_then_what_to_type_then_the_table_and_the_line_again_last():
    text = text_table(EXAMPLE)
    blocks = text.split("\n\n")
    assert blocks[0].splitlines() == [
        "suite/sine: 5 inputs -> 1 output, float32",
        "A sum of sines.",
    ]
    assert [line.split()[0] for line in blocks[1].splitlines()][:3] == ["ANSWER", "USE", "MEMORY"]
    assert blocks[2].splitlines()[0].split()[0] == "method"
    assert text.splitlines()[-1] == "  USE      jax.jit(jax.grad(sine))  # as above"
    tie = replace(EXAMPLE, verdict=replace(EXAMPLE.verdict, time=TIE))
    *_, code, said = text_table(tie, 60).splitlines()
    assert code == "  USE      jax.jit(jax.grad(sine))"
    assert said == "           # as above: the plainest of those that tie"


def test_what_to_type_is_not_repeated_for_another_answer_that_is_the_same_but_for_a_comment():
    memory = replace(EXAMPLE.verdict.memory, method="reverse", take="reverse")
    verdict = replace(EXAMPLE.verdict, time=TIE, memory=memory)
    assert [part.code for part in answers(replace(EXAMPLE, verdict=verdict))] == [
        "jax.jit(jax.grad(sine))  # the plainest of those that tie",
        "",
    ]


def test_rows_stand_by_their_cost_and_those_without_a_time_come_last():
    skipped = changed("forward", status="skipped", seconds=None, ratio=None, samples=None)
    assert [row.method for row in by_cost(skipped)] == ["value", "reverse", "numerical", "forward"]
    wrong = changed("reverse", status="wrong", seconds=None, ratio=None, samples=None)
    assert [row.method for row in by_cost(wrong)][-1] == "reverse"
    assert column(wrong, "time") == ["10", "60", "110", "wrong"]


def test_a_column_has_one_unit_that_suits_its_least_figure():
    assert in_one_unit([55.2e-6, 52.7e-3, None], TIMES) == ("us", ["55.2", "52,700", ""])
    assert in_one_unit([2e-9, 1.0], TIMES) == ("us", ["0.002", "1,000,000"])
    assert in_one_unit([0, 41_000, 67_200_000], SIZES) == ("kB", ["0", "41", "67,200"])
    assert in_one_unit([None], TIMES) == ("ns", [""])
    assert [c.title for c in columns(changed("numerical", seconds=0.02))][1] == "time, us"


def test_a_question_mark_stands_behind_what_waited_and_behind_a_wide_interval_alone():
    quiet = EXAMPLE.row("reverse")
    assert not is_doubtful(quiet)
    assert is_doubtful(waited(quiet, 2.0))
    assert not is_doubtful(waited(quiet, 1.2))
    wide = replace(quiet.ratio, low=1.0, high=4.1, rounds=30)
    assert is_doubtful(replace(quiet, ratio=wide))
    assert not is_doubtful(replace(quiet, ratio=replace(wide, high=3.9)))
    busy = replace(EXAMPLE, rows=(*EXAMPLE.rows[:3], waited(quiet, 2.0)))
    assert column(busy, "cost") == ["1 x  ", "2 x ?", "6 x  ", "11 x  "]
    text = text_table(busy)
    assert "  ?        Not to be trusted: calls waited, or 99 % is wider than 4 times." in text
    assert WAITED not in text  # which is what the mark says
    assert "\n  ?  " not in text_table(EXAMPLE)


def test_columns_leave_a_narrow_table_in_their_order_and_full_shows_them_below():
    interval = replace(EXAMPLE.row("reverse").ratio, low=1.9, high=2.1, rounds=30)
    comparison = changed("reverse", ratio=interval)
    order = ["compile", "FLOPs", "bound", "error", "memory"]
    gone = []
    for width in range(100, 40, -1):
        header = next(
            line for line in text_table(comparison, width).splitlines() if "  method" in line[:8]
        )
        gone += [name for name in order if name not in header and name not in gone]
        assert max(map(len, text_table(comparison, width).splitlines())) <= width
    assert gone == order
    narrow = text_table(comparison, 50, full=True)
    assert all(re.search(rf"^  method.*{name}", narrow, re.MULTILINE) for name in order)
    assert max(map(len, narrow.splitlines())) <= 50


def test_notes_are_said_of_the_ways_that_they_are_about_and_equal_ones_once():
    noted = changed("forward", note="in chunks")
    noted = changed("reverse", noted, note="in chunks; " + f"{WAITED}: 3 times its CPU time")
    assert "  reverse, forward: in chunks\n" in text_table(noted)


def test_every_word_of_the_table_is_explained_below_it_in_one_line_of_80_columns():
    lines = text_table(EXAMPLE, 80).splitlines()
    for name in ("value", "cost", "memory", "error", "bound", "FLOPs", "compile"):
        assert f"  {name:<8} {GLOSSARY[name].short}" in lines
    for name in ("interval", "?"):
        assert len(f"  {name:<8} {GLOSSARY[name].short}") <= 80


def test_what_to_type_for_a_tie_or_an_inexact_way_says_so_in_a_comment():
    time = EXAMPLE.verdict.time
    assert use(EXAMPLE, time) == "jax.jit(jax.grad(sine))"
    assert use(EXAMPLE, replace(time, method="tie")).endswith("  # the plainest of those that tie")
    assert "# the plainest; the fastest is not known" in use(EXAMPLE, replace(time, method=None))
    inexact = changed("numerical", use="jax.jit(numerical)")
    line = use(inexact, Finding(take="numerical", text=""))
    assert line.startswith("jax.jit(numerical)  # inexact")
    assert use(EXAMPLE, Finding(text="")) == ""


def test_the_least_memory_has_its_own_line_to_type_only_if_it_is_another_one():
    assert [part.code for part in answers(EXAMPLE)] == [
        "jax.jit(jax.grad(sine))",
        "jax.jit(jax.jacfwd(sine))",
    ]
    same = replace(EXAMPLE.verdict, memory=replace(EXAMPLE.verdict.memory, take="reverse"))
    assert [part.code for part in answers(replace(EXAMPLE, verdict=same))][1] == ""


def test_why_a_comparison_is_incomplete_stands_beside_the_answer_and_an_empty_part_does_not():
    nothing = Finding(text="nothing to choose from: no exact derivative was timed")
    verdict = replace(EXAMPLE.verdict, time=nothing, memory=nothing)
    early = replace(EXAMPLE, incomplete="interrupted", verdict=verdict)
    assert [tuple(part) for part in answers(early)] == [
        ("ANSWER", nothing.text, ""),
        ("NOTE", "incomplete: interrupted", ""),
    ]


def test_a_long_line_to_type_is_broken_and_still_runs():
    long = "jax.jit(lambda x: " + " + ".join(["jax.numpy.sin(x)"] * 12) + ")"
    text = text_table(changed("reverse", use=long), 60)
    typed = text.split("USE ")[-1]
    assert " ".join(typed.split()) == f"{long} # as above"
    assert max(map(len, text.splitlines())) <= 60
    compile(typed.strip(), "typed", "eval")


SECOND = [
    ("value", "none", "value", 1.0),
    ("gradient", "reverse", "gradient", 2.0),
    ("hvp_forward_over_reverse", "mixed", "hvp", 5.0),
    ("hvp_reverse_over_reverse", "reverse", "hvp", 4.0),
    ("columns", "mixed", "hessian", 50.0),
    ("trace_in_turn", "mixed", "trace", 40.0),
]


def of_second_order(name="hessian/rosenbrock"):
    base = EXAMPLE.row("reverse")
    rows = [
        replace(base, method=m, mode=mode, kind=kind, ratio=exactly(times), seconds=1e-5 * times)
        for m, mode, kind, times in SECOND
    ]
    return replace(EXAMPLE, name=name, order=2, rows=tuple(rows))


def of_memory(policy="dots"):
    base = EXAMPLE.row("reverse")
    rows = [
        replace(
            base, method=m, kind=kind, memory=Memory(temporary=s, argument=0, output=0, alias=0)
        )
        for m, kind, s in [
            ("value", "value", 1000),
            ("jvp", "value_and_jvp", 4000),
            ("reverse", "jacobian", 3_000_000),
            ("checkpointed", "jacobian", 200_000),
            (policy, "jacobian", 300_000),
        ]
    ]
    return replace(EXAMPLE, name="memory/scan", rows=tuple(rows))


def test_a_suite_of_second_order_has_a_column_for_each_second_derivative():
    header, line = summary_cells([of_second_order()])
    shown = dict(zip(header, line, strict=True))
    assert [shown[t] for t in ("gradient", "product", "trace", "Hessian")] == [
        *("2 x", "4 x", "40 x", "50 x")
    ]
    assert "numerical" not in header


def test_the_memory_suite_shows_bytes_and_the_time_they_cost():
    header, line = summary_cells([of_memory()])
    shown = dict(zip(header, line, strict=True))
    assert shown["reverse"] == "3 MB, 2 x"
    assert shown["checkpointed"] == "200 kB, 2 x"
    assert shown["dots"] == "300 kB, 2 x"
    assert (shown["least"], "fastest" in header, "jvp" in header) == ("forward", False, False)
    assert legend([of_memory()])[0].startswith("Bytes of one execution")


def test_products_alone_have_their_columns():
    base = EXAMPLE.row("reverse")
    rows = [replace(base, method=m, kind=m) for m in ("jvp", "vjp")]
    header, line = summary_cells([replace(EXAMPLE, name="pathologies/odd", rows=tuple(rows))])
    assert [cell for cell in line if cell == "2 x"] == ["2 x", "2 x"]
    assert "fastest" not in header
    above = replace(rows[0].ratio, median=9.0, low=8.0, high=9.5, rounds=30)
    breach = [replace(rows[0], ratio=above, bound=2.5), replace(rows[1], ratio=above, bound=7.9)]
    _, marked = summary_cells([replace(EXAMPLE, name="pathologies/x", rows=tuple(breach))])
    assert [cell for cell in marked if " x" in cell] == ["9 x !", "9 x"]
    assert {"jvp", "linearize", "vjp"} <= set(header)


def test_each_suite_has_a_table_of_its_own_and_no_line_is_too_wide():
    every = [EXAMPLE, of_second_order(), of_memory("a_policy_of_a_very_long_name_indeed")]
    text = summary_text(every, 80)
    assert len(text.split("\n\n")) == 3
    assert max(map(len, text.splitlines())) <= 80
    assert "So: reverse mode is the fastest." in text
    shown = page(every)
    assert '<th scope="col">Hessian</th>' in shown
    assert '<th scope="col">checkpointed</th>' in shown


def test_the_conclusion_counts_the_modes_and_what_cannot_be_told():
    unknown = replace(EXAMPLE.verdict.time, method=None)
    doubtful = replace(EXAMPLE, verdict=replace(EXAMPLE.verdict, time=unknown))
    assert legend([EXAMPLE, EXAMPLE])[-1] == "So: reverse mode is the fastest in all of them."
    assert legend([EXAMPLE, EXAMPLE, doubtful])[-1] == (
        "So: the fastest of 3 is reverse mode in 2, none that can be told in 1."
    )
    assert not any(text.startswith("So:") for text in legend([doubtful]))
    unrivalled = replace(EXAMPLE.verdict.time, factor=None, over=None)
    alone = replace(EXAMPLE, verdict=replace(EXAMPLE.verdict, time=unrivalled))
    assert not any(text.startswith("So:") for text in legend([alone]))
    columns = replace(EXAMPLE.verdict.time, method="columns")
    second = replace(of_second_order(), verdict=replace(EXAMPLE.verdict, time=columns))
    assert legend([second])[-1] == "So: columns is the fastest."


def test_markdown_shows_the_answer_and_folds_the_table_away(tmp_path):
    write_report([EXAMPLE], tmp_path / "found.md")
    shown, folded = (tmp_path / "found.md").read_text().split("<details>")
    assert "* **Answer** reverse: 3 times faster than forward: `jax.jit(jax.grad(sine))`" in shown
    assert "| method |" in folded
    assert "| method |" not in shown


def test_a_notebook_shows_the_same_answer_with_its_chart_and_says_what_the_columns_are():
    shown = html_answer(EXAMPLE)
    assert "<dt>Answer</dt><dd>reverse: 3 times faster than forward</dd>" in shown
    assert "<dt>Use</dt><dd><code>jax.jit(jax.grad(sine))</code></dd>" in shown
    assert shown.index("<dt>Answer") < shown.index("<svg") < shown.index("<table>")
    assert f'<th title="{GLOSSARY["cost"].short}">cost</th>' in shown
    assert EXAMPLE._repr_html_() == shown


def test_the_words_are_at_least_thirty_each_with_an_example_and_in_the_order_of_the_alphabet():
    assert len(GLOSSARY) >= 30
    assert list(GLOSSARY) == sorted(GLOSSARY, key=str.lower)
    for word, entry in GLOSSARY.items():
        for line in entry:
            assert line.endswith((".", "`")), word
            assert len(line) <= 100, word
    for word in ("tangent", "cotangent", "jvp", "vjp", "residual", "bound", "chunk", "colour"):
        assert word in GLOSSARY
    assert {"dispatch floor", "kink"} <= GLOSSARY.keys()


def test_the_page_of_the_documentation_has_the_same_texts():
    written = (Path(__file__).parent.parent / "docs" / "words.md").read_text()
    assert written == as_markdown(), (
        "write it anew: Path('docs/words.md').write_text(as_markdown())"
    )


@pytest.mark.parametrize("asked", ["tangent", "Tangents", "TANGENT", "dispatch_floor", "flops"])
def test_a_word_is_found_whatever_its_form(asked):
    assert len(explained(asked).splitlines()) == 4


def test_every_method_is_explained_by_its_name():
    for method in METHODS:
        title, *lines = explained(method.name).splitlines()
        assert title.replace(" ", "_") == method.name
        assert lines
    assert METHODS[-1].summary in explained(METHODS[-1].name)


def test_the_command_explains_a_word_lists_all_and_suggests_the_nearest():
    done = gradwise("explain", "cotangent")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "cotangent"
    assert GLOSSARY["cotangent"].example in " ".join(done.stdout.split())
    listed = gradwise("explain").stdout
    assert all(re.search(rf"^{re.escape(word)} ", listed, re.MULTILINE) for word in GLOSSARY)
    assert max(map(len, listed.splitlines())) <= 80
    wrong = gradwise("explain", "tangnt")
    assert wrong.exit_code == 2
    assert "did you mean 'tangent'?" in wrong.stderr


def test_a_page_explains_the_words_of_its_tables_and_no_others():
    shown = page([EXAMPLE])
    assert f"<dt>cost</dt><dd>{GLOSSARY['cost'].short}" in shown
    assert "<dt>colour</dt>" not in shown


def test_a_row_without_samples_is_no_reason_for_doubt():
    row = Row(method="own", mode="reverse", kind="jacobian", status="skipped", seconds=1.0)
    assert not is_doubtful(row)
    assert np.isfinite(row.seconds)


def test_that_the_derivative_is_zero_everywhere_stands_beside_the_answer():
    zero = "the derivative is zero everywhere: `lt` at model.py:3 (accuracy) has no slope"
    parts = answers(replace(EXAMPLE, notes=("another", zero)))
    assert [(part.name, part.text) for part in parts][1] == ("NOTE", zero)
    assert "NOTE" not in [part.name for part in answers(EXAMPLE)]


@pytest.mark.parametrize(
    ("title", "word"),
    [
        ("99 %", "interval"),
        ("coloured (forward, 3)", "colour"),
        ("chain (100 x 90)", "chain"),
        ("constant", "constant"),
        ("cut (4)", "cut"),
        ("elimination (29 partials)", "elimination"),
        ("products", "products"),
        ("split (2+1+2)", "split"),
        ("vmap (8 examples, split (2+1+2))", "vmap"),
    ],
)
def test_what_a_table_prints_is_explained_as_it_is_printed(title, word):
    assert explained(title) == explained(word)
    assert explained(word).startswith(f"{word}\n")


def test_a_way_by_the_structure_keeps_its_name_in_a_line_and_is_no_mode_in_a_summary():
    name = "coloured (forward, 3)"
    text = f"neither: 3 colours do for 5 inputs; {name}: 3 times faster than forward (2 to 4)"
    ours = replace(EXAMPLE.row("reverse"), method=name, mode="mixed", passes=3)
    one = replace(EXAMPLE, rows=(*EXAMPLE.rows, ours))
    time = Finding(method=name, take=name, factor=3.0, over="forward", text=text)
    one = replace(one, verdict=replace(EXAMPLE.verdict, time=time))
    assert one_line(one) == f"{text.removesuffix(' (2 to 4)')}; 2 x the function"
    assert legend([one])[-1] == "So: a way by the function's structure is the fastest."
