"""The derivative that a comparison hands out, and the line that it prints for it.

The oracle is JAX's own `jax.grad`, never gradwise.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from handed import close, loss, point

import gradwise
from benchmarks import Candidate, compare, load
from benchmarks.comparison.handed import derivative_of
from benchmarks.comparison.plainest import plainest
from benchmarks.report.example import EXAMPLE


@pytest.fixture(scope="module")
def comparison():
    methods = ["forward", "reverse", "forward_chunked", "vjp", "symbolic"]
    return compare(loss, *point(0), argnums=0, methods=methods, budget=0.3)


def test_the_lines_of_a_comparison_run_as_they_are_printed(comparison):
    params, x = point(7)
    *_, last = str(comparison).partition("USE")[2].split("USE")
    line = " ".join(last.split()).partition(" # ")[0]
    assert line == comparison.row(comparison.verdict.time.take).use
    for use in {line, *(row.use for row in comparison.rows if row.use and row.kind == "jacobian")}:
        typed = eval(use, {"jax": jax, "gradwise": gradwise, "loss": loss})
        close(typed(params, x), jax.grad(loss)(params, x))


def test_without_a_name_it_is_the_fastest_and_by_a_respect_the_best_in_that(comparison):
    take = comparison.verdict.time.take
    assert comparison.derivative().__name__ == f"{take}_derivative"
    # The example's least memory is that of forward mode, its fastest is reverse mode.
    source, answers = comparison.source, EXAMPLE.verdict.answers()
    derivatives = [derivative_of(source, EXAMPLE.rows, answers, m) for m in (None, "memory")]
    names = [derivative.__name__ for derivative in derivatives]
    assert names == ["reverse_derivative", "forward_derivative"]


def test_of_rows_that_tie_the_plainest_is_taken_and_of_both_modes_that_of_fewer_passes():
    def rows(*names):
        rows = {"forward": EXAMPLE.row("forward"), "reverse": EXAMPLE.row("reverse")}
        return [replace(rows[name.split("_")[0]], method=name) for name in names]

    both = rows("forward", "reverse")
    assert plainest(both, 2, 3).method == "forward"
    assert plainest(both, 3, 2).method == "reverse"
    assert plainest(both, 3, 3).method == "reverse"
    assert plainest(rows("forward_chunked", "reverse"), 2, 9).method == "reverse"


def test_a_row_is_right_if_it_was_checked_whether_or_not_there_was_time_to_measure_it():
    row = EXAMPLE.row("reverse")
    assert row.is_right
    assert replace(row, status="skipped").is_right  # called a few times
    assert not replace(row, status="skipped", seconds=None).is_right  # never called
    assert not any(replace(row, status=s).is_right for s in ("wrong", "inaccurate", "failed"))
    assert not EXAMPLE.row("value").is_right


def test_a_candidate_is_handed_out_too():
    diagonal = Candidate(
        name="diagonal",
        mode="forward",
        derivative=lambda x: jax.jvp(jnp.sin, (x,), (jnp.ones_like(x),))[1],
        product=lambda diagonal, tangents: diagonal * tangents[0],
    )
    full = Candidate(name="full", mode="forward", derivative=lambda x: jnp.diag(jnp.cos(x)))
    x = jnp.arange(5.0)
    comparison = compare(jnp.sin, x, candidates=[diagonal, full], methods=["reverse"], budget=0.2)
    close(comparison.derivative("diagonal")(2 * x), jnp.cos(2 * x))
    close(comparison.derivative("full")(2 * x), jnp.diag(jnp.cos(2 * x)))
    assert comparison.row("full").use == 'jax.jit(comparison.derivative("full"))'
    typed = eval(comparison.row("full").use, {"jax": jax, "comparison": comparison})
    close(typed(2 * x), jnp.diag(jnp.cos(2 * x)))


def test_a_derivative_that_is_not_known_to_be_right_is_not_handed_out(comparison):
    @jax.custom_jvp
    def twice(x):
        return 2.0 * x

    twice.defjvp(lambda x, t: (twice(*x), 3.0 * t[0]))
    wrong = compare(lambda x: twice(x).sum(), jnp.ones(3), methods=["forward"], budget=0.2)
    assert wrong.row("forward").use == ""
    with pytest.raises(ValueError, match="by forward is not known to be right: wrong"):
        wrong.derivative("forward")
    with pytest.raises(ValueError, match="there is no answer in time"):
        wrong.derivative()
    with pytest.raises(ValueError, match="unknown method 'foward', did you mean 'forward'"):
        comparison.derivative("foward")


def test_a_comparison_of_a_file_has_no_function_and_says_what_to_type(comparison, tmp_path):
    comparison.save(tmp_path / "found.json")
    again = load(tmp_path / "found.json")
    with pytest.raises(ValueError, match=r"read from a file.*: jax\.jit\(jax\.grad\(loss, argn"):
        again.derivative("reverse")
    assert [row.use for row in again.rows] == [row.use for row in comparison.rows]


def second_differences(u, weight):
    inner = jnp.sin(u[2:]) - 2 * weight * u[1:-1] ** 2 + u[:-2]
    return jnp.concatenate([u[:1], inner, u[-1:]])


def test_what_the_structure_allows_is_typed_with_the_inputs_of_the_function():
    u, weight = jnp.linspace(0.0, 1.0, 40), jnp.float32(1.5)
    found = compare(second_differences, u, weight, argnums=0, budget=0.2)
    row = next(row for row in found.rows if row.method.startswith("coloured (forward"))
    assert row.passes == 3
    assert row.use == "jax.jit(gradwise.jacobian(second_differences, u, weight, argnums=0))"
    names = {"jax": jax, "gradwise": gradwise, "second_differences": second_differences}
    typed = eval(row.use, {**names, "u": u, "weight": weight})
    close(typed(2 * u, weight), jax.jacrev(second_differences)(2 * u, weight))
    assert found.row("reverse").passes is None
    with_aux = compare(lambda u: (u[1:] * u[:-1], 1), u, has_aux=True, budget=0.2)
    handed = next(row for row in with_aux.rows if row.passes == 2)
    assert handed.use == f'jax.jit(comparison.derivative("{handed.method}"))'


def test_a_hessian_by_colours_is_typed_too():
    x = jnp.linspace(0.1, 1.0, 30)

    def energy(x):
        return jnp.sum(x**4) + jnp.sum(x[1:] ** 2 * x[:-1])

    found = compare(energy, x, order=2, budget=0.2)
    row = next(row for row in found.rows if row.passes is not None)
    assert row.use == "jax.jit(gradwise.hessian(energy, x))"
    typed = eval(row.use, {"jax": jax, "gradwise": gradwise, "energy": energy, "x": x})
    close(typed(2 * x), jax.hessian(energy)(2 * x))
