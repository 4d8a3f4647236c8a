"""``textual_inversion_loss.csv``: A1111's columns first, then ours."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..base.errors import ResourceError
from ..base.files import disk_errors, write_text

COLUMNS = (
    "step",
    "epoch",
    "epoch_step",
    "loss",
    "learn_rate",
    "smooth_loss",
    "fixed_batch_loss",
    "gradient_norm",
    "vector_norm",
    "gain",
    "context_drift",
)
_FORMER_COLUMNS = 9


class LossTable:
    """Appends rows; a resumed run first drops the rows after the step it goes on from."""

    def __init__(self, path: Path, *, resumed_at: int | None = None) -> None:
        self.path = path
        self._waiting = ""
        if resumed_at is None:
            write_text(path, _lines([_HEADER]))
        else:
            self.cut(resumed_at)

    def cut(self, step: int) -> None:
        """Drop the rows after ``step``, and any row that a crash left unfinished. Raises ResourceError as ``add``."""
        write_text(self.path, _lines([_HEADER]) + "".join(self._rows(up_to=step)))
        self._waiting = ""

    def add(self, row: Mapping[str, str]) -> bool:
        """Append one row; columns not given stay empty. Raises ResourceError where the disk is full.

        False where another program holds the file (a spreadsheet on Windows): the row is kept for the next time.
        """
        self._waiting += _lines([row])
        try:
            with disk_errors(self.path), self.path.open("a", newline="", encoding="utf-8") as file:
                file.write(self._waiting)
        except ResourceError as error:
            if isinstance(error.__cause__, PermissionError):
                return False
            raise
        self._waiting = ""
        return True

    def _rows(self, *, up_to: int) -> list[str]:
        if not self.path.exists():
            return []
        with disk_errors(self.path):
            text = self.path.read_text(encoding="utf-8", errors="replace")
        rows = [line[:-1] for line in text.splitlines(keepends=True)[1:] if line.endswith("\n")]
        return [_whole(line) for line in rows if _is_row(line.split(","), up_to=up_to)]


def _is_row(cells: Sequence[str], *, up_to: int) -> bool:
    return len(cells) in (_FORMER_COLUMNS, len(COLUMNS)) and cells[0].isdecimal() and int(cells[0]) <= up_to


def _whole(line: str) -> str:
    """A row of a run that began before a column was added gets it empty."""
    return line + "," * (len(COLUMNS) - 1 - line.count(",")) + "\n"


_HEADER: Mapping[str, str] = {column: column for column in COLUMNS}


def _lines(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([row.get(column, "") for column in COLUMNS])
    return text.getvalue()
