"""Ends to work: Python is stopped, what cannot be stopped is left behind, Ctrl-C is heard."""

import _thread
import contextlib
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.instrument.clock import time_left
from benchmarks.instrument.deadline import TimeUpError, stopped_after, within
from benchmarks.instrument.interrupts import never_dropped


def test_work_that_cannot_be_stopped_is_left_behind_and_goes_on():
    may_end, ended = threading.Event(), threading.Event()

    def work():
        may_end.wait(60)
        ended.set()

    with pytest.raises(TimeUpError, match="one call takes longer than 10 ms and was given up"):
        within(0.01, work, "one call")
    may_end.set()
    assert ended.wait(60)


def test_no_work_begins_when_no_time_is_left():
    with pytest.raises(TimeUpError, match="no time left for one call"):
        within(0.0, lambda: pytest.fail("it began"), "one call")


def test_an_error_of_the_work_reaches_whoever_waits():
    with pytest.raises(MemoryError, match="full"):
        within(60.0, lambda: exec("raise MemoryError('full')"), "one call")


def test_work_is_done_as_jax_is_set_in_the_callers_thread():
    def seen():
        mesh = jax.sharding.get_mesh()
        return jnp.ones(()).dtype, jax.config.jax_default_matmul_precision, mesh.axis_names

    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("data",))
    settings = jax.enable_x64(True), jax.default_matmul_precision("bfloat16"), jax.set_mesh(mesh)
    with settings[0], settings[1], settings[2]:
        assert within(60.0, seen, "a look") == (jnp.float64, "bfloat16", ("data",))
    assert within(60.0, seen, "a look") == seen()
    with jax.debug_nans(True):  # but for what work is not to stop at
        assert jnp.isnan(within(60.0, lambda: jnp.log(-jnp.ones(())), "a logarithm"))


def endless():
    while True:
        try:
            time.sleep(1e-4)
        except Exception:  # a user's code may catch what it likes
            continue


def test_python_is_stopped_where_it_is_even_if_it_catches_every_exception():
    with pytest.raises(TimeUpError, match="tracing takes longer"):
        stopped_after(0.05, endless, "tracing")


def test_the_shorter_of_two_ends_is_the_one_that_is_told():
    for whole, part, told in ((600.0, 0.05, "a part"), (0.05, 600.0, "all of it")):
        with pytest.raises(TimeUpError, match=told):
            stopped_after(
                whole, lambda part=part: stopped_after(part, endless, "a part"), "all of it"
            )


def spin(seconds):
    left = time_left(seconds)
    while left() > 0:
        pass


def test_work_that_ends_as_its_time_does_is_stopped_then_or_never():
    for more in range(100):
        with contextlib.suppress(TimeUpError):
            stopped_after(0.003, lambda more=more: spin(0.003 + more * 3e-6), "a race")
        spin(0.001)


def test_ctrl_c_ends_the_waiting_for_work_that_goes_on():
    may_end = threading.Event()
    threading.Timer(0.1, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        within(60.0, lambda: may_end.wait(60), "one call")
    may_end.set()


class Dropping:
    """Raises what a signal raises where Python drops it."""

    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


def drop_and_wait(error, seconds):
    Dropping(error)
    spin(seconds)


def test_ctrl_c_that_a_destructor_drops_is_raised_again_and_no_other_exception_is(monkeypatch):
    written = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: written.append(dropped.exc_type))
    with never_dropped():
        drop_and_wait(ValueError(), 0.2)
    with pytest.raises(KeyboardInterrupt), never_dropped():
        drop_and_wait(KeyboardInterrupt(), 60.0)
    drop_and_wait(KeyboardInterrupt(), 0.2)
    assert written == [ValueError, KeyboardInterrupt]


LEFT_BEHIND = """
import atexit, sys, time
atexit.register(print, "the first handler")
from benchmarks.instrument.deadline import TimeUpError, within
try:
    within(0.01, lambda: time.sleep(600), "sleeping")
except TimeUpError:
    sys.stdout.write("left behind\\n")
atexit.register(print, "the last handler")
"""


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('too bad')", 1, "too bad"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
    ],
)
def test_a_process_ends_as_it_would_have_while_something_still_runs_in_it(end, status, said):
    child = subprocess.run(
        [sys.executable, "-c", LEFT_BEHIND + end],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.stdout.split("\n") == ["left behind", "the last handler", "the first handler", ""]
    assert (child.returncode, said in child.stderr) == (status, True)


def test_a_thread_has_not_ended_before_it_has_let_go_of_its_result():
    script = (
        "import time\n"
        "from benchmarks.instrument.deadline import TimeUpError, within\n"
        "class Array:\n"
        "    def __del__(self):\n"
        "        time.sleep(0.5)\n"
        "        print('let go', flush=True)\n"
        "try:\n"
        "    within(0.01, lambda: (time.sleep(0.2), Array()), 'sleeping')\n"
        "except TimeUpError:\n"
        "    pass\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script], timeout=120, check=False, capture_output=True, text=True
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "let go\n", "")


def test_what_was_left_behind_and_has_ended_leaves_the_end_to_python():
    script = (
        "import time\n"
        "from benchmarks.instrument.deadline import TimeUpError, within\n"
        "try:\n"
        "    within(0.01, lambda: time.sleep(0.2), 'sleeping')\n"
        "except TimeUpError:\n"
        "    raise SystemExit(4)\n"
    )
    child = subprocess.run([sys.executable, "-c", script], timeout=120, check=False)
    assert child.returncode == 4
