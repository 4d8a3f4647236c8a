"""``textual_inversion_loss.csv``: A1111's columns first, then ours."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..base.errors import ResourceError
from ..base.files import disk_errors, write_text
from .figures import COLUMNS
from .run_folder import gone

_FEWEST_COLUMNS = 9
"""Tables of the first version had so many. Columns are only ever added, at the end."""

_LONGEST_STEP = 10
"""Digits. A cell with more is damaged."""


class LossTable:
    """Appends rows; a resumed run first drops the rows after the step it goes on from."""

    def __init__(self, path: Path, *, columns: Sequence[str] = COLUMNS, resumed_at: int | None = None) -> None:
        self.path = path
        self._columns = columns
        self._waiting = ""
        if resumed_at is None:
            write_text(path, self._header())
        else:
            self.cut(resumed_at)

    def cut(self, step: int) -> None:
        """Drop the rows after ``step``, and any row that a crash left unfinished. Raises ResourceError as ``add``."""
        write_text(self.path, self._header() + "".join(self._rows(up_to=step)))
        self._waiting = ""

    def add(self, row: Mapping[str, str]) -> bool:
        """Append one row; columns not given stay empty. Raises ResourceError where the disk is full.

        False where another program holds the file (a spreadsheet on Windows): the row is kept for the next time.
        """
        self._waiting += _line([row.get(column, "") for column in self._columns])
        try:
            with disk_errors(self.path), self.path.open("a", newline="", encoding="utf-8") as file:
                file.write(self._waiting)
        except FileNotFoundError as error:
            raise gone(self.path.parent) from error
        except ResourceError as error:
            if isinstance(error.__cause__, PermissionError):
                return False
            raise
        self._waiting = ""
        return True

    def _header(self) -> str:
        return _line(self._columns)

    def _rows(self, *, up_to: int) -> list[str]:
        """The whole rows of the file; those of a run that began before a column was added get it empty."""
        if not self.path.exists():
            return []
        with disk_errors(self.path):
            text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = [line[:-1] for line in text.splitlines(keepends=True)[1:] if line.endswith("\n")]
        kept = [line for line in lines if self._is_row(line.split(","), up_to=up_to)]
        return [line + "," * (len(self._columns) - 1 - line.count(",")) + "\n" for line in kept]

    def _is_row(self, cells: Sequence[str], *, up_to: int) -> bool:
        whole = _FEWEST_COLUMNS <= len(cells) <= len(self._columns)
        number = cells[0]
        return (
            whole and number.isascii() and number.isdecimal() and len(number) < _LONGEST_STEP and int(number) <= up_to
        )


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
