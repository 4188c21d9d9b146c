"""What a diagnosis says in words: why, and what to try that was not tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .evidence import FEWEST

Kind = Literal[
    "overfitting", "underfitting", "ideal", "not converged", "diverged", "too little data to say"
]

_ADVICE: Mapping[Kind, str] = {
    "overfitting": "use more data, augmentation, dropout, a penalty or a smaller network",
    "underfitting": "use a larger network, less dropout or penalty, or another learning rate; or "
    "the features hold no more",
    "ideal": "nothing to repair: spend the next effort on data or on a search",
    "not converged": "train for more epochs, or raise the learning rate",
    "diverged": "lower the learning rate, clip the gradients or scale the features",
}


def advice_for(kind: Kind, evidence: Mapping[str, float], *, kept_epoch: int) -> str:
    """Return what to try, without what the run has done already.

    Args:
        kind: The verdict.
        evidence: The numbers.
        kept_epoch: The epoch whose train state was kept; -1: the last one.

    Example:
        >>> advice_for("too little data to say", {"epochs": 3.0}, kept_epoch=3)
        'train for at least five epochs and pass validation data'
    """
    if kind == "too little data to say":
        parts = ["train for at least five epochs"] if evidence["epochs"] < FEWEST else []
        parts += [] if "validation loss" in evidence else ["pass validation data"]
        return " and ".join(parts)
    keeps_last = kept_epoch in (-1, evidence["epochs"])
    if kind == "overfitting" and keeps_last and evidence["best epoch"] < evidence["epochs"]:
        return f"{_ADVICE[kind]}; or keep_best=True: epoch {evidence['best epoch']:.0f} was best"
    return _ADVICE[kind]


def reason_for(kind: Kind, evidence: Mapping[str, float]) -> str:
    """Return in a few words what in the curves makes it of this kind.

    Example:
        >>> reason_for("not converged", {})
        'the losses still fall'
    """
    known = "best possible loss" in evidence
    few = evidence.get("epochs", FEWEST) < FEWEST
    rise, gap = evidence.get("rise of validation loss", 0.0), evidence.get("gap", 0.0)
    reasons: Mapping[Kind, str] = {
        "overfitting": "the validation loss rises" if rise > gap / 2 else "a big gap",
        "underfitting": "both losses stay high" if known else "nothing was learned",
        "ideal": "a small gap, low losses" if known else "a small gap, and no loss falls further",
        "not converged": "the losses still fall",
        "diverged": "the loss blew up",
        "too little data to say": "few epochs" if few else "no validation loss",
    }
    return reasons[kind]
