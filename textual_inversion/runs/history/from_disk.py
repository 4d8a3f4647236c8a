"""Read the folder of an earlier run: its curves, previews and copies, as the events that told of them then."""

from __future__ import annotations

import csv
import heapq
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ...core.base.errors import UserError
from ...core.record.events import Evaluated, Event, Prepared, Previewed, Saved, Stepped
from ...core.record.run_folder import RunDirectory, open_run_directory

_MOST_PICTURES = 200
_ORDER = {"prepared": 0, "step": 1, "evaluated": 2, "saved": 3, "preview": 4}


def events_of(folder: Path, *, up_to: int | None = None) -> list[Event]:
    """In order of their steps; as far as step ``up_to`` where that is given. A folder that cannot be read tells nothing.

    The loss table has a row every some steps only, and no prompts; figures it does not know are NaN.
    """
    try:
        run, content = open_run_directory(folder)
    except UserError:
        return []
    prepared = _prepared(run, content)
    rows = _rows(run.loss_table, total=prepared.total_steps)
    later = heapq.merge(rows, sorted([*_copies(run), *_previews(run)], key=_place), key=_place)
    return [prepared, *(event for event in later if up_to is None or event.step <= up_to)]


Timed = Stepped | Evaluated | Saved | Previewed


def _place(event: Timed) -> tuple[int, int]:
    return event.step, _ORDER[event.kind]


def _prepared(run: RunDirectory, content: Mapping[str, Any]) -> Prepared:
    found = content.get("resolved")
    known: Mapping[str, Any] = found if isinstance(found, dict) else {}
    pictures = known.get("pictures")
    return Prepared(
        name=run.name,
        run_dir=str(run.root),
        start_step=_whole(known.get("start_step")),
        total_steps=_whole(known.get("end_step")),
        pictures=len(pictures) if isinstance(pictures, list) else 0,
        vectors=_whole(known.get("vectors")),
        checkpoint=str(known.get("checkpoint_name") or ""),
        device=str(known.get("device") or ""),
        negative_vectors=_whole(known.get("negative_vectors")),
    )


def _rows(table: Path, *, total: int) -> Iterator[Stepped | Evaluated]:
    try:
        with table.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                step = row.get("step") or ""
                if step.isascii() and step.isdigit() and len(step) < 10:
                    yield from _events(row, step=int(step), total=total)
    except (OSError, csv.Error):
        return


def _events(row: Mapping[str, Any], *, step: int, total: int) -> Iterator[Stepped | Evaluated]:
    loss = _number(row.get("loss"))
    smooth = _number(row.get("smooth_loss"))
    yield Stepped(
        step=step,
        total_steps=total,
        epoch=_whole(_number(row.get("epoch"))),
        epoch_step=_whole(_number(row.get("epoch_step"))),
        loss=loss,
        smooth_loss=loss if math.isnan(smooth) else smooth,
        learn_rate=_number(row.get("learn_rate")),
        gradient_norm=_number(row.get("gradient_norm")),
        vector_norm=_number(row.get("vector_norm")),
        seconds=math.nan,
        eta_seconds=math.nan,
        prompt="",
    )
    fixed = _number(row.get("fixed_batch_loss"))
    if not math.isnan(fixed):
        gain, drift = (_known(row.get(name)) for name in ("gain", "context_drift"))
        yield Evaluated(step=step, loss=fixed, best=False, gain=gain, drift=drift)


def _copies(run: RunDirectory) -> Iterator[Saved]:
    for step, path in run.copies().items():
        yield Saved(step=step, what="copy", path=str(path))
    for step, path in run.carriers().items():
        yield Saved(step=step, what="picture", path=str(path))


def _previews(run: RunDirectory) -> Iterator[Previewed]:
    form = re.compile(rf"{re.escape(run.name)}-([0-9]{{1,9}})(?:-([0-9]{{1,4}}))?")
    matches = ((form.fullmatch(path.stem), path) for path in (run.root / "images").glob("*.png"))
    found = [(int(match[1]), int(match[2] or 1) - 1, path) for match, path in matches if match]
    for step, index, path in sorted(found)[-_MOST_PICTURES:]:
        yield Previewed(step=step, index=index, path=str(path), prompt="", infotext=_infotext(path))


def _infotext(path: Path) -> str:
    try:
        with Image.open(path) as picture:
            text = picture.info.get("parameters", "")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""
    return text if isinstance(text, str) else ""


def _number(text: object) -> float:
    try:
        return float(text) if isinstance(text, str) else math.nan
    except ValueError:
        return math.nan


def _known(text: object) -> float | None:
    value = _number(text)
    return None if math.isnan(value) else value


def _whole(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0
