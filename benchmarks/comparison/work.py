"""The work of a comparison, step by step: whoever interrupts it keeps what is finished."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp

from ..derivatives.method import Method
from ..derivatives.problem import Problem
from ..instrument import units
from ..instrument.clock import time_left
from ..instrument.compile import Compiled, compile_for
from ..instrument.deadline import TimeUpError, stopped_after, within
from ..instrument.devices import devices_of
from ..instrument.samples import Samples
from ..instrument.timing import MIN_ROUNDS, Call, interleave, run_once
from ..structure.drawing.sketch import Sketch
from .asked import Settings
from .attempt import Attempt, attempt, not_tried
from .chosen import PRODUCTS, allowed_by_structure, cheapest_first, rewritten, selected, ways_needed
from .crossover import Batch, compile_batches, fit_crossover
from .experiment import Experiment, make_experiment
from .findings import Crossover
from .losses import with_losses
from .pace import look_at, pace_of
from .plan import make_plan
from .reading import Reading, read_program
from .refusal import SHARE, without_room
from .row import Row
from .settled import with_settled_loops
from .timed import timed_rows

#: Told what is being done, and the share of it that is.
OnProgress = Callable[[str, float], None]

#: How the stage begins that tells the plan.
PLAN = "plan: "
FLOOR = "dispatch floor"
#: The share of the time limit that is held back for measuring, if the budget is no less; what the
#: methods leave of the rest is measured with too.
_MEASURING = 0.25
#: The share of the time left that a method may take as long as no derivative is ready.
_FIRST = 0.75
#: The share of the time left that reading the program may take.
_READING = 0.3
#: A call that takes longer is made in a thread, so that it can be left behind.
_LONG = 0.5


@dataclass
class Work:
    """What a comparison has come to so far.

    Attributes:
        problem: What is differentiated.
        settings: What was asked for.
        left: Returns the seconds that are left of the time limit.
        tell: Told what is being done.
        methods: What is tried.
        reading: What the program tells; `None` until it was read.
        experiment: The problem with its reference; `None` until it was checked.
        attempts: The methods that were tried.
        batches: The batches of directions that were compiled.
        samples: What was measured, by name.
        failed: What broke while it was measured.
        faults: What gradwise could not do, in words.
        pattern: What depends on what, where that is known and not all on everything.
    """

    problem: Problem
    settings: Settings
    left: Callable[[], float]
    tell: OnProgress
    methods: tuple[Method, ...] = ()
    reading: Reading | None = None
    experiment: Experiment | None = None
    attempts: list[Attempt] = field(default_factory=list)
    batches: dict[Batch, Compiled] = field(default_factory=dict)
    samples: dict[str, Samples] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    pattern: Sketch | None = None

    def __post_init__(self) -> None:
        self.methods = selected(self.settings, self.problem, 0)
        self.devices = devices_of((self.problem.x, self.problem.fixed))
        # While the machine is quiet: what is left behind later would slow it down.
        device = self.devices[0]
        zero = jax.device_put(jnp.zeros(()), device)
        self.nothing = compile_for(lambda x: x + 1, (zero,)).call
        self._first_floor = min(run_once(self.nothing)[0] for _ in range(MIN_ROUNDS))

    @property
    def on_cpu(self) -> bool:
        """Whether the inputs lie on CPUs."""
        return self.devices[0].platform == "cpu"

    def do(self) -> None:
        """Look at the function, check it, try the methods, and measure those that are right."""
        settings, tell = self.settings, self.tell
        reserved = min(settings.budget, _MEASURING * settings.time_limit)
        tell("checking", 0.0)
        self.reading = self._read()
        look = look_at(self.problem, self.left)
        if not look.why:
            pace = pace_of(time_left(_READING * self.left()))
            self.reading = with_settled_loops(self.reading, self.problem, pace)
        self._choose(self.reading)
        plan = make_plan(
            self.methods,
            look,
            order=settings.order,
            budget=settings.budget,
            time_limit=settings.time_limit,
        )
        no_room = without_room(self.methods, self.problem)
        tell(f"{PLAN}{plan}{no_room and f'; {no_room}'}", 0.0)
        self.experiment = make_experiment(
            self.problem,
            self.reading,
            order=settings.order,
            budget=settings.budget,
            seed=settings.seed,
            look=look,
            left=lambda: self.left() - reserved,
            rule=settings.rule,
            entries=any(method.kind not in PRODUCTS for method in self.methods),
        )
        for index, method in enumerate(cheapest_first(self.methods, self.problem)):
            tell(method.name, index / len(self.methods))
            ready = any(one.planned and one.row.kind != "value" for one in self.attempts)
            share = SHARE if ready else _FIRST
            self.attempts.append(attempt(method, self.experiment, share=share))
        self.attempts = with_losses(self.attempts, self.experiment)
        if settings.crossover and not self.experiment.unchecked:
            self.batches = compile_batches(self.experiment, settings.seed)
        self._measure()

    def _choose(self, reading: Reading) -> None:
        """Choose the methods: those of the table, rewrites, and what the structure allows."""
        settings, problem = self.settings, self.problem
        rewrites = rewritten(settings, problem, reading, self.methods)
        found, fault = allowed_by_structure(settings, problem, reading, self.left())
        self.faults += [fault] if fault else []
        self.pattern = found.pattern
        self.methods = (*selected(settings, problem, reading.kept), *rewrites, *found.methods)

    def rows(self, why: str) -> tuple[Row, ...]:
        """Return a row for every method, in their order; those that nobody came to say why."""
        whole = {n: taken for n, taken in self.samples.items() if taken.wall.size >= MIN_ROUNDS}
        timed = timed_rows(self.attempts, whole, self.failed, self.floor(), on_cpu=self.on_cpu)
        tried = {row.method: row for row in timed}
        return tuple(tried.get(one.name) or not_tried(one, why) for one in self.methods)

    def late(self) -> int:
        """Return how many methods were left out because time was up."""
        ready = [one.row.method for one in self.attempts if one.planned is not None]
        measured = [name for name in ready if name in self.samples or name in self.failed]
        return len(ready) - len(measured) + sum(one.late for one in self.attempts)

    def floor(self) -> float:
        """Return the seconds of a call that does nothing."""
        return self.samples[FLOOR].seconds if FLOOR in self.samples else self._first_floor

    def crossover(self) -> Crossover | None:
        """Return where the modes cross, if batches of both were measured."""
        names = {batch: _batch_name(batch) for batch in self.batches}
        timed = {batch: self.samples[n] for batch, n in names.items() if n in self.samples}
        return fit_crossover(timed, self.problem.m) if timed else None

    def _read(self) -> Reading:
        """Read the program, in a share of the time."""
        try:
            read = partial(read_program, self.problem, ways_needed(self.settings, self.problem))
            return stopped_after(_READING * self.left(), read, "reading the program")
        except TimeUpError as error:
            return Reading({}, 0, (), (str(error),))

    def _measure(self) -> None:
        """Time what compiled and is right, the batches, and a call that does nothing, in turns."""
        calls = self._fitting()
        calls |= {_batch_name(key): compiled.call for key, compiled in self.batches.items()}
        if not calls:
            return
        calls[FLOOR] = self.nothing
        _, self.failed = interleave(
            calls,
            budget=min(self.settings.budget, max(self.left(), 0.0)),
            seed=self.settings.seed,
            on_round=lambda share: self.tell("measuring", share),
            left=self.left,
            samples=self.samples,
        )

    def _fitting(self) -> dict[str, Call]:
        """Return the programs whose least number of calls fits the time, the fastest first."""
        ready = [one for one in self.attempts if one.compiled and one.planned]
        calls, needed = {}, 0.0
        for one in sorted(ready, key=lambda one: one.planned.seconds if one.planned else 0.0):
            assert one.compiled is not None
            assert one.planned is not None
            needed += (MIN_ROUNDS + 1) * one.planned.seconds
            if needed > self.left():
                break
            call = one.compiled.call
            long = one.planned.seconds > _LONG
            calls[one.row.method] = partial(_within, self.left, call) if long else call
        return {one.row.method: calls[one.row.method] for one in ready if one.row.method in calls}


def _within(left: Callable[[], float], call: Call) -> object:
    return within(left(), lambda: jax.block_until_ready(call()), "a call")


def _batch_name(batch: Batch) -> str:
    mode, size = batch
    return f"{mode} batch of {size}"


def ended(work: Work, error: BaseException | None) -> str:
    """Say why not every method was tried and measured; `""` if all were."""
    if isinstance(error, KeyboardInterrupt) and work.left() > 0:
        return "interrupted"
    if work.experiment and work.experiment.unchecked:
        return work.experiment.unchecked
    if error is not None or work.late():
        return f"the time limit of {units.seconds(work.settings.time_limit)} was reached"
    return ""
