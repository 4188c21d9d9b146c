"""What is kept of earlier runs: by what made it, each run in a file that nothing writes over."""

from dataclasses import replace
from datetime import UTC, datetime

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import Candidate, MadeBy, compare
from benchmarks.comparison import file, folder, named
from benchmarks.comparison.kept import keeping
from benchmarks.comparison.made_by import machine, versions
from benchmarks.comparison.origin import made_by
from benchmarks.instrument.environment import environment
from benchmarks.report.example import EXAMPLE

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")

LIMITS = {
    "methods": ["reverse"],
    "budget": 0.1,
    "time_limit": 60.0,
    "seed": 0,
    "crossover": False,
}
X = jnp.linspace(0.1, 1.0, 3)
MADE = MadeBy(
    programs={"value": "1f"},
    dtype="float32",
    inputs="float32[3]",
    numbers="2e",
    options={"seed": 0},
    versions={"jax": "0.10.2"},
    machine={"cores": 2},
)
DAY = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def sine(x):
    return jnp.sum(jnp.sin(x))


def traced(fn=sine, *inputs, **options):
    return made_by(fn, inputs or (X,), options=LIMITS, **options)


@pytest.fixture(scope="module")
def comparison(nothing_is_too_slow):
    return compare(sine, X, name="sine", **LIMITS)


def test_what_makes_a_comparison_is_found_before_it_is_made_and_comes_back_from_a_file(
    comparison, tmp_path
):
    comparison.save(tmp_path / "found.json")
    assert file.load(tmp_path / "found.json").made_by.changes(traced()) == []


@pytest.mark.parametrize(
    ("new", "change"),
    [
        ({"programs": {"value": "3d"}}, "the function changed"),
        ({"programs": {"value": None}}, "the function runs Python code that may have changed"),
        ({"programs": {"value": "1f", "mine": "4c"}}, "candidate 'mine' is new"),
        ({"dtype": "float64", "inputs": "float64[3]", "numbers": "5b"}, "dtype float32 -> float64"),
        ({"inputs": "float32[4]", "numbers": "5b"}, "inputs float32[3] -> float32[4]"),
        ({"numbers": "5b"}, "other numbers in the inputs"),
        ({"options": {"seed": 1}}, "seed 0 -> 1"),
        ({"options": {"seed": 0, "time_limit": 60.0}}, "time_limit default -> 60.0"),
        ({"versions": {"jax": "0.12.0"}}, "jax 0.10.2 -> 0.12.0"),
        ({"machine": {"cores": 4}}, "cores 2 -> 4"),
    ],
)
def test_everything_that_makes_a_comparison_is_told_when_it_differs(new, change):
    assert MADE.changes(MADE) == []
    assert MADE.changes(replace(MADE, **new)) == [change]


def test_the_moment_is_no_part_of_what_makes_a_comparison():
    here = environment()
    later = here | {"time": "2030-01-01T00:00:00+00:00", "load": 99.0}
    assert (versions(later), machine(later)) == (versions(here), machine(here))
    assert {"python", "jax", "jaxlib", "gradwise"} <= versions(here).keys()
    assert {"processor", "cores", "device", "system"} <= machine(here).keys()


def test_a_changed_function_candidate_or_number_is_found():
    def candidate(factor):
        return Candidate(
            name="mine", mode="reverse", derivative=lambda x: (factor * jax.grad(sine)(x),)
        )

    assert traced().changes(traced(lambda x: jnp.sum(jnp.sin(x)))) == []
    assert traced().changes(traced(lambda x: jnp.sum(jnp.cos(x)))) == ["the function changed"]
    assert traced().changes(traced(sine, X + 1)) == ["other numbers in the inputs"]
    one, same, other = (traced(candidates=[candidate(factor)]) for factor in (1.0, 1.0, 2.0))
    assert one.changes(same) == []
    assert one.changes(other) == ["candidate 'mine' changed"]


def test_a_function_that_calls_python_back_is_never_kept():
    def callback(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    assert traced(callback).changes(traced(callback)) == [
        "the function runs Python code that may have changed"
    ]


def test_only_what_was_made_by_equals_is_kept(comparison):
    told = []
    again = keeping(
        {
            "sine": comparison,
            "old": replace(comparison, made_by=None),
            "cut": replace(comparison, incomplete="interrupted"),
        },
        lambda fn, *inputs, name, **options: f"measured {name}",
        told.append,
    )
    options = {"argnums": None, "candidates": (), "order": 1, **LIMITS}
    assert again(sine, X, name="sine", **options) is comparison
    assert again(sine, X, name="sine", **{**options, "seed": 1}) == "measured sine"
    assert again(sine, X, name="old", **options) == "measured old"
    assert again(sine, X, name="cut", **options) == "measured cut"
    assert again(sine, X, name="other", **options) == "measured other"
    assert told == [
        "sine: kept",
        "sine: measured again: seed 0 -> 1",
        "old: measured again: its file does not say what made it",
        "cut: measured again: interrupted",
    ]


def run_of(path, date, *names, floor=1e-6, done=True):
    """Write a run of the example under some names."""
    run = folder.begin(path, "the same", date)
    file.save([replace(EXAMPLE, name=name, floor=floor) for name in names], run)
    return folder.finish(run) if done else run


def test_runs_of_one_second_have_files_of_their_own(tmp_path):
    paths = [run_of(tmp_path, DAY, "a", floor=number) for number in (1.0, 2.0)]
    unfinished = folder.begin(tmp_path, "the same", DAY)
    assert len({*paths, unfinished}) == 3
    assert [file.load_all(path)[0].floor for path in folder.finished(tmp_path)] == [1.0, 2.0]
    assert folder.unfinished(tmp_path) == []  # it holds nothing yet
    folder.give_up_if_empty(unfinished)
    assert not unfinished.exists()


def test_the_latest_run_is_the_one_that_finished_last_whatever_the_clock_says(tmp_path):
    first = run_of(tmp_path, DAY, "a")
    second = run_of(tmp_path, DAY.replace(year=2025), "a")
    (tmp_path / "mine.json").write_text("{}")
    assert folder.latest(tmp_path) == named.find(tmp_path, "latest") == second
    assert folder.last_two(tmp_path) == (first, second)
    assert named.find(tmp_path, tmp_path / "latest") == second
    (tmp_path / "latest").unlink()
    assert folder.latest(tmp_path) == first


def test_a_run_goes_on_with_all_that_did_not_finish_since_the_latest(tmp_path):
    run_of(tmp_path, DAY, "a", "b", "c", floor=1.0)
    run_of(tmp_path, DAY.replace(hour=10), "a", "b", floor=2.0, done=False)
    run_of(tmp_path, DAY.replace(hour=11), "a", floor=3.0, done=False)
    held = folder.resumable(tmp_path)
    assert {name: each.floor for name, each in held.items()} == {"a": 3.0, "b": 2.0, "c": 1.0}


def test_unfinished_runs_go_when_a_finished_one_holds_all_that_they_hold(tmp_path):
    taken_over = run_of(tmp_path, DAY, "a", "b", done=False)
    other = run_of(tmp_path, DAY, "a", "d", done=False)
    run = run_of(tmp_path, DAY.replace(hour=10), "a", "b", "c", done=False)
    final = folder.finish_resumed(run, file.load_all(run))
    assert folder.finished(tmp_path) == [final]
    assert (taken_over.exists(), other.exists()) == (False, True)


def test_a_run_that_measured_nothing_is_the_run_it_went_on_with(tmp_path):
    before = run_of(tmp_path, DAY, "a")
    again = run_of(tmp_path, DAY.replace(hour=10), "a", done=False)
    assert folder.finish_resumed(again, file.load_all(again)) == before
    assert folder.finished(tmp_path) == [before]


def test_a_baseline_names_a_run_in_the_folder_or_elsewhere_and_can_be_moved(tmp_path):
    runs = tmp_path / "runs"
    inside, outside = run_of(runs, DAY, "a"), run_of(tmp_path / "elsewhere", DAY, "a")
    assert named.name_baseline(runs, "main", inside) is None
    assert named.name_baseline(runs, "v0.2", outside) is None
    assert named.name_baseline(runs, "main", outside) == inside
    assert named.baselines(runs) == {"main": outside, "v0.2": outside}
    assert inside.exists()
    assert named.find(runs, "main") == outside
    runs.rename(tmp_path / "moved")
    assert named.name_baseline(tmp_path / "moved", "main", tmp_path / "moved" / inside.name)
    assert named.find(tmp_path / "moved", "main").exists()


@pytest.mark.parametrize("name", ["latest", "a/b", "found.json", "", "../up", "-x"])
def test_a_name_that_could_be_a_file_or_an_option_is_refused(tmp_path, name):
    run = run_of(tmp_path, DAY, "a")
    with pytest.raises(ValueError, match="a baseline's name is"):
        named.name_baseline(tmp_path, name, run)


def test_which_two_runs_are_compared_follows_from_what_is_given(tmp_path):
    first, second, third = (run_of(tmp_path, DAY.replace(hour=hour), "a") for hour in (1, 2, 3))
    named.name_baseline(tmp_path, "main", first)
    assert named.two_runs(tmp_path, []) == (second, third)
    assert named.two_runs(tmp_path, [first, second]) == (first, second)
    assert named.two_runs(tmp_path, [], "main") == (first, third)
    assert named.two_runs(tmp_path, [second], "main") == (first, second)
    assert named.two_runs(tmp_path, ["main", second.name]) == (first, second)
    for given, baseline in (([first], None), ([first, second], "main"), (3 * [first], None)):
        with pytest.raises(ValueError, match="diff takes OLD and NEW"):
            named.two_runs(tmp_path, given, baseline)


def test_a_folder_with_one_run_has_no_two_to_compare(tmp_path):
    run_of(tmp_path, DAY, "a")
    with pytest.raises(FileNotFoundError, match="one finished run, and this takes two"):
        named.two_runs(tmp_path, [])


def test_a_damaged_list_of_baselines_is_an_error_that_names_it(tmp_path):
    (tmp_path / "baselines.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"baselines.json is damaged"):
        named.find(tmp_path, "main")
