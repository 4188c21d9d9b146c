"""The scenarios of ADBench: their sizes, what each shows, and what it is checked against."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._inputs import on_device
from ..scenario import Candidate, Scenario, Suite
from . import ba, data, gmm, hand, lstm, oracles

#: From this many inputs on, a dense Jacobian, or one by forward mode, would take gigabytes.
_MANY = 500
_PRODUCTS = ("value", "jvp", "linearize", "vjp")
_GRADIENTS = (*_PRODUCTS, "value_and_grad", "forward_gradient", "reverse")


class Instance(NamedTuple):
    """One of ADBench's problems at one size, before its inputs are there.

    Attributes:
        name: The scenario's name.
        sizes: D, K, N of GMM; cameras, points and observations of BA; layers, characters and width
            of LSTM; the points of HAND.
        folder: The folder of ADBench's files; `None` to draw the inputs from a seed.
        file: The file of this problem and size in that folder; `None` if ADBench has none.

    Example:
        >>> Instance("adbench/ba_test", (2, 10, 10), Path("ADBench"), "ba/test.txt").path.name
        'test.txt'
    """

    name: str
    sizes: tuple[int, ...]
    folder: Path | None
    file: str | None

    @property
    def path(self) -> Path | None:
        """The file to read; `None` to draw the inputs from a seed."""
        return self.folder / self.file if self.folder and self.file else None


def scenarios(size: str, data: Path | None = None) -> Suite:
    """Return ADBench's problems at a size, with inputs from a seed or from its own files.

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
        f"adbench/{name}": partial(build, Instance(f"adbench/{name}", sizes, data, file))
        for name, (build, sizes, file) in _TABLE[size].items()
    }


def _gmm(instance: Instance) -> Scenario:
    inputs, wishart = (
        data.read_gmm(instance.path) if instance.path else data.draw_gmm(*instance.sizes)
    )
    return Scenario(
        name=instance.name,
        fn=partial(gmm.objective, wishart=wishart),
        inputs=on_device(inputs),
        purpose="One number of many inputs with hardly any structure: the best for reverse mode.",
        argnums=(0, 1, 2),
        methods="all" if sum(part.size for part in inputs[:3]) < _MANY else _GRADIENTS,
        oracle=partial(oracles.gmm, gamma=wishart.gamma, m=wishart.m),
        dtype="float64",
    )


def _ba(instance: Instance) -> Scenario:
    inputs = on_device(
        data.read_ba(instance.path) if instance.path else data.draw_ba(*instance.sizes)
    )
    product = partial(ba.apply_blocks, camera_index=inputs[4], point_index=inputs[5])
    return Scenario(
        name=instance.name,
        fn=ba.residuals,
        inputs=inputs,
        purpose="An output depends on 15 of very many inputs: dense is hopeless, blocks are cheap.",
        argnums=(0, 1, 2),
        methods="all" if sum(part.size for part in inputs[:3]) < _MANY else _PRODUCTS,
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


def _lstm(instance: Instance) -> Scenario:
    return Scenario(
        name=instance.name,
        fn=lstm.objective,
        inputs=on_device(
            data.read_lstm(instance.path) if instance.path else data.draw_lstm(*instance.sizes)
        ),
        purpose="A thousand tiny steps in a row: the cost of reverse mode through a scan.",
        argnums=(0, 1),
        oracle=oracles.lstm,
        dtype="float64",
    )


def _hand_simple(instance: Instance) -> Scenario:
    model, (theta, _, index, points) = _hand(instance, vertices=True)

    def oracle(theta: np.ndarray, *_: Any) -> np.ndarray:
        return points - oracles.hand_vertices(theta, model)[index]

    return Scenario(
        name=instance.name,
        fn=hand.simple,
        inputs=on_device((theta, hand.prepare(model), index, points)),
        purpose="Thousands of outputs of 26 inputs: forward mode as matrix products.",
        argnums=(0,),
        candidates=(
            Candidate(
                name="compressed",
                mode="forward",
                derivative=hand.simple_jacobian,
            ),
            Candidate(
                name="by_finger",
                mode="forward",
                derivative=lambda *inputs: hand.value_and_simple(*inputs)[1],
            ),
        ),
        oracle=oracle,
        dtype="float64",
    )


def _hand_complicated(instance: Instance) -> Scenario:
    model, (theta, uv, triangle, points) = _hand(instance, vertices=False)
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
    by_finger = Candidate(
        name="by_finger",
        mode="forward",
        derivative=lambda *inputs: hand.value_and_complicated(*inputs)[1],
        product=hand.apply_compressed,
    )
    return Scenario(
        name=instance.name,
        fn=hand.complicated,
        inputs=on_device((theta, uv, hand.prepare(model), corners, points)),
        purpose="Dense in 26 inputs, diagonal in all others: colouring leaves 28 directions.",
        argnums=(0, 1),
        candidates=(compressed, by_finger),
        oracle=oracle,
        dtype="float64",
    )


def _hand(instance: Instance, *, vertices: bool) -> tuple[hand.Model, tuple[np.ndarray, ...]]:
    """Return a hand, its pose, and the points that were measured on its vertices or triangles."""
    if instance.path and instance.folder:
        return data.read_model(instance.folder / "hand" / "model"), data.read_pose(instance.path)
    model = data.draw_model()
    choices = len(model.positions if vertices else model.triangles)
    return model, data.draw_pose(instance.sizes[0], choices)


#: For each size and name: what builds the scenario, its sizes, and ADBench's file.
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
