"""The cases of ADBench: which sizes, what each is there for, and what it is checked against."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._inputs import on_device
from ..scenario import Candidate, Scenario, Suite
from . import ba, data, gmm, hand, lstm, oracles

#: From this many inputs on, a Jacobian in dense form or by forward mode would take gigabytes.
_MANY = 500
_PRODUCTS = ("value", "jvp", "linearize", "vjp")
_GRADIENTS = (*_PRODUCTS, "value_and_grad", "forward_gradient", "reverse")


class Instance(NamedTuple):
    """A case before its inputs are there: its numbers, and where ADBench has a file of it."""

    name: str
    numbers: tuple[int, ...]
    folder: Path | None
    file: str | None

    @property
    def path(self) -> Path | None:
        """The file to read, or `None` to draw the inputs from a seed."""
        return self.folder / self.file if self.folder and self.file else None


def scenarios(size: str, data: Path | None = None) -> Suite:
    """ADBench's problems at a size, with inputs from a seed or from its own files.

    Args:
        size: `"small"`, `"medium"` or `"large"`.
        data: The folder of ADBench's files (`gmm`, `ba`, `lstm`, `hand`); `None` for a seed.

    Raises:
        FileNotFoundError: If `data` is not a folder.

    Example:
        >>> list(scenarios("medium"))[-2:]
        ['adbench/hand_simple_100', 'adbench/hand_complicated_192']
    """
    if data is not None and not data.is_dir():
        raise FileNotFoundError(f"no folder of ADBench's files at {data}")
    return {
        f"adbench/{name}": partial(build, Instance(f"adbench/{name}", numbers, data, file))
        for name, (build, numbers, file) in _TABLE[size].items()
    }


def _gmm(case: Instance) -> Scenario:
    inputs, wishart = data.read_gmm(case.path) if case.path else data.draw_gmm(*case.numbers)
    return Scenario(
        name=case.name,
        fn=partial(gmm.objective, wishart=wishart),
        inputs=on_device(inputs),
        purpose="One number of many inputs with hardly any structure: reverse mode's home ground.",
        argnums=(0, 1, 2),
        methods=None if sum(part.size for part in inputs[:3]) < _MANY else _GRADIENTS,
        oracle=partial(oracles.gmm, gamma=wishart.gamma, m=wishart.m),
        dtype="float64",
    )


def _ba(case: Instance) -> Scenario:
    inputs = on_device(data.read_ba(case.path) if case.path else data.draw_ba(*case.numbers))
    product = partial(ba.apply_blocks, camera_index=inputs[4], point_index=inputs[5])
    return Scenario(
        name=case.name,
        fn=ba.residuals,
        inputs=inputs,
        purpose="An output sees 15 of very many inputs: dense is hopeless, blocks are cheap.",
        argnums=(0, 1, 2),
        methods=None if sum(part.size for part in inputs[:3]) < _MANY else _PRODUCTS,
        candidates=(
            Candidate(
                name="per_observation",
                mode="reverse",
                derivative=ba.per_observation,
                product=product,
            ),
            Candidate(
                name="blocks",
                mode="mixed",
                derivative=ba.block_jacobian,
                product=product,
            ),
        ),
        oracle=oracles.ba,
        dtype="float64",
    )


def _lstm(case: Instance) -> Scenario:
    return Scenario(
        name=case.name,
        fn=lstm.objective,
        inputs=on_device(data.read_lstm(case.path) if case.path else data.draw_lstm(*case.numbers)),
        purpose="A thousand tiny steps in a row: what it costs to walk back through a scan.",
        argnums=(0, 1),
        oracle=oracles.lstm,
        dtype="float64",
    )


def _hand_simple(case: Instance) -> Scenario:
    model, (theta, _, index, points) = _hand(case, vertices=True)

    def oracle(theta: np.ndarray, *_: Any) -> np.ndarray:
        return points - oracles.hand_vertices(theta, model)[index]

    return Scenario(
        name=case.name,
        fn=hand.simple,
        inputs=on_device((theta, hand.prepare(model), index, points)),
        purpose="Thousands of outputs of 26 inputs: the case for forward mode, as matrix products.",
        argnums=(0,),
        candidates=(
            Candidate(
                name="compressed",
                mode="forward",
                derivative=hand.simple_jacobian,
            ),
        ),
        oracle=oracle,
        dtype="float64",
    )


def _hand_complicated(case: Instance) -> Scenario:
    model, (theta, uv, triangle, points) = _hand(case, vertices=False)
    corners = model.triangles[triangle]

    def oracle(theta: np.ndarray, uv: np.ndarray, *_: Any) -> np.ndarray:
        barycentric = np.column_stack([uv, 1 - np.sum(uv, axis=1)])
        posed = oracles.hand_vertices(theta, model)[corners]
        return points - np.einsum("nk,nki->ni", barycentric, posed)

    compressed = Candidate(
        name="compressed",
        mode="forward",
        derivative=hand.complicated_jacobian,
        product=hand.apply_compressed,
    )
    return Scenario(
        name=case.name,
        fn=hand.complicated,
        inputs=on_device((theta, uv, hand.prepare(model), corners, points)),
        purpose="Dense in 26 inputs, diagonal in all others: colouring leaves 28 directions.",
        argnums=(0, 1),
        candidates=(compressed,),
        oracle=oracle,
        dtype="float64",
    )


def _hand(case: Instance, *, vertices: bool) -> tuple[hand.Model, tuple[np.ndarray, ...]]:
    """The model of a case, its pose, and what was measured on its vertices or triangles."""
    if case.path and case.folder:
        return data.read_model(case.folder / "hand" / "model"), data.read_pose(case.path)
    model = data.draw_model()
    choices = len(model.positions if vertices else model.triangles)
    return model, data.draw_pose(case.numbers[0], choices)


#: What a case is built by, its numbers (D K N, n m p, l c b, or N), and ADBench's file.
_TABLE: dict[str, dict[str, tuple[Callable[[Instance], Scenario], tuple[int, ...], str | None]]] = {
    "small": {
        "gmm_d2_K3": (_gmm, (2, 3, 5), "gmm/test.txt"),
        "ba_test": (_ba, (2, 10, 10), "ba/test.txt"),
        "lstm_l2_c8": (_lstm, (2, 8, 3), None),
        "hand_simple_2": (_hand_simple, (2,), "hand/test.txt"),
        "hand_complicated_2": (_hand_complicated, (2,), "hand/hand_complicated.txt"),
    },
    "medium": {
        "gmm_d2_K25": (_gmm, (2, 25, 1000), "gmm/1k/gmm_d2_K25.txt"),
        "gmm_d10_K25": (_gmm, (10, 25, 1000), "gmm/1k/gmm_d10_K25.txt"),
        "ba1": (_ba, (49, 7776, 31_843), "ba/ba1_n49_m7776_p31843.txt"),
        "lstm_l2_c1024": (_lstm, (2, 1024, 14), "lstm/lstm_l2_c1024.txt"),
        "hand_simple_100": (_hand_simple, (100,), "hand/simple_small/hand1_t26_c100.txt"),
        "hand_complicated_192": (
            _hand_complicated,
            (192,),
            "hand/complicated_small/hand2_t26_c192.txt",
        ),
    },
    "large": {
        "gmm_d20_K50": (_gmm, (20, 50, 1000), "gmm/1k/gmm_d20_K50.txt"),
        "gmm_d64_K10": (_gmm, (64, 10, 1000), "gmm/1k/gmm_d64_K10.txt"),
        "gmm_d10_K5_10k": (_gmm, (10, 5, 10_000), "gmm/10k/gmm_d10_K5.txt"),
        "ba5": (_ba, (257, 65_132, 225_911), "ba/ba5_n257_m65132_p225911.txt"),
        "lstm_l4_c1024": (_lstm, (4, 1024, 14), "lstm/lstm_l4_c1024.txt"),
        "hand_simple_1600": (_hand_simple, (1600,), "hand/simple_small/hand6_t26_c1600.txt"),
        "hand_complicated_1600": (
            _hand_complicated,
            (1600,),
            "hand/complicated_small/hand6_t26_c1600.txt",
        ),
    },
}
