"""Which mode is told to be the answer, and when neither is."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.comparison.fastest import Machine
from benchmarks.comparison.notes import machine_notes, time_notes
from benchmarks.comparison.row import Row
from benchmarks.comparison.verdict import give_verdict
from benchmarks.instrument.compile import Memory, compile_for
from benchmarks.instrument.samples import Samples
from benchmarks.instrument.statistics import ratio
from benchmarks.program.count import Flops


def row(method, mode, wall, total=100, compile_seconds=1.0, *, cpu=None, rounds=30, **more):
    cpu = wall if cpu is None else cpu
    every = np.arange(rounds)
    samples = Samples(
        rounds=every, wall=np.full(rounds, wall), cpu=np.full(rounds, float(cpu)), calls=1
    )
    base = Samples(rounds=every, wall=np.ones(rounds), cpu=np.ones(rounds), calls=1)
    return Row(
        method=method,
        mode=mode,
        kind="jacobian",
        status="ok",
        seconds=wall,
        cpu_seconds=cpu,
        ratio=ratio(samples, base),
        memory=Memory(temporary=total, argument=0, output=0, alias=0),
        compile_seconds=compile_seconds,
        samples=samples,
        **more,
    )


def untimed(method, mode, status, **more):
    return Row(method=method, mode=mode, kind="jacobian", status=status, **more)


def test_the_verdict_is_between_modes():
    rows = [row("forward", "forward", 8.0, 100), row("reverse", "reverse", 2.0, 400)]
    verdict = give_verdict(rows, 16, 4)
    assert (verdict.time.method, verdict.time.over) == ("reverse", "forward")
    assert verdict.time.factor == pytest.approx(4.0)
    assert verdict.time.confidence == pytest.approx(1.0, abs=1e-8)
    assert verdict.memory.method == "forward"
    assert verdict.memory.factor == pytest.approx(4.0)
    assert verdict.compile.method == "tie"
    assert "16 inputs" in verdict.why


def test_modes_that_take_equally_long_tie():
    rows = [row("forward", "forward", 2.0, 100), row("reverse", "reverse", 2.02, 100)]
    verdict = give_verdict(rows, 4, 4)
    assert verdict.time.method == "tie"
    assert "forward and reverse" in verdict.time.text
    assert verdict.memory.method == "tie"


def test_of_tied_methods_in_one_mode_the_first_of_the_table_is_the_answer():
    rows = [
        row("forward", "forward", 9.0, 100),
        row("reverse", "reverse", 2.01, 100),
        row("checkpointed", "reverse", 2.0, 50),
    ]
    verdict = give_verdict(rows, 4, 4)
    assert verdict.time.method == "reverse"
    assert verdict.memory.method == "checkpointed"


def test_wrong_and_inexact_rows_take_no_part_in_the_verdict():
    rows = [
        row("numerical", "numerical", 0.5, 10, exact=False),
        replace(row("forward", "forward", 1.0, 10), status="wrong"),
        row("reverse", "reverse", 3.0, 10),
    ]
    assert give_verdict(rows, 4, 4).time.method == "reverse"


def test_memory_ties_within_a_twentieth_and_compile_time_within_a_quarter():
    def least(total, seconds):
        rows = [
            row("forward", "forward", 8.0, 1000, compile_seconds=1.0),
            row("reverse", "reverse", 2.0, total, compile_seconds=seconds),
        ]
        found = give_verdict(rows, 4, 4)
        return found.memory.method, found.compile.method

    assert least(1040, 1.2) == ("tie", "tie")
    assert least(1070, 1.3) == ("forward", "forward")


def test_on_a_busy_machine_the_answer_is_that_of_cpu_time_and_says_so():
    rows = [row("forward", "forward", 64.0, cpu=6.0), row("reverse", "reverse", 9.0, cpu=2.0)]
    found = give_verdict(rows, 16, 4)
    assert found.time.method == "reverse"
    assert found.time.factor == pytest.approx(3.0)
    assert found.time.doubt == "busy, by CPU time"
    assert found.time.text == (
        "reverse: 3 times faster than forward (3 to 3, 99 % interval) by CPU time: the machine was "
        "busy (calls took up to 11 times their CPU time)"
    )


@pytest.mark.parametrize(
    "forward_cpu", [2.0, 2.15, 1.0]
)  # equal, too near, and the other way round
def test_on_a_busy_machine_no_winner_is_named_that_cpu_time_does_not_show(forward_cpu):
    rows = [
        row("forward", "forward", 64.0, cpu=forward_cpu),
        row("reverse", "reverse", 9.0, cpu=2.0),
    ]
    found = give_verdict(rows, 16, 4).time
    assert (found.method, found.doubt) == (None, "busy")
    assert found.text.startswith("cannot tell ")
    assert "the machine was busy" in found.text


def test_a_row_that_waited_but_cannot_be_the_fastest_makes_no_verdict_doubtful():
    rows = [
        row("forward", "forward", 5.0, cpu=5.0),
        row("reverse", "reverse", 2.0, cpu=2.0),
        row("reverse_chunked", "reverse", 90.0, cpu=30.0),
    ]
    assert give_verdict(rows, 4, 4).time.doubt == ""


def test_an_accelerator_is_judged_by_the_load_of_its_host_and_not_by_cpu_time():
    rows = [row("forward", "forward", 8.0, cpu=0.1), row("reverse", "reverse", 2.0, cpu=0.1)]
    quiet = give_verdict(rows, 4, 4, Machine(cpu_counts=False, load=0.5)).time
    assert (quiet.method, quiet.doubt) == ("reverse", "")
    crowded = give_verdict(rows, 4, 4, Machine(cpu_counts=False, load=6.0)).time
    assert (crowded.method, crowded.doubt) == (None, "busy")
    assert "6 processes for each core" in crowded.text


def test_near_the_dispatch_floor_a_winner_is_named_only_if_cpu_time_shows_it_too():
    def answer(forward_cpu, machine):
        rows = [row("forward", "forward", 2.4, cpu=forward_cpu), row("reverse", "reverse", 2.0)]
        return give_verdict(rows, 4, 4, machine).time

    assert answer(2.0, Machine(floor=0.1)).method == "reverse"
    assert answer(2.4, Machine(floor=1.0)).method == "reverse"
    near = answer(2.0, Machine(floor=1.0))
    assert near.method == "tie"
    assert "a call that does nothing (1 s)" in near.text
    assert answer(2.4, Machine(floor=1.0, cpu_counts=False)).method == "tie"


def test_a_few_samples_that_differ_by_less_than_a_quarter_cannot_tell():
    def answer(forward):
        rows = [
            row("forward", "forward", forward, rounds=3),
            row("reverse", "reverse", 2.0, rounds=3),
        ]
        return give_verdict(rows, 4, 4).time

    near, far, same = answer(2.4), answer(3.0), answer(2.1)
    assert (near.method, near.doubt) == (None, "few samples")
    assert near.text.startswith("cannot tell reverse from forward by 3 samples, no interval")
    assert far.text == "reverse: 1.5 times faster than forward (3 samples, no interval)"
    assert same.method == "tie"


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


def test_a_product_is_no_answer_where_the_whole_derivative_was_asked_for():
    jvp = replace(row("jvp", "forward", 2.0), kind="value_and_jvp")
    missing = untimed("reverse", "reverse", "skipped", note="no time was left")
    assert give_verdict([jvp, missing], 16, 1).time.method is None
    assert give_verdict([jvp], 16, 1).time.method == "jvp"


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


@pytest.mark.parametrize(
    ("name", "passes", "said"),
    [
        ("coloured (forward, 5)", 5, "neither: 5 colours do for 1,024 inputs; "),
        ("coloured (forward, 1)", 1, "neither: 1 colour does for 1,024 inputs; "),
        ("coloured (reverse, 5)", 5, "neither: 5 colours do for 512 outputs; "),
        ("coloured (forward, 2 + reverse, 1)", 3, "neither: 3 colours do for 1,024 inputs; "),
        ("cut (4)", 4, "neither: 4 passes do for 1,024 inputs; "),
        ("vmap (512 examples)", 1, "neither: 1 pass does for 1,024 inputs; "),
        ("constant", 0, "neither: it is the same for all inputs; "),
        ("ours", None, ""),
    ],
)
def test_where_what_the_structure_allows_is_fastest_neither_mode_is_needed(name, passes, said):
    rows = [
        row("forward", "forward", 8.0),
        row("reverse", "reverse", 9.0),
        row(name, "mixed", 2.0, passes=passes),
    ]
    found = give_verdict(rows, 1024, 512).time
    assert found.text.startswith(f"{said}{name}: 4 times faster than forward")
    rows[0] = row("forward", "forward", 1.0)
    assert give_verdict(rows, 1024, 512).time.text.startswith("forward: 2 times faster than")


def test_where_no_exact_derivative_is_right_the_answer_is_what_makes_it_so_and_the_cure():
    made = "infinity in the derivative of `sqrt` at model.py:3 (loss); use two jnp.where"
    vague = "the derivative is not finite, though the function is; at input 0[0] it gives nan"
    rows = [
        untimed("forward", "forward", "impossible", note="a jax.custom_vjp has no forward mode"),
        untimed("reverse", "reverse", "wrong", note=f"{vague}; {made}"),
        row("numerical", "numerical", 9.0, exact=False),
    ]
    assert give_verdict(rows, 3, 1).time.text == f"no exact derivative is right here: {made}"
    rows[1] = replace(rows[1], note=vague)
    assert give_verdict(rows, 3, 1).time.text == f"no exact derivative is right here: {vague}"
    rows[1] = untimed("reverse", "reverse", "impossible", note="a callback")
    assert give_verdict(rows, 3, 1).time.text.startswith("no exact derivative is possible: a jax")
    rows[1] = untimed("reverse", "reverse", "skipped", note="too long")
    assert give_verdict(rows, 3, 1).time.text.startswith("nothing to choose from")
