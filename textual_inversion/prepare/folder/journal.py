"""The edits made in a training folder, so that each can be undone. JSON lines in a file that trainers pass over."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...core.base.errors import ResourceError
from ...core.base.files import disk_errors, write_text

JOURNAL = ".textual_inversion_edits.jsonl"
KEPT = 200
"""Edits that can be undone once the journal has been cut; before that, all of them."""

CUT_AT_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Change:
    """A text file's whole content before and after; None where there is no file. ``file`` lies in the folder."""

    file: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One thing that a person did. ``moved`` are files that changed their place, as (from, to).

    Lines in a row that have one ``group`` are one edit: a job that writes captions adds a line for every batch.
    """

    what: str
    group: str = ""
    changes: tuple[Change, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()


class Journal:
    """Of one folder. Written before the edit itself, so that nothing is lost if that is cut short."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL

    def edits(self) -> list[Edit]:
        """Oldest first; lines that are none are passed over."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise ResourceError(f"{self.path} cannot be read: {error}.") from error
        found: list[Edit] = []
        for line in lines:
            try:
                edit = _edit(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
            if found and edit.group and edit.group == found[-1].group:
                edit = replace(edit, changes=(*found.pop().changes, *edit.changes))
            found.append(edit)
        return found

    def add(self, edit: Edit) -> None:
        """A line at the end; what a killed process left of one is ended first."""
        with disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(asdict(edit))}\n")
            size = file.tell()
        if size > CUT_AT_BYTES:
            self._write(self.edits()[-KEPT:])

    def drop_last(self) -> None:
        self._write(self.edits()[:-1])

    def _write(self, edits: list[Edit]) -> None:
        write_text(self.path, "".join(json.dumps(asdict(edit)) + "\n" for edit in edits))


def _edit(values: dict[str, Any]) -> Edit:
    changes = tuple(
        Change(file=_inside(each["file"]), before=_text(each["before"]), after=_text(each["after"]))
        for each in values["changes"]
    )
    moved = tuple((_inside(here), _inside(there)) for here, there in values["moved"])
    return Edit(what=str(values["what"]), group=str(values.get("group", "")), changes=changes, moved=moved)


def _inside(name: Any) -> str:
    """A path below the folder. Somebody else may have written the journal: it must not lead anywhere else."""
    if not isinstance(name, str) or not name or "\\" in name or ":" in name or "\0" in name:
        raise ValueError("no file name")
    if name.startswith("/") or ".." in name.split("/"):
        raise ValueError("a name that leads elsewhere")
    return name


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("no text")
    return value
