"""Settings every test runs under: four devices of the CPU, whatever the machine has, and no key
used twice. `XLA_FLAGS=--xla_force_host_platform_device_count=1` sets another number of devices, and
`JAX_PLATFORMS=cuda,cpu` runs the tests on a GPU. Matrix products have full precision there, as
they always have on a CPU: by default a GPU rounds their factors to TF32, with 10 bits of mantissa,
and what the tests allow for are the roundings of float32.

Compiling is most of the tests' time. So XLA optimizes little, and emits code in its older, quicker
way where it has one. What holds only of programs that are compiled as a user's, equality to the
last bit, is marked `compiled_as_for_a_user` and runs in a process of its own, one a file.

A worker and the processes that it starts share what they compile in a folder, which is gone when
the tests are: small operations are the same in many of them.
"""

import atexit
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from functools import cache
from importlib.metadata import version
from pathlib import Path

_AS_FOR_A_USER = "GRADWISE_TESTS_COMPILE_AS_FOR_A_USER"

# Before jax is imported. Workers inherit what their parent has set, so what was given is kept.
_given = os.environ.setdefault("GRADWISE_TESTS_XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
_flags = ["--xla_force_host_platform_device_count=4"]
if _AS_FOR_A_USER in os.environ:
    os.environ.pop("JAX_DISABLE_MOST_OPTIMIZATIONS", None)
else:
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    if version("jaxlib").startswith("0.10."):  # 0.12 has no other way
        _flags.append("--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join([*_flags, _given])  # of a flag given twice the last one counts
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
os.environ.setdefault("MPLBACKEND", "Agg")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # in the first process, which the others inherit
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="gradwise-tests-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
if "PYTEST_XDIST_WORKER" in os.environ:  # JAX may read what another process has written in part
    os.environ["JAX_COMPILATION_CACHE_DIR"] += "/" + os.environ["PYTEST_XDIST_WORKER"]
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what is in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
gc.set_threshold(100_000, 20, 20)  # traces are many objects, and hardly any of them garbage
# Many tests start a process, which would compile the sources of JAX again: 3 s each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

import jax  # noqa: E402
import pytest  # noqa: E402
from nightly import DEAR_TABLES, OF_THE_NIGHT  # noqa: E402
from users_process import MODEL, ROOT  # noqa: E402


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Leaves most cases of the dear tables to the night: each third one runs every time."""
    if _AS_FOR_A_USER in os.environ:  # there are the tests that were chosen, and no others
        return
    places = Counter()
    for item in items:
        test = item.nodeid.split("[")[0]
        if test == item.nodeid or not test.split("::")[0].endswith(DEAR_TABLES):
            continue
        if places[test] % 3:
            item.add_marker(pytest.mark.nightly)
        places[test] += 1
    for item in items:
        if item.name.split("[")[0] in OF_THE_NIGHT:
            item.add_marker(pytest.mark.nightly)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs the tests of a file that are marked so in one process whose XLA is left as it is."""
    marker, path = "compiled_as_for_a_user", pyfuncitem.path
    if not pyfuncitem.get_closest_marker(marker) or _AS_FOR_A_USER in os.environ:
        return None
    marked = (item for item in pyfuncitem.session.items if item.get_closest_marker(marker))
    output = _compiled_as_for_a_user(*(item.nodeid for item in marked if item.path == path))
    if f"PASSED {pyfuncitem.nodeid}" not in output.splitlines():
        pytest.fail(output, pytrace=False)
    return True


@cache
def _compiled_as_for_a_user(*tests):
    """What pytest prints of these tests in a process whose XLA is left as it is."""
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rp", "--numprocesses=0", *tests],
        cwd=Path(__file__).parent.parent,
        env=os.environ | {_AS_FOR_A_USER: "1"},
        capture_output=True,
        text=True,
    )
    return child.stdout + child.stderr


@pytest.fixture(autouse=True, scope="session")
def _no_key_is_used_twice():
    jax.config.update("jax_debug_key_reuse", True)


@pytest.fixture(autouse=True, scope="module")
def _programs_of_past_modules_are_let_go():
    """JAX keeps all that it has compiled: thousands of tests would come to many gigabytes."""
    yield
    statm = Path("/proc/self/statm")
    if statm.exists() and int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > 3e9:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="module")
def nothing_is_too_slow():
    """Whatever the machine's mood, `compare` finds no method too slow for a test's small budget."""
    import benchmarks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmarks.comparison.pace, "run_once", lambda call: (1e-6, call()))
        yield


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """A folder with what the built wheel installs."""
    build = pytest.importorskip("hatchling.build")
    folder = tmp_path_factory.mktemp("wheel")
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        name = build.build_wheel(str(folder))
    finally:
        os.chdir(before)
    installed = folder / "site"
    zipfile.ZipFile(folder / name).extractall(installed)
    return installed


@pytest.fixture
def users_folder(tmp_path):
    """A user's folder with a module or a package of each of our packages' names."""
    for name in ("nn", "losses"):
        (tmp_path / f"{name}.py").write_text("MINE = True\n")
    (tmp_path / "train.py").write_text("MINE, FACTOR = True, 3.0\n")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "my_model.py").write_text(MODEL)
    return tmp_path
