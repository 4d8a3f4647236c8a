"""The loss table: its columns, what a resumed run keeps of it, and a program that holds it open."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from held_file import held

from textual_inversion.core.base.errors import ResourceError
from textual_inversion.core.record.figures import COLUMNS
from textual_inversion.core.record.loss_table import LossTable


def _row(step: int, loss: str = "0.5") -> dict[str, str]:
    return {"step": str(step), "loss": loss}


def _steps(path: Path) -> list[str]:
    return [row["step"] for row in csv.DictReader(path.read_text().splitlines())]


def test_a_new_table_has_a1111s_columns_first(tmp_path: Path) -> None:
    path = tmp_path / "loss.csv"
    path.write_text("an older one\n")
    table = LossTable(path)
    assert path.read_text() == ",".join(COLUMNS) + "\n"
    assert table.add(_row(5))
    assert path.read_text().splitlines()[1] == "5,,,0.5,,,,,,,"


def test_a_resumed_table_loses_what_came_later_and_what_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "loss.csv"
    table = LossTable(path)
    for step in (2, 4, 6, 8):
        table.add(_row(step))
    whole = path.read_bytes()
    for torn in (b"1,0,0", b"1,0,0,0.4,0.1,0.2,,0.3,0.1", b"\x00\x00\xff\xff\n", b"x\n3,0\n", b"\n\n"):
        path.write_bytes(whole + torn)
        LossTable(path, resumed_at=4)
        assert path.read_bytes() == whole[: whole.index(b"6,")], torn
    path.unlink()
    LossTable(path, resumed_at=4)
    assert _steps(path) == []


@pytest.mark.parametrize("columns", [COLUMNS, (*COLUMNS, "a_later_one"), (*COLUMNS, "a_later_one", "and_another")])
@pytest.mark.parametrize("cells", [9, 10, 11])
def test_rows_of_a_table_with_fewer_columns_are_kept(tmp_path: Path, columns: tuple[str, ...], cells: int) -> None:
    path = tmp_path / "loss.csv"
    rows = [",".join([str(step), *["0.25"] * (cells - 1)]) for step in (1, 2, 3)]
    path.write_text("\n".join([",".join(COLUMNS[:cells]), *rows, ""]))
    LossTable(path, columns=columns, resumed_at=2)
    header, *kept = path.read_text().splitlines()
    assert header == ",".join(columns)
    assert kept == [row + "," * (len(columns) - cells) for row in rows[:2]]


def test_rows_wait_while_a_spreadsheet_holds_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "loss.csv"
    table = LossTable(path)
    with monkeypatch.context() as while_held:
        held(path, while_held, PermissionError(13, "Permission denied"))
        assert not table.add(_row(1))
        assert not table.add(_row(2))
    assert _steps(path) == []
    assert table.add(_row(3))
    assert _steps(path) == ["1", "2", "3"]
    with monkeypatch.context() as full:
        held(path, full, OSError(28, "No space left on device"))
        with pytest.raises(ResourceError, match="the disk is full"):
            table.add(_row(4))
