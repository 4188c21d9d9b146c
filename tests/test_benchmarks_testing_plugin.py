"""The plugin of pytest, out of an installed wheel, in one run of a user's suite."""

import re

import pytest
from users_process import ROOT, run

SUITE = """
import sys
import time

import pytest

LOADED = {name for name in ("jax", "optax", "numpy") if name in sys.modules}


def test_pytest_has_loaded_nothing_for_those_who_do_not_use_it():
    assert not LOADED
    import train  # the user's own

    assert train.MINE


def test_not_finite(gradwise):
    import jax.numpy as jnp

    def energy(x):
        return jnp.linalg.norm(x) ** 2

    gradwise.assert_no_nan(energy, jnp.zeros(3))


def test_slip(gradwise):
    gradwise.assert_cheap(abs, 1.0, times=-1)


def test_slow(gradwise, monkeypatch):
    tell = gradwise._tell
    monkeypatch.setattr(gradwise, "_check", lambda subject, fault: tell(subject.caller, 61.5))
    gradwise.assert_right(abs, 1.0)
"""


@pytest.fixture(scope="module")
def printed(wheel, tmp_path_factory):
    """What pytest prints of the suite, gradwise being installed."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "train.py").write_text("MINE = True\n")
    (folder / "test_users.py").write_text(SUITE)
    page = (ROOT / "docs/how-to/use_in_ci.md").read_text()
    (folder / "test_zpasted.py").write_text(page.split("```text\n")[1].split("```")[0])
    options = ["-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = run(wheel, folder, "-m", "pytest", *options, "--rootdir", str(folder))
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_the_installed_plugin_gives_the_fixture_that_the_docs_use_and_loads_jax_only_for_who_asks(
    printed,
):
    assert re.search(r"^plugins: .*gradwise-\d", printed, re.M)
    assert "2 failed, 6 passed" in printed


def test_a_failure_is_the_users_line_and_what_why_and_the_cure(printed):
    failure = printed[printed.index("__ test_not_finite __") : printed.index("__ test_slip __")]
    assert "test_users.py:23: AssertionError" in failure
    assert "checks.py" not in printed
    lines = [line for line in failure.splitlines() if line.startswith("E ")]
    assert len(lines) <= 6
    assert "the derivative is not finite" in lines[0]
    assert any("infinity in the derivative of `sqrt`" in line for line in lines)
    assert any("the sum of squares" in line for line in lines)


def test_a_slip_is_one_line(printed):
    assert re.findall(r"^E .*", printed[printed.index("__ test_slip __") :], re.M) == [
        "E       ValueError: times must be a positive number, got -1"
    ]


def test_slow_checks_are_named_in_one_line_of_the_summary(printed):
    (line,) = re.findall(r"^gradwise: .*", printed, re.M)
    assert line.startswith("gradwise: 7 checks took ")
    assert "61.5 s assert_right in test_users.py::test_slow" in line


def test_pytest_does_not_compile_gradwise_anew_to_rewrite_its_asserts(wheel, printed):
    rewritten = [path for path in wheel.rglob("*-pytest-*.pyc") if path.parts[-3] != "gradwise"]
    assert not rewritten
