"""Save a run as it goes, and tell of a checkpoint that could not be written."""

from __future__ import annotations

from pathlib import Path

import jax

from .._process_errors import shared_errors
from ..checkpoints.folder import RunFolder
from ..checkpoints.position import Position
from ..curves import History
from ..steps import TrainState
from .carry import Carry, finish
from .driver import Save


class CheckpointError(OSError):
    """A checkpoint could not be written: the disk is full, or the folder is gone.

    The training is not lost: save `train_state` elsewhere, or go on from it.

    Attributes:
        filename: The file that could not be written.
        train_state: What `fit` would have returned at this moment.
        history: The curves up to there.

    Example:
        >>> import errno
        >>> from gradwise import train
        >>> error = train.CheckpointError(errno.ENOSPC, "No space left on device", "runs/a")
        >>> isinstance(error, OSError), error.filename
        (True, 'runs/a')
    """

    train_state: TrainState
    history: History

    def __str__(self) -> str:
        """Return the file, the reason, and where the training is."""
        return (
            f"{self.filename} could not be written ({self.strerror}); what was trained is "
            "error.train_state, with error.history"
        )


def make_save(folder: RunFolder, key: jax.Array, position: Position) -> Save:
    """Make `save(carry, history, before)`, which saves when a checkpoint is due.

    It is due when so many epochs are over, when the run ends, and where it has paused within an
    epoch. It is written in the background: an error comes from the next call, and at the end of the
    run the last one is waited for.
    """

    def save(carry: Carry, history: History, before: int) -> None:
        epochs = int(history.epochs)
        over = history.stopped != "running"
        due = over or epochs == before or folder.is_due(before, epochs)
        if folder.path is None:
            return
        with shared_errors():
            try:
                folder.writer.check()
                # From the step that was not finite no run can go on.
                if due and not carry.watch.bad.any():
                    folder.save(carry._asdict(), key, history, position)
                if over:
                    folder.writer.wait()
            except OSError as error:
                raise _checkpoint_error(folder.path, error, carry, history) from error

    return save


def _checkpoint_error(
    folder: Path, error: OSError, carry: Carry, history: History
) -> CheckpointError:
    made = CheckpointError(error.errno, error.strerror or str(error), error.filename or str(folder))
    made.train_state, made.history = finish(carry), history
    return made
