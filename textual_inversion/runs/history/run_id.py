"""The id of a run on disk: the one it was started under, noted in its folder, else one that follows from where it lies."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from ...core.base.files import write_json

FILE = "id.json"
_FORM = re.compile(r"[0-9a-f]{12}")


def id_of(folder: Path) -> str:
    """A note that lies in a copy of the folder, or in one that was moved, is another folder's."""
    place = str(folder.resolve())
    try:
        note = json.loads((folder / FILE).read_text(encoding="utf-8"))
        noted, where = str(note["id"]), note["folder"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        noted, where = "", ""
    if where == place and _FORM.fullmatch(noted):
        return noted
    return hashlib.sha256(place.encode(errors="surrogatepass")).hexdigest()[:12]


def note_id(folder: Path, run_id: str) -> None:
    """Have the run in ``folder`` go by this id from now on. Raises ResourceError where the folder cannot be written."""
    if id_of(folder) != run_id:
        write_json(folder / FILE, {"id": run_id, "folder": str(folder.resolve())})
