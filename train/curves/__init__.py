"""What a training leaves behind: its curves, what they say, and how they look."""

from .comparison import plot_runs
from .diagnosis import Diagnosis
from .history import History

__all__ = ["Diagnosis", "History", "plot_runs"]
