"""Sheets that compare saved steps: made one at a time with the host's model, in a thread, and kept in the run's folder."""

from __future__ import annotations

import datetime
import itertools
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from ..core.base.control import Control
from ..core.embedding.embedding import Embedding
from ..core.model.host import Host, Lease, LeaseRequest, Picture, PictureRequest
from ..core.pictures.grid import Cell, comparison_sheet
from ..core.record.events import Emit, SheetAdvanced
from ..core.record.previews import save_picture
from .background_job import BackgroundJob
from .errors import ConflictError, UnknownRunError
from .sheet_request import SheetRequest

Watch = Callable[[Emit, Control], AbstractContextManager[Emit]]
Borrow = Callable[[], AbstractContextManager[None]]
State = Literal["waiting", "running", "done", "stopped", "failed"]

SETTLE_SECONDS = 1.0
"""Seconds that a start waits for the model, so that a refusal is an answer."""

_TILE = (128, 512)
"""Pixels of a picture's longer side on the sheet, at least and at most."""


@dataclass(frozen=True, kw_only=True)
class SheetPlan:
    """``columns``: a label and an embedding each. ``prompts`` hold the name. ``path`` is where the sheet will lie."""

    name: str
    columns: Sequence[tuple[str, Embedding]]
    prompts: Sequence[str]
    request: SheetRequest
    path: Path


@dataclass
class Sheet:
    """One sheet on its way."""

    id: str
    plan: SheetPlan
    state: State = "waiting"
    message: str = ""
    control: Control = field(default_factory=Control)
    pictures: dict[Cell, Picture] = field(default_factory=dict[Cell, Picture])

    @property
    def total(self) -> int:
        return len(self.plan.columns) * len(self.plan.prompts)

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "running")

    def drawn(self) -> Image.Image:
        """As far as it is made."""
        request = self.plan.request
        longer = max(request.width, request.height)
        scale = min(max(longer, _TILE[0]), _TILE[1]) / longer
        return comparison_sheet(
            title=f"{self.plan.name}: seed {request.seed}, {request.sampler}, {request.sampling_steps} steps, "
            f"CFG {request.guidance_scale:g}, {request.width} x {request.height}",
            rows=self.plan.prompts,
            columns=[label for label, _ in self.plan.columns],
            pictures={cell: picture.image for cell, picture in dict(self.pictures).items()},
            tile=(round(request.width * scale), round(request.height * scale)),
        )

    def describe(self) -> dict[str, Any]:
        made = bool(self.pictures) and not self.active
        return {
            "id": self.id,
            "name": self.plan.name,
            "state": self.state,
            "done": len(self.pictures),
            "total": self.total,
            "message": self.message,
            "path": str(self.plan.path) if made and self.state != "failed" else "",
        }


class Sheets:
    """``borrow`` takes the model as everything short does; ``watch`` lets the host's Interrupt reach it."""

    def __init__(self, host: Host, *, borrow: Borrow, watch: Watch | None = None) -> None:
        self._host, self._borrow = host, borrow
        self._watch: Watch = watch or (lambda emit, _control: nullcontext(emit))
        self._lock = threading.Lock()
        self._sheet: Sheet | None = None

    def start(self, plan: SheetPlan) -> str:
        """Begin a sheet and return its id. Raises ConflictError while another is made, or a run has the model."""
        with self._lock:
            if self._sheet is not None and self._sheet.active:
                raise ConflictError(f"A sheet of {self._sheet.plan.name!r} is being made. Stop it first, or wait.")
            sheet = self._sheet = Sheet(id=secrets.token_hex(6), plan=plan)
        job = BackgroundJob(
            f"sheet of {plan.name}",
            lambda: self._work(sheet, job),
            ended=lambda error: _end(sheet, "failed", error.message) if error is not None else None,
        )
        job.start()
        job.settle(SETTLE_SECONDS)
        return sheet.id

    def newest(self) -> Sheet | None:
        """The one that is made now, or was made last; a reloaded page finds it again."""
        return self._sheet

    def sheet(self, sheet_id: str) -> Sheet:
        """Raises UnknownRunError where there is none of this id any more."""
        if self._sheet is None or self._sheet.id != sheet_id:
            raise UnknownRunError("This sheet is no longer there; its picture is in the run's folder.")
        return self._sheet

    def cancel(self, sheet_id: str) -> None:
        """Stop after the picture that is being made; the sheet is kept as far as it is."""
        self.sheet(sheet_id).control.interrupt()

    def close(self) -> None:
        if self._sheet is not None:
            self._sheet.control.interrupt()

    def _work(self, sheet: Sheet, job: BackgroundJob) -> None:
        plan, control = sheet.plan, sheet.control
        with (
            self._borrow(),
            self._watch(lambda _event: None, control) as tell,
            self._host.lease(LeaseRequest()) as lease,
        ):
            widths = {key: encoder.width for key, encoder in lease.encoders.items()}
            vectors = [embedding.for_encoders(widths) for _, embedding in plan.columns]
            sheet.state = "running"
            job.show()
            for cell in itertools.product(range(len(plan.prompts)), range(len(vectors))):
                if control.stop_wanted:
                    break
                tell(SheetAdvanced(name=plan.name, done=len(sheet.pictures), total=sheet.total))
                picture = _picture(lease, plan, plan.prompts[cell[0]], vectors[cell[1]])
                if not control.stop_wanted:  # an interrupted picture is half a picture
                    sheet.pictures[cell] = picture
        _finish(sheet)


def _finish(sheet: Sheet) -> None:
    whole = len(sheet.pictures) == sheet.total
    if sheet.pictures:
        first = next(iter(sheet.pictures.values()))
        save_picture(Picture(image=sheet.drawn(), infotext=first.infotext), sheet.plan.path)
    kept = f" What there is was saved as {sheet.plan.path}." if sheet.pictures else ""
    _end(sheet, "done" if whole else "stopped", f"Saved as {sheet.plan.path}." if whole else f"Stopped.{kept}")


def _end(sheet: Sheet, state: State, message: str) -> None:
    sheet.message, sheet.state = message, state


def _picture(lease: Lease, plan: SheetPlan, prompt: str, rows: Mapping[str, Any]) -> Picture:
    request = plan.request
    wanted = PictureRequest(
        prompt=prompt,
        negative_prompt=request.negative_prompt.replace("[name]", plan.name),
        sampler=request.sampler,
        steps=request.sampling_steps,
        guidance_scale=request.guidance_scale,
        seed=request.seed,
        width=request.width,
        height=request.height,
    )
    return lease.picture(wanted, embeddings={plan.name: rows})


def sheet_path(folder: Path, name: str) -> Path:
    """A new file in ``folder``."""
    return folder / f"{name}-sheet-{datetime.datetime.now():%Y%m%d-%H%M%S}.png"
