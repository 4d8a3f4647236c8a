"""The JSON file beside an embedding that web UIs keep for its card: ``NAME.json``.

AUTOMATIC1111, Forge and reForge show its ``description`` on the card and its ``notes`` in the card's dialog, and keep every
other key. What is ours and no text of the user lies under ``textual_inversion``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..base.errors import FileFormatError
from ..base.files import write_json

SECTION = "textual_inversion"
_LARGEST = 4_000_000
"""Bytes. What people write on cards has some hundred."""
_BESIDE = (".json", ".txt", ".description.txt")
_PICTURES = ("png", "jpg", "jpeg", "webp", "gif", "avif")


@dataclass(frozen=True, kw_only=True)
class UserMetadata:
    """Content of the file. ``problem`` is a sentence where it could not be read; then everything else is empty.

    ``negative``: the embedding is meant for the negative prompt. ``partner``: the embedding that goes into the negative
    prompt when this one goes into the prompt (a pair). ``guidance_scale``: the CFG scale it was trained with.
    """

    description: str = ""
    notes: str = ""
    negative: bool = False
    partner: str = ""
    guidance_scale: float | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class CardTexts:
    """Texts of a finished run for the card and its dialog."""

    description: str
    notes: str


def metadata_path(embedding: Path) -> Path:
    return embedding.with_suffix(".json")


def companions(embedding: Path) -> list[Path]:
    """The files that belong to an embedding and are there: metadata, description and pictures of its card.

    Whoever renames or deletes the embedding takes them along. A picture that is itself the embedding is not among them.
    """
    stem = embedding.with_suffix("")
    suffixes = [*_BESIDE, *(f"{kind}.{ending}" for ending in _PICTURES for kind in ("", ".preview"))]
    paths = (stem.with_name(stem.name + suffix) for suffix in suffixes)
    return [path for path in paths if path != embedding and path.is_file()]


def read_user_metadata(embedding: Path) -> UserMetadata:
    """Of the embedding in this file. Never raises: what cannot be read is told in ``problem``."""
    try:
        content = _read(metadata_path(embedding))
    except FileFormatError as error:
        return UserMetadata(problem=error.message)
    ours = _section(content)
    return UserMetadata(
        description=_text(content.get("description")),
        notes=_text(content.get("notes")),
        negative=ours.get("negative") is True,
        partner=_text(ours.get("partner")),
        guidance_scale=_number(ours.get("guidance_scale")),
    )


def update_user_metadata(
    embedding: Path,
    *,
    description: str | None = None,
    notes: str | None = None,
    negative: bool | None = None,
    partner: str | None = None,
    guidance_scale: float | None = None,
) -> UserMetadata:
    """Set what a person chose (None: as it is); every other key of the file stays.

    Raises FileFormatError where the file is there and is not a JSON object (it is left alone), ResourceError where it
    cannot be written.
    """
    content = _read(metadata_path(embedding))
    texts = {"description": description, "notes": notes}
    ours = {"negative": negative, "partner": partner, "guidance_scale": guidance_scale}
    changed = {**content, **_given(texts)}
    if _given(ours):
        changed[SECTION] = {**_section(content), **_given(ours)}
    if changed != content:
        write_json(metadata_path(embedding), changed)
    return read_user_metadata(embedding)


def write_card_texts(
    embedding: Path, texts: CardTexts, *, facts: Mapping[str, object], defaults: Mapping[str, object] | None = None
) -> None:
    """Put the texts of a run on the card, without touching what a person wrote there.

    Texts of an earlier run are replaced where they still stand, also in the middle of a person's own; where a person took
    them out they stay out. ``facts`` (step, vectors, …) go under our own key; ``defaults`` too, in place of nothing and
    of those of an earlier run, never of what a person chose. Raises as ``update_user_metadata``.
    """
    content = _read(metadata_path(embedding))
    ours = _section(content)
    elsewhere = any(path.suffix == ".txt" for path in companions(embedding))  # a description that ours would hide
    before = {name: _text(ours.get(f"written_{name}")) for name in ("description", "notes")}
    merged = {"notes": _merged(content.get("notes"), texts.notes, before["notes"], join=True)}
    if content.get("description") or not elsewhere:
        merged["description"] = _merged(
            content.get("description"), texts.description, before["description"], join=False
        )
    written: dict[str, object] = {"written_description": texts.description, "written_notes": texts.notes}
    if defaults:
        written["written_defaults"] = dict(defaults)
    changed = {**content, **_given(merged), SECTION: {**ours, **_unchosen(ours, defaults or {}), **facts, **written}}
    if changed != content:
        write_json(metadata_path(embedding), changed)


def _unchosen(ours: Mapping[str, Any], defaults: Mapping[str, object]) -> dict[str, object]:
    """Those of ``defaults`` that stand against nothing, or against what an earlier run wrote."""
    found = ours.get("written_defaults")
    before = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    return {
        name: value
        for name, value in defaults.items()
        if ours.get(name) is None or (name in before and ours[name] == before[name])
    }


def _merged(there: object, text: str, before: str, *, join: bool) -> object:
    """``there`` with our ``text`` in it: in place of what we wrote ``before``, alone, or (``join``) below the person's."""
    if there is None or there == "":
        return there if before else text
    if not isinstance(there, str):
        return there
    if before:
        return there.replace(before, text, 1)
    return f"{there.rstrip()}\n\n{text}" if join else there


def _read(path: Path) -> dict[str, Any]:
    """The file's object; an empty one where there is no file. Raises FileFormatError for anything else."""
    try:
        if os.path.getsize(path) > _LARGEST:
            raise ValueError("it is far too large")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(content, dict):
        raise _unusable(path, "it holds no object")
    return cast("dict[str, Any]", content)


def _unusable(path: Path, why: str) -> FileFormatError:
    return FileFormatError(
        f"{path} cannot be read as the notes of an embedding's card ({why.rstrip('.')}). It was left as it is; correct it, or "
        "move it away."
    )


def _section(content: Mapping[str, Any]) -> dict[str, Any]:
    section = content.get(SECTION)
    return dict(cast("dict[str, Any]", section)) if isinstance(section, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
