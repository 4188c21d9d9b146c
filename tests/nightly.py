"""Cases that run every night and not every time: of twins in a table one runs every time.

Twins are made of the same operations, and differ in a size, a constant or the order of an axis.
"""

from collections.abc import Iterable
from typing import Any

import pytest

#: Each case of the night with its twin of the day.
TWINS = {
    "lecture/mlp_diabetes": "lecture/mlp_breast_cancer",
    "lecture/l2": "lecture/prelu_penalty",
    "jacobian/18x2": "jacobian/2x18",
    "jacobian/6x6": "jacobian/2x18",
    "memory/scan_T9": "memory/scan_T4",
    "helmholtz/n1": "hessian/helmholtz",
    "helmholtz/n4": "hessian/helmholtz",
    "adbench/hand_simple_2": "adbench/hand_complicated_2",
    "pathologies/sines_barrier": "pathologies/rewrite_barrier",
    "a matrix exponential": "a linear solve",
    "batch_norm": "batch_norm of images",
    "prelu with one slope": "prelu",
    "conv 3-D": "conv 2-D",
    "lstm": "lstm backwards, its last state",
    "attention, causal": "attention",
}

#: Files whose tables are dear: each third case of a test runs every time, and all run by night.
DEAR_TABLES = tuple(
    f"test_{name}.py"
    for name in (
        "benchmarks_graph_scenarios", "benchmarks_graph_layers", "benchmarks_structure_pattern",
        "benchmarks_check_zeros", "benchmarks_derivatives_by_method", "nn_contract",
        "benchmarks_scenario_contract", "benchmarks_derivatives_rewrites", "losses_contract",
        "benchmarks_check_explain_layers", "benchmarks_check_explain_sound",
        "benchmarks_check_explain_any", "benchmarks_check_explain_matrices",
        "benchmarks_check_explain_places", "benchmarks_check_explain",
        "benchmarks_check_explain_siblings", "train_foreign_losses",
        "benchmarks_structure_values", "benchmarks_check_reference", "benchmarks_graph_numbers",
        "benchmarks_program_patterns_sound", "benchmarks_program_primitives", "train_doors",
        "benchmarks_structure_unrolled", "benchmarks_structure_jacobian", "lowering",
        "benchmarks_structure_chains", "benchmarks_structure_apart", "train_memory", "losses_mesh",
        "train_killed", "benchmarks_check_rules", "train_freeze", "train_augmentations",
        "half_precision",
    )
)  # fmt: skip
#: Tests that take long and hold what no change is likely to break.
OF_THE_NIGHT = {
    "test_the_example_of_several_processes_trains_one_model_on_the_parts_of_both",
    "test_the_text_example_tells_kinds_that_single_characters_do_not",
    "test_where_one_process_is_killed_the_other_ends_and_says_to_restart_all",
    "test_what_cannot_be_checked_says_so_and_a_wrong_rule_of_a_short_orbit_is_refused",
    "test_every_cut_of_a_program_has_the_same_sum_and_the_ends_are_jaxs",
    "test_forward_reverse_complex_step_and_differences_agree",
    "test_ways_of_random_programs_give_what_jax_gives",
    "test_a_short_repetition_a_loop_and_layers_of_different_sizes_are_none",
}


def sampled(names: Iterable[str]) -> list[Any]:
    """The names as parameters of a test, those of the night with that marker."""
    return [pytest.param(n, marks=pytest.mark.nightly) if n in TWINS else n for n in names]
