"""What is told beside the answer: rivals without a time, second order, causes, a busy machine."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from verdict_rows import row, untimed

from benchmarks.comparison.notes import machine_notes, time_notes
from benchmarks.comparison.verdict import give_verdict
from benchmarks.instrument.compile import compile_for
from benchmarks.instrument.samples import Samples
from benchmarks.program.count import Flops


def test_a_rival_that_was_skipped_is_named_with_the_factor_that_it_is_slower_by_at_least():
    reverse = row("reverse", "reverse", 139e-6)
    called = untimed("forward", "forward", "skipped", seconds=0.383)
    time = give_verdict([called, reverse], 4, 4).time
    assert time.text == (
        "reverse: at least 2,700 times faster than forward (one call of it took 383 ms)"
    )
    assert time.at_least
    assert time.factor == pytest.approx(0.383 / 139e-6)
    never = untimed("forward", "forward", "skipped", at_least=600.0)
    assert "a call of it takes at least 600 s" in give_verdict([never, reverse], 4, 4).time.text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("impossible", "forward is not possible (a while_loop at line 12)"),
        ("wrong", "forward is wrong here (a while_loop at line 12)"),
        ("failed", "forward failed (a while_loop at line 12)"),
        ("inaccurate", "forward has no correct digit here (a while_loop at line 12)"),
        ("skipped", "forward was skipped (a while_loop at line 12)"),
    ],
)
def test_a_rival_without_a_time_is_named_with_its_reason(status, said):
    missing = untimed("forward", "forward", status, note="a while_loop at line 12; see the manual")
    time = give_verdict([missing, row("reverse", "reverse", 2.0)], 4, 4).time
    assert time.text == f"reverse, of those timed; {said}"
    assert (time.method, time.factor) == ("reverse", None)


def test_a_long_reason_is_shortened_but_keeps_its_line():
    note = f"reverse mode must run the loop {'and wait ' * 20}at model.py:12 (loss.<locals>.step)"
    missing = untimed("reverse", "reverse", "impossible", note=note)
    text = give_verdict([missing, row("forward", "forward", 2.0)], 4, 4).time.text
    assert text.startswith("forward, of those timed; reverse is not possible (reverse mode must")
    assert text.endswith(" ... at model.py:12)")
    assert len(text) < 160


def test_an_answer_without_a_second_time_says_too_that_the_machine_was_busy():
    jvp = replace(row("jvp", "forward", 3.0), kind="value_and_jvp")
    reverse = row("reverse", "reverse", 10.0, cpu=2.0)
    for status, seconds in (("impossible", None), ("skipped", 383.0)):
        missing = untimed("forward", "forward", status, seconds=seconds)
        found = give_verdict([missing, jvp, reverse], 16, 4)
        assert (found.time.method, found.time.doubt) == ("reverse", "busy")
        assert "; the machine was busy (calls took up to 5 times their CPU" in found.time.text
        assert "one costs" not in found.why


def test_nothing_to_beat_is_said_only_where_nothing_else_was_tried():
    reverse, value = row("reverse", "reverse", 2.0), row("value", "none", 1.0)
    alone = [replace(value, kind="value"), reverse]
    assert give_verdict(alone, 4, 4).time.text == "reverse, with nothing to beat"


def test_on_a_busy_machine_compile_times_and_the_cost_of_a_pass_are_not_told():
    def rows(wait):
        forward = row("forward", "forward", 8.0 * wait, cpu=8.0, compile_seconds=2.0)
        jvp = replace(row("jvp", "forward", 3.0), kind="value_and_jvp")
        return [jvp, forward, row("reverse", "reverse", 2.0 * wait, cpu=2.0)]

    quiet, busy = give_verdict(rows(1), 16, 4), give_verdict(rows(5), 16, 4)
    assert quiet.compile.method == "reverse"
    assert (busy.compile.method, busy.compile.doubt) == (None, "busy")
    assert "one costs" in quiet.why
    assert "one costs" not in busy.why


def second_order(wait=1.0):
    """Rows of second order, of which the one after the other take the least time and memory."""

    def of_kind(kind, *times):
        modes = ("mixed", "forward")
        made = [
            row(f"{kind}_{mode}", mode, wait * seconds, cpu=seconds, total=int(100 * seconds))
            for mode, seconds in zip(modes, times, strict=False)
        ]
        return [replace(one, kind=kind, bound=10.0) for one in made]

    products = [replace(one, method="hvp_forward_over_reverse") for one in of_kind("hvp", 3.0)]
    whole = [replace(one, bound=None) for one in of_kind("hessian", 50.0, 90.0)]
    return [*products, *whole, *of_kind("diagonal", 40.0, 20.0), *of_kind("trace", 30.0)]


def test_of_second_order_each_of_product_diagonal_trace_and_hessian_has_its_answer():
    found = give_verdict(second_order(), 25, 1)
    assert (found.time.method, found.time.over) == ("hessian_mixed", "hessian_forward")
    assert found.product.text == "hvp_forward_over_reverse: 3 times the function"
    assert (found.diagonal.method, found.diagonal.over) == ("diagonal_forward", "diagonal_mixed")
    assert found.diagonal.factor == pytest.approx(2.0)
    assert found.trace.take == "trace_mixed"
    assert list(found.answers()) == ["time", "memory", "compile", "product", "diagonal", "trace"]
    assert [name for name, _ in found.parts()][-3:] == ["product", "diagonal", "trace"]
    first = give_verdict([row("forward", "forward", 8.0), row("reverse", "reverse", 2.0)], 4, 4)
    assert list(first.answers()) == ["time", "memory", "compile"]


def test_why_speaks_of_second_order_where_the_rows_are_and_of_no_cost_on_a_busy_machine():
    assert give_verdict(second_order(), 25, 1).why == (
        "A product with the Hessian is one tangent of the gradient, whatever the size (at most 10 "
        "in theory): 3 times the function. The whole Hessian is 25 products, one for each input: "
        "50 times. Its diagonal (20 times) and its trace (30 times): as many products, but nothing "
        "to keep."
    )
    busy = give_verdict(second_order(wait=5.0), 25, 1).why
    assert " times" not in busy
    assert "cotangent" not in busy


def test_products_alone_are_the_answer_themselves_and_stand_nowhere_twice():
    found = give_verdict(second_order()[:1], 25, 1)
    assert found.time.take == "hvp_forward_over_reverse"
    assert found.product is None


def test_a_cause_is_given_only_where_the_row_supports_it_and_never_if_it_waited(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    compiled = compile_for(jnp.cumsum, (jnp.ones(4),))  # nothing in it is repeated
    one = Flops(low=10, mean=10.0, high=10)
    value = row("value", "none", 1.0, flops=one)
    slow = row("reverse", "reverse", 9.0, bound=4.0, flops=one)
    assert time_notes(slow, value, compiled, 0.1) == "above its bound of 4"
    many = replace(slow, flops=one.times(6))
    assert time_notes(many, value, compiled, 0.1) == (
        "above its bound of 4: it does 6 times the operations of the function"
    )
    assert time_notes(many, value, compiled, 4.0).endswith("above its bound of 4")
    waited = row("reverse", "reverse", 9.0, cpu=1.0, bound=4.0, flops=one)
    assert time_notes(waited, value, compiled, 0.1) == (
        "waited for a busy machine: 9 times its CPU time"
    )


def test_the_busy_note_is_that_of_the_busiest_program(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    calm = Samples(rounds=np.arange(9), wall=np.ones(9), cpu=np.ones(9), calls=1)
    waited = Samples(rounds=np.arange(9), wall=np.full(9, 3.0), cpu=np.ones(9), calls=1)
    notes = machine_notes({"calm": calm, "waited": waited})
    assert notes[-1] == "the machine was busy: wall time up to 3 times CPU time"
    assert len(machine_notes({"calm": calm})) == 1


def test_a_cpu_that_waits_for_a_gpu_is_not_said_to_be_busy():
    waited = Samples(rounds=np.arange(9), wall=np.full(9, 3.0), cpu=np.ones(9), calls=1)
    assert machine_notes({"waited": waited}, on_cpu=False) == ("0 of 9 samples are outliers",)


def test_of_more_than_two_that_tie_the_plainest_is_named_and_the_others_are_counted():
    rows = [
        row("forward", "forward", 2.0),
        row("reverse", "reverse", 2.0),
        row("coloured (forward, 3)", "mixed", 2.0, passes=3),
        row("coloured (reverse, 3)", "mixed", 2.0, passes=3),
    ]
    verdict = give_verdict(rows, 9, 4)
    assert verdict.time.take == verdict.memory.take == "reverse"  # of fewer passes
    assert verdict.time.text == "a tie between reverse and 3 others"
    assert verdict.memory.text == "a tie between reverse and 3 others: 100 B"
