"""A comparison ends within its time limit, whatever the function, and says what did not fit."""

import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.check import truths
from benchmarks.comparison import attempt, experiment, pace, work
from benchmarks.comparison.endings import called_a_few_times
from benchmarks.comparison.experiment import make_experiment
from benchmarks.comparison.pace import Look, least_of_calls
from benchmarks.comparison.plan import make_plan
from benchmarks.comparison.reading import read_program
from benchmarks.derivatives.checkpointing import checkpointed
from benchmarks.derivatives.problem import make_problem
from benchmarks.derivatives.selection import select
from benchmarks.derivatives.table import METHODS
from benchmarks.instrument.deadline import TimeUpError
from benchmarks.instrument.timing import MIN_ROUNDS

X = jnp.linspace(0.1, 1.5, 6)
BY_NAME = {(method.order, method.name): method for method in METHODS}


def waves(x):
    return jnp.sum(jnp.sin(x) ** 2)


def names(*args, **options):
    return [method.name for method in select(*args, **options)]


def test_a_first_look_takes_what_a_person_would_ask_for():
    plain = ["value", "numerical", "forward", "reverse"]
    assert names(None, n=4, m=1, kept=1e3) == plain
    assert names(None, n=100, m=1, kept=1e3) == [*plain, "forward_chunked"]
    assert names(None, n=100, m=30, kept=2**30) == [
        *plain,
        "forward_chunked",
        "reverse_chunked",
        "checkpointed",
    ]
    second = names(None, order=2, n=100)
    assert {"gradient", "forward_over_reverse", "reverse_over_reverse", "columns"} < set(second)
    assert set(second) < set(names("all", order=2))
    assert names("all") == [method.name for method in METHODS if method.order == 1]
    assert "value_and_grad" not in names("all", m=3)


def test_the_plan_is_told_before_any_method_is_tried(nothing_is_too_slow):
    stages = []
    compare(waves, X, methods=["reverse"], budget=0.05, on_progress=lambda s, _: stages.append(s))
    plans = [stage for stage in stages if stage.startswith(work.PLAN)]
    assert len(plans) == 1
    assert plans[0].startswith("plan: 2 methods, about ")
    assert stages.index(plans[0]) < stages.index("value")


def test_the_plan_adds_up_and_says_when_it_will_be_cut_short():
    look = Look(seconds=1.0, at_least=1.0, compile_seconds=2.0)
    plan = make_plan(select(["reverse"]), look, order=1, budget=10.0, time_limit=20.0)
    assert plan.compiling == pytest.approx(2.0 * (6.0 + 1.7) + 2 * 4 * 1.0)
    assert str(plan) == "2 methods, about 33 s (compiling 23, measuring 10), ended after 20 s"
    none = make_plan((), Look(why="it takes too long"), order=1, budget=1.0, time_limit=2.0)
    assert str(none) == "none of 0 methods is going to fit: it takes too long"


def made(fn, x, *, look=None, left=60.0, budget=1.0, memory=None):
    problem = make_problem(fn, (x,))
    made = make_experiment(
        problem,
        read_program(problem, ("forward", "reverse")),
        order=1,
        budget=budget,
        seed=0,
        look=look,
        left=lambda: left,
    )
    limits = made.limits._replace(memory=memory or made.limits.memory)
    return made._replace(limits=limits)


@pytest.fixture
def nothing_runs(monkeypatch):
    """Nothing may be compiled or run."""

    def refuse(*args, **options):
        pytest.fail("a program was started")

    for module, name in ((attempt, "compile_for"), (pace, "compile_for"), (attempt, "settle")):
        monkeypatch.setattr(module, name, refuse)


def test_where_no_call_of_the_function_ended_nothing_else_is_started(nothing_runs):
    why = "one call takes longer than 15 s and was given up"
    slow = made(waves, jnp.ones(1000), look=Look(None, 15.0, 0.1, why))
    for name, least in (("numerical", 2000 * 15.0), ("forward", 1000 * 0.15), ("value", 15.0)):
        tried = attempt.attempt(BY_NAME[1, name], slow)
        assert tried.row.status == "skipped"
        assert tried.row.note == f"not checked: {why}"
        assert tried.row.at_least == pytest.approx(least)
        assert tried.late


def test_a_check_that_cannot_fit_is_not_started(nothing_runs):
    slow = made(waves, X, look=Look(2.0, 2.0, 0.1), left=60.0)
    assert slow.unchecked == (
        "not checked: 25 runs of the function take at least 50 s, which is too long"
    )
    row = attempt.attempt(BY_NAME[1, "value"], slow).row
    assert (row.status, row.seconds, row.samples) == ("skipped", 2.0, None)


def test_a_jacobian_that_would_take_too_long_is_checked_along_directions(monkeypatch):
    def slowed(left):
        now = [100.0]
        made = pace.pace_of(lambda: now[0])

        def prepare(fn, args):
            run = made.prepare(fn, args)

            def call(*args):
                now[0] -= 30.0 if getattr(fn, "func", None) else 1.0  # a batch of columns
                return run(*args)

            return call

        return made._replace(prepare=prepare, left=lambda: now[0])

    monkeypatch.setattr(experiment, "pace_of", slowed)
    found = made(jnp.sin, jnp.linspace(0.1, 1.0, 300))
    assert found.first.truth.jacobian is None
    assert found.first.truth.source == "float64 forward mode along directions, for want of time"
    np.testing.assert_allclose(
        found.first.truth.jvp, np.cos(found.problem.x[0]) * found.probe.tangent[0], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("methods", "batches"), [(["jvp", "vjp"], 0), (["jvp", "forward_chunked"], 1)]
)
def test_products_are_checked_by_products_and_no_jacobian_is_made_for_them(
    monkeypatch, nothing_is_too_slow, methods, batches
):
    made = []
    dense = truths.dense_jacobian
    monkeypatch.setattr(truths, "dense_jacobian", lambda *a, **o: made.append(1) or dense(*a, **o))
    found = compare(jnp.sin, jnp.linspace(0.1, 1.0, 6), methods=methods, budget=0.05)
    assert len(made) == batches
    assert [found.row(name).status for name in methods] == ["ok", "ok"]
    assert found.row("jvp").error < 1e-6


def test_a_function_is_traced_twice_whatever_is_asked_of_it(nothing_is_too_slow):
    traces = []

    def fn(x):
        traces.append(1)
        return jnp.sum(jnp.tanh(x) ** 2)

    compare(fn, jnp.linspace(0.0, 1.0, 4), budget=0.05)
    assert len(traces) <= 2


def test_passes_and_results_that_cannot_fit_are_refused_by_their_number_alone(nothing_runs):
    problem = make_problem(jnp.sin, (jnp.ones(1000),))
    reading = read_program(problem, ("forward", "reverse"))
    look = Look(None, 0.0, 0.0, "planted")
    found = make_experiment(problem, reading, order=1, budget=1.0, seed=0, look=look)
    checked = found._replace(unchecked="", look=Look(1e-2, 1e-2))
    truths = {"forward": found.first.truth._replace(value=np.zeros(1000))}
    checked = checked._replace(first=found.first._replace(truths=truths))
    row = attempt.attempt(BY_NAME[1, "numerical"], checked).row
    assert (row.status, row.note) == ("skipped", "2,000 passes, at least 20 s a call")
    assert row.at_least == pytest.approx(20.0)
    small = checked._replace(limits=checked.limits._replace(memory=1e6))
    row = attempt.attempt(BY_NAME[1, "forward"], small).row
    assert (row.status, row.note) == ("failed", "out of memory: its result alone is 4 MB of 1 MB")
    late = checked._replace(limits=checked.limits._replace(left=lambda: -1.0))
    row = attempt.attempt(BY_NAME[1, "value"], late).row
    assert (row.status, row.note) == ("skipped", "not tried: no time was left")


def test_a_slow_first_call_decides_nothing(monkeypatch):
    seconds = iter([0.9, 0.2, 0.3])
    monkeypatch.setattr(pace, "run_once", lambda call: (next(seconds), call()))
    planned = least_of_calls(lambda: "result", 60.0, lambda: 60.0)
    assert (planned.seconds, planned.calls, planned.result) == (0.2, 3, "result")


def test_a_call_that_takes_much_of_the_time_is_made_once_and_marked_so(monkeypatch):
    monkeypatch.setattr(pace, "run_once", lambda call: (0.383, call()))
    planned = least_of_calls(lambda: None, 60.0, lambda: 10.0)
    assert planned.calls == 1
    plain = attempt.not_tried(BY_NAME[1, "forward"], "a test")
    told = called_a_few_times(plain, planned, "too long for this budget")
    assert told.note.endswith("one call takes ~383 ms: too long for this budget")
    assert (told.seconds, told.samples) == (0.383, None)


def test_a_function_that_is_never_traced_to_its_end_raises_at_the_limit():
    def endless(x):
        while True:
            time.sleep(1e-3)

    with pytest.raises(TimeoutError, match=r"the function takes longer than (50|4\d\.\d) ms"):
        compare(endless, X, time_limit=0.05)


def test_a_function_of_minutes_ends_at_the_limit_with_a_row_for_every_method():
    may_end = threading.Event()

    def waits(x):
        may_end.wait(120)
        return x

    def slow(x):
        return jnp.sum(jax.pure_callback(waits, x, x))

    found = compare(slow, X, methods=["numerical", "reverse"], time_limit=2.0, budget=0.1)
    may_end.set()
    assert [row.status for row in found.rows] == ["skipped"] * 3
    assert found.incomplete.startswith("not checked: one call takes longer than")
    assert f"incomplete: {found.incomplete}" in " ".join(str(found).split())
    assert found.row("numerical").at_least > 12 * 0.2


def test_ctrl_c_returns_the_rows_that_are_finished(nothing_is_too_slow):
    rounds = []

    def interrupt(stage, share):
        if stage == "measuring":
            rounds.append(share)
        if len(rounds) == MIN_ROUNDS:
            raise KeyboardInterrupt

    options = {"methods": ["forward", "reverse"], "budget": 0.05}
    found = compare(waves, X, on_progress=interrupt, **options)
    assert found.incomplete == "interrupted"
    assert [row.status for row in found.rows] == ["ok"] * 3
    assert all(row.samples for row in found.rows)
    assert found.verdict.time.over


def test_ctrl_c_before_measuring_says_of_every_row_what_became_of_it(nothing_is_too_slow):
    def interrupt(stage, share):
        if stage == "forward":  # reverse mode comes first
            raise KeyboardInterrupt

    found = compare(waves, X, methods=["forward", "reverse"], on_progress=interrupt, budget=0.05)
    assert [row.status for row in found.rows] == ["skipped"] * 3
    assert "right, but there was no time to measure it" in found.row("reverse").note
    assert found.row("reverse").seconds is not None
    assert found.row("forward").note == "not tried: interrupted"


def test_what_runs_over_its_share_is_skipped_and_the_next_method_has_its_turn(monkeypatch):
    def given_up(*args, **options):
        raise TimeUpError("one call takes longer than 3 s and was given up")

    problem = made(waves, X)
    monkeypatch.setattr(attempt, "least_of_calls", given_up)
    tried = attempt.attempt(BY_NAME[1, "reverse"], problem)
    assert tried.row.status == "skipped"
    assert "it goes on in the background" in tried.row.note
    assert tried.row.at_least > 0


def test_checkpointing_tells_what_plain_reverse_takes_and_when_it_saves_nothing():
    problem = make_problem(lambda x: jnp.sum(jnp.tanh(jnp.sin(jnp.cos(x)) * x)), (X,))
    search = checkpointed(problem, experiment.random_probe(problem, 0))
    assert list(search.beside) == ["plain reverse"]
    note = search.note("nothing kept", {"nothing kept": 900, "plain reverse": 2000})
    assert note == "nothing kept, of least memory (nothing kept 900 B, plain reverse 2 kB)"
    note = search.note("nothing kept", {"nothing kept": 2000, "plain reverse": 2000})
    assert note.endswith("plain reverse 2 kB); it saves nothing")
