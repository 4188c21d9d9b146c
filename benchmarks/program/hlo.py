"""What XLA made of a program: expensive instructions, repeated work, library calls, a hash."""

import hashlib
import re
from collections import Counter
from typing import NamedTuple

#: Instructions that cost more than an addition, by their name in HLO.
EXPENSIVE = frozenset(
    [
        "atan2",
        "cbrt",
        "convolution",
        "cosine",
        "divide",
        "dot",
        "erf",
        "exponential",
        "exponential-minus-one",
        "log",
        "log-plus-one",
        "logistic",
        "power",
        "rsqrt",
        "sine",
        "sqrt",
        "tan",
        "tanh",
    ]
)
# What XLA may write an instruction as; only what goes beyond that is a repetition.
_EXPANDS = {
    "logistic": ("exponential", "divide"),
    "tan": ("sine", "cosine", "divide"),
    "sqrt": ("rsqrt",),
    "rsqrt": ("sqrt", "divide"),
    "power": ("sqrt", "rsqrt", "cbrt", "divide"),
    "exponential-minus-one": ("exponential", "tanh"),
    "log-plus-one": ("log",),
    "atan2": ("divide",),
}
# Repetition is told from this factor on: less can be a guard that is computed twice.
_REPEATED = 1.5

_HEADER = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[^\s(]+) (?:\(.*\) -> .* )?\{$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?\S+ = .*? (?P<opcode>[a-z][a-z0-9-]*)\(")
_CALLED = re.compile(
    r"(?:calls|to_apply|body|condition|true_computation|false_computation)=%?([^\s,)}]+)"
    r"|(?:branch_computations|called_computations)=\{([^}]*)\}"
)
_TARGET = re.compile(r'custom_call_target="([^"]*)"')
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_METADATA = re.compile(rf',? ?(?:metadata|frontend_attributes)=\{{(?:[^{{}}"]|{_QUOTED})*\}}')
_NAME = re.compile(r"%[\w.\-]+")


class Instructions(NamedTuple):
    """How often each instruction stands in a program; a loop's body counts once.

    Attributes:
        expensive: Counts of those in `EXPENSIVE`, inside fusions too: as often as the fusion is
            called.
        fused: Counts of those of them that stand inside fusions.
        library: Calls of library functions, by their target, such as `"lapack_spotrf_ffi"`.

    Example:
        >>> Instructions({"sine": 2}, {"sine": 1}, {}).expensive["sine"]
        2
    """

    expensive: dict[str, int]
    fused: dict[str, int]
    library: dict[str, int]


def instructions(text: str) -> Instructions:
    """Count the instructions of a program in HLO's text form.

    Args:
        text: `compiled.as_text()`, or `lowered.as_text("hlo")` for the program before XLA
            optimized it.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> compiled = jax.jit(lambda x: jnp.sin(jnp.sin(x))).lower(jnp.ones(1000)).compile()
        >>> instructions(compiled.as_text()).expensive
        {'sine': 2}
    """
    computations, entry = _computations(text)
    counts = sorted(_Counts(computations).of(entry).items())
    expensive, fused, library = (
        {name: n for (kind, name), n in counts if kind == wanted and n}
        for wanted in ("expensive", "fused", "library")
    )
    return Instructions(expensive, fused, library)


def repeated_work(before: Instructions, after: Instructions) -> str | None:
    """Say which expensive work XLA repeats inside fusions; `None` where it repeats none.

    A fusion may compute again what another fusion, or another output of its own, computes as well.
    That breaks every bound on the cost of a derivative: the bounds count a value once.

    Args:
        before: `instructions` of the program before XLA optimized it.
        after: `instructions` of the compiled program.

    Example:
        >>> before = Instructions({"sine": 16}, {}, {})
        >>> after = Instructions({"sine": 121}, {"sine": 121}, {})
        >>> repeated_work(before, after)
        '121 `sine` instructions where the program has 16: recomputed inside fusions'
        >>> repeated_work(before, before)
    """
    expected = Counter(before.expensive)
    for name, parts in _EXPANDS.items():
        expected.update(dict.fromkeys(parts, before.expensive.get(name, 0)))
    repeated = [
        f"{count} `{name}` instructions where the program has {expected[name]}"
        for name, count in sorted(after.expensive.items(), key=lambda item: -item[1])
        if count >= _REPEATED * expected[name] > 0 and after.fused.get(name, 0) > 1
    ]
    return f"{', '.join(repeated)}: recomputed inside fusions" if repeated else None


def program_hash(text: str) -> str:
    """Hash a compiled program, whatever its names and wherever its source stands.

    Two programs of one hash run the same instructions; large constants are not part of the text.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def double(x): return x + x
        >>> def twice(other): return other + other
        >>> texts = [jax.jit(f).lower(1.0).compile().as_text() for f in (double, twice, jnp.exp)]
        >>> [program_hash(text) == program_hash(texts[0]) for text in texts]
        [True, True, False]
    """
    names: dict[str, str] = {}
    digest = hashlib.sha256()
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            line = f"{header['entry'] or ''}%{header['name']} {{"
        elif not _INSTRUCTION.match(line):
            continue
        line = _METADATA.sub("", line)
        line = _NAME.sub(lambda name: names.setdefault(name[0], f"%{len(names)}"), line)
        digest.update(line.encode())
    return digest.hexdigest()[:16]


def _computations(text: str) -> tuple[dict[str, list[tuple[str, str]]], str]:
    """Return the instructions of each computation, as opcode and line, and the entry's name."""
    computations: dict[str, list[tuple[str, str]]] = {}
    entry = name = ""
    for line in text.splitlines():
        header, instruction = _HEADER.match(line), _INSTRUCTION.match(line)
        if header:
            name = header["name"]
            computations[name] = []
            entry = name if header["entry"] else entry
        elif instruction and name:
            computations[name].append((instruction["opcode"], line))
    return computations, entry


class _Counts:
    """Count instructions by computation, those of what it calls included; each only once."""

    def __init__(self, computations: dict[str, list[tuple[str, str]]]):
        self._computations = computations
        self._known: dict[tuple[str, bool], Counter[tuple[str, str]]] = {}

    def of(self, name: str, fused: bool = False) -> Counter[tuple[str, str]]:
        if (name, fused) not in self._known:
            self._known[name, fused] = self._count(name, fused)
        return self._known[name, fused]

    def _count(self, name: str, fused: bool) -> Counter[tuple[str, str]]:
        total: Counter[tuple[str, str]] = Counter()
        for opcode, line in self._computations.get(name, []):
            if opcode in EXPENSIVE:
                total["expensive", opcode] += 1
                total["fused", opcode] += fused
            if opcode == "custom-call":
                total["library", _TARGET.findall(line)[0]] += 1
            for one, several in _CALLED.findall(line):
                for called in filter(None, (one, *re.split(r"[,\s]+", several))):
                    total += self.of(called.lstrip("%"), fused or opcode == "fusion")
        return total
