"""Fill the card of a trained embedding at the end of a run: a preview, the step, and notes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError, UserError
from ..embedding.embedding import Embedding
from ..embeddings_folder.card_file import CardTexts, metadata_path, write_card_texts
from ..embeddings_folder.card_picture import preview_path, write_run_picture
from ..loss.guidance_scale import parse_guidance
from .run_folder import RunDirectory

_MOST_STEPS = 12
_MARKUP = str.maketrans("", "", "<>")
"""A web UI can be set to show descriptions as HTML; a checkpoint's file name is not ours to trust."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """The files that were written, and sentences about those that could not be or were left alone."""

    files: tuple[Path, ...]
    warnings: tuple[str, ...]


def write_card(run: RunDirectory, path: Path, embedding: Embedding, *, today: datetime.date | None = None) -> Card:
    """Describe ``embedding``, which ``run`` has just written to ``path``, on its card.

    What a person wrote or chose there stays. A card that cannot be read, notes that make no sense and a full disk are
    warnings: the embedding is safe, and a card is not worth the end of a run.
    """
    files: list[Path] = []
    warnings: list[str] = []
    facts: dict[str, object] = {"step": embedding.step, "vectors": embedding.count, "run": run.root.name}
    try:
        texts = _texts(run, path.stem, embedding, today or datetime.date.today())
        write_card_texts(path, texts, facts=facts, defaults=_pair_defaults(embedding.notes))
        files.append(metadata_path(path))
    except (UserError, OSError) as error:
        warnings.append(str(error))
    try:
        picture = picture_of(run, embedding.step)
        if picture is not None and write_run_picture(path, picture):
            files.append(preview_path(path))
    except (UserError, OSError) as error:
        warnings.append(f"The card of {path.stem} has no new picture: {error}")
    return Card(files=tuple(files), warnings=tuple(warnings))


def _pair_defaults(notes: Mapping[str, str]) -> dict[str, object]:
    """The settings of a pair's cards: one click fills both prompts, and the negative half belongs into the negative one.

    A scale that cannot be read is left out: the notes of a file may come from anywhere.
    """
    if notes.get("pair") == "negative":
        return {"negative": True}
    if notes.get("pair") != "positive":
        return {}
    try:
        scale = {"guidance_scale": parse_guidance(notes.get("guidance_scale", "")).typical}
    except InputError:
        scale = {}
    return {"partner": notes.get("partner", ""), **scale}


def picture_of(run: RunDirectory, step: int | None) -> Path | None:
    """The preview of this step, or else the newest."""
    made = _previews(run)
    return made.get(step or 0) or (made[max(made)] if made else None)


def _previews(run: RunDirectory) -> Mapping[int, Path]:
    """The first preview of each step."""
    found = ((path.stem[len(run.name) + 1 :], path) for path in run.image(0).parent.glob("*.png"))
    return {
        int(step): path for step, path in found if step.isascii() and step.isdigit() and run.image(int(step)) == path
    }


def _texts(run: RunDirectory, name: str, embedding: Embedding, today: datetime.date) -> CardTexts:
    checkpoint = (embedding.checkpoint_name or "unknown checkpoint").translate(_MARKUP)
    vectors = f"{embedding.count} vector{'s' if embedding.count != 1 else ''}"
    lines = [f"Trained to step {embedding.step} on {checkpoint}, {vectors}, {today.isoformat()}."]
    if loras := embedding.notes.get("loras"):
        lines.append(f"Trained with the LoRA {loras}: use it together with that.")
    if embedding.notes.get("pair") == "positive":
        lines.append(f"Its pair {embedding.notes.get('partner')} belongs into the negative prompt.")
    if embedding.notes.get("pair") == "negative":
        lines.append(f"For the negative prompt, with {embedding.notes.get('partner')} in the prompt.")
    kept = run.negative_copies() if embedding.notes.get("pair") == "negative" else run.kept()
    if steps := list(kept):
        shown = ", ".join(map(str, steps[-_MOST_STEPS:]))
        lines.append(f"Saved steps: {shown}. Write {name}@{steps[-1]} in a prompt to use one.")
    return CardTexts(description=f"step {embedding.step}, {vectors}, {checkpoint}", notes="\n".join(lines))
