"""The result of a search: ranked rows, to be printed, saved, drawn and replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._equality import equal_by_fields
from .._files import write_whole
from .._record_file import ending, save_record
from .._records import load_record
from .._text import excerpt, html_table, table
from ..curves import History
from ..steps import TrainState
from .drawing import draw_scores
from .files import csv_text
from .grid import Setting
from .row import Row, row_fields, row_from


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Search:
    """Settings from the best to the worst, those that failed last.

    Attributes:
        rows: The settings and their scores.
        score: The name of the curve, metric or function that is the score.
        run_alone: `run_alone(setting, repeat)` makes a run of the search again; None in a search
            that was loaded from a file.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> rows = [train.Row.of({"width": w}, np.array([[l]])) for w, l in [(8, 1.0), (4, 2.5)]]
        >>> search = train.Search(rows=tuple(rows), score="validation_loss")
        >>> search
        Search(2 settings of width, best validation_loss 1)
        >>> print(search)
        width  validation_loss
            8                1
            4              2.5
    """

    rows: tuple[Row, ...]
    score: str
    run_alone: Callable[[Setting, int], tuple[TrainState, History]] | None = field(
        default=None, compare=False
    )

    @property
    def best(self) -> Row:
        """The first row.

        Raises:
            ValueError: If no setting has a score.

        Example:
            >>> import numpy as np
            >>> from gradwise import train
            >>> row = train.Row.of({"width": 8}, np.array([[1.0]]))
            >>> train.Search(rows=(row,), score="validation_loss").best.setting
            {'width': 8}
        """
        first = self.rows[0]
        if first.failed:
            raise ValueError(f"no setting has a score; {first.setting}: {first.failure}")
        return first

    def replay(self, row: Row | None = None, *, repeat: int = 0) -> tuple[TrainState, History]:
        """Train a row's setting again, by itself, with the key it had in the search.

        Args:
            row: A row of this search; the best one by default.
            repeat: Which of its repeats, counted from 0.

        Returns:
            The train state and the history.

        Raises:
            ValueError: If the search was loaded from a file, which does not hold the run.

        Example:
            >>> import jax, jax.numpy as jnp, optax
            >>> from gradwise import train
            >>> def run(key, train_data, validation, *, start):  # which trains nothing
            ...     train_state = train.init(start, (), optax.sgd(0.1))
            ...     loss = jnp.mean((validation[0] - start) ** 2)[None]
            ...     return train_state, train.History(curves={"validation_loss": loss}, epochs=1)
            >>> x = jnp.array([1.0, 2.0, 3.0])
            >>> search = train.grid_search(
            ...     run, {"start": [0.0, 2.0]}, (x, x), (x, x), key=jax.random.key(0)
            ... )
            >>> train_state, history = search.replay()
            >>> float(train_state.params), history
            (2.0, History(1 epoch, validation_loss 0.667))
        """
        if self.run_alone is None:
            raise ValueError(
                "this search was loaded from a file, which does not hold its run: search again, or "
                "call your run with **row.setting"
            )
        return self.run_alone((row or self.best).setting, repeat)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (its rows have no hash)

    def __repr__(self) -> str:
        """Return one line: how many settings of what, and the best score."""
        names = excerpt(", ".join(self.rows[0].setting), most=40)
        count = f"{len(self.rows)} setting{'' if len(self.rows) == 1 else 's'}"
        first = self.rows[0]
        result = "all failed" if first.failed else f"best {self.score} {first.mean:.4g}"
        return f"Search({count} of {names}, {result})"

    def _lines(self) -> list[list[object]]:
        failure: list[object] = ["failure"] if any(row.failed for row in self.rows) else []
        names = self.rows[0].setting
        several = any(row.scores.size > 1 for row in self.rows)
        spread: list[object] = ["standard error"] if several else []
        lines: list[list[object]] = [[*names, self.score, *spread, *failure]]
        for row in self.rows:
            why: list[object] = (
                [excerpt(" ".join(row.failure.split()), most=100)] if failure else []
            )
            spread = [row.standard_error] if several else []
            lines.append([*row.setting.values(), row.mean, *spread, *why])
        return lines

    def __str__(self) -> str:
        """Return the table, best first."""
        return table(self._lines())

    def _repr_html_(self) -> str:
        """Return the table, best first, for a notebook."""
        return html_table(self._lines())

    def save(self, path: str | Path) -> None:
        """Write the search to a file, atomically; its ending is the format.

        `.csv` is a table, the score of each repeat and fold in a column of its own. `.json` is a
        record that `load` reads: a value of a hyper-parameter that is a function, or else nothing
        that JSON has a word for, is saved as its name.

        Raises:
            ValueError: If the path ends otherwise.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> import numpy as np
            >>> from gradwise import train
            >>> row = train.Row.of({"width": 8}, np.array([[1.0]]))
            >>> path = Path(tempfile.mkdtemp()) / "search.csv"
            >>> train.Search(rows=(row,), score="loss").save(path)
            >>> path.read_text().splitlines()
            ['width,loss,standard error,repeat 0 fold 0,failure', '8,1.0,nan,1.0,']
        """
        if ending(path, ".json", ".csv") == ".csv":
            write_whole(path, csv_text(self._csv_lines()))
            return
        rows = list(map(row_fields, self.rows))
        save_record(path, "search", {"score": self.score, "rows": rows})

    def _csv_lines(self) -> list[list[object]]:
        repeats, folds = self.rows[0].scores.shape
        runs = [f"repeat {r} fold {f}" for r in range(repeats) for f in range(folds)]
        head: list[object] = [*self.rows[0].setting, self.score, "standard error", *runs, "failure"]
        lines: list[list[object]] = [head]
        for row in self.rows:
            figures = [row.mean, row.standard_error, *row.scores.ravel().tolist()]
            lines.append([*row.setting.values(), *figures, row.failure])
        return lines

    @classmethod
    def load(cls, path: str | Path) -> Search:
        """Read what `save` wrote to a `.json` file; the search has no run to replay.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, or is no search.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> import numpy as np
            >>> from gradwise import train
            >>> row = train.Row.of({"width": 8}, np.array([[1.0]]))
            >>> search = train.Search(rows=(row,), score="loss")
            >>> path = Path(tempfile.mkdtemp()) / "search.json"
            >>> search.save(path)
            >>> train.Search.load(path) == search
            True
        """
        return load_record(path, "search", _search)

    def plot(self, path: str | Path, *, names: Sequence[str] | None = None) -> None:
        """Draw the score over one hyper-parameter, a line, or over two, a heat map.

        Of settings that agree in those, the best one counts.

        Args:
            path: The file, its ending the format: png, svg, pdf.
            names: One or two hyper-parameters; by default the first two that have several values.

        Raises:
            ValueError: If a name is unknown, or if there are more than two.
            ImportError: If matplotlib is missing; `pip install "gradwise[train]"` has it.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> import numpy as np
            >>> from gradwise import train
            >>> row = train.Row.of({"width": 8}, np.array([[1.0]]))
            >>> path = Path(tempfile.mkdtemp()) / "search.svg"
            >>> train.Search(rows=(row,), score="loss").plot(path)
            >>> path.read_text().count("<svg")
            1
        """
        known = list(self.rows[0].setting)
        varied = [n for n in known if len({str(row.setting[n]) for row in self.rows}) > 1]
        names = (varied or known)[:2] if names is None else names
        if not set(names) <= set(known) or not 1 <= len(names) <= 2:
            raise ValueError(f"plot needs one or two of {known}, got {names}")
        rows = [(row.setting, (row.mean, row.standard_error)) for row in self.rows]
        draw_scores(path, names=names, score=self.score, rows=rows)


def _search(fields: Mapping[str, Any]) -> Search:
    """Return the search in the record of a file."""
    rows = tuple(map(row_from, fields["rows"]))
    if not rows:
        raise ValueError("a search has at least one row, got none")
    if not isinstance(fields["score"], str):
        raise ValueError(f"score must be a name, got {fields['score']!r}")
    return Search(rows=rows, score=fields["score"])
