"""Where figures were taken, as lines."""

from ..comparison.record import Comparison


def environment_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the environment as pairs of a name and a text.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> environment_lines(EXAMPLE)
        [('packages', 'jax 0.10.2'), ('device', 'cpu'), ('cores', '2')]
    """
    lines = []
    for name, value in comparison.environment.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items() if part is not None)
        lines.append((name, str(value) if value not in ("", None) else "-"))
    return lines
