"""Which mode is told to be the answer, and when neither is."""

from dataclasses import replace

import pytest
from verdict_rows import row, untimed

from benchmarks.comparison.fastest import Machine
from benchmarks.comparison.verdict import give_verdict


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


def test_a_product_is_no_answer_where_the_whole_derivative_was_asked_for():
    jvp = replace(row("jvp", "forward", 2.0), kind="value_and_jvp")
    missing = untimed("reverse", "reverse", "skipped", note="no time was left")
    assert give_verdict([jvp, missing], 16, 1).time.method is None
    assert give_verdict([jvp], 16, 1).time.method == "jvp"


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
