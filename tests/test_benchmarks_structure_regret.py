"""Who chooses well: the functions, the rules of thumb, the regrets and their table."""

import json
import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command_line import gradwise

from benchmarks import load
from benchmarks.cli import suites
from benchmarks.instrument.samples import Samples
from benchmarks.scenarios.run import choose
from benchmarks.scenarios.structure import HELD_OUT, KNOWN, scenarios
from benchmarks.scenarios.table import SUITES
from benchmarks.structure.choosing import judged
from benchmarks.structure.choosing.judged import regret_of
from benchmarks.structure.choosing.regret import Regret, Regrets, mean_and_worst
from benchmarks.structure.choosing.rules_of_thumb import RULES, lineax
from benchmarks.structure.forms.made import Made


@pytest.fixture(autouse=True)
def a_wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def test_there_are_forty_functions_and_half_of_them_are_held_out():
    assert len(KNOWN) + len(HELD_OUT) >= 40
    assert len(HELD_OUT) >= len(KNOWN)
    assert not KNOWN.keys() & HELD_OUT.keys()
    purposes = [case.purpose for case in (*KNOWN.values(), *HELD_OUT.values())]
    assert len(set(purposes)) == len(purposes)


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_every_function_can_be_traced_at_every_size_and_has_finite_values_at_the_smallest(size):
    built = [build() for build in scenarios(size).values()]
    for one in built:
        shapes = jax.eval_shape(one.fn, *one.inputs)
        assert all(leaf.size and leaf.dtype == "float32" for leaf in jax.tree.leaves(shapes))
        assert one.order == 1 or shapes.shape == ()
    if size == "small":  # all as one program, which compiles in a second or two
        values = jax.jit(lambda inputs: [one.fn(*x) for one, x in zip(built, inputs, strict=True)])
        for leaf in jax.tree.leaves(values([one.inputs for one in built])):
            assert np.isfinite(leaf).all()


def test_they_are_run_when_they_are_asked_for_and_not_among_those_that_are_compared():
    assert "structure" not in SUITES
    assert not any(name.startswith("structure/") for name in choose([]))
    assert len(choose(["structure"])) == len(KNOWN) + len(HELD_OUT)
    assert len(choose(["structure"], only="structure/held_out/*")) == len(HELD_OUT)


BOTH = {"coloured (forward, 8)": 8, "coloured (reverse, 3)": 3, "cut (2)": 2, "forward": 90}


@pytest.mark.parametrize(
    ("rule", "sizes", "passes", "taken"),
    [
        ("by size", (90, 90), BOTH, "forward"),
        ("by size", (91, 90), BOTH, "reverse"),
        ("lineax", (99, 1), BOTH, "forward"),
        ("lineax", (100, 1), BOTH, "reverse"),
        ("CasADi", (90, 90), BOTH, "coloured (reverse, 3)"),
        # Twice as many forward colours weigh less: 0.33 * 6 < 0.67 * 3.
        ("CasADi", (90, 90), {"coloured (forward, 6)": 6, "coloured (reverse, 3)": 3}, None),
        ("CasADi", (2, 90), {"coloured (reverse, 3)": 3}, "forward"),
        ("CasADi", (90, 90), {"coloured (forward, 2 + reverse, 1)": 3}, "forward"),
        ("fewest colours", (90, 90), BOTH, "coloured (reverse, 3)"),
        ("fewest colours", (90, 2), BOTH, "reverse"),
        ("fewest colours", (90, 90), {"coloured (forward, 2 + reverse, 1)": 3}, None),
    ],
)
def test_a_rule_of_thumb_takes_what_its_source_says(rule, sizes, passes, taken):
    assert RULES[rule](*sizes, passes) == (taken or next(iter(passes)))


def test_the_rule_of_lineax_is_that_of_the_library_where_it_is_installed(monkeypatch):
    misc = pytest.importorskip("lineax._misc")
    monkeypatch.setattr(jax, "jacfwd", lambda *_, **options: "forward")
    monkeypatch.setattr(jax, "jacrev", lambda *_, **options: "reverse")
    for n, m in [(99, 1), (100, 1), (150, 100), (151, 100), (200, 300)]:
        assert lineax(n, m, {}) == misc.jacobian(jnp.sum, n, m)


def samples(seconds, cpu=None):
    wall = np.full(9, seconds)
    cpu = np.full(9, seconds if cpu is None else cpu)
    return Samples(rounds=np.arange(9), wall=wall, cpu=cpu, calls=1)


def stencil(x):
    return x[2:] + x[1:-1] ** 2 + x[:-2]


def judged_with(monkeypatch, times):
    """The regrets of the stencil's ways, if `times(way)` were their samples."""
    monkeypatch.setattr(
        judged, "interleave", lambda calls, **options: ({way: times(way) for way in calls}, {})
    )
    monkeypatch.setattr(judged, "fastest", lambda right, problem: (next(iter(right)), {}, ()))
    return regret_of(stencil, jnp.ones(12), name="a/known/stencil")


def test_a_regret_is_the_time_of_what_is_taken_over_the_best(monkeypatch):
    times = {"coloured (forward, 3)": 2.0, "coloured (reverse, 3)": 1.0, "forward": 5.0}
    found = judged_with(monkeypatch, lambda way: samples(times.get(way, 8.0)))
    assert found.best == "coloured (reverse, 3)"
    assert found.regrets == {
        **{"measured": 2.0, "model": 2.0, "by size": 8.0, "lineax": 5.0},
        **{"CasADi": 2.0, "fewest colours": 2.0},
    }
    assert found.notes == ()


def test_on_a_busy_machine_cpu_times_are_compared_and_it_is_said(monkeypatch):
    found = judged_with(
        monkeypatch, lambda way: samples(9.0, cpu=3.0 if way.startswith("coloured (f") else 1.5)
    )
    assert found.regrets["model"] == 2.0
    assert found.notes == ("the machine was busy: CPU times are compared",)


def test_a_way_that_is_wrong_is_not_timed_and_nobody_may_take_it(monkeypatch):
    right = Made.is_right
    monkeypatch.setattr(
        Made, "is_right", lambda made, *a, **o: made.way.plain and right(made, *a, **o)
    )
    found = judged_with(monkeypatch, lambda way: samples(1.0))
    assert found.wrong == ("coloured (forward, 3)", "coloured (reverse, 3)")
    assert set(found.seconds) == set(found.picks.values()) == {"forward", "reverse"}
    assert "known/stencil: coloured (forward, 3) is wrong" in str(Regrets(functions=(found,)))


def named(name, **regrets):
    return Regret(
        name=f"structure/{name}", n=3, m=4, seconds={"forward": 1e-3}, picks={}, regrets=regrets
    )


def test_the_foot_has_geometric_means_and_the_worst_of_each_half_and_says_whether_goals_are_met():
    halves = [("known/a", 1.0, 1.0), ("known/b", 1.21, 4.0), ("held_out/c", 1.0, 1.0)]
    regrets = Regrets(functions=tuple(named(n, measured=a, model=b) for n, a, b in halves))
    assert mean_and_worst(regrets.groups()["known"], "measured") == pytest.approx((1.1, 1.21))
    assert mean_and_worst(regrets.functions, "model") == pytest.approx((math.cbrt(4), 4.0))
    foot = str(regrets).split("\n\n")[1].splitlines()[2:]
    assert [line.split() for line in foot] == [
        ["known", "(2)", "mean", "1.10", "2.00"],
        ["worst", "1.21", "4.00"],
        ["held_out", "(1)", "mean", "1.00", "1.00"],
        ["worst", "1.00", "1.00"],
        ["all", "(3)", "mean", "1.07", "1.59"],
        ["worst", "1.21", "4.00"],
    ]
    wide = str(regrets)
    assert "measured: at most 1.05 in the mean and 1.5 at worst is not met over 3 functions" in wide
    met = Regrets(functions=(named("known/a", measured=1.04, model=1.2),))
    assert str(met).count("is met") == 2


def test_where_the_machine_was_busy_the_choice_after_measuring_is_not_judged():
    busy = replace(named("known/a", measured=9.0, model=9.0), doubtful=True)
    shown = str(Regrets(functions=(busy, named("known/b", measured=1.0, model=1.0))))
    assert "9.00?" in shown
    assert "measured: at most 1.05 in the mean and 1.5 at worst is met over 1 function:" in shown
    assert "model: at most 1.3 in the mean and 3.0 at worst is not met over 2 functions" in shown


def test_the_table_is_as_wide_as_the_terminal(monkeypatch):
    one = judged_with(monkeypatch, lambda way: samples(1.0))
    for width in (80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = str(Regrets(functions=(one,))).splitlines()
        assert max(map(len, lines)) <= width
        assert ("fewest colours" in lines[0]) == (width == 200)
        assert "measured" in lines[0]


def test_the_command_prints_the_table_and_writes_all_of_it(tmp_path, monkeypatch):
    asked = []

    def not_timed(fn, *inputs, name, **options):
        asked.append((name, options["order"]))
        return Regret(
            name=name,
            n=1,
            m=1,
            seconds={"forward": 1e-3},
            picks={"measured": "forward"},
            regrets={"measured": 1.0},
        )

    monkeypatch.setattr(suites, "regret_of", not_timed)
    done = gradwise(
        "run", "structure", "--only", "*hessian", "--size", "small", "--out", tmp_path / "out"
    )
    assert done.exit_code == 0
    assert len(asked) == 5
    assert {order for _, order in asked} == {2}
    assert "known/rosenbrock_hessian" in done.stdout
    kept = json.loads((tmp_path / "out" / "regrets.json").read_text())
    assert [one["name"] for one in kept["record"]["functions"]] == [name for name, _ in asked]
    found = load(tmp_path / "out" / "regrets.json")
    assert isinstance(found, Regrets)
    assert str(found) in done.stdout
