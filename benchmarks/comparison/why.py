"""Why one way is cheaper than another: how many passes each one needs, and what a pass costs."""

from collections.abc import Sequence

from ..instrument import units
from .row import Row

#: The kinds of rows that are second derivatives, and those that are parts of a Hessian.
_SECOND, _SUMS = ("hvp", "hessian", "diagonal", "trace"), ("diagonal", "trace")


def why(rows: Sequence[Row], n: int, m: int, *, costs: bool) -> str:
    """Say how many passes each way needs, and what they cost if the times can be trusted.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> why(EXAMPLE.rows, 5, 1, costs=False).split(". ")[0]
        'Forward needs a tangent for each of 5 inputs'
    """
    if any(row.kind in _SECOND for row in rows):
        return _of_second_order(rows, n, costs=costs)
    return _of_first_order(rows, n, m, costs=costs)


def _of_first_order(rows: Sequence[Row], n: int, m: int, *, costs: bool) -> str:
    passes = {"forward": (n, "tangent", "input"), "reverse": (m, "cotangent", "output")}
    single = {"forward": "jvp", "reverse": "vjp"}
    by_name = {row.method: row for row in rows}
    parts = []
    for mode, (count, unit, end) in passes.items():
        one, whole = by_name.get(single[mode]), by_name.get(mode)
        text = f"{mode} needs a {unit} for each of {count:,} {end}s"
        if count == 1:
            text = f"{mode} needs one {unit}, for the one {end}"
        if costs and one and one.ratio:
            text += f"; one costs {one.ratio.median:.2g} times the function"
        if costs and whole and whole.ratio and count > 1:
            text += f", {count:,} together {units.times(whole.ratio.median)} times"
        parts.append(text)
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def _of_second_order(rows: Sequence[Row], n: int, *, costs: bool) -> str:
    """Say what each second derivative is made of, and what the cheapest way to it costs."""
    least = {kind: _least(rows, kind) for kind in _SECOND}
    told = {kind: _cost(row) if costs else "" for kind, row in least.items()}
    product, whole = told["hvp"], told["hessian"]
    bound = next((row.bound for row in rows if row.method == "hvp_forward_over_reverse"), None)
    parts = [f"its {kind}{told[kind] and f' ({told[kind]})'}" for kind in _SUMS if least[kind]]
    texts = [
        "a product with the Hessian is one tangent of the gradient, whatever the size"
        + (f" (at most {bound:.3g} in theory)" if bound else "")
        + (product and f": {product} the function"),
        f"the whole Hessian is {units.counted(n, 'product')}, one for each input"
        + (whole and f": {whole}"),
    ]
    texts += [f"{' and '.join(parts)}: as many products, but nothing to keep"] if parts else []
    return ". ".join(text[0].upper() + text[1:] for text in texts) + "."


def _least(rows: Sequence[Row], kind: str) -> Row | None:
    """Return the row of a kind that takes the least time."""
    timed = [row for row in rows if row.kind == kind and row.ratio and row.status == "ok"]
    return min(timed, key=lambda row: row.seconds or 0.0, default=None)


def _cost(row: Row | None) -> str:
    return f"{units.times(row.ratio.median)} times" if row and row.ratio else ""
