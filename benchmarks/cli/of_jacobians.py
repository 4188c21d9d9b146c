"""The files that `gradwise jacobian --out` writes."""

from io import BytesIO
from pathlib import Path

from scipy.sparse import save_npz

from .._files import write_whole
from .._record_file import ending
from ..structure.drawing.braille import drawn
from ..structure.drawing.sketching import sketch_of
from ..structure.record import Jacobian


def check_ending(path: Path) -> str:
    """Return how a file's name ends.

    Raises:
        ValueError: If it is none of those that `write` knows.
    """
    return ending(path, ".txt", ".svg", ".npz")


def write(jacobian: Jacobian, path: Path) -> None:
    """Write what is known of a Jacobian, or a picture or the entries of its pattern, by the ending.

    Raises:
        ValueError: If the ending is another, or nobody knows the pattern that is to be written.

    Example:
        >>> import tempfile, jax.numpy as jnp
        >>> from gradwise import jacobian
        >>> path = Path(tempfile.mkdtemp()) / "sine.txt"
        >>> write(jacobian(jnp.sin, jnp.ones(3), measure=False), path)
        >>> path.read_text().splitlines()[1]
        'Jacobian of sin: 3 x 3, 3 of 9 entries may be other than 0'
    """
    form, pattern = check_ending(path), jacobian.pattern
    if form == ".txt":
        picture = drawn(pattern) if pattern is not None else []
        write_whole(path, "\n".join([*picture, str(jacobian)]) + "\n")
        return
    if pattern is None:
        raise ValueError(
            f"{path} cannot be written: nobody knows which entries of {jacobian!r} are 0; "
            "write a .txt"
        )
    if form == ".svg":
        write_whole(path, sketch_of(pattern).svg(jacobian.name, alone=True) + "\n")
        return
    held = BytesIO()
    save_npz(held, pattern)
    path.write_bytes(held.getvalue())
