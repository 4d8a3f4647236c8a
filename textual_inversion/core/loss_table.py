"""``textual_inversion_loss.csv``: A1111's columns first, then ours."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from .files import disk_errors, write_text

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
)


class LossTable:
    """Appends rows; a resumed run first drops the rows after the step it goes on from."""

    def __init__(self, path: Path, *, resumed_at: int | None = None) -> None:
        self._path = path
        kept: list[dict[str, str]] = []
        if resumed_at is not None and path.exists():
            with disk_errors(path), path.open(newline="", encoding="utf-8") as file:
                kept = [row for row in csv.DictReader(file) if (row.get("step") or "").isdigit()]
            kept = [row for row in kept if int(row["step"]) <= resumed_at]
        write_text(path, _lines([dict(zip(COLUMNS, COLUMNS, strict=True)), *kept]))

    def add(self, row: Mapping[str, str]) -> None:
        """Append one row; columns not given stay empty. Raises ResourceError where the disk is full."""
        with disk_errors(self._path), self._path.open("a", newline="", encoding="utf-8") as file:
            file.write(_lines([row]))


def _lines(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([row.get(column, "") for column in COLUMNS])
    return text.getvalue()
