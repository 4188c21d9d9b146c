"""Structures, Jacobians and regrets read from JSON files; `docs/schema.md` describes the schema."""

from pathlib import Path

from .._codec import from_plain
from .._record_file import damage_told, read_object, record_of
from .choosing.regret import KIND as REGRETS
from .choosing.regret import Regrets
from .record import KIND as JACOBIAN
from .record import Jacobian
from .structured import KIND as STRUCTURE
from .structured import Structure


def load(path: str | Path) -> Structure | Jacobian | Regrets:
    """Read what the `save` of a structure, a Jacobian or of regrets wrote as JSON.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no JSON, damaged, or holds another record.

    Example:
        >>> import tempfile, jax.numpy as jnp
        >>> from gradwise import structure
        >>> path = Path(tempfile.mkdtemp()) / "cumsum.json"
        >>> structure(jnp.cumsum, jnp.ones(8)).save(path)
        >>> load(path)
        Structure(cumsum: 8 x 8, 36 entries)
    """
    kind, record = record_of(path, read_object(path), STRUCTURE, JACOBIAN, REGRETS)
    with damage_told(path):
        if kind == JACOBIAN:
            public = {("_sketch" if k == "sketch" else k): v for k, v in record.items()}
            return from_plain(Jacobian, public)
        return from_plain(Structure if kind == STRUCTURE else Regrets, record)
