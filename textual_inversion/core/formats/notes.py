"""Notes of a file about its embedding besides the vectors, and the part of them that we are willing to keep."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..embedding.embedding import Embedding
from .containers.limits import MAX_NOTES, MAX_TEXT

NAME, STEP, CHECKPOINT, CHECKPOINT_NAME, NOTES = "name", "step", "sd_checkpoint", "sd_checkpoint_name", "notes"
"""A1111's keys, in dictionaries and (as ai-toolkit began) in safetensors metadata; ``notes`` is ai-toolkit's."""

_LOCAL_FOLDERS = re.compile(r"""(?<![\w:/\\.])(?:[A-Za-z]:[\\/]|\\\\|~?/)(?:[^\s\\/:*?"<>|][^\\/:*?"<>|\r\n]*[\\/])+""")


@dataclass(frozen=True, kw_only=True)
class About:
    """Name, step and so on, as in ``Embedding``."""

    name: str | None = None
    step: int | None = None
    checkpoint_hash: str | None = None
    checkpoint_name: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


def about_from(found: Mapping[str, object]) -> About:
    """Read A1111's keys out of a dictionary; values of another type than they should have are left out."""
    return About(
        name=kept_text(found.get(NAME)),
        step=_count(found.get(STEP)),
        checkpoint_hash=kept_text(found.get(CHECKPOINT)),
        checkpoint_name=kept_text(found.get(CHECKPOINT_NAME)),
        notes=_notes(found.get(NOTES)),
    )


def about_from_metadata(metadata: Mapping[str, str]) -> About:
    """The same from safetensors metadata, where everything is text; kohya's ``modelspec.*`` become notes."""
    metadata = _plain(metadata)
    found: dict[str, object] = dict(metadata)
    step = metadata.get(STEP, "")
    found[STEP] = int(step) if step.isascii() and step.isdigit() and len(step) < 16 else None
    found[NOTES] = _json_or_text(metadata.get(NOTES))
    about = about_from(found)
    spec = {key: value for key, value in metadata.items() if key.startswith("modelspec.") and key not in _OURS}
    title = metadata.get("modelspec.title")
    notes = _notes(spec | dict(about.notes))
    return About(
        name=about.name if NAME in metadata else kept_text(title),
        step=about.step,
        checkpoint_hash=about.checkpoint_hash,
        checkpoint_name=about.checkpoint_name,
        notes=notes,
    )


def _plain(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Metadata without JSON's quotes and nulls where a program encoded every value (ai-toolkit): A1111's keys are texts."""
    values = {key: _json_or_text(metadata[key]) for key in (NAME, CHECKPOINT, CHECKPOINT_NAME) if key in metadata}
    quoted = [key for key, value in values.items() if isinstance(value, str) and value != metadata[key]]
    nulls = [key for key, value in values.items() if value is None and (quoted or key != NAME)]
    if not quoted and not nulls:
        return metadata
    found = {key: value for key, value in metadata.items() if key not in nulls}
    if metadata.get(NOTES) == "null":
        found.pop(NOTES)
    return found | {key: str(values[key]) for key in quoted}


_OURS = {"modelspec.title", "modelspec.architecture", "modelspec.sai_model_spec"}


def about_of(embedding: Embedding) -> dict[str, object]:
    """A1111's keys for ``embedding``; ``notes`` only where there are any. No local path is let out."""
    found: dict[str, object] = {
        NAME: without_folders(embedding.name),
        STEP: embedding.step,
        CHECKPOINT: embedding.checkpoint_hash,
        CHECKPOINT_NAME: without_folders(embedding.checkpoint_name),
    }
    if embedding.notes:
        found[NOTES] = {_clean(key): without_folders(value) for key, value in embedding.notes.items()}
    return found


def metadata_of(embedding: Embedding) -> dict[str, str]:
    """The same as safetensors metadata: text only, what is not known left out."""
    found = {key: value for key, value in about_of(embedding).items() if value is not None}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}


def without_folders(text: str | None) -> str | None:
    """``text`` with local paths cut to their last part (``/home/me/a.ckpt`` -> ``a.ckpt``); web addresses stay."""
    return None if text is None else _LOCAL_FOLDERS.sub("", _clean(text))


def _clean(text: str) -> str:
    """Half characters (lone surrogates) cannot be written as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def kept_text(value: object, limit: int = MAX_TEXT) -> str | None:
    """``value`` where it is a text with something in it, cut to ``limit`` characters; else None."""
    return _clean(value[:limit]) if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else None


def _json_or_text(value: str | None) -> object:
    try:
        return json.loads(value) if value else None
    except (ValueError, RecursionError):
        return value


def _notes(value: object) -> dict[str, str]:
    """A dictionary of texts; one text alone is kept under ``notes``."""
    if isinstance(value, str):
        value = {NOTES: value}
    if not isinstance(value, dict):
        return {}
    texts = {key: kept_text(text, 16 * MAX_TEXT) or "" for key, text in value.items() if isinstance(text, str)}
    return {_clean(key[:MAX_TEXT]): text for key, text in list(texts.items())[:MAX_NOTES] if isinstance(key, str)}
