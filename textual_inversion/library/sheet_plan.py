"""From what a person asks to compare to a plan that can be carried out; mistakes show here, beside their field."""

from __future__ import annotations

from pathlib import Path

from ..core.base.errors import InputError
from ..core.embedding.embedding import Embedding
from ..runs.sheet_request import SheetRequest
from ..runs.sheets import SheetPlan, sheet_path
from .actions import Library

MOST_PICTURES = 120


def sheet_plan(library: Library, request: SheetRequest, *, log_dir: Path) -> SheetPlan:
    """Reads the copies. Raises InputError for a step that was not kept, or a prompt that does not hold the name."""
    from ..core.formats import read_embedding

    path, entry = library.shelf.find(request.file)
    name = str(entry["name"])
    columns: list[tuple[str, Embedding]] = []
    folder = log_dir / "sheets"
    if request.run:
        run = library.run_of(entry, request.run)
        folder = run.directory.root / "sheets"
        columns += [(f"step {step}", read_embedding(_copy(run.copies, step))) for step in sorted(set(request.steps))]
    if request.current:
        columns.append(("now", read_embedding(path)))
    prompts = _prompts(request, name)
    if not columns:
        raise InputError("Choose at least one step, or the file itself.", field="steps")
    if len(columns) * len(prompts) > MOST_PICTURES:
        raise InputError(
            f"That would be {len(columns) * len(prompts)} pictures; a sheet has at most {MOST_PICTURES}. Choose fewer steps or "
            "prompts.",
            field="steps",
        )
    return SheetPlan(name=name, columns=columns, prompts=prompts, request=request, path=sheet_path(folder, name))


def _prompts(request: SheetRequest, name: str) -> list[str]:
    prompts = [text.strip().replace("[name]", name) for text in request.prompts if text.strip()]
    if not prompts:
        raise InputError(f"Write at least one prompt, for example: a photo of {name}", field="prompts")
    for prompt in prompts:
        if name.lower() not in f"{prompt} {request.negative_prompt.replace('[name]', name)}".lower():
            raise InputError(
                f"{name!r} is not in the prompt {prompt!r}, so all steps would look the same.", field="prompts"
            )
    for side in ("width", "height"):
        if getattr(request, side) % 8:
            raise InputError(f"The {side} is {getattr(request, side)}; it must be a multiple of 8.", field=side)
    return prompts


def _copy(copies: dict[int, Path], step: int) -> Path:
    if step not in copies:
        known = ", ".join(map(str, copies)) or "none"
        raise InputError(f"This run kept no copy of step {step}. It has: {known}.", field="steps")
    return copies[step]
